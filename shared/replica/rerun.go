package replica

import (
	"errors"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// below makes a change of an author's below the pending mutations from index from on:
// they are taken off, change is called, and they are put on again, their edits moved.
func (d *Document) below(from int, by doc.Author, change func()) {
	d.rebase(from, func(r *doc.Rebase) { r.Below(by, change) })
}

// rebase is below for several changes, which it has made by below. Functions that came
// to wait while the mutations were put on are run in a rebase of their own.
func (d *Document) rebase(from int, below func(*doc.Rebase)) {
	d.view.Rebase(func(r *doc.Rebase) {
		rollback(r, d.pending[from:], d.takeOff)
		below(r)
		d.putBack(r, from)
	})
	if d.endWait() {
		d.rebase(0, func(*doc.Rebase) {})
	}
}

// rollback has mutations taken off the view, the last first, to be put back.
func rollback(r *doc.Rebase, list []*mutation, takeOff func(*mutation)) {
	for _, m := range slices.Backward(list) {
		m.off = r.TakeOff(func() { takeOff(m) })
	}
}

// putBack puts the mutations from index from on, which are not applied, on the view.
// One that has read nothing of what has changed is what it was. Edits of which that
// is not so are done again, whatever the server knows of them: what the user does
// next has its place in what is shown, so that has to be what the edits mean. A
// function is run again when it is certain that what was sent of it is void.
func (d *Document) putBack(r *doc.Rebase, from int) {
	rest := slices.Clone(d.pending[from:])
	d.pending = slices.Clip(d.pending[:from])
	retaking := d.lastRetaking(rest)
	renewed := false // so what later ones follow is not what they followed
	untold := d.onRedone != nil && slices.ContainsFunc(d.pending, (*mutation).edits)
	for i, m := range rest {
		m.dead = m.dead || renewed
		m.missed = m.missed || doc.Outdated(m.change.Edits)
		m.waits = m.missed && untold && d.state == live
		n, id := len(d.pending), m.id
		switch later := rest[i+1:]; {
		case !d.due(m):
			if d.asItWas(r, m); m.dead {
				d.renew(m)
			}
			d.pending = append(d.pending, m)
		case m.edits() && !d.functionDue(m):
			d.doAgain(r, m, later)
		default:
			d.runFunctionAgain(r, m, later)
		}
		there := len(d.pending) > n
		renewed = renewed || !there || m.id != id
		if there && (m.redone || i < retaking) {
			d.tellOf(m)
		} else {
			untold = untold || there && d.onRedone != nil && m.edits()
		}
	}
}

// asItWas puts a mutation, which is not applied, on the view as it was.
func (d *Document) asItWas(r *doc.Rebase, m *mutation) {
	r.Stands(m.change.Edits, m.off, func() { d.apply(m) })
}

// due reports whether a mutation is to be run again.
func (d *Document) due(m *mutation) bool {
	switch {
	case m.claim != nil:
		return false
	case m.call != nil:
		return m.stale && !d.reading
	case m.edits():
		return m.stale || d.functionDue(m)
	}
	return m.stale && d.state == live && !m.undecided()
}

// functionDue reports whether not the edits of a mutation are to be made again but its
// function run.
func (d *Document) functionDue(m *mutation) bool {
	return m.missed && !m.waits && d.state == live
}

// leaveOff says that a mutation, which is not applied, will not be put back.
func leaveOff(r *doc.Rebase, m *mutation) {
	r.Move(m.change.Edits)
	r.Again(m.change.Edits, m.off, func() {})
	r.Unmake(m.change.Edits)
}

// doAgain does the edits of a mutation again.
func (d *Document) doAgain(r *doc.Rebase, m *mutation, later []*mutation) {
	r.Move(m.change.Edits)
	was, done := m.change, false
	r.Again(was.Edits, m.off, func() {
		var now doc.Change
		now, done = d.runAgain(m, m.redo)
		replaced(was, now, later)
	})
	if !done {
		r.Unmake(was.Edits)
	}
}

// runFunctionAgain runs the function of a mutation again. What comes of it may be
// something else than it was: later ones are moved over the difference.
func (d *Document) runFunctionAgain(r *doc.Rebase, m *mutation, later []*mutation) {
	r.Move(m.change.Edits)
	was := m.change
	var now doc.Change
	r.Own(func() {
		now, _ = d.runAgain(m, m.again)
		replaced(was, now, later)
		d.view.Apply(now.Inverse)
	})
	r.Instead(was.Edits, m.off, func() { d.view.Apply(now.Delta) })
}

// runAgain runs a mutation, which is not applied, anew by an author, if there is
// one; if nothing comes of it, it is over. It returns what has come of it, and whether
// it could be run.
func (d *Document) runAgain(m *mutation, author Author) (change doc.Change, done bool) {
	if m.call != nil {
		return d.callAgain(m)
	}
	if author == nil {
		d.over(m, Outcome{Err: &RejectedError{
			Code: wire.CodeConflict, Detail: "what the edit was based on has changed, and it cannot be run again",
		}})
		return doc.Change{}, false
	}
	byEdits := m.edits() && !d.functionDue(m)
	change, err := d.run(author)
	done = err == nil
	switch {
	case err == nil && byEdits:
		d.observer.Patched(change.Delta) // nobody else has done it
	case errors.Is(err, ErrDeltaTooLarge) && !byEdits:
		d.observer.Patched(change.Inverse) // whoever ran it has changed its mirror
	}
	m.missed = m.missed || byEdits && errors.Is(err, errDisturbed)
	switch nothing := err != nil || change.Empty(); {
	case nothing && byEdits && m.missed:
		// The function has the last word, once the replica is at the head. Edits that
		// are not made move nothing.
		edits := m.change.Edits
		if err != nil {
			doc.Outdate(edits)
			edits = []doc.Edit{}
		}
		change = doc.Change{Edits: edits, Seen: m.change.Seen, Reads: m.change.Seen}
	case err != nil:
		d.over(m, Outcome{Err: err})
		return doc.Change{}, false
	case nothing:
		d.over(m, Outcome{Revision: d.at.Revision})
		return doc.Change{}, true
	}
	if m.dead || m.sent || !m.says(change) {
		d.renew(m)
	}
	m.becomes(change)
	m.redone = m.redone || !byEdits // it made other edits
	m.base, m.stale, m.missed = d.at.Revision, false, m.missed && byEdits
	d.pending = append(d.pending, m)
	return change, done
}

// over ends a mutation of which nothing is left; who takes it back, later on, is told
// before it is done again. It stays pending, as a claim, while
// an attempt at it may yet get into the log.
func (d *Document) over(m *mutation, outcome Outcome) {
	if m.limbo {
		d.claim(m, outcome)
		d.pending = append(d.pending, m)
		return
	}
	m.becomes(doc.Change{})
	d.tellOver(m)
	d.settle(m, outcome)
}

// claim makes an empty change of a mutation, to take its number: that is how it ends,
// unless the log gets an earlier attempt.
func (d *Document) claim(m *mutation, outcome Outcome) {
	m.becomes(doc.Change{})
	d.tellOver(m)
	d.renew(m)
	m.base, m.claim = d.at.Revision, &outcome
	m.stale, m.missed = false, false
}
