package delta

import (
	"maps"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// Fold returns the shortest sequence of patches which, applied in order, has exactly
// the effect of all the deltas, on every document: none if there is no effect, one
// wherever one can have it (law L12), else two. The first of two deletes what the
// second makes anew:
//
//	{"a":null} {"a":{"x":1},"b":1} {"b":{}}  =  {"a":null,"b":null} {"a":{"x":1},"b":{}}
//
// The state between the two is none that the deltas lead through, so no reader should
// see it. Several patches are folded into canonical form. It costs what the deltas
// are long, and the sorting of the members that are left.
func Fold(deltas []Delta) []Delta {
	if len(deltas) == 1 && !isEmptyObject(deltas[0].Bytes()) {
		return []Delta{deltas[0]}
	}
	root := folded{members: make(map[string]*folded)}
	var t tree
	size := 0
	for _, d := range deltas {
		t.all = t.all[:0]
		t.read(d.Bytes(), guide{})
		root.merge(&t, t.root, false)
		size += d.Len()
	}
	if len(root.members) == 0 {
		return nil
	}
	patch := Delta{data: root.appendPatch(make([]byte, 0, size))}
	if resets := root.appendResets(nil); len(resets) > 0 {
		return []Delta{{data: resets}, patch}
	}
	return []Delta{patch}
}

// folded is one value of the patch that several are folded into.
type folded struct {
	value   []byte             // the text of what is no object
	members map[string]*folded // of an object
	// anew: the object has no member but these. The patches put something else in the
	// place of what a document held there, and then the object in the place of that.
	anew bool
}

func (f *folded) isObject() bool { return f.members != nil }

// merge merges an object of a patch into f. Within an object that is made anew there
// is nothing to delete.
func (f *folded) merge(t *tree, patch members, anew bool) {
	for i := range t.of(patch) {
		m := &t.of(patch)[i]
		old := f.members[string(m.name)]
		switch {
		case anew && m.isNull():
			delete(f.members, string(m.name))
		case !m.isObject():
			if old == nil {
				old = &folded{}
				f.members[string(m.name)] = old
			}
			*old = folded{value: m.value}
		default:
			if old == nil {
				old = &folded{members: make(map[string]*folded)}
				f.members[string(m.name)] = old
			} else if !old.isObject() {
				*old = folded{members: make(map[string]*folded), anew: true}
			}
			old.merge(t, m.members, anew || old.anew)
		}
	}
}

func (f *folded) names() []string { return slices.Sorted(maps.Keys(f.members)) }

func (f *folded) appendPatch(dst []byte) []byte {
	if !f.isObject() {
		return append(dst, f.value...)
	}
	dst = append(dst, '{')
	for i, name := range f.names() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendString(dst, name), ':')
		dst = f.members[name].appendPatch(dst)
	}
	return append(dst, '}')
}

// appendResets appends the patch that deletes every object that is made anew, and
// nothing where there is none.
func (f *folded) appendResets(dst []byte) []byte {
	if f.anew {
		return append(dst, "null"...)
	}
	start := len(dst)
	for _, name := range f.names() {
		undo, open := len(dst), byte(',')
		if undo == start {
			open = '{'
		}
		dst = append(jsontext.AppendString(append(dst, open), name), ':')
		value := len(dst)
		if dst = f.members[name].appendResets(dst); len(dst) == value {
			dst = dst[:undo]
		}
	}
	if len(dst) > start {
		dst = append(dst, '}')
	}
	return dst
}
