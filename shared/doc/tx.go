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
	// Edits is what a transaction with edits in it did, in order; nil for any other, and
	// where plain writes have changed what is in a collection beside an edit of it.
	// Seen is the part of Reads that its function saw: while that is unchanged, the
	// edits may be done again in its place.
	Edits []Edit
	Seen  []delta.Read
}

// Empty reports whether nothing changed.
func (c Change) Empty() bool { return len(c.Writes) == 0 }

// Update runs fn as a transaction. If fn returns nil its changes are committed
// and described by the Change; otherwise, or if fn panics, the document is as
// it was before, with all that is derived from it, and Update returns fn's
// error. Within a transaction, Update returns [ErrNested]: nest by [Tx.Update].
func (d *Doc) Update(fn func(*Tx) error) (change Change, err error) {
	if d.busy {
		return Change{}, ErrNested
	}
	d.busy = true
	d.transactions++
	if d.pool == nil {
		d.pool = newPool()
	}
	tx := &d.pool.tx
	tx.doc = d
	committed := false
	defer func() {
		if !committed {
			tx.takeBack(0)
			tx.end()
			d.outbox.deliver() // to derived state that holds back what is not over
		}
	}()
	if err := fn(tx); err != nil {
		return Change{}, err
	}
	tx.commit(&change)
	committed = true
	tx.end() // a subscriber may begin the next transaction
	d.notify(change.Writes)
	return change, nil
}

// end ends the transaction, when all is done or undone.
func (tx *Tx) end() {
	d := tx.doc
	d.pool.reset()
	d.busy = false
}

// ErrNested is returned by an Update of a document within another one.
var ErrNested = errors.New("doc: update within an update")

// Tx is a running transaction. It sees its own writes. It must not be used after
// the function that it was given to has returned: it is used again.
type Tx struct {
	doc   *Doc
	edits int // in the script
	doing int // edits that are being done, one within the other
	*pool
}

// pool is memory that transactions use one after the other.
type pool struct {
	tx      Tx
	journal journal
	script  []step
	reads   readList
	within  readList // of edits
	writes  []delta.Write
	opened  []*site // what was text before
	// Those who are to be told if something is taken back, and whether that is under way.
	reverters []reverter
	reverting bool
	touched   []*touch // by the first writes of the journal, nil for none
	root      touch
	touches   []touch
	used      int
}

func newPool() *pool {
	p := &pool{}
	p.tx.pool = p
	return p
}

func (p *pool) touch(name string) *touch {
	if p.used == len(p.touches) {
		if p.used > 0 {
			return &touch{name: name} // more than usual
		}
		p.touches = make([]touch, 16)
	}
	t := &p.touches[p.used]
	p.used++
	t.name = name
	return t
}

func (p *pool) reset() {
	p.tx.doc, p.tx.edits, p.tx.doing = nil, 0, 0
	for i := range p.journal {
		if u := &p.journal[i]; u.removed && u.existed {
			*u.cell = node{} // its neighbours in memory may live on
		}
	}
	recycle((*[]undo)(&p.journal))
	recycle(&p.script)
	p.reads.reset()
	p.within.reset()
	recycle(&p.writes)
	recycle(&p.opened)
	recycle(&p.reverters)
	if p.used > 0 {
		recycle(&p.touched)
		p.root.reset()
		for i := range p.touches[:p.used] {
			p.touches[i].reset()
		}
		p.used = 0
	}
}

// maxPooled bounds the memory that is kept for the next transaction.
const maxPooled = 256

// recycle empties a slice, to be filled again.
func recycle[E any](s *[]E) {
	if len(*s) > 0 {
		empty(s)
	}
}

func empty[E any](s *[]E) {
	if len(*s) == 1 { // as most have; clear would cost more than all else
		var none E
		(*s)[0] = none
	} else {
		clear(*s)
	}
	if *s = (*s)[:0]; cap(*s) > maxPooled {
		*s = nil
	}
}

func (t *touch) reset() {
	recycle(&t.children)
	*t = touch{children: t.children}
}

// Update runs fn as a part of the transaction: if it returns an error, or
// panics, what it wrote is taken back and the rest of the transaction stands.
// What it read counts nevertheless.
func (tx *Tx) Update(fn func(*Tx) error) error {
	mark, script, edits, doing := len(tx.journal), len(tx.script), tx.edits, tx.doing
	done := false
	defer func() {
		if !done {
			tx.takeBack(mark)
			clear(tx.script[script:])
			tx.script, tx.edits, tx.doing = tx.script[:script], edits, doing
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	done = true
	return nil
}

// PathError reports a write that has no place in the document.
type PathError struct {
	Path   delta.Pointer
	Reason string
}

func (e *PathError) Error() string {
	return "path " + strconv.Quote(string(e.Path)) + ": " + e.Reason
}

// Value returns the value at p, no value if there is none.
func (tx *Tx) Value(p delta.Pointer) Value {
	tx.read(delta.ReadValue, p)
	return tx.doc.Value(p)
}

// Get returns the canonical JSON of the value at p, and whether there is one.
func (tx *Tx) Get(p delta.Pointer) ([]byte, bool) {
	tx.read(delta.ReadValue, p)
	return tx.doc.Get(p)
}

// IsObject reports whether there is an object at p.
func (tx *Tx) IsObject(p delta.Pointer) bool {
	is := tx.doc.Value(p).IsObject()
	tx.look(is, p)
	return is
}

// look notes that the transaction has seen whether there is an object at p.
func (tx *Tx) look(is bool, p delta.Pointer) {
	if is {
		tx.read(delta.ReadExists, p)
	} else {
		tx.read(delta.ReadValue, p)
	}
}

// Members returns the member names of the object at p in canonical order, nil
// when there is no object. The slice is the caller's.
func (tx *Tx) Members(p delta.Pointer) []string {
	v := tx.doc.Value(p)
	if !v.IsObject() {
		tx.read(delta.ReadValue, p)
		return nil
	}
	tx.read(delta.ReadMembers, p)
	n := v.node()
	return slices.Clone(n.names())
}

// Set puts a JSON value at p, in place of what is there. Its parent must be an
// object. The root can be replaced by an object only. Null is refused: use
// [Tx.Delete]. So is what would nest deeper than [jsontext.MaxDepth]. The error
// is a [*PathError] or a [*jsontext.Error].
func (tx *Tx) Set(p delta.Pointer, value []byte) error {
	if err := jsontext.ValidateWithin(value, strings.Count(string(p), "/")); err != nil {
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
	return tx.do(step{at: p, value: node{raw: string(jsontext.AppendCanonical(nil, value))}})
}

// Delete removes the value at p. Removing what is not there is no error.
func (tx *Tx) Delete(p delta.Pointer) error { return tx.do(step{at: p}) }

// Merge applies a merge patch to the document. It reads no more than whether the
// objects of the patch meet objects.
func (tx *Tx) Merge(patch delta.Delta) error { return tx.do(step{patch: &patch}) }

func (tx *Tx) put(p delta.Pointer, now node) error {
	if _, ok := delta.ParsePointer(string(p)); !ok {
		return &PathError{Path: p, Reason: "is not a JSON pointer in normal form"}
	}
	parentPath, ok := p.Parent()
	if !ok {
		return tx.putRoot(now)
	}
	last, _ := cut(p[len(parentPath):])
	if jsontext.QuotedLen(last)-len(`""`) > jsontext.MaxName {
		return &PathError{Path: p, Reason: "its last name is longer than " + strconv.Itoa(jsontext.MaxName) + " bytes"}
	}
	parent, ok := tx.Object(parentPath)
	tx.look(ok, parentPath)
	if !ok {
		return &PathError{Path: parentPath, Reason: "is not an object, so it has no members to write"}
	}
	parent.put(last, now)
	return nil
}

func (tx *Tx) putRoot(now node) error {
	if now.nothing() || !now.isObject() {
		return &PathError{Reason: "the document itself must be an object"}
	}
	tx.read(delta.ReadValue, "")
	root, _ := tx.Object("")
	fresh := now.expand()
	for _, name := range slices.Clone(tx.doc.root.names()) {
		if fresh.members[name] == nil {
			root.write(name, node{})
		}
	}
	for _, name := range fresh.names() {
		root.write(name, *fresh.members[name])
	}
	return nil
}

func (tx *Tx) merge(o Object, patch string) {
	for name, raw := range jsontext.Members(patch) {
		switch jsontext.KindOf(raw) {
		case jsontext.Object:
			p := o.at.Member(name)
			below := tx.below(o.site, name, p)
			tx.look(below != nil, p)
			if below != nil {
				tx.merge(Object{tx, below}, raw)
				continue
			}
			o.write(name, node{raw: string(appendMerged(nil, raw))})
		case jsontext.Null:
			o.write(name, node{})
		default:
			o.write(name, node{raw: string(appendMerged(nil, raw))})
		}
	}
}

// commit compares what was with what is. What the delta is silent about because
// it is the same before and after, and where it relies on what was there to be
// no object, counts as read: another base would have made another delta.
func (tx *Tx) commit(change *Change) {
	d := tx.doc
	w := differ{tx: tx, writes: delta.NewWrites(tx.writes), account: &d.account, scratch: &d.scratch}
	if tx.edits == len(tx.script) {
		tx.doing = 1 // then that is an affair of the edits
	}
	if len(tx.journal) > 0 && !w.leaves() {
		w.touched(tx.touches(), d.root.obj, d.watched, rootPlace)
		d.forgetSite() // it may have become text
	}
	for i := len(tx.opened) - 1; i >= 0; i-- {
		if s := tx.opened[i]; s.cell.obj != nil {
			s.collapse(d)
		}
	}
	tx.writes = w.writes.List()
	few := &few{}
	change.Delta, change.Inverse = w.result(few.patches[:0])
	change.Writes = keep(&few.writes, tx.writes)
	change.Reads = keep(&few.reads, tx.reads.join(&tx.within))
	switch {
	case tx.edits == 0:
	case tx.edits < len(tx.script) && tx.disturbed(string(change.Inverse.Bytes())):
		Outdate(tx.replay(nil))
	default:
		change.Edits = tx.replay(few.edits[:0])
		change.Seen = append([]delta.Read(nil), tx.reads.set()...)
	}
}

// few is memory for what a small transaction says of itself, in one piece.
type few struct {
	reads  [1]delta.Read
	writes [1]delta.Write
	edits  [1]Edit
	// Both patches of a keystroke, or of a field of a record.
	patches [64]byte
}

// keep copies a list to memory that is not used for the next transaction: to that of
// the first element, if there is no other.
func keep[T any](memory *[1]T, list []T) []T {
	switch len(list) {
	case 0:
		return nil
	case 1:
		memory[0] = list[0]
		return memory[:]
	}
	return slices.Clone(list)
}

// read notes a read, unless the transaction itself has written the place.
func (tx *Tx) read(kind delta.ReadKind, p delta.Pointer) {
	if !tx.wrote(p) {
		tx.note(delta.Read{Kind: kind, Path: p})
	}
}

func (tx *Tx) note(r delta.Read) {
	list := &tx.reads
	if tx.doing > 0 {
		list = &tx.within
	}
	list.add(r)
}
