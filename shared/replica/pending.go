package replica

import (
	"bytes"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// send submits what was not sent on this connection, in order. What was computed on
// something of a named mutation that the server does not know would be refused, unless
// it is a named one itself: it waits until the log has that mutation.
func (d *Document) send() {
	if d.state != live {
		return
	}
	follows, moved := d.last, false
	for _, m := range d.pending {
		if !m.sent {
			if m.unanswered >= maxUnanswered || moved && !m.named() {
				return // the answers may be that it was too late once more
			}
			if m.dead {
				d.renew(m)
			}
			m.sent, m.tried, m.follows = true, true, follows
			m.unanswered++
			d.engine.out.add(d.frame(m, follows))
		}
		if follows = m.id; m.moved {
			follows.Nonce, moved = 0, true
		}
	}
}

// submit sends what is pending from where the replica is. What was stale and has
// become due is run again first.
func (d *Document) submit() {
	d.unchain()
	for _, m := range d.pending {
		if !m.sent && !m.stale {
			m.base = d.at.Revision
		}
	}
	d.rerun()
	d.send()
}

// unchain finds what was sent on an earlier connection and follows something else by
// now: whatever took the number before it, it was not computed on that. An id is sent
// with one mutation before it, always, so that who follows the id follows all of them.
func (d *Document) unchain() {
	follows, broken := d.last, false
	for _, m := range d.pending {
		broken = broken || !m.sent && m.tried && m.follows != follows
		m.dead = m.dead || broken
		follows = m.id
	}
}

// rerun runs again what has become due. A function that takes back what is below it has
// to be told where that is.
func (d *Document) rerun() {
	i := slices.IndexFunc(d.pending, d.due)
	if i < 0 {
		return
	}
	if d.lastRetaking(d.pending) >= 0 {
		i = 0
	}
	d.below(i, doc.Own, func() {})
}

// apply puts a mutation's delta on top of the view. What that takes the place of may be
// something else than it was.
func (d *Document) apply(m *mutation) {
	change := m.change
	change.Effect = d.view.Apply(change.Delta)
	m.becomes(change)
	d.observer.Patched(m.change.Delta)
}

// takeOff takes the topmost mutation off the view.
func (d *Document) takeOff(m *mutation) {
	d.view.Apply(m.change.Inverse)
	d.observer.Patched(m.change.Inverse)
}

// foreign applies a delta of another client, or one of this client that is not
// pending, below the pending mutations.
func (d *Document) foreign(client record.ClientID, patch delta.Delta) {
	by := doc.Author(client[:])
	change := func() { d.change(by, patch, d.pending) }
	if d.commutes(patch) {
		change()
	} else {
		d.below(0, by, change)
	}
}

// change applies a delta of an author's, and marks the mutations that have read what it
// has written.
func (d *Document) change(by doc.Author, patch delta.Delta, pending []*mutation) {
	effect := d.view.ApplyBy(by, patch)
	d.observer.Patched(patch)
	written(effect.Writes, pending)
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
		d.foreign(d.engine.client, patch)
		return
	}
	first := d.pending[0]
	d.pending = d.pending[1:]
	if first.id == id && !first.moved {
		d.settle(first, first.stored(id, rev))
		return
	}
	// An earlier attempt came through, or the server has run it. It is this mutation,
	// with another delta than the one in the view.
	d.supersede(first, id, patch, rev)
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
		d.below(i, doc.Own, func() {})
	}
	d.submit()
}

// reject drops a mutation for good; those after it were computed on it. If an attempt
// may yet get into the log it is over only when that cannot happen any more.
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
	dropped, from := d.pending[i], i+1
	dropped.unanswered = max(0, dropped.unanswered-1)
	outcome := Outcome{Err: &RejectedError{Code: f.Code, Detail: f.Detail}}
	// With these codes the server says that no attempt gets into the log any more.
	final := f.Code == wire.CodeDeleted || f.Code == wire.CodeExpired
	claim := dropped.limbo && dropped.claims < maxClaims && !final
	if claim && dropped.claim != nil {
		outcome = *dropped.claim
	}
	if !claim {
		d.pending, from = slices.Delete(slices.Clone(d.pending), i, i+1), i
	}
	later := d.pending[from:]
	d.below(from, doc.Own, func() {
		d.takeOff(dropped)
		replaced(dropped.change, doc.Change{}, later)
		for _, m := range later {
			m.dead = true
		}
		if claim {
			d.claim(dropped, outcome)
		} else {
			d.settle(dropped, outcome)
		}
	})
	if d.onRedone != nil && i > 0 {
		for _, m := range d.pending[:i] {
			m.redone = true // what was rejected may have taken it back
		}
		d.below(0, doc.Own, func() {})
	}
	d.submit()
}

func (d *Document) settle(m *mutation, outcome Outcome) {
	if outcome.Err == nil {
		d.engine.taken++
		d.tellOver(m)
	}
	d.observer.Settled(m.tag, outcome)
}
