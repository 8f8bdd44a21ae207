package edits

import (
	"errors"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/undo"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Did notes a transaction of the page's own that is pending, under its tag, for undo.
// joined makes it one entry with the one before.
func (s *Session) Did(tag uint64, change doc.Change, joined bool) {
	if joined {
		s.stack.Group()
	}
	s.tickets[tag] = s.stack.Did(change)
	s.stack.Ungroup()
}

// Settled tells how a transaction that was pending has ended: one that was not taken
// cannot be undone.
func (s *Session) Settled(tag uint64, taken bool) {
	if ticket, ok := s.tickets[tag]; ok {
		delete(s.tickets, tag)
		if !taken {
			s.stack.Forget(ticket)
		}
	}
}

// Redone tells that a transaction that is pending has become another change, because it
// was run again on what others did: that is what undo takes back then.
func (s *Session) Redone(tag uint64, change doc.Change) {
	if ticket, ok := s.tickets[tag]; ok {
		s.stack.Redid(ticket, change)
	}
}

// History reports what can be undone and done again.
func (s *Session) History() (undo, redo bool) { return s.stack.CanUndo(), s.stack.CanRedo() }

// Step takes back what the page did last (or with redo does it again) by a transaction
// with a tag: mutate is given its function, and runs it now, with Try, and again if need
// be. It returns false where there is nothing.
//
// A group that is too large for one edit is taken back transaction by transaction, each
// by a step of its own. Where one of them is too large by itself, the error is
// [ErrTooLarge]: it stands, and the next step is about what was done before it.
func (s *Session) Step(tag uint64, redo bool, mutate undo.Update) (bool, error) {
	step := s.stack.Undo
	if redo {
		step = s.stack.Redo
	}
	change, err := step(mutate)
	for errors.Is(err, replica.ErrDeltaTooLarge) && s.stack.Divide(redo) {
		change, err = step(mutate)
	}
	switch {
	case errors.Is(err, undo.ErrNothing):
		return false, nil
	case errors.Is(err, replica.ErrDeltaTooLarge):
		s.stack.Skip(redo)
		return false, ErrTooLarge
	case err == nil && !change.Empty():
		s.tickets[tag] = s.stack.Latest()
	}
	return true, err
}

// Try runs the function of a step. It fails with [replica.ErrDeltaTooLarge], and leaves
// nothing, if it could not be taken back in turn.
func (s *Session) Try(fn func(*doc.Tx) error) (doc.Change, error) {
	change, err := s.view.Update(fn)
	if err == nil && change.Inverse.Len() > wire.MaxDelta {
		s.view.Apply(change.Inverse)
		return doc.Change{}, replica.ErrDeltaTooLarge
	}
	return change, err
}
