package doc

import "github.com/rivulet-sync/rivulet/shared/delta"

// journal is what has to be taken back, last first, to undo a transaction, or a
// part of one.
type journal []undo

// undo is one write: of a member of an object.
type undo struct {
	site   *site
	name   string
	cell   *node // of the member, before or after; nil if it is in neither
	before node  // what was in the cell, if existed
	existed,
	removed bool // the member ceased to be
}

// add returns the next entry, which is empty.
func (j *journal) add() *undo {
	if n := len(*j); n < cap(*j) {
		*j = (*j)[:n+1]
	} else {
		*j = append(*j, undo{})
	}
	return &(*j)[len(*j)-1]
}

// now returns what is in the cell after the write, nil for nothing.
func (u *undo) now() *node {
	if u.removed {
		return nil
	}
	return u.cell
}

// takeBack undoes everything after a mark in the journal. Derived state is told of
// each step: it sees the same states again, in the opposite order.
func (tx *Tx) takeBack(mark int) {
	tx.reverting = true
	for i := len(tx.journal) - 1; i >= mark; i-- {
		if i < len(tx.touched) {
			if t := tx.touched[i]; t != nil {
				t.kept, t.existed, t.before = false, false, node{}
			}
			tx.touched = tx.touched[:i]
		}
		u := &tx.journal[i]
		u.take(tx.doc)
		*u = undo{}
	}
	tx.journal = tx.journal[:mark]
	tx.reverting = false
	tx.revert(mark)
}

func (u *undo) take(d *Doc) {
	obj := u.site.cell.obj
	if now := u.now(); now != nil && now.obj != nil {
		d.forgetSite()
	}
	now := u.cell
	switch {
	case !u.existed && u.removed: // there was nothing, and there is nothing
	case !u.existed:
		obj.remove(u.name)
		now = nil
	case u.removed:
		*u.cell = u.before
		obj.put(u.name, u.cell)
	default:
		*u.cell = u.before
	}
	u.site.tell(u.name, now)
}

// fewWrites is up to where a transaction looks through its journal.
const fewWrites = 16

// wrote reports whether the transaction itself has written the value at p, or one
// above it.
func (tx *Tx) wrote(p delta.Pointer) bool {
	if len(tx.journal) > fewWrites {
		return tx.touches().covers(p)
	}
	for i := range tx.journal {
		if tx.journal[i].covers(p) {
			return true
		}
	}
	return false
}

// wroteMember is wrote for a member.
func (tx *Tx) wroteMember(s *site, name string) bool {
	if len(tx.journal) > fewWrites {
		return tx.wrote(s.member(name))
	}
	for i := range tx.journal {
		if u := &tx.journal[i]; u.site.at == s.at && u.name == name || u.covers(s.at) {
			return true
		}
	}
	return false
}

// covers reports whether p is the place that was written, or below it.
func (u *undo) covers(p delta.Pointer) bool {
	at := u.site.at
	if len(p) <= len(at) || !at.Contains(p) {
		return false
	}
	name, _ := cut(p[len(at):])
	return name == u.name
}

// touches returns the places that were written as a tree.
func (tx *Tx) touches() *touch {
	for i := len(tx.touched); i < len(tx.journal); i++ {
		tx.touched = append(tx.touched, tx.touch(&tx.journal[i]))
	}
	return &tx.root
}

// touch notes a write in the tree of the places written. It returns the place if
// that was not kept before.
func (tx *Tx) touch(u *undo) *touch {
	parent := tx.touchOf(u.site)
	if parent.kept {
		return nil
	}
	t := tx.pool.below(parent, u.name)
	if t.kept {
		return nil
	}
	t.kept, t.existed, t.before = true, u.existed, u.before
	return t
}

// touchOf returns the touch of an object, or one above it where all is the
// transaction's.
func (tx *Tx) touchOf(s *site) *touch {
	if s.up == nil {
		return &tx.root
	}
	t := tx.touchOf(s.up)
	if t.kept {
		return t
	}
	return tx.pool.below(t, s.name)
}

// below returns the touch of a member.
func (p *pool) below(t *touch, name string) *touch {
	c := t.find(name)
	if c == nil {
		c = p.touch(name)
		t.add(c)
	}
	return c
}
