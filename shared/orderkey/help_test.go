package orderkey_test

import (
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/orderkey"
)

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"

// logSeed prints the seed of a test that fails.
func logSeed(t *testing.T, seed uint64) *rand.Rand {
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("seed", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

// segment returns a random segment of up to max digits, often of extreme ones.
func segment(r *rand.Rand, max int) string {
	from := digits
	if r.IntN(2) == 0 {
		from = "01yzH"
	}
	var b strings.Builder
	for range 1 + r.IntN(max) {
		b.WriteByte(from[r.IntN(len(from))])
	}
	s := strings.TrimRight(b.String(), "0")
	if s == "" {
		return "1"
	}
	return s
}

func key(r *rand.Rand) string {
	var parts []string
	for range 1 + r.IntN(4)*r.IntN(2) {
		parts = append(parts, segment(r, 4))
	}
	return strings.Join(parts, "-")
}

// near returns a key that shares a beginning with another.
func near(r *rand.Rand, k string) string {
	switch r.IntN(4) {
	case 0:
		return key(r)
	case 1:
		return k + "-" + key(r)
	}
	cut := k[:r.IntN(len(k)+1)]
	if joined := cut + key(r); orderkey.Valid(joined) {
		return joined
	}
	return key(r)
}

// bounds returns two keys in order, either of which may be an open end.
func bounds(r *rand.Rand) (left, right string) {
	left = key(r)
	for right = near(r, left); right == left; {
		right = near(r, left)
	}
	if right < left {
		left, right = right, left
	}
	switch r.IntN(10) {
	case 0:
		left = ""
	case 1:
		right = ""
	}
	return left, right
}

func between(left, key, right string) bool {
	return left < key && (right == "" || key < right)
}

// fraction is what the digits of a segment mean: 0.ddd in base 63.
func fraction(segment string) *big.Rat {
	sum, unit := new(big.Rat), big.NewRat(1, 63)
	scale := big.NewRat(1, 63)
	for i := range len(segment) {
		digit := big.NewRat(int64(strings.IndexByte(digits, segment[i])), 1)
		sum.Add(sum, digit.Mul(digit, scale))
		scale = new(big.Rat).Mul(scale, unit)
	}
	return sum
}

// intruded is the dumb test of what a new key must not do: to begin with
// "root-" though one of its neighbours is not of that root's run.
func intruded(left, key, right string) bool {
	for i := range len(key) {
		if key[i] != '-' {
			continue
		}
		root := key[:i]
		of := func(k string) bool { return k == root || strings.HasPrefix(k, root+"-") }
		if !of(left) || !of(right) {
			return true
		}
	}
	return false
}
