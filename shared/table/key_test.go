package table_test

import (
	"bytes"
	"cmp"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/table"
)

var numbers = []string{
	"0", "-0", "0.0", "0e5", "1", "1.0", "1e0", "0.1e1", "10e-1", "-1", "1.5", "1.50", "0.15e1", "9", "10", "99", "100", "101", "1001",
	"1e400", "1e401", "-1e400", "1e-400", "-1e-400", "9007199254740992", "9007199254740993", "9007199254740993.0", "0.3", "0.30000000000000004",
	"1e62", "1e63", "1e64", "1e-48", "1e-49", "1e-50", "1e255", "1e256", "1e65535", "1e65536", "1e-65537", "123e-70", "0.000000000000000000123",
	"1e999999999999999999", "10e999999999999999998", "1e1000000000000000000", "0.1e1000000000000000001", "1e-1000000000000000000", "10e-1000000000000000001",
	"1e9223372036854775807", "1e9223372036854775808", "1e-9223372036854775809", "100e99999999999999999999", "1e100000000000000000001", "1e+00000000000000000000000000000001",
	"0.001e100000000000000000000", "-12.5e-77777777777777777777777",
}

// checkKeys holds the order of two keys, ascending and descending, against the
// order of the values.
func checkKeys(t *testing.T, a, b string) {
	t.Helper()
	want := compareValues(valueOf(a, true), valueOf(b, true))
	x, y := table.AppendKey(nil, a), table.AppendKey(nil, b)
	if got := bytes.Compare(x, y); got != want {
		t.Fatalf("%s and %s compare %d, want %d: %x, %x", a, b, got, want, x, y)
	}
	if want != 0 && (bytes.HasPrefix(x, y) || bytes.HasPrefix(y, x)) {
		t.Fatalf("%s and %s: one key begins with the other: %x, %x", a, b, x, y)
	}
	literal := table.LiteralOf(string(x) + "\x05more")
	if jsontext.Validate([]byte(literal)) != nil || compareValues(valueOf(literal, true), valueOf(a, true)) != 0 {
		t.Fatalf("%s has key %x and comes back as %s", a, x, literal)
	}
	if n := table.KeyLen(string(x) + "\x01\x00\xff"); n != len(x) {
		t.Fatalf("%s has a key of %d bytes, KeyLen says %d", a, len(x), n)
	}
	if want == 0 && literal != table.LiteralOf(string(y)) {
		t.Fatalf("%s and %s are equal and have two literals", a, b)
	}
}

func TestKeysAreOrderedAsValues(t *testing.T) {
	all := append(append(append([]string{}, numbers...), scalars...), composites...)
	for _, a := range all {
		for _, b := range all {
			checkKeys(t, a, b)
		}
	}
}

func FuzzKey(f *testing.F) {
	for i := range numbers {
		f.Add(numbers[i], numbers[len(numbers)-1-i])
	}
	for i := range scalars {
		f.Add(scalars[i], scalars[len(scalars)-1-i])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if jsontext.Validate([]byte(a)) != nil || jsontext.Validate([]byte(b)) != nil {
			return
		}
		a, b = strings.TrimSpace(a), strings.TrimSpace(b)
		if len(a)+len(b) < 1000 {
			checkKeys(t, a, b)
			checkKeys(t, b, a)
		}
	})
}

func randomNumber(r *rand.Rand) string {
	digits := func(n int) string {
		b := make([]byte, 1+r.IntN(n))
		for i := range b {
			b[i] = byte('0' + r.IntN(10)*r.IntN(2))
		}
		return string(b)
	}
	s := strings.TrimLeft(digits(8), "0")
	if s == "" {
		s = "0"
	}
	if r.IntN(2) == 0 {
		s += "." + digits(8)
	}
	if r.IntN(2) == 0 {
		s += "e" + pick(r, []string{"", "-", "+"}) + digits(3)
	}
	if r.IntN(2) == 0 {
		s = "-" + s
	}
	return s
}

func TestNumbersAgainstRationals(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 20_000 {
		a, b := randomNumber(r), randomNumber(r)
		x, ok1 := new(big.Rat).SetString(a)
		y, ok2 := new(big.Rat).SetString(b)
		if !ok1 || !ok2 {
			t.Fatal(a, b)
		}
		if got := bytes.Compare(table.AppendKey(nil, a), table.AppendKey(nil, b)); got != x.Cmp(y) {
			t.Fatalf("%s and %s compare %d", a, b, got)
		}
		checkKeys(t, a, b)
	}
}

func TestSumIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for round := range 3000 {
		var add, take []string
		exact := new(big.Float).SetPrec(4000)
		count := func(literal string, sign int64) {
			f, _ := new(big.Rat).SetString(literal)
			nearest, _ := f.Float64()
			exact.Add(exact, new(big.Float).SetPrec(4000).Mul(big.NewFloat(nearest), big.NewFloat(float64(sign))))
		}
		for range 1 + r.IntN(12) {
			s := randomNumber(r)
			if r.IntN(8) == 0 {
				s = pick(r, []string{"5e-324", "-5e-324", "1.7976931348623157e308", "-1.7976931348623157e308", "2.2250738585072014e-308", "0.1"})
			}
			if f, _ := new(big.Rat).SetString(s); f != nil {
				if n, _ := f.Float64(); math.IsInf(n, 0) {
					continue
				}
			}
			add = append(add, s)
			count(s, 1)
			if r.IntN(3) == 0 {
				s := pick(r, add)
				take = append(take, s)
				count(s, -1)
			}
		}
		want, _ := exact.Float64()
		if got := table.Sum(add, take); cmp.Compare(got, want) != 0 {
			t.Fatalf("round %d: %q without %q is %v, want %v", round, add, take, got, want)
		}
	}
	for _, c := range []struct {
		add, take []string
		want      float64
	}{
		{[]string{"1e400", "1"}, nil, math.Inf(1)},
		{[]string{"-1e400", "1"}, nil, math.Inf(-1)},
		{[]string{"1e400", "-1e400", "2"}, []string{"1e400", "-1e400"}, 2},
		{[]string{"1.7976931348623157e308", "1.7976931348623157e308"}, nil, math.Inf(1)},
		{[]string{"1.7976931348623157e308", "1.7976931348623157e308"}, []string{"1.7976931348623157e308"}, math.MaxFloat64},
		{[]string{"1e308", "1", "-1e308"}, nil, 1},
	} {
		if got := table.Sum(c.add, c.take); got != c.want {
			t.Errorf("%q without %q is %v, want %v", c.add, c.take, got, c.want)
		}
	}
	if got := table.Sum([]string{"1e400", "-1e400"}, nil); !math.IsNaN(got) {
		t.Errorf("both infinities add up to %v", got)
	}
}
