package delta

import (
	"bytes"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// tree is a valid JSON object, read in one pass over its text: the members of
// each object stand side by side, sorted by the bytes of their names. It shares
// the text. Reading costs what the text is long; where members are not in the
// canonical order, it costs their sorting too.
type tree struct {
	all  []member
	root members
	open []member // of the objects that are being read
	text []byte
	pos  int
}

// members says where the members of one object stand in the tree.
type members struct{ first, end int32 }

// member is one member of an object.
type member struct {
	name    []byte  // what the literal stands for
	value   []byte  // the text, without white space around it
	members members // of an object that was entered
	escaped bool    // the literal of the name has escapes
}

func (m *member) isObject() bool { return m.value[0] == '{' }
func (m *member) isNull() bool   { return m.value[0] == 'n' }

// appendName appends the name as a canonical literal, and the colon.
func (m *member) appendName(dst []byte) []byte {
	if m.escaped {
		dst = jsontext.AppendString(dst, string(m.name))
	} else {
		dst = append(append(append(dst, '"'), m.name...), '"')
	}
	return append(dst, ':')
}

// appendMember begins a member in the object that began at start.
func (m *member) appendMember(dst []byte, start int) []byte {
	if len(dst) > start+len(`{`) {
		dst = append(dst, ',')
	}
	return m.appendName(dst)
}

func (t *tree) of(m members) []member { return t.all[m.first:m.end] }

// guide restricts what is read of a text by a tree that was read before: an object
// is entered only where that tree has an object. A guide without a tree restricts
// nothing.
type guide struct {
	tree *tree
	// matched leaves out the members that the tree does not have.
	matched bool
}

// read reads the text of an object.
func (t *tree) read(text []byte, by guide) {
	t.text, t.pos = text, 0
	t.space()
	var beside []member
	if by.tree != nil {
		beside = by.tree.of(by.tree.root)
	} else if cap(t.all) == 0 {
		t.all = make([]member, 0, bytes.Count(text, []byte(":")))
	}
	t.root = t.object(by, beside)
}

// object reads the object at the position. The guide has the members beside.
func (t *tree) object(by guide, beside []member) members {
	base, next := len(t.open), 0
	t.pos++
	t.space()
	for t.text[t.pos] != '}' {
		var m member
		m.name, m.escaped = t.name()
		t.space()
		t.pos++ // the colon
		t.space()
		start, enter, keep := t.pos, t.text[t.pos] == '{', true
		var below []member
		if by.tree != nil {
			var found bool
			if next, found = find(beside, m.name, next); found {
				enter = enter && beside[next].isObject()
				if enter {
					below = by.tree.of(beside[next].members)
				}
				next++
			} else {
				enter, keep = false, !by.matched
			}
		}
		if enter {
			m.members = t.object(by, below)
		} else {
			t.skip()
		}
		m.value = t.text[start:t.pos]
		if keep {
			t.open = append(t.open, m)
		}
		t.space()
		if t.text[t.pos] == ',' {
			t.pos++
			t.space()
		}
	}
	t.pos++
	read := t.open[base:]
	if !slices.IsSortedFunc(read, byName) {
		sorts.Func(read, byName)
	}
	first := int32(len(t.all))
	t.all = append(t.all, read...)
	t.open = t.open[:base]
	return members{first, int32(len(t.all))}
}

func byName(a, b member) int { return bytes.Compare(a.name, b.name) }

// find returns where the name is in sorted members. The place where it is looked
// for first is that where it stands when a text has its members in order too.
func find(sorted []member, name []byte, first int) (int, bool) {
	if first < len(sorted) && bytes.Equal(sorted[first].name, name) {
		return first, true
	}
	return slices.BinarySearchFunc(sorted, name, func(m member, name []byte) int { return bytes.Compare(m.name, name) })
}

func (t *tree) space() {
	for t.pos < len(t.text) {
		switch t.text[t.pos] {
		case ' ', '\n', '\t', '\r':
			t.pos++
		default:
			return
		}
	}
}

func (t *tree) name() (name []byte, escaped bool) {
	start := t.pos
	if escaped = t.skipString(); escaped {
		return []byte(jsontext.Unquote(t.text[start:t.pos])), true
	}
	return t.text[start+1 : t.pos-1], false
}

// skipString passes over a string literal, and reports whether it has escapes.
func (t *tree) skipString() (escaped bool) {
	for t.pos++; ; t.pos++ {
		switch t.text[t.pos] {
		case '\\':
			escaped = true
			t.pos++
		case '"':
			t.pos++
			return escaped
		}
	}
}

// skip passes over a value.
func (t *tree) skip() {
	depth := 0
	for {
		switch t.text[t.pos] {
		case '"':
			t.skipString()
		case '{', '[':
			depth++
			t.pos++
		case '}', ']':
			depth--
			t.pos++
		case ',', ':', ' ', '\n', '\t', '\r':
			t.pos++
		default: // a number or a word
			for t.pos++; !isDelimiter(t.text[t.pos]); t.pos++ {
			}
		}
		if depth == 0 {
			return
		}
	}
}

// isDelimiter reports whether c ends a number or a word within an object or array.
func isDelimiter(c byte) bool {
	switch c {
	case ',', '}', ']', ' ', '\n', '\t', '\r':
		return true
	}
	return false
}
