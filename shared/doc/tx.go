package doc

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// Change is what a committed transaction amounts to.
type Change struct {
	// Delta leads from the state before to the state after; it is empty when the
	// transaction changed nothing.
	Delta delta.Delta
	// Effect is what applying Delta did, with the inverse.
	Effect
	// Reads is what the transaction depended on, sorted by path. More than
	// [MaxReads] of them are one read of the whole document.
	Reads []delta.Read
}

// Empty reports whether nothing changed.
func (c Change) Empty() bool { return len(c.Writes) == 0 }

// MaxReads bounds how many reads of one transaction are told apart.
const MaxReads = 4000

// Update runs fn as a transaction. If fn returns nil its changes are committed
// and described by the Change; otherwise, or if fn panics, the document is as
// it was before and Update returns fn's error. Transactions do not nest: within
// one, Update returns [ErrNested].
func (d *Doc) Update(fn func(*Tx) error) (Change, error) {
	if d.busy {
		return Change{}, ErrNested
	}
	d.busy = true
	tx := &Tx{doc: d, reads: make(map[delta.Read]struct{})}
	before := d.size
	committed := false
	defer func() {
		if !committed {
			tx.touched.restore(d.root)
			d.size = before
		}
		tx.doc, d.busy = nil, false
	}()
	if err := fn(tx); err != nil {
		return Change{}, err
	}
	committed = true
	change := Change{}
	change.Delta, change.Effect = tx.commit()
	change.Reads = tx.readSet()
	return change, nil
}

// ErrNested is returned by an Update within another one of the same document.
var ErrNested = errors.New("doc: update within an update")

// Tx is a running transaction. It sees its own writes. It must not be used after
// the function that it was given to has returned.
type Tx struct {
	doc     *Doc
	touched touch
	reads   map[delta.Read]struct{}
}

// PathError reports a write that has no place in the document.
type PathError struct {
	Path   delta.Pointer
	Reason string
}

func (e *PathError) Error() string {
	return "path " + strconv.Quote(string(e.Path)) + ": " + e.Reason
}

// Get returns the canonical JSON of the value at p, and whether there is one.
func (tx *Tx) Get(p delta.Pointer) ([]byte, bool) {
	tx.read(delta.ReadValue, p)
	return tx.doc.Get(p)
}

// IsObject reports whether there is an object at p.
func (tx *Tx) IsObject(p delta.Pointer) bool {
	return tx.look(tx.doc.lookup(p), p)
}

// look reports whether n, the value at p, is an object, and notes what that says
// about the document.
func (tx *Tx) look(n *node, p delta.Pointer) bool {
	if !n.isObject() {
		tx.read(delta.ReadValue, p)
		return false
	}
	tx.read(delta.ReadExists, p)
	return true
}

// Members returns the member names of the object at p in sorted order, nil when
// there is no object.
func (tx *Tx) Members(p delta.Pointer) []string {
	n := tx.doc.lookup(p)
	if !n.isObject() {
		tx.read(delta.ReadValue, p)
		return nil
	}
	tx.read(delta.ReadMembers, p)
	return n.names()
}

// Set puts a JSON value at p, in place of what is there. Its parent must be an
// object. The root can be replaced by an object only. Null is refused: use
// [Tx.Delete]. So is what would nest deeper than [jsontext.MaxDepth]. The error
// is a [*PathError] or a [*jsontext.Error].
func (tx *Tx) Set(p delta.Pointer, value []byte) error {
	if err := jsontext.ValidateWithin(value, len(p.Names())); err != nil {
		return err
	}
	if jsontext.KindOf(value) == jsontext.Null {
		return &PathError{Path: p, Reason: "a member cannot hold null; delete it instead"}
	}
	if jsontext.KindOf(value) == jsontext.Object {
		if err := refuseNulls(value); err != nil {
			return err
		}
	}
	return tx.put(p, parseNode(value))
}

// Delete removes the value at p. Removing what is not there is no error.
func (tx *Tx) Delete(p delta.Pointer) error { return tx.put(p, nil) }

// Merge applies a merge patch to the document. It reads no more than whether the
// objects of the patch meet objects.
func (tx *Tx) Merge(patch delta.Delta) error {
	tx.merge(tx.doc.root, &tx.touched, patch.Bytes(), "")
	return nil
}

func (tx *Tx) put(p delta.Pointer, now *node) error {
	if _, ok := delta.ParsePointer(string(p)); !ok {
		return &PathError{Path: p, Reason: "is not a JSON pointer in normal form"}
	}
	names := p.Names()
	if len(names) == 0 {
		if !now.isObject() {
			return &PathError{Path: p, Reason: "the document itself must be an object"}
		}
		tx.read(delta.ReadValue, p)
		for _, name := range tx.doc.root.names() {
			if now.members[name] == nil {
				tx.replace(tx.doc.root, &tx.touched, name, nil)
			}
		}
		for name, child := range now.members {
			tx.replace(tx.doc.root, &tx.touched, name, child)
		}
		return nil
	}
	if jsontext.QuotedLen(names[len(names)-1])-len(`""`) > jsontext.MaxName {
		return &PathError{Path: p, Reason: "its last name is longer than " + strconv.Itoa(jsontext.MaxName) + " bytes"}
	}
	parentPath, _ := p.Parent()
	if !tx.IsObject(parentPath) {
		return &PathError{Path: parentPath, Reason: "is not an object, so it has no members to write"}
	}
	parent, at := tx.doc.root, &tx.touched
	for _, name := range names[:len(names)-1] {
		parent, at = parent.members[name], at.child(name)
	}
	last := names[len(names)-1]
	tx.readSubtree(p, parent.members[last])
	tx.replace(parent, at, last, now)
	return nil
}

// replace is the one place where a transaction changes the tree.
func (tx *Tx) replace(parent *node, at *touch, name string, now *node) {
	tx.doc.size -= memberSize(name, parent.members[name])
	at.child(name).keep(parent.members[name])
	tx.doc.size += memberSize(name, now)
	if now == nil {
		delete(parent.members, name)
	} else {
		parent.members[name] = now
	}
}

func (tx *Tx) merge(target *node, at *touch, patch []byte, p delta.Pointer) {
	for name, raw := range jsontext.Members(patch) {
		switch jsontext.KindOf(raw) {
		case jsontext.Object:
			old, below := target.members[name], p.Member(name)
			if tx.look(old, below) {
				tx.merge(old, at.child(name), raw, below)
			} else {
				tx.replace(target, at, name, parseNode(raw))
			}
		case jsontext.Null:
			tx.replace(target, at, name, nil)
		default:
			tx.replace(target, at, name, parseNode(raw))
		}
	}
}

// commit compares what was with what is. What the delta is silent about because
// it is the same before and after, and where it relies on what was there to be
// no object, counts as read: another base would have made another delta.
func (tx *Tx) commit() (delta.Delta, Effect) {
	w := differ{relied: tx.note}
	return w.commit(&tx.touched, tx.doc.root)
}

// readSubtree notes that an object is to be replaced or deleted with everything
// in it: a member that somebody adds deep inside would else survive.
func (tx *Tx) readSubtree(p delta.Pointer, n *node) {
	if !n.isObject() {
		return
	}
	tx.read(delta.ReadMembers, p)
	for name, child := range n.members {
		if child.isObject() {
			tx.readSubtree(p.Member(name), child)
		}
	}
}

// read notes a read, unless the transaction itself has written the place.
func (tx *Tx) read(kind delta.ReadKind, p delta.Pointer) {
	if !tx.touched.covers(p.Names()) {
		tx.note(kind, p)
	}
}

func (tx *Tx) note(kind delta.ReadKind, p delta.Pointer) {
	if len(tx.reads) <= MaxReads {
		tx.reads[delta.Read{Kind: kind, Path: p}] = struct{}{}
	}
}

func (tx *Tx) readSet() []delta.Read {
	if len(tx.reads) > MaxReads {
		return []delta.Read{delta.WholeDocument}
	}
	reads := make([]delta.Read, 0, len(tx.reads))
	for r := range tx.reads {
		reads = append(reads, r)
	}
	slices.SortFunc(reads, func(a, b delta.Read) int {
		if a.Path != b.Path {
			return strings.Compare(string(a.Path), string(b.Path))
		}
		return int(a.Kind) - int(b.Kind)
	})
	return reads
}
