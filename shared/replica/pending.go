package replica

import (
	"slices"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// mutation is one pending transaction of this client.
type mutation struct {
	tag    uint64
	id     record.MutationID
	base   record.Revision // the confirmed revision that change was computed on
	change doc.Change      // change.Effect is relative to the view as it is
	again  Author
	sent   bool // on the present connection
	tried  bool // sent, on whatever connection
	stale  bool // something that it read has been written since its base, or may have been
	// overtaken: it has been, and the log does not hold the mutation before that. So
	// what was sent of it will be refused, even if that is undecided.
	overtaken bool
	// missed is that of what its function saw itself: doing its edits again will not
	// do.
	missed bool
	// undecided is set while the delta was sent, on this connection or an earlier
	// one, and neither record nor refusal has said what became of it.
	undecided bool
	// attempts are the ids under which deltas of this mutation were sent before.
	// One of them may be in the log, or get there, while we know nothing of it.
	attempts []record.MutationID
}

// maxAttempts bounds the attempts that are remembered. Should an older one come
// through, the mutation is settled as unknown_mutation, not sent again.
const maxAttempts = 16

// edits reports whether the mutation may be run again by doing its edits again.
func (m *mutation) edits() bool { return m.change.Edits != nil && !m.missed }

// redo is the author who does the edits of a mutation again.
func (m *mutation) redo(view *doc.Doc) (doc.Change, error) {
	change, err := view.Update(func(tx *doc.Tx) error {
		for _, e := range m.change.Edits {
			if err := tx.Do(e); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && !change.Empty() {
		// What the function saw is as it was, and the edits still depend on it.
		change.Seen = m.change.Seen
		change.Reads = append(slices.Clone(change.Reads), m.change.Seen...)
	}
	return change, err
}

func (m *mutation) attempted(id record.MutationID) bool {
	return m.id == id || slices.Contains(m.attempts, id)
}

func (d *Document) newID(number uint64) record.MutationID {
	return record.MutationID{Number: number, Nonce: d.engine.cfg.Random()}
}

// run makes a mutation, without an id. It is nil when nothing changed. With
// ErrDeltaTooLarge it only says what was taken back.
func (d *Document) run(tag uint64, first, again Author) (*mutation, error) {
	change, err := first(d.view)
	if err != nil {
		return nil, err
	}
	if change.Empty() {
		return nil, nil
	}
	if change.Delta.Len() > d.engine.limits.delta {
		d.view.Apply(change.Inverse)
		return &mutation{change: change}, ErrDeltaTooLarge
	}
	change.Reads = boundReads(change.Reads)
	return &mutation{tag: tag, base: d.at.Revision, change: change, again: again}, nil
}

// maxReadBytes bounds the pointers that travel with one mutation.
const maxReadBytes = 64 << 10

// boundReads replaces a set of reads that is too large to be sent by the one
// read that stands for all.
func boundReads(reads []delta.Read) []delta.Read {
	size := 0
	for _, r := range reads {
		size += len(r.Path)
	}
	if len(reads) > wire.MaxReads || size > maxReadBytes {
		return []delta.Read{delta.WholeDocument}
	}
	return reads
}

// send submits what was not sent on this connection.
func (d *Document) send() {
	if d.state != live {
		return
	}
	follows := d.last
	for _, m := range d.pending {
		if !m.sent {
			m.sent, m.tried, m.undecided = true, true, true
			d.engine.out.add(&wire.Push{
				Doc: d.number, ID: m.id, Follows: follows, Base: m.base,
				Reads: m.change.Reads, Delta: m.change.Delta.Bytes(),
			})
		}
		follows = m.id
	}
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
		for _, m := range d.pending {
			m.overtaken = m.overtaken || delta.Conflicts(m.change.Reads, effect.Writes)
			m.stale = m.stale || m.overtaken
			m.missed = m.missed || delta.Conflicts(m.change.Seen, effect.Writes)
		}
	}
	if d.commutes(patch) {
		change()
	} else {
		d.below(0, change)
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

// below makes a change below the pending mutations from index from on: they are
// taken off, change is called, and they are put on again, their edits moved.
func (d *Document) below(from int, change func()) {
	d.view.Rebase(func(r *doc.Rebase) {
		r.Own(func() { d.rollback(from) })
		r.Others(change)
		for _, m := range d.pending[from:] {
			r.Move(m.change.Edits)
		}
		r.Own(func() {
			stands := true // what is put on again is what its edits say
			for i, m := range d.pending[from:] {
				if stands && m.early() {
					d.rerunFrom(r, from+i)
					return
				}
				stands = stands && (!m.stale || m.change.Edits == nil)
				d.apply(m)
				d.blurred = d.blurred || !stands
			}
		})
	})
}

// sharpen runs stale edits again, so that what the user does next has a place in a
// view that says what they mean.
func (d *Document) sharpen() {
	if !d.blurred {
		return
	}
	for i, m := range d.pending {
		if m.stale && m.change.Edits != nil {
			if !m.futile() {
				return
			}
			d.blurred = false
			d.view.Batch(func() { d.runAgain(i) })
			d.send()
			return
		}
	}
	d.blurred = false
}

// early reports whether stale edits are to be done again before the server refuses
// them.
func (m *mutation) early() bool {
	return m.stale && m.futile() && m.edits() && len(m.attempts) < maxEarly
}

// futile reports whether what was sent of a mutation cannot be in the log.
func (m *mutation) futile() bool { return m.overtaken || !m.undecided }

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
	if first.id == id {
		d.settle(d.pending[:1], Outcome{Revision: rev})
		d.pending = d.pending[1:]
		return
	}
	// An earlier attempt came through. It is this mutation, with another delta
	// than the one in the view; what follows was computed on the wrong one.
	d.pending = d.pending[1:]
	now := doc.Change{Delta: patch}
	d.below(0, func() {
		d.takeOff(first)
		now.Effect = d.view.Apply(patch)
		d.observer.Patched(patch)
	})
	d.changed(first.change, now, d.pending)
	d.settle([]*mutation{first}, Outcome{Revision: rev})
	for _, m := range d.pending {
		// What was sent of it follows an attempt that is not in the log, so it never
		// gets there either.
		m.stale, m.undecided = true, false
	}
}

// conflict runs a mutation that the server refused again, and those after it,
// which it refused too: they follow one that is not in the log.
func (d *Document) conflict(f *wire.Conflict) {
	i := slices.IndexFunc(d.pending, func(m *mutation) bool { return m.id == f.ID })
	if i < 0 || d.state != live {
		return // an earlier attempt, which was run again already
	}
	d.runAgain(i)
	d.send()
}

// reject drops a mutation for good; those after it were computed on it.
func (d *Document) reject(f *wire.Reject) {
	i := slices.IndexFunc(d.pending, func(m *mutation) bool { return m.id == f.ID })
	if i < 0 || d.state != live {
		return
	}
	if f.Code.Retry() != wire.RetryNever {
		for _, m := range d.pending[i:] {
			m.undecided = false // to send the same again would lead to the same answer
		}
		d.resync()
		return
	}
	dropped := d.pending[i]
	rest := slices.Clone(d.pending[i+1:])
	d.view.Rebase(func(r *doc.Rebase) {
		r.Own(func() { d.rollback(i + 1) })
		r.Others(func() { d.takeOff(dropped) })
		d.changed(dropped.change, doc.Change{}, rest)
		d.pending = slices.Clip(d.pending[:i])
		for _, m := range rest {
			r.Move(m.change.Edits)
		}
		d.settle([]*mutation{dropped}, Outcome{Err: &RejectedError{Code: f.Code, Detail: f.Detail}})
		r.Own(func() { d.rerun(r, rest) })
	})
	d.send()
}

// runAgain rolls back from index from on and runs those mutations anew.
func (d *Document) runAgain(from int) {
	d.view.Rebase(func(r *doc.Rebase) {
		r.Own(func() {
			d.rollback(from)
			d.rerunFrom(r, from)
		})
	})
}

// rerunFrom runs the mutations from index from on, which are not applied, anew.
func (d *Document) rerunFrom(r *doc.Rebase, from int) {
	rest := slices.Clone(d.pending[from:])
	d.pending = slices.Clip(d.pending[:from])
	d.rerun(r, rest)
}

func (d *Document) settle(over []*mutation, outcome Outcome) {
	for _, m := range over {
		d.observer.Settled(m.tag, outcome)
	}
}
