package doc_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/rivulet-sync/rivulet/shared/delta"
)

// random makes documents, patches and places. Few names and little depth: what
// it makes shall meet.
type random struct{ *rand.Rand }

func newRandom(seed uint64) random { return random{rand.New(rand.NewPCG(seed, 7386))} }

func pick[T any](r random, from []T) T { return from[r.IntN(len(from))] }

var (
	plainNames = []string{"a", "b", "c"}
	oddNames   = []string{"", "/", "~", "~1", "a/b", `"`, `\`, "\x00", "\n", "\x7f", "é", "𝄞", "\u2028", "__proto__", "<&>"}
	scalars    = []string{"0", "-0", "1", "1.0", "-1e-7", "1E400", "12345678901234567890", "0.10", "true", "false", `""`, `"a"`,
		// An object with this one is too large to be kept as text.
		`"` + strings.Repeat("x", 600) + `"`}
)

func (r random) name() string {
	if r.IntN(12) == 0 {
		return pick(r, oddNames)
	}
	return pick(r, plainNames)
}

// pointer returns a place in a document, at times the document itself.
func (r random) pointer() delta.Pointer {
	var p delta.Pointer
	for range r.IntN(4) {
		p = p.Member(r.name())
	}
	return p
}

// shape says what an object may hold besides scalars.
type shape struct {
	depth int
	// nulls are members that are null: patches have them, documents do not.
	nulls bool
	// arrayNulls are such members in objects that are elements of arrays.
	arrayNulls bool
}

func (s shape) below() shape { s.depth--; return s }

func (s shape) inArray() shape { s.nulls = s.arrayNulls; s.depth--; return s }

var (
	documentShape = shape{depth: 3, arrayNulls: true}
	patchShape    = shape{depth: 3, nulls: true, arrayNulls: true}
)

// object returns the text of an object, at times with white space and escapes.
func (r random) object(s shape) string {
	var b strings.Builder
	b.WriteString("{" + r.space())
	seen := map[string]bool{}
	for range r.IntN(4) {
		name := r.name()
		if seen[name] {
			continue
		}
		if len(seen) > 0 {
			b.WriteString("," + r.space())
		}
		seen[name] = true
		b.WriteString(r.quote(name) + r.space() + ":" + r.space() + r.value(s.below()) + r.space())
	}
	b.WriteString("}")
	return b.String()
}

func (r random) value(s shape) string {
	switch n := r.IntN(12); {
	case n < 5 && s.depth > 0:
		return r.object(s)
	case n == 5 && s.depth > 0:
		return r.array(s)
	case n < 8 && s.nulls:
		return "null"
	case n == 8:
		return r.quote(r.name())
	}
	return pick(r, scalars)
}

func (r random) array(s shape) string {
	elements := make([]string, r.IntN(3))
	for i := range elements {
		if elements[i] = "null"; r.IntN(4) > 0 {
			elements[i] = r.value(s.inArray())
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

// quote writes a string literal, escaping also where there is no need to.
func (r random) quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c < ' ' || c == '"' || c == '\\' || r.IntN(6) == 0:
			for _, unit := range utf16.AppendRune(nil, c) {
				b.WriteString(`\u` + strconv.FormatUint(0x10000|uint64(unit), 16)[1:])
			}
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
