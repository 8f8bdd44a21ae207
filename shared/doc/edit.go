package doc

import (
	"slices"
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/delta"
)

// Edit is a change of a collection, such as a text, a list or a counter, that
// means more than the values it writes: made again on another state of the
// document, it does there what it was meant to do. So a transaction of edits need
// not be run again when others have changed what the edits found; they are.
type Edit interface {
	// Do makes the edit. It may be done again later, on another state.
	Do(tx *Tx) error
	// At is the place of the collection.
	At() delta.Pointer
	// Inverse returns the edit that takes back what Do did last, nil if that was
	// nothing.
	Inverse() Edit
}

// Mover is an Edit that speaks of positions, which the changes of others move.
type Mover interface {
	Edit
	// Move moves the edit over a change below it that it does not know of, and the
	// change over the edit, for the next one.
	Move(below *Below)
	// Stand says that the edit need not be made again, as what made has for the
	// collection is what it, and later edits of its transaction, have done. It takes
	// that out.
	Stand(collection any, made *Below)
	// Unmake adds to a change what it amounts to that the edit, which was the latest,
	// is not made: for the collection that it is about it puts something, if only that
	// nothing has changed.
	Unmake(below *Below)
}

// Kept is an Edit that is kept, as the inverse of another one is, while the document
// changes. It is not made itself: it says what edit it would be by now.
type Kept interface {
	Edit
	// Now returns the edit as it is to be made now. It is moved over what has happened
	// since, and over the edits that others returned for the same Below, which come
	// first: those that take back the later edits of one change, the latest first, then,
	// after [Below.Next], those of another. In a transaction it must be called before anything is written.
	Now(earlier *Below) Edit
	// Restored says that a change may have been made since and taken back: what both did is
	// nothing that has happened.
	Restored()
}

// Dated is an Edit that may come not to stand any more for what the function of its
// transaction does, which has to be run again then.
type Dated interface {
	Edit
	Outdated() bool
	// Outdate says that it does not stand for that any more: it is not among the edits of
	// the change, so nobody moves it.
	Outdate()
}

// Outdate outdates the edits of a transaction, which are left out of its change.
func Outdate(edits []Edit) {
	for _, e := range edits {
		if d, ok := e.(Dated); ok {
			d.Outdate()
		}
	}
}

// Outdated reports whether one of the edits of a transaction is.
func Outdated(edits []Edit) bool {
	return slices.ContainsFunc(edits, func(e Edit) bool {
		d, ok := e.(Dated)
		return ok && d.Outdated()
	})
}

// Below is what a delta of somebody else has done to collections, as the edits
// see it that are on top of it: each collection keeps what it needs under a key
// of its own.
type Below struct {
	of     map[any]any
	change int
}

// Next says that what comes next is about another change than what came before.
func (b *Below) Next() { b.change++ }

// Change returns how often that was said.
func (b *Below) Change() int { return b.change }

// Get returns what was put for a collection, nil for nothing.
func (b *Below) Get(collection any) any {
	if b == nil {
		return nil
	}
	return b.of[collection]
}

// Put sets it.
func (b *Below) Put(collection, change any) {
	if b.of == nil {
		b.of = make(map[any]any)
	}
	b.of[collection] = change
}

// Do makes an edit in the transaction. What it reads counts for the conflict
// test, but when only that has changed, edits are done again instead of the
// function of the transaction. An edit that fails has done nothing.
func (tx *Tx) Do(e Edit) error {
	if p, ok := e.(*plain); ok {
		return tx.do(p.step)
	}
	if err := tx.doWhole(e); err != nil {
		return err
	}
	if tx.doing == 0 {
		tx.edits++
		tx.script = append(tx.script, step{edit: e})
	}
	return nil
}

// step is an edit, or a plain write, which is kept like this to cost nothing in a
// transaction of such writes.
type step struct {
	edit  Edit
	patch *delta.Delta // merged
	at    delta.Pointer
	value node // put at that place; none to delete
}

// do makes a plain write.
func (tx *Tx) do(s step) error {
	if err := s.do(tx); err != nil {
		return err
	}
	if tx.doing == 0 {
		tx.script = append(tx.script, s)
	}
	return nil
}

// doWhole does an edit; if it fails, or panics, nothing of it is left.
func (tx *Tx) doWhole(e Edit) (err error) {
	mark, doing := len(tx.journal), tx.doing
	done := false
	defer func() {
		if tx.doing = doing; !done {
			tx.takeBack(mark)
		}
	}()
	tx.doing++
	err = e.Do(tx)
	done = err == nil
	return err
}

// do makes the plain write that the step is.
func (s *step) do(tx *Tx) error {
	if s.patch != nil {
		o, _ := tx.Object("")
		tx.merge(o, string(s.patch.Bytes()))
		return nil
	}
	return tx.put(s.at, s.value)
}

// replay appends the script as edits.
func (tx *Tx) replay(edits []Edit) []Edit {
	for _, s := range tx.script {
		if s.edit == nil {
			s.edit = &plain{s}
		}
		edits = append(edits, s.edit)
	}
	return edits
}

// plain is the edit that a plain write amounts to in a transaction with others.
type plain struct{ step step }

func (e *plain) Do(tx *Tx) error   { return e.step.do(tx) }
func (e *plain) At() delta.Pointer { return e.step.at }
func (e *plain) Inverse() Edit     { return nil } // the inverse delta has it

// FormatError reports a collection whose JSON is not what it has to be.
type FormatError struct {
	Path delta.Pointer
	Want string
}

func (e *FormatError) Error() string { return "path \"" + string(e.Path) + "\" is not " + e.Want }

// Add adds n to the counter at p, which is any integer of at most 2^53-1, and
// returns what it is then. A counter that is not there is 0. Additions by several
// clients at once all count: it is an [Edit]. The error is a [*FormatError], also
// where the sum would be out of range, or that of [Tx.Set].
func (tx *Tx) Add(p delta.Pointer, n int64) (int64, error) {
	e := &addition{at: p, n: n}
	err := tx.Do(e)
	return e.sum, err
}

// MaxCounter is the largest value of a counter, and -MaxCounter the least: the
// integers that every JSON library keeps exact (RFC 8259, section 6).
const MaxCounter = 1<<53 - 1

type addition struct {
	at     delta.Pointer
	n, sum int64
}

func (e *addition) At() delta.Pointer { return e.at }
func (e *addition) Inverse() Edit     { return &addition{at: e.at, n: -e.n} }

func (e *addition) Do(tx *Tx) error {
	now := int64(0)
	if v := tx.Value(e.at); v.Present() {
		var ok bool
		if now, ok = integer(v.Raw()); !ok {
			return &FormatError{Path: e.at, Want: "a counter: an integer of at most 2^53-1"}
		}
	}
	if e.n > 2*MaxCounter || e.n < -2*MaxCounter || now+e.n > MaxCounter || now+e.n < -MaxCounter {
		return &FormatError{Path: e.at, Want: "a counter with room for the sum: it would pass 2^53-1"}
	}
	e.sum = now + e.n
	return tx.Set(e.at, strconv.AppendInt(nil, e.sum, 10))
}

// integer parses the canonical text of an integer within the range of counters.
func integer(raw string) (n int64, ok bool) {
	digits := raw
	if digits != "" && digits[0] == '-' {
		digits = digits[1:]
	}
	if digits == "" || len(digits) > len("9007199254740991") {
		return 0, false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
		n = 10*n + int64(digits[i]-'0')
	}
	if digits != raw {
		n = -n
	}
	return n, -MaxCounter <= n && n <= MaxCounter
}
