package edits

import (
	"errors"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/undo"
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
// with a tag: mutate is given its function, and runs it now, and again if need be. It
// returns false where there is nothing.
func (s *Session) Step(tag uint64, redo bool, mutate undo.Update) (bool, error) {
	step := s.stack.Undo
	if redo {
		step = s.stack.Redo
	}
	change, err := step(mutate)
	switch {
	case errors.Is(err, undo.ErrNothing):
		return false, nil
	case err == nil && !change.Empty():
		s.tickets[tag] = s.stack.Latest()
	}
	return true, err
}
