package doc

import (
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// leafWrite is all that a transaction did to a member: its first write in the journal,
// which has what was there before, and its last one, which has what is there now.
type leafWrite struct{ first, last uint8 }

// leaves is touched for a transaction of a few writes of leaves in one object, for
// which no tree of touches is made: a keystroke, a field. It reports false if the
// transaction is another one; then it has done nothing.
func (w *differ) leaves() bool {
	var memory [fewWrites]leafWrite
	journal := w.tx.journal
	list, ok := leafWrites(memory[:0], journal)
	if !ok {
		return false
	}
	s := journal[0].site
	at := place(0)
	if w.account.known {
		at = s.place()
	}
	members := len(s.cell.obj.members)
	for i := range list {
		if journal[list[i].first].existed {
			members++
		}
		if journal[list[i].last].now() != nil {
			members--
		}
	}
	forward := s.open(w.forward)
	inverse := append(w.inverse, forward...)
	first := true
	for i := range list {
		var before *node
		u, now := &journal[list[i].first], journal[list[i].last].now()
		if u.existed {
			before = &u.before
		}
		if !w.leaf(s, u.name, before, now) {
			continue
		}
		from := len(forward)
		forward = append(jsontext.AppendString(append(forward, opening(first)), u.name), ':')
		inverse = append(inverse, forward[from:]...)
		forward, inverse = append(forward, now.leaf()...), append(inverse, before.leaf()...)
		first = false
		w.account.replace(before, now, w.account.place(at, u.name))
		if before == nil || now == nil {
			members = w.counted(u.name, before, now, members, at)
		}
	}
	if !first {
		for up := s; up != nil; up = up.up {
			forward, inverse = append(forward, '}'), append(inverse, '}')
		}
		w.forward, w.inverse = forward, inverse
	}
	s.collapse(w.tx.doc)
	return true
}

// leafWrites appends what the journal amounts to, by name, if that is few writes of
// leaves in one object.
func leafWrites(list []leafWrite, journal []undo) ([]leafWrite, bool) {
	if len(journal) > fewWrites {
		return nil, false
	}
	for i := range journal {
		u := &journal[i]
		if u.site != journal[0].site || u.existed && u.before.isObject() || u.now().isObject() {
			return nil, false
		}
		at := len(list)
		for at > 0 && journal[list[at-1].first].name > u.name {
			at--
		}
		if at > 0 && journal[list[at-1].first].name == u.name {
			list[at-1].last = uint8(i)
			continue
		}
		list = append(list, leafWrite{})
		copy(list[at+1:], list[at:])
		list[at] = leafWrite{uint8(i), uint8(i)}
	}
	return list, true
}

// leaf returns the text of a leaf in a patch; nil is no value.
func (n *node) leaf() string {
	if n == nil {
		return "null"
	}
	return n.raw
}

// open begins a merge patch with the members on the way to an object. Where something
// is derived from it, it is likely to be the next one too.
func (s *site) open(patch []byte) []byte {
	if s.prefix != "" || s.up == nil {
		return append(patch, s.prefix...)
	}
	patch = append(jsontext.AppendString(append(s.up.open(patch), '{'), s.name), ':')
	if s.w.hasDerived() {
		s.prefix = string(patch)
	}
	return patch
}

// leaf notes what has happened to the member of a leaf. It reports whether it has
// changed.
func (w *differ) leaf(s *site, name string, before, now *node) bool {
	path := s.member(name)
	kind := delta.WroteMember
	switch {
	case before != nil && now != nil && before.raw != now.raw:
		kind = delta.WroteValue
	case (before == nil) == (now == nil):
		w.tx.note(delta.Read{Kind: delta.ReadValue, Path: path})
		return false
	}
	w.writes.Add(kind, path)
	return true
}
