package doc

import (
	"strings"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// differ compares the places that a transaction wrote with what they were, in
// one walk, and writes the forward and the inverse patch side by side.
type differ struct {
	tx      *Tx
	account *account
	writes  delta.Writes
	*scratch
}

// result returns the patches that the walk has written. They are appended to
// memory, which is theirs then.
func (w *differ) result(memory []byte) (forward, inverse delta.Delta) {
	n := len(w.forward)
	if n == 0 {
		return delta.Delta{}, delta.Delta{}
	}
	if total := n + len(w.inverse); total > cap(memory) {
		memory = make([]byte, 0, total)
	}
	memory = append(append(memory, w.forward...), w.inverse...)
	w.forward, w.inverse = w.forward[:0], w.inverse[:0]
	if cap(w.forward) > maxScratch || cap(w.inverse) > maxScratch {
		w.forward, w.inverse = nil, nil
	}
	return delta.Trusted(memory[:n:n]), delta.Trusted(memory[n:])
}

// wrote notes a write at the place that the walk is at.
func (w *differ) wrote(kind delta.WriteKind) { w.writes.Add(kind, delta.Pointer(w.path)) }

// relied notes on what of the state before the forward patch relies: on any
// other state that agrees, it leads to the same values.
func (w *differ) relied(kind delta.ReadKind) {
	w.tx.note(delta.Read{Kind: kind, Path: delta.Pointer(w.path)})
}

// mark is a point to which a differ can go back.
type mark struct{ forward, inverse, path int }

// member begins a member in both patches, and with the first one the object that
// it is in.
func (w *differ) member(name string, first bool) mark {
	m := mark{len(w.forward), len(w.inverse), len(w.path)}
	w.forward = append(jsontext.AppendString(append(w.forward, opening(first)), name), ':')
	w.inverse = append(w.inverse, w.forward[m.forward:]...)
	w.path = appendToken(w.path, name)
	return m
}

// opening is what stands before a member.
func opening(first bool) byte {
	if first {
		return '{'
	}
	return ','
}

// end ends a member; if nothing changed in it, it is taken back. It reports
// whether the next one will be the first.
func (w *differ) end(m mark, changed, first bool) bool {
	w.path = w.path[:m.path]
	if changed {
		return false
	}
	w.forward, w.inverse = w.forward[:m.forward], w.inverse[:m.inverse]
	return first
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

func (w *differ) touched(t *touch, o *object, on *watched, at place) bool {
	if len(t.children) > 1 {
		sorts.Func(t.children, func(a, b *touch) int { return strings.Compare(a.name, b.name) })
	}
	first := true
	members := t.membersBefore(o)
	for _, c := range t.children {
		now := c.now
		if !c.kept && len(c.children) == 0 {
			continue // it was taken back
		}
		m := w.member(c.name, first)
		var changed bool
		if c.kept {
			c.restoreBefore()
			var before *node
			if c.existed {
				before = &c.before
			}
			changed = w.values(before, now, w.account.place(at, c.name))
			members = w.counted(c.name, before, now, members, at)
		} else {
			changed = w.touched(c, now.obj, on.child(c.name), w.account.place(at, c.name))
		}
		if now.isObject() && !on.child(c.name).hasDerived() {
			now.collapse()
		}
		first = w.end(m, changed, first)
	}
	return w.close(first)
}

// membersBefore returns how many members o had when the transaction began. It finds
// those that were touched.
func (t *touch) membersBefore(o *object) int {
	n := len(o.members)
	for _, c := range t.children {
		c.now = o.members[c.name]
		if c.kept && c.existed {
			n++
		}
		if c.kept && c.now != nil {
			n--
		}
	}
	return n
}

// counted keeps the account of a name that came to be or ceased to be in an
// object with so many members, and returns how many there are then.
func (w *differ) counted(name string, before, after *node, members int, at place) int {
	switch {
	case before == nil && after != nil:
		w.account.named(name, members, at)
		members++
	case before != nil && after == nil:
		members--
		w.account.unnamed(name, members, at)
	}
	return members
}

// values writes the patches between two values; nil is no value.
func (w *differ) values(before, after *node, at place) bool {
	if before.isObject() && after.isObject() {
		w.relied(delta.ReadMembers)
		return w.objects(before, after, at)
	}
	same := before == nil && after == nil || before != nil && after != nil && before.same(after)
	if same || after.isObject() {
		w.relied(delta.ReadValue)
	}
	switch {
	case same:
		return false
	case before == nil || after == nil:
		w.wrote(delta.WroteMember)
	default:
		w.wrote(delta.WroteValue)
	}
	w.forward = w.appendOrNull(w.forward, after)
	w.inverse = w.appendOrNull(w.inverse, before)
	w.account.replace(before, after, at)
	return true
}

func (w *differ) objects(before, after *node, at place) bool {
	old, now := before.entries(nil), after.entries(nil)
	members := len(old)
	first := true
	for len(old) > 0 || len(now) > 0 {
		order := 0
		switch {
		case len(old) == 0:
			order = 1
		case len(now) == 0:
			order = -1
		default:
			order = strings.Compare(old[0].name, now[0].name)
		}
		var name string
		var b, a *node
		if order <= 0 {
			name, b, old = old[0].name, &old[0].node, old[1:]
		}
		if order >= 0 {
			name, a, now = now[0].name, &now[0].node, now[1:]
		}
		m := w.member(name, first)
		changed := w.values(b, a, w.account.place(at, name))
		members = w.counted(name, b, a, members, at)
		first = w.end(m, changed, first)
	}
	return w.close(first)
}

func (w *differ) appendOrNull(dst []byte, n *node) []byte {
	if n == nil {
		return append(dst, "null"...)
	}
	return n.appendCanonical(dst)
}
