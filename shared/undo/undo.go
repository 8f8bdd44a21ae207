// Package undo takes back what one client did, and does it again, on top of what
// others have done since.
//
// A [Stack] is told of each transaction of its client and of nobody else's. To
// undo one is a transaction like any other: it can conflict, be run again and be
// refused. It takes back only what is still the client's own: a value is put
// back while it is the one that the client wrote; an edit of a collection is
// taken back by its inverse, wherever later edits have moved it. What others
// wrote in its place stays.
//
// A transaction that is run again may do something else than it did at first, or
// nothing. The stack has to be told: see [Stack.Redid].
package undo

import (
	"cmp"
	"errors"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// DefaultLimit is how many entries a stack holds if nothing else is said.
const DefaultLimit = 1000

// ErrNothing: there is nothing to undo, or to do again.
var ErrNothing = errors.New("undo: nothing to undo")

// Update runs a transaction, as [doc.Doc.Update] does.
type Update func(func(*doc.Tx) error) (doc.Change, error)

// Stack is what a client may undo and redo. The zero Stack is empty and holds
// [DefaultLimit] entries. It has one owner, that of the document.
type Stack struct {
	// Limit is the number of entries that can be undone; past it the oldest are
	// forgotten. 0 is DefaultLimit.
	Limit int

	done, undone []*entry
	known        []*taken // by ticket: the latest ones, which may be run again
	grouping     bool
	latest       Ticket
}

// maxKnown bounds the transactions that are known, in those that can be undone.
const maxKnown = 4

// Ticket names a transaction that a stack was told of.
type Ticket uint64

// entry is what is undone at once.
type entry struct {
	parts []*taken // in the order in which they were done
	back  *entry   // what it took back itself; nil for what was not undone or done again
}

// taken is what takes one transaction back.
type taken struct {
	ticket  Ticket
	values  []value
	edits   []doc.Edit // inverse edits, first done first
	version int        // grows when the change becomes another one
	// forth and back are both ways of it.
	forth, back string
}

// becomes makes it what takes another change back.
func (t *taken) becomes(change doc.Change) {
	now := take(change, t.ticket)
	if now.version = t.version; now.forth != t.forth || now.back != t.back {
		now.version++
	}
	*t = *now
}

// inverse is an inverse edit in the transaction that takes another one back. It is
// outdated once that is another change, or once nobody moves it any more.
type inverse struct {
	doc.Edit
	of      *taken
	version int
	unmoved bool
}

// Outdated implements [doc.Dated].
func (e *inverse) Outdated() bool { return e.unmoved || e.of.version != e.version }

// Outdate implements [doc.Dated].
func (e *inverse) Outdate() { e.unmoved = true }

// moving is inverse for a [doc.Mover].
type moving struct {
	doc.Mover
	inverse *inverse
}

// Outdated implements [doc.Dated].
func (e *moving) Outdated() bool { return e.inverse.Outdated() }

// Outdate implements [doc.Dated].
func (e *moving) Outdate() { e.inverse.Outdate() }

// value is a place that was written; "" stands for no value.
type value struct {
	at            delta.Pointer
	before, after string
}

// Did notes a transaction of the client's own, under the ticket that it returns. What
// was undone cannot be done again after it.
func (s *Stack) Did(change doc.Change) Ticket {
	s.latest++
	if !change.Empty() {
		s.undone = nil
		s.push(change)
	}
	return s.latest
}

// Latest returns the ticket of the transaction that the stack was told of last, or
// that it has made itself, to undo or to do again.
func (s *Stack) Latest() Ticket { return s.latest }

// Redid says that a transaction is another change by now, empty if there is nothing
// left of it: it was run again on what others have done. Nothing may have changed in
// the document since the change was described. If the transaction is being undone, the
// edits that undo it are outdated (see [doc.Dated]).
func (s *Stack) Redid(t Ticket, change doc.Change) {
	if i, ok := s.find(t); ok {
		s.known[i].becomes(change)
	}
}

// Forget takes a transaction out, which the server has rejected: it did not happen.
// What it has undone, or done again, can be so once more.
func (s *Stack) Forget(t Ticket) {
	s.Redid(t, doc.Change{})
	restore(&s.done, &s.undone, t)
	restore(&s.undone, &s.done, t)
	s.restored()
}

func (s *Stack) find(t Ticket) (int, bool) {
	return slices.BinarySearchFunc(s.known, t, func(x *taken, t Ticket) int { return cmp.Compare(x.ticket, t) })
}

// restore puts back what a transaction that did not happen has taken from a list.
func restore(from, to *[]*entry, t Ticket) {
	for i, e := range *from {
		if e.back != nil && len(e.parts) == 1 && e.parts[0].ticket == t {
			*from = slices.Delete(*from, i, i+1)
			*to = append(*to, e.back)
			return
		}
	}
}

// restored tells all edits that are kept that a change which may have been made since was
// taken back.
func (s *Stack) restored() {
	for _, list := range [][]*entry{s.done, s.undone} {
		for _, e := range list {
			for _, t := range e.parts {
				for _, edit := range t.edits {
					if kept, ok := edit.(doc.Kept); ok {
						kept.Restored()
					}
				}
			}
		}
	}
}

// Group makes the transactions that follow one entry with the last one, until
// Ungroup: the letters of a word, the steps of a drag.
func (s *Stack) Group() { s.grouping = true }

// Ungroup ends that.
func (s *Stack) Ungroup() { s.grouping = false }

// CanUndo reports whether there is something to undo.
func (s *Stack) CanUndo() bool { return slices.ContainsFunc(s.done, (*entry).something) }

// CanRedo reports whether there is something to do again.
func (s *Stack) CanRedo() bool { return slices.ContainsFunc(s.undone, (*entry).something) }

// something reports whether there is anything in the entry to take back. There is not
// if nothing was left of its transactions when they were run again.
func (e *entry) something() bool {
	return slices.ContainsFunc(e.parts, func(t *taken) bool { return len(t.values)+len(t.edits) > 0 })
}

func (s *Stack) limit() int {
	if s.Limit > 0 {
		return s.Limit
	}
	return DefaultLimit
}

// taken returns what takes a change back, with the latest ticket.
func (s *Stack) taken(change doc.Change) *taken {
	t := take(change, s.latest)
	s.known = latest(append(s.known, t), maxKnown*s.limit())
	return t
}

func (s *Stack) push(change doc.Change) {
	t := s.taken(change)
	if n := len(s.done); s.grouping && n > 0 {
		s.done[n-1].parts = append(s.done[n-1].parts, t)
		return
	}
	s.done = latest(append(s.done, &entry{parts: []*taken{t}}), s.limit())
}

// latest returns the last elements of a list, at most n.
func latest[E any](list []*E, n int) []*E {
	over := max(0, len(list)-n)
	clear(list[:over])
	return list[over:]
}

// Undo takes the last entry back by one transaction. If that fails, the entry
// stays. The error is [ErrNothing] or what update returns.
func (s *Stack) Undo(update Update) (doc.Change, error) { return s.move(update, &s.done, &s.undone) }

// Redo does again what was undone last.
func (s *Stack) Redo(update Update) (doc.Change, error) { return s.move(update, &s.undone, &s.done) }

// Divide is for an entry of several transactions that cannot be undone (with redo: done
// again) by one: the last of them becomes an entry of its own, which is next then. It
// returns false if the next entry is one transaction.
func (s *Stack) Divide(redo bool) bool {
	list := s.list(redo)
	last := next(*list)
	if last < 0 || len((*list)[last].parts) == 1 {
		return false
	}
	e := (*list)[last]
	n := len(e.parts) - 1
	top := &entry{parts: e.parts[n:]}
	e.parts = e.parts[:n:n]
	*list = latest(append((*list)[:last+1], top), s.limit())
	return true
}

// Skip forgets the entry that is undone (with redo: done again) next, so that the one
// before it is next.
func (s *Stack) Skip(redo bool) {
	list := s.list(redo)
	if last := next(*list); last >= 0 {
		clear((*list)[last:])
		*list = (*list)[:last]
	}
}

func (s *Stack) list(redo bool) *[]*entry {
	if redo {
		return &s.undone
	}
	return &s.done
}

// next returns the index of the last entry with something in it, -1 if there is none.
func next(list []*entry) int {
	last := len(list) - 1
	for last >= 0 && !list[last].something() {
		last--
	}
	return last
}

func (s *Stack) move(update Update, from, to *[]*entry) (doc.Change, error) {
	last := next(*from)
	if last < 0 {
		return doc.Change{}, ErrNothing
	}
	e := (*from)[last]
	change, err := update((&taking{of: slices.Clone(e.parts)}).run)
	if err != nil {
		return doc.Change{}, err
	}
	clear((*from)[last:])
	*from = (*from)[:last]
	s.restored()
	s.latest++
	if !change.Empty() {
		e.back = nil // it is undone only once
		*to = append(*to, &entry{parts: []*taken{s.taken(change)}, back: e})
	}
	return change, nil
}

// taking is the transaction that takes an entry back.
type taking struct {
	of    []*taken
	parts []taken // as they are to be taken back where the transaction is
}

// run takes the entry back: by the edits that did so before, which are moved and made again
// as any others. When they are outdated, for there is something new to take back, or they
// were left out of the change and so not moved, it is by what the entry is now.
func (t *taking) run(tx *doc.Tx) error {
	if !t.current() {
		t.parts = make([]taken, len(t.of))
		var earlier doc.Below
		for i, part := range slices.Backward(t.of) {
			t.parts[i] = part.now(&earlier)
			earlier.Next()
		}
	}
	for i := range slices.Backward(t.parts) {
		if err := t.parts[i].undo(tx); err != nil {
			return err
		}
	}
	return nil
}

func (t *taking) current() bool {
	return slices.EqualFunc(t.parts, t.of, func(a taken, b *taken) bool {
		return a.version == b.version && !doc.Outdated(a.edits)
	})
}

// now returns a copy with edits that belong to the transaction which makes them.
func (t *taken) now(earlier *doc.Below) taken {
	now := *t
	now.edits = make([]doc.Edit, len(t.edits))
	for i, edit := range slices.Backward(t.edits) {
		if kept, ok := edit.(doc.Kept); ok {
			edit = kept.Now(earlier)
		}
		in := &inverse{Edit: edit, of: t, version: t.version}
		now.edits[i] = in
		if mover, ok := edit.(doc.Mover); ok {
			now.edits[i] = &moving{mover, in}
		}
	}
	return now
}

func (t *taken) undo(tx *doc.Tx) error {
	for _, edit := range slices.Backward(t.edits) {
		if err := tx.Do(edit); err != nil {
			return err
		}
	}
	for _, v := range t.values {
		if err := v.undo(tx); err != nil {
			return err
		}
	}
	return nil
}

// undo puts a value back if what is there is what its client wrote.
func (v value) undo(tx *doc.Tx) error {
	if tx.Value(v.at).Raw() != v.after {
		return nil
	}
	if v.before == "" {
		return tx.Delete(v.at)
	}
	if parent, ok := v.at.Parent(); ok && !tx.IsObject(parent) {
		return nil // there is no place for it any more
	}
	return tx.Set(v.at, []byte(v.before))
}

func take(change doc.Change, ticket Ticket) *taken {
	t := &taken{ticket: ticket, forth: string(change.Delta.Bytes()), back: string(change.Inverse.Bytes())}
	var inside []delta.Pointer
	for _, e := range change.Edits {
		if inverse := e.Inverse(); inverse != nil {
			t.edits = append(t.edits, inverse)
			inside = append(inside, e.At())
		}
	}
	t.compare(t.forth, t.back, "", inside)
	return t
}

// compare collects the places of a delta and its inverse, which have the same
// shape, except those that edits take back.
func (t *taken) compare(forward, inverse string, at delta.Pointer, except []delta.Pointer) {
	old := make(map[string]string)
	for name, raw := range jsontext.Members(inverse) {
		old[name] = raw
	}
	for name, now := range jsontext.Members(forward) {
		place, before := at.Member(name), old[name]
		switch {
		case within(place, except):
		case isObject(now) && isObject(before):
			t.compare(now, before, place, except)
		default:
			t.values = append(t.values, value{place, orNothing(before), orNothing(now)})
		}
	}
}

func within(p delta.Pointer, places []delta.Pointer) bool {
	for _, place := range places {
		if place.Contains(p) {
			return true
		}
	}
	return false
}

func isObject(raw string) bool { return jsontext.KindOf(raw) == jsontext.Object }

func orNothing(raw string) string {
	if jsontext.KindOf(raw) == jsontext.Null {
		return ""
	}
	return raw
}
