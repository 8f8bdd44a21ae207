package replica

import (
	"bytes"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// send submits what was not sent on this connection, in order.
func (d *Document) send() {
	if d.state != live {
		return
	}
	follows := d.last
	for _, m := range d.pending {
		if !m.sent {
			if m.unanswered >= maxUnanswered {
				return // the answers may be that it was too late once more
			}
			m.sent, m.tried = true, true
			m.unanswered++
			d.engine.out.add(&wire.Push{
				Doc: d.number, ID: m.id, Follows: follows, Base: m.base,
				Reads: m.change.Reads, Delta: m.change.Delta.Bytes(),
			})
		}
		follows = m.id
	}
}

// submit sends what is pending from where the replica is. What was stale and has
// become due is run again first.
func (d *Document) submit() {
	due := -1
	for i, m := range d.pending {
		if !m.sent && !m.stale {
			m.base = d.at.Revision
		}
		if due < 0 && d.due(m) {
			due = i
		}
	}
	if due >= 0 {
		d.below(due, func() {})
	}
	d.send()
}

// apply puts a mutation's delta on top of the view.
func (d *Document) apply(m *mutation) {
	m.change.Effect = d.view.Apply(m.change.Delta)
	d.observer.Patched(m.change.Delta)
}

// rollback takes the mutations from index from on off the view, last first.
func (d *Document) rollback(from int) {
	for _, m := range slices.Backward(d.pending[from:]) {
		d.takeOff(m)
	}
}

// takeOff takes the topmost mutation off the view.
func (d *Document) takeOff(m *mutation) {
	d.view.Apply(m.change.Inverse)
	d.observer.Patched(m.change.Inverse)
}

// foreign applies a delta of somebody else below the pending mutations.
func (d *Document) foreign(patch delta.Delta) {
	change := func() {
		effect := d.view.Apply(patch)
		d.observer.Patched(patch)
		written(effect.Writes, d.pending)
	}
	if d.commutes(patch) {
		change()
	} else {
		d.below(0, change)
	}
}

// written marks the mutations that have read what was written.
func written(writes []delta.Write, pending []*mutation) {
	for _, m := range pending {
		m.stale = m.stale || delta.Conflicts(m.change.Reads, writes)
		m.missed = m.missed || delta.Conflicts(m.change.Seen, writes)
	}
}

// replaced marks the mutations that depend on what an earlier one has written and
// does not write any more, or does now. Edits have their places next to what earlier
// ones wrote, and so do all of them.
func replaced(was, now doc.Change, later []*mutation) {
	if bytes.Equal(was.Delta.Bytes(), now.Delta.Bytes()) {
		return
	}
	written(was.Writes, later)
	written(now.Writes, later)
	for _, m := range later {
		m.stale = m.stale || m.edits()
	}
}

// commutes reports whether a delta can be applied on top of the pending
// mutations instead of below them. Edits have to know what comes below them.
func (d *Document) commutes(patch delta.Delta) bool {
	for _, m := range d.pending {
		if m.change.Edits != nil || delta.Overlap(patch, m.change.Writes) {
			return false
		}
	}
	return true
}

// own takes a mutation of this client out of the log.
func (d *Document) own(id record.MutationID, patch delta.Delta, rev record.Revision) {
	d.last = id
	d.engine.counter = max(d.engine.counter, id.Number)
	if len(d.pending) == 0 || !d.pending[0].attempted(id) {
		// Not pending: it was given up here, but had been sent.
		d.foreign(patch)
		return
	}
	first := d.pending[0]
	d.pending = d.pending[1:]
	if first.id == id {
		d.settle(first, first.stored(rev))
		return
	}
	// An earlier attempt came through. It is this mutation, with another delta
	// than the one in the view.
	d.below(0, func() {
		d.takeOff(first)
		now := doc.Change{Delta: patch, Effect: d.view.Apply(patch)}
		d.observer.Patched(patch)
		replaced(first.change, now, d.pending)
		d.settle(first, Outcome{Revision: rev})
		for _, m := range d.pending {
			m.dead = true // what was sent of it follows an attempt that is not in the log
		}
	})
}

// conflict takes the refusal of an attempt. The mutation is run again, and later
// ones that depend on it.
func (d *Document) conflict(f *wire.Conflict) {
	i := slices.IndexFunc(d.pending, func(m *mutation) bool { return m.attempted(f.ID) })
	if i < 0 || d.state != live {
		return
	}
	m := d.pending[i]
	m.unanswered = max(0, m.unanswered-1)
	if m.id == f.ID {
		m.stale, m.dead = m.claim == nil, true
		d.below(i, func() {})
	}
	d.submit()
}

// reject drops a mutation for good; those after it were computed on it.
func (d *Document) reject(f *wire.Reject) {
	i := slices.IndexFunc(d.pending, func(m *mutation) bool { return m.id == f.ID })
	if i < 0 || d.state != live {
		return
	}
	if f.Code.Retry() != wire.RetryNever {
		for _, m := range d.pending[i:] {
			m.dead = true // to send the same again would lead to the same answer
		}
		d.resync()
		return
	}
	dropped := d.pending[i]
	d.pending = slices.Delete(slices.Clone(d.pending), i, i+1)
	later := d.pending[i:]
	d.below(i, func() {
		d.takeOff(dropped)
		replaced(dropped.change, doc.Change{}, later)
		for _, m := range later {
			m.dead = true
		}
		d.settle(dropped, Outcome{Err: &RejectedError{Code: f.Code, Detail: f.Detail}})
	})
	d.submit()
}

func (d *Document) settle(m *mutation, outcome Outcome) { d.observer.Settled(m.tag, outcome) }
