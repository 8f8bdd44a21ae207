package order

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errBehind reports a history that lacks what was already read of the partition.
var errBehind = errors.New("its history is behind")

// nextDue returns how long it is until a suspended document can go on.
func (w *worker[I, P]) nextDue() (d time.Duration, any bool) {
	if len(w.resuming) >= maxResuming {
		return 0, false // the others wait for theirs
	}
	now := w.o.cfg.Now()
	for l := range w.due {
		if !w.ready(l) {
			continue // the writer pokes
		}
		until := max(0, l.why.Until.Sub(now))
		if l.why.Cause != Failed {
			until = 0
		}
		if !any || until < d {
			d, any = until, true
		}
	}
	return d, any
}

// ready reports whether a line could go on if it was time: a state that has to be asked
// for is that of what was delivered.
func (w *worker[I, P]) ready(l *line[I, P]) bool {
	if l.earlier != nil && l.earlier.inflight.Load() == 0 {
		l.earlier = nil
	}
	return l.earlier == nil && (l.state != nil || l.inflight.Load() == 0)
}

// resumeDue begins to read the histories of documents that can go on.
func (w *worker[I, P]) resumeDue() {
	if len(w.due) == 0 || len(w.resuming) >= maxResuming {
		return
	}
	now := w.o.cfg.Now()
	for l := range w.due {
		if !w.ready(l) || l.why.Cause == Failed && l.why.Until.After(now) {
			continue
		}
		delete(w.due, l)
		inflight := l.inflight.Load() > 0
		if !inflight || l.page == nil || l.page.entry != l.entry {
			l.page = &pending{partition: l.partition, entry: l.entry}
		}
		l.page.left.Add(1)
		// What is in flight is judged done and is not: the entry stays before it.
		l.resume = &resume{after: w.o.ledger.from(l.entry) - 1, begun: inflight}
		w.resuming = append(w.resuming, l)
		if len(w.resuming) >= maxResuming {
			return
		}
	}
}

// room takes room for a page of a history.
func (w *worker[I, P]) room() bool {
	w.full = w.o.flight.take(true)
	return w.full == nil
}

// history reads a page of one document's history, for which there is room, and takes turns.
func (w *worker[I, P]) history(ctx context.Context) {
	reserved := w.o.flight.page
	defer func() { w.count(reserved) }()
	l := w.resuming[0]
	w.resuming = w.resuming[1:]
	if l.stopped.Load() {
		w.restart(l)
		return
	}
	r := l.resume
	if r == nil {
		return // it was suspended for another reason
	}
	size := Limit{historySize, reserved}
	if w.o.cfg.Lanes > 1 { // or it could not be passed on
		size = Limit{min(size.Events, w.o.cfg.share()), min(size.Bytes, w.o.flight.share)}
	}
	var page Page[I, P]
	w.o.count.ranges.Add(1)
	err := w.o.guard(func() (err error) {
		page, err = w.o.store.History(ctx, l.document, r.after, size)
		return err
	})
	if err != nil {
		w.failed(ctx, l, w.o.ledger.from(l.entry), fmt.Errorf("its history: %w", err))
		return
	}
	bytes := sizeOf(page.Events)
	w.o.flight.add(bytes-reserved, 0)
	reserved = bytes
	l.page.left.Add(int64(len(page.Events)))
	known := true
	err = w.o.guard(func() error {
		for i := range page.Events {
			e := &page.Events[i]
			if known = l.state != nil || w.look(ctx, l, e); !known {
				return nil
			}
			w.again(l, e)
		}
		return nil
	})
	if err != nil {
		w.broken(ctx, l, err)
	}
	if err != nil || !known {
		return // it is suspended again, or all is being stopped
	}
	r.after = max(r.after, page.To)
	if page.More {
		w.resuming = append(w.resuming, l)
		return
	}
	w.read(ctx, l)
}

// again handles an event of a history.
func (w *worker[I, P]) again(l *line[I, P], e *Event[I, P]) {
	r := l.resume
	let, done := w.out.let, len(w.out.done)
	w.add(l, e, l.page)
	if w.out.let > let {
		r.progress = true
	}
	if !r.begun && len(w.out.done) > done {
		w.o.ledger.advance(l.entry, e.Position+1)
	} else {
		r.begun = true
	}
	if w.bytes > w.budget {
		r.dropped = true
		w.drop(l, true)
	}
}

// read is told that a history was read to its end.
func (w *worker[I, P]) read(ctx context.Context, l *line[I, P]) {
	r := l.resume
	switch {
	case r.after < l.covered:
		w.failed(ctx, l, w.o.ledger.from(l.entry), errBehind)
	case r.dropped && r.progress, r.missed:
		*r = resume{after: w.o.ledger.from(l.entry) - 1, begun: true}
		w.resuming = append(w.resuming, l)
	case r.dropped || l.held > 0:
		// If what was dropped last is all that waits, there is no room for even that.
		l.why = Suspended{Document: l.document, Cause: Gap}
		if l.held > 0 {
			l.why.Missing = fmt.Sprint(l.missing())
		}
		w.drop(l, true)
		w.leaves(l, &l.why)
	default:
		l.suspended, l.covered = false, 0
		w.leaves(l, nil)
	}
}

// leaves is told that all of a history was let through, or waits for what is missing.
func (w *worker[I, P]) leaves(l *line[I, P], gap *Suspended) {
	l.resume = nil
	if w.o.ledger.leave(l.entry, l.page, gap, &l.stopped) {
		w.o.ledger.settle(l.page, 1)
	} else {
		w.restart(l)
	}
}

// stopped handles the lines that the writer has stopped.
func (w *worker[I, P]) stopped() {
	w.mu.Lock()
	mail := w.mail
	w.mail = nil
	w.mu.Unlock()
	for _, l := range mail {
		if l.stopped.Load() {
			w.restart(l)
		}
	}
}

// restart begins a line anew whose delivery has failed: the document is suspended, or
// will be read again with its partition.
func (w *worker[I, P]) restart(l *line[I, P]) {
	if w.lines[l.document] != l {
		return // it was
	}
	entry, why := w.o.ledger.find(l.partition, l.document)
	if entry != nil && l.held > 0 {
		w.o.ledger.cover(entry, l.lowest)
	}
	w.drop(l, entry != nil)
	delete(w.due, l)
	delete(w.lines, l.document)
	if entry == nil {
		return
	}
	fresh := &line[I, P]{document: l.document, partition: l.partition, suspended: true, entry: entry, why: why, covered: l.covered}
	fresh.queue.attempts, fresh.earlier = why.Attempts, l
	w.lines[l.document] = fresh
	w.due[fresh] = struct{}{}
}

// stop is the writer's, of a line that the ledger has stopped.
func (w *worker[I, P]) stop(l *line[I, P]) {
	w.mu.Lock()
	w.mail = append(w.mail, l)
	w.mu.Unlock()
	w.nudge()
}

// nudge has the worker look around.
func (w *worker[I, P]) nudge() {
	select {
	case w.poke <- struct{}{}:
	default:
	}
}
