package doc

import (
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// leafWrite is all that a transaction did to a member: what was there before its
// first write and is there after its last one.
type leafWrite struct{ first, last *undo }

// leaves is touched for a transaction of a few writes of leaves in one object, for
// which no tree of touches is made: a keystroke, a field. It reports false if the
// transaction is another one; then it has done nothing.
func (w *differ) leaves() bool {
	var memory [fewWrites]leafWrite
	list, ok := leafWrites(memory[:0], w.tx.journal)
	if !ok {
		return false
	}
	s := w.tx.journal[0].site
	at := place(0)
	if w.account.known {
		at = s.place()
	}
	members := len(s.cell.obj.members)
	for i := range list {
		if list[i].first.existed {
			members++
		}
		if list[i].last.now() != nil {
			members--
		}
	}
	w.open(s)
	w.inverse = append(w.inverse, w.forward...)
	first := true
	for i := range list {
		var before *node
		u, now := list[i].first, list[i].last.now()
		if u.existed {
			before = &u.before
		}
		if w.leaf(s, u.name, before, now, w.account.place(at, u.name), first) {
			members = w.counted(u.name, before, now, members, at)
			first = false
		}
	}
	if w.close(first) {
		for up := s.up; up != nil; up = up.up {
			w.close(false)
		}
	} else {
		w.forward, w.inverse = w.forward[:0], w.inverse[:0]
	}
	s.collapse(w.tx.doc)
	return true
}

// leafWrites appends what the journal amounts to, by name, if that is few writes of
// leaves in one object.
func leafWrites(list []leafWrite, journal []undo) ([]leafWrite, bool) {
	if len(journal) == 0 || len(journal) > fewWrites {
		return nil, false
	}
	for i := range journal {
		u := &journal[i]
		if u.site != journal[0].site || u.existed && u.before.isObject() || u.now().isObject() {
			return nil, false
		}
		at := len(list)
		for at > 0 && list[at-1].first.name > u.name {
			at--
		}
		if at > 0 && list[at-1].first.name == u.name {
			list[at-1].last = u
			continue
		}
		list = append(list, leafWrite{})
		copy(list[at+1:], list[at:])
		list[at] = leafWrite{u, u}
	}
	return list, true
}

// open begins the forward patch with the members on the way to an object. Where
// something is derived from it, it is likely to be the next one too.
func (w *differ) open(s *site) {
	switch {
	case s.prefix != "":
		w.forward = append(w.forward, s.prefix...)
	case s.up != nil:
		w.open(s.up)
		w.forward = append(jsontext.AppendString(append(w.forward, '{'), s.name), ':')
		if s.w.hasDerived() {
			s.prefix = string(w.forward)
		}
	}
}

// leaf writes the member of a leaf in both patches, if it has changed; it reports
// whether it has. It is member and values in one.
func (w *differ) leaf(s *site, name string, before, now *node, at place, first bool) bool {
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
	from := len(w.forward)
	w.forward = append(jsontext.AppendString(append(w.forward, opening(first)), name), ':')
	w.inverse = append(w.inverse, w.forward[from:]...)
	w.forward = w.appendOrNull(w.forward, now)
	w.inverse = w.appendOrNull(w.inverse, before)
	w.account.replace(before, now, at)
	return true
}
