package replica

import (
	"bytes"
	"errors"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// maxEarly bounds how often a mutation is run again before the server has said
// that the last attempt was too late.
const maxEarly = 4

// runEditsAgain sends what was done again while a record was read.
func (d *Document) runEditsAgain() {
	for _, m := range d.pending {
		if !m.sent && !m.stale {
			m.base = d.at.Revision
		}
	}
	d.send()
}

// rerun runs mutations, which are not applied, on the present view.
func (d *Document) rerun(r *doc.Rebase, rest []*mutation) {
	for i, m := range rest {
		if m.edits() {
			d.changed(m.change, d.rerunBy(m, m.redo), rest[i+1:])
			continue
		}
		// What comes of it may be something else: later edits are moved over the
		// difference.
		r.Vague()
		was := m.change
		var now doc.Change
		var back delta.Delta
		r.Own(func() {
			now = d.rerunBy(m, m.again)
			d.changed(was, now, rest[i+1:])
			d.view.Apply(now.Inverse)
			back = d.put(m)
		})
		r.Anew(func() {
			d.view.Apply(back)
			d.view.Apply(now.Delta)
		})
		for _, later := range rest[i+1:] {
			r.Move(later.change.Edits)
		}
	}
}

// changed notes that a mutation does something else than it did: the functions of
// later ones may have seen that.
func (d *Document) changed(was, now doc.Change, later []*mutation) {
	if bytes.Equal(was.Delta.Bytes(), now.Delta.Bytes()) {
		return
	}
	for _, m := range later {
		m.missed = m.missed || delta.Conflicts(m.change.Seen, was.Writes) || delta.Conflicts(m.change.Seen, now.Writes)
	}
}

// put makes a mutation as the edits of later ones know it and returns what takes it
// back.
func (d *Document) put(m *mutation) delta.Delta {
	if m.change.Edits == nil {
		return d.view.Apply(m.change.Delta).Inverse
	}
	change, err := m.redo(d.view)
	if err != nil {
		return delta.Delta{} // it has done nothing
	}
	return change.Inverse
}

// rerunBy runs a mutation, which is not applied, anew by an author, if there is one.
// It returns what has come of it.
func (d *Document) rerunBy(m *mutation, author Author) (change doc.Change) {
	if author == nil {
		d.settle([]*mutation{m}, Outcome{Err: &RejectedError{
			Code: wire.CodeConflict, Detail: "what the edit was based on has changed, and it cannot be run again",
		}})
		return change
	}
	next, err := d.run(m.tag, author, m.again)
	switch {
	case err == nil && next != nil && m.edits():
		d.observer.Patched(next.change.Delta) // nobody else has done it
	case errors.Is(err, ErrDeltaTooLarge) && !m.edits():
		d.observer.Patched(next.change.Inverse) // whoever ran it has changed its mirror
	}
	switch {
	case err != nil:
		d.settle([]*mutation{m}, Outcome{Err: err})
	case next == nil:
		d.settle([]*mutation{m}, Outcome{Revision: d.at.Revision})
	default:
		if next.attempts = m.attempts; m.tried {
			next.attempts = append(m.attempts[max(0, len(m.attempts)-maxAttempts+1):], m.id)
		}
		next.id = d.newID(m.id.Number)
		d.pending = append(d.pending, next)
		change = next.change
	}
	return change
}
