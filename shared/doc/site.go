package doc

import "github.com/rivulet-sync/rivulet/shared/delta"

// site is an expanded object of the document, as transactions find it.
type site struct {
	up   *site // the object that it is a member of; nil for the root
	name string
	at   delta.Pointer
	cell *node
	w    *watched

	prefix string // of a merge patch that is about the object; see [differ.open]
	// The member whose path was asked for last: typing writes the same one again.
	lastName string
	lastPath delta.Pointer
}

// site returns the object at p, nil if there is none. The one that was found last
// is remembered by the Doc, with those above it, and is where the way begins.
func (tx *Tx) site(p delta.Pointer) *site {
	if s := tx.doc.site; s != nil && s.at == p {
		return s
	}
	return tx.seek(p)
}

func (tx *Tx) seek(p delta.Pointer) *site {
	s := tx.doc.site
	if s == nil {
		s = &site{cell: tx.doc.root, w: tx.doc.watched}
	}
	for s.up != nil && !s.at.Contains(p) {
		s = s.up
	}
	for rest := p[len(s.at):]; rest != "" && s != nil; {
		var name string
		name, rest = cut(rest)
		s = tx.below(s, name, p[:len(p)-len(rest)])
	}
	if s != nil {
		tx.doc.site = s
	}
	return s
}

// below returns the site of a member, nil if that is no object.
func (tx *Tx) below(s *site, name string, at delta.Pointer) *site {
	cell := s.cell.obj.members[name]
	if !cell.isObject() {
		return nil
	}
	below := &site{up: s, name: name, at: at, cell: cell, w: s.w.child(name)}
	if cell.obj == nil {
		cell.expand()
		tx.opened = append(tx.opened, below)
	}
	return below
}

// forgetSite is for when an expanded object leaves the tree or becomes text, and
// when a place begins to be watched: what is remembered may not be true any more.
func (d *Doc) forgetSite() { d.site = nil }

// member returns the path of a member.
func (s *site) member(name string) delta.Pointer {
	if s.lastPath == "" || name != s.lastName {
		s.lastName, s.lastPath = name, s.at.Member(name)
	}
	return s.lastPath
}

// place returns the hash of the path.
func (s *site) place() place {
	if s.up == nil {
		return rootPlace
	}
	return s.up.place().member(s.name)
}

// tell tells derived state of a write in the object, with that above it.
func (s *site) tell(name string, now *node) {
	if s.w.hasDerived() {
		if s.w.below > len(s.w.derived) {
			s.w.child(name).replaced(now)
		}
		s.w.memberChanged(name, now)
	}
	for ; s.up != nil; s = s.up {
		if w := s.up.w; w != nil && len(w.derived) > 0 {
			w.memberChanged(s.name, s.cell)
		}
	}
}

// collapse makes the object text again, with those above it, as far as they are
// small and nothing is derived from them.
func (s *site) collapse(d *Doc) {
	for ; s.up != nil && !s.w.hasDerived(); s = s.up {
		if s.cell.collapse(); s.cell.obj != nil {
			return
		}
		if d.site == s {
			d.site = s.up
		} else {
			d.forgetSite()
		}
	}
}
