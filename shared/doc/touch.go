package doc

import (
	"maps"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// touch is the backup of a transaction: a tree of the places that it wrote, with
// what was there before. Places that were not written cost nothing.
type touch struct {
	// kept is set where the value itself was replaced; before is what it was, nil
	// for nothing. Such a place has no children: whatever else happens below it
	// happens in a value that is the transaction's own.
	kept     bool
	before   *node
	children map[string]*touch
}

func (t *touch) child(name string) *touch {
	if t.kept {
		return t // below a place of its own a transaction needs no backup
	}
	c := t.children[name]
	if c == nil {
		if t.children == nil {
			t.children = make(map[string]*touch)
		}
		c = &touch{}
		t.children[name] = c
	}
	return c
}

// keep notes that the value at this place, now old, is about to be replaced. If
// parts of old were changed before, they are put back: old leaves the tree.
func (t *touch) keep(old *node) {
	if t.kept {
		return
	}
	t.restore(old)
	t.kept, t.before, t.children = true, old, nil
}

// covers reports whether the value at the path is the transaction's own.
func (t *touch) covers(names []string) bool {
	for _, name := range names {
		if t.kept {
			return true
		}
		if t = t.children[name]; t == nil {
			return false
		}
	}
	return t.kept
}

// restore puts back everything that was changed in n.
func (t *touch) restore(n *node) {
	for name, c := range t.children {
		switch {
		case !c.kept:
			c.restore(n.members[name])
		case c.before == nil:
			delete(n.members, name)
		default:
			n.members[name] = c.before
		}
	}
}

// commit compares what was with what is, in one walk over the touched places.
func (w *differ) commit(t *touch, root *node) (delta.Delta, Effect) {
	w.touched(t, root, "")
	if len(w.forward) == 0 {
		return delta.Delta{}, Effect{}
	}
	return delta.Trusted(w.forward), Effect{Inverse: delta.Trusted(w.inverse), Writes: w.writes.List()}
}

// differ writes the forward and the inverse patch side by side.
type differ struct {
	forward, inverse []byte
	writes           delta.Writes
	// relied is told on what of the state before the forward patch relies: on any
	// other state that agrees, it leads to the same values.
	relied func(delta.ReadKind, delta.Pointer)
}

// member begins a member in both patches, and with the first one the object
// that it is in. It returns a function that takes this back, for a member in
// which nothing changed.
func (w *differ) member(first bool, name string) (undo func()) {
	f, i := len(w.forward), len(w.inverse)
	open := byte(',')
	if first {
		open = '{'
	}
	w.forward = append(jsontext.AppendString(append(w.forward, open), name), ':')
	w.inverse = append(jsontext.AppendString(append(w.inverse, open), name), ':')
	return func() { w.forward, w.inverse = w.forward[:f], w.inverse[:i] }
}

// close ends an object if one was begun, and reports whether it was.
func (w *differ) close(first bool) bool {
	if first {
		return false
	}
	w.forward = append(w.forward, '}')
	w.inverse = append(w.inverse, '}')
	return true
}

func (w *differ) touched(t *touch, n *node, at delta.Pointer) bool {
	first := true
	for _, name := range slices.Sorted(maps.Keys(t.children)) {
		c := t.children[name]
		undo := w.member(first, name)
		var changed bool
		if c.kept {
			changed = w.values(c.before, n.members[name], at.Member(name))
		} else {
			changed = w.touched(c, n.members[name], at.Member(name))
		}
		if changed {
			first = false
		} else {
			undo()
		}
	}
	return w.close(first)
}

// values writes the patches between two values; nil is no value.
func (w *differ) values(before, after *node, at delta.Pointer) bool {
	if before.isObject() && after.isObject() {
		w.relied(delta.ReadMembers, at)
		return w.objects(before, after, at)
	}
	same := before == nil && after == nil || before != nil && after != nil && before.equalLeaf(after)
	if same || after.isObject() {
		w.relied(delta.ReadValue, at)
	}
	switch {
	case same:
		return false
	case before == nil || after == nil:
		w.writes.Add(delta.WroteMember, at)
	default:
		w.writes.Add(delta.WroteValue, at)
	}
	w.forward = appendOrNull(w.forward, after)
	w.inverse = appendOrNull(w.inverse, before)
	return true
}

func (w *differ) objects(before, after *node, at delta.Pointer) bool {
	first := true
	names := before.names()
	for name := range after.members {
		if before.members[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		undo := w.member(first, name)
		if w.values(before.members[name], after.members[name], at.Member(name)) {
			first = false
		} else {
			undo()
		}
	}
	return w.close(first)
}

func appendOrNull(dst []byte, n *node) []byte {
	if n == nil {
		return append(dst, "null"...)
	}
	return n.appendCanonical(dst)
}
