package delta_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
)

// random makes documents and patches. Few names and little depth: what it makes
// shall meet.
type random struct{ *rand.Rand }

func seeded(seed uint64) random { return random{rand.New(rand.NewPCG(seed, 7386))} }

// newRandom is seeded anew in each run, and prints the seed if the test fails.
func newRandom(t *testing.T) random {
	seed := rand.Uint64()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return seeded(seed)
}

var (
	plainNames = []string{"a", "b", "c"}
	oddNames   = []string{"", "/", "~", "~1", "a/b", `"`, `\`, "\x00", "\n", "\x7f", "é", "𝄞", "\u2028", "\uffff", "__proto__", "<&>"}
	scalars    = []string{"0", "-0", "1", "1.0", "-1e-7", "1E400", "12345678901234567890", "0.10", "true", "false", `""`, `"a"`, `"\u0061"`}
)

func pick[T any](r random, from []T) T { return from[r.IntN(len(from))] }

// document returns the text of an object without null members.
func (r random) document() []byte { return []byte(r.object(3, false)) }

func (r random) patch() []byte { return []byte(r.object(3, true)) }

// object returns the text of an object, at times with white space and with escapes
// that there is no need for.
func (r random) object(depth int, nulls bool) string {
	var b strings.Builder
	b.WriteString("{" + r.space())
	seen := map[string]bool{}
	count := r.IntN(4)
	if r.IntN(20) == 0 {
		count = r.IntN(30) // more than are kept on the stack
	}
	for range count {
		name := pick(r, plainNames)
		if r.IntN(3) == 0 {
			name = pick(r, oddNames)
		}
		if seen[name] {
			continue
		}
		if len(seen) > 0 {
			b.WriteString("," + r.space())
		}
		seen[name] = true
		b.WriteString(r.quote(name) + r.space() + ":" + r.space() + r.value(depth-1, nulls) + r.space())
	}
	b.WriteString("}")
	return b.String()
}

func (r random) value(depth int, nulls bool) string {
	switch n := r.IntN(12); {
	case n < 5 && depth > 0:
		return r.object(depth, nulls)
	case n == 5 && depth > 0:
		return r.array(depth)
	case n < 8 && nulls:
		return "null"
	case n == 8:
		return r.quote(pick(r, oddNames))
	}
	return pick(r, scalars)
}

// array may hold nulls at any depth.
func (r random) array(depth int) string {
	elements := make([]string, r.IntN(3))
	for i := range elements {
		if elements[i] = "null"; r.IntN(4) > 0 {
			elements[i] = r.value(depth-1, true)
		}
	}
	return "[" + strings.Join(elements, r.space()+",") + r.space() + "]"
}

func (r random) space() string {
	if r.IntN(8) == 0 {
		return pick(r, []string{" ", "\t", "\r\n", "  "})
	}
	return ""
}

func (r random) quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		if c >= ' ' && c != '"' && c != '\\' && r.IntN(6) > 0 {
			b.WriteRune(c)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, c) {
			b.WriteString(`\u` + strconv.FormatUint(0x10000|uint64(unit), 16)[1:])
		}
	}
	b.WriteByte('"')
	return b.String()
}
