// Package undo takes back what one client did, and does it again, on top of what
// others have done since.
//
// A [Stack] is told of each transaction of its client and of nobody else's. To
// undo one is a transaction like any other: it can conflict, be run again and be
// refused. It takes back only what is still the client's own: a value is put
// back while it is the one that the client wrote; an edit of a collection is
// taken back by its inverse, wherever later edits have moved it. What others
// wrote in its place stays.
package undo

import (
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

	done, undone []entry
	grouping     bool
	latest       Ticket
}

// Ticket names a transaction that a stack was told of.
type Ticket uint64

// entry is what is undone at once, in the order in which it was done.
type entry []taken

// taken is what takes one transaction back.
type taken struct {
	ticket Ticket
	values []value
	edits  []doc.Edit // inverse edits, first done first
}

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

// Forget takes a transaction out, which the server has rejected: it did not happen.
// It does nothing if the stack does not hold it any more, or if it is undone.
func (s *Stack) Forget(t Ticket) {
	for i, e := range s.done {
		if j := slices.IndexFunc(e, func(x taken) bool { return x.ticket == t }); j >= 0 {
			if s.done[i] = slices.Delete(e, j, j+1); len(s.done[i]) == 0 {
				s.done = slices.Delete(s.done, i, i+1)
			}
			return
		}
	}
}

// Group makes the transactions that follow one entry with the last one, until
// Ungroup: the letters of a word, the steps of a drag.
func (s *Stack) Group() { s.grouping = true }

// Ungroup ends that.
func (s *Stack) Ungroup() { s.grouping = false }

// CanUndo and CanRedo report whether there is an entry.
func (s *Stack) CanUndo() bool { return len(s.done) > 0 }

// CanRedo reports whether there is something to do again.
func (s *Stack) CanRedo() bool { return len(s.undone) > 0 }

func (s *Stack) push(change doc.Change) {
	t := take(change)
	t.ticket = s.latest
	if n := len(s.done); s.grouping && n > 0 {
		s.done[n-1] = append(s.done[n-1], t)
		return
	}
	limit := s.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	s.done = append(s.done, entry{t})
	if over := len(s.done) - limit; over > 0 {
		clear(s.done[:over])
		s.done = s.done[over:]
	}
}

// Undo takes the last entry back by one transaction. If that fails, the entry
// stays. The error is [ErrNothing] or what update returns.
func (s *Stack) Undo(update Update) (doc.Change, error) { return move(update, &s.done, &s.undone) }

// Redo does again what was undone last.
func (s *Stack) Redo(update Update) (doc.Change, error) { return move(update, &s.undone, &s.done) }

func move(update Update, from, to *[]entry) (doc.Change, error) {
	if len(*from) == 0 {
		return doc.Change{}, ErrNothing
	}
	last := len(*from) - 1
	change, err := update((*from)[last].now().undo)
	if err != nil {
		return doc.Change{}, err
	}
	(*from)[last] = nil
	*from = (*from)[:last]
	if !change.Empty() {
		*to = append(*to, entry{take(change)})
	}
	return change, nil
}

// now returns the entry with edits that belong to the transaction which makes them:
// from then on they are moved, and made again, as any others are.
func (e entry) now() entry {
	var earlier doc.Below
	fresh := make(entry, len(e))
	for i := len(e) - 1; i >= 0; i-- {
		fresh[i] = taken{values: e[i].values, edits: slices.Clone(e[i].edits)}
		for j := len(e[i].edits) - 1; j >= 0; j-- {
			if kept, ok := e[i].edits[j].(doc.Kept); ok {
				fresh[i].edits[j] = kept.Now(&earlier)
			}
		}
	}
	return fresh
}

func (e entry) undo(tx *doc.Tx) error {
	for i := len(e) - 1; i >= 0; i-- {
		for j := len(e[i].edits) - 1; j >= 0; j-- {
			if err := tx.Do(e[i].edits[j]); err != nil {
				return err
			}
		}
		for _, v := range e[i].values {
			if err := v.undo(tx); err != nil {
				return err
			}
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

func take(change doc.Change) taken {
	var t taken
	var inside []delta.Pointer
	for _, e := range change.Edits {
		if inverse := e.Inverse(); inverse != nil {
			t.edits = append(t.edits, inverse)
			inside = append(inside, e.At())
		}
	}
	t.compare(string(change.Delta.Bytes()), string(change.Inverse.Bytes()), "", inside)
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
