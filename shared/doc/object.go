package doc

import (
	"github.com/rivulet-sync/rivulet/shared/delta"
)

// Object is an object of the document within a transaction: the place where
// lists, texts and other collections write. It costs one look-up to get and
// nothing to use again.
//
// What is written by an Object is canonical JSON by construction, and it notes
// as read only what it says: who uses it answers for the rest. It must not be
// used after something at its place or above it was replaced.
type Object struct {
	tx *Tx
	*site
}

// Object returns the object at p, if there is one. It notes no read.
func (tx *Tx) Object(p delta.Pointer) (Object, bool) {
	s := tx.site(p)
	return Object{tx, s}, s != nil
}

// Value returns a member.
func (o *Object) Value(name string) Value {
	if child := o.cell.obj.members[name]; child != nil {
		return Value{cell: child}
	}
	return Value{}
}

// Len returns the number of members.
func (o *Object) Len() int { return len(o.cell.obj.members) }

// Set writes a member. The text must be canonical, neither null nor an object
// with a null in it, nest no deeper than there is room, and the name no longer
// than [jsontext.MaxName].
func (o *Object) Set(name, canonical string) { o.put(name, node{raw: canonical}) }

// Delete removes a member.
func (o *Object) Delete(name string) { o.put(name, node{}) }

// ReadValue notes that the transaction depends on the value of a member.
func (o *Object) ReadValue(name string) { o.read(delta.ReadValue, name) }

// ReadExists notes that it depends on a member's being an object, or on what it
// is if it is none.
func (o *Object) ReadExists(name string) {
	if o.Value(name).IsObject() {
		o.read(delta.ReadExists, name)
	} else {
		o.read(delta.ReadValue, name)
	}
}

// ReadMembers notes that it depends on the set of members.
func (o *Object) ReadMembers() {
	if !o.tx.wrote(o.at) {
		o.tx.note(delta.Read{Kind: delta.ReadMembers, Path: o.at})
	}
}

// ReadGap notes that it depends on there being nothing between two members in
// the order of their names, and on them; "" is the end of the object.
func (o *Object) ReadGap(left, right string) {
	if !o.tx.wrote(o.at) {
		o.tx.note(delta.Gap(o.at, left, right))
	}
}

func (o *Object) read(kind delta.ReadKind, name string) {
	if !o.tx.wroteMember(o.site, name) {
		o.tx.note(delta.Read{Kind: kind, Path: o.member(name)})
	}
}

// put writes a member, whose present value counts as read as far as [Tx.Set]
// says.
func (o *Object) put(name string, now node) {
	old := o.cell.obj.member(name)
	if old.isObject() {
		o.tx.readSubtree(o.at.Member(name), old)
	}
	o.replace(name, old, now)
}

// write writes a member, and nothing counts as read.
func (o *Object) write(name string, now node) { o.replace(name, o.cell.obj.member(name), now) }

// replace is the one place where a transaction changes the tree: child, the member that
// there is, nil for none, becomes now; no node removes it.
func (o *Object) replace(name string, child *node, now node) {
	obj := o.cell.obj
	removed := now.nothing()
	u := o.tx.journal.add()
	u.site, u.name, u.cell, u.existed, u.removed = o.site, name, child, child != nil, removed
	if child != nil {
		u.before = *child
		if child.obj != nil {
			o.tx.doc.forgetSite()
		}
	}
	switch {
	case removed && child == nil:
		return
	case removed:
		obj.remove(name)
		child = nil
	case child == nil:
		child = &node{raw: now.raw, obj: now.obj}
		obj.put(name, child)
		u.cell = child
	default:
		*child = now
	}
	o.tell(name, child)
}

// readSubtree notes that an object is to be replaced or deleted with everything
// in it: a member that somebody adds deep inside would else survive.
func (tx *Tx) readSubtree(p delta.Pointer, n *node) {
	tx.read(delta.ReadMembers, p)
	var entries [16]entry
	for _, e := range n.entries(entries[:0]) {
		if e.node.isObject() {
			tx.readSubtree(p.Member(e.name), &e.node)
		}
	}
}
