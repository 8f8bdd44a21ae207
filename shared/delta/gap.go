package delta

import (
	"slices"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// Gap returns the read of an insertion between two neighbours: which members the
// object has whose names stand, by the order of their bytes, between left and right
// or are one of these. "" is an open end.
//
// It is invalidated by a write that makes one of these members come to be or cease
// to be, the neighbours included, and by a write of the object or of anything above
// it. Another value of a neighbour is no such write.
//
// Its Path is the pointer of the object and the two names.
func Gap(object Pointer, left, right string) Read {
	return Read{Kind: ReadGap, Path: object.Member(left).Member(right)}
}

// gap returns the parts of a well formed gap, the names as tokens of a pointer.
func (r Read) gap() (object Pointer, left, right string) {
	object, right = r.Path.cutLast()
	object, left = object.cutLast()
	return object, left, right
}

// validGap reports whether the path, a pointer in normal form, ends in two names
// which are in order.
func (r Read) validGap() bool {
	if strings.Count(string(r.Path), "/") < 2 {
		return false
	}
	_, left, right := r.gap()
	return right == "" || compareTokens(left, right) <= 0
}

func (r Read) gapInvalidatedBy(w Write) bool {
	object, left, right := r.gap()
	if w.Path.Contains(object) {
		return true
	}
	if w.Kind != WroteMember || len(w.Path) <= len(object) {
		return false
	}
	parent, name := w.Path.cutLast()
	return parent == object && compareTokens(left, name) <= 0 && (right == "" || compareTokens(name, right) <= 0)
}

// cutLast returns the parent and the last token of a pointer that is not the root's.
func (p Pointer) cutLast() (parent Pointer, token string) {
	i := strings.LastIndexByte(string(p), '/')
	return p[:i], string(p[i+1:])
}

// compareTokens compares the names that two tokens stand for, by their bytes.
func compareTokens(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	if i > 0 && a[i-1] == '~' {
		i-- // the tokens differ in the second byte of an escape
	}
	return nameByte(a, i) - nameByte(b, i)
}

// nameByte returns the byte that the token has for its name at i, -1 at the end.
func nameByte(token string, i int) int {
	switch {
	case i == len(token):
		return -1
	case token[i] != '~':
		return int(token[i])
	case token[i+1] == '0':
		return '~'
	}
	return '/'
}

// gapIndex is the gaps of one object. It holds spans of names which are apart from
// each other, in order: gaps that meet are one span.
type gapIndex []span

type span struct {
	left, right string // names
	open        bool   // to the right
}

func (s span) before(name string) bool { return !s.open && s.right < name }

func newGapIndex(gaps []span) gapIndex {
	sorts.Func(gaps, func(a, b span) int { return strings.Compare(a.left, b.left) })
	x := gaps[:0]
	for _, s := range gaps {
		if len(x) == 0 || x[len(x)-1].before(s.left) {
			x = append(x, s)
			continue
		}
		last := &x[len(x)-1]
		last.open = last.open || s.open
		last.right = max(last.right, s.right)
	}
	return x
}

// has reports whether the name stands in one of the gaps.
func (x gapIndex) has(name string) bool {
	i, _ := slices.BinarySearchFunc(x, name, func(s span, name string) int {
		if s.before(name) {
			return -1
		}
		return 1
	})
	return i < len(x) && x[i].left <= name
}
