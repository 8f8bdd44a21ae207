package order

import (
	"context"
	"time"
)

// writer delivers what the workers let through, and saves the marks.
type writer[I comparable, P any] struct {
	o    *pass[I, P]
	in   chan []batch[I, P]
	done chan *delivery[I, P]
	// free deliveries are used again.
	free []*delivery[I, P]
	// lines that have something to deliver and no delivery under way, in the order in which
	// that came.
	lines []*line[I, P]
	// waiting events are in the queues of lines, and running deliveries under way.
	waiting, running int
	// failures of deliveries in a row, and the time of the next one after them.
	failures int
	pause    <-chan time.Time

	saving chan error // of the marks in unsaved; nil while none are being saved
	marks  []Mark
}

// queue is what is to be delivered of a line.
type queue[I comparable, P any] struct {
	items list[I, P]
	// queued is set while the line is in writer.lines, or a delivery is under way.
	queued   bool
	attempts int // that have failed since the last one that did not
}

// part is what a delivery has of one line.
type part[I comparable, P any] struct {
	line  *line[I, P]
	items list[I, P]
	err   error
	// tried is unset if there were too many failures before it.
	tried bool
}

type delivery[I comparable, P any] struct {
	parts  []part[I, P]
	count  int
	bytes  int
	events []Event[I, P] // as the store is given them
}

// hopeless is how many documents in a row fail before the rest of a delivery waits: it is
// not the documents then.
const hopeless = 3

func newWriter[I comparable, P any](o *pass[I, P]) *writer[I, P] {
	return &writer[I, P]{o: o, in: make(chan []batch[I, P]), done: make(chan *delivery[I, P], o.cfg.Lanes)}
}

func (w *writer[I, P]) run(ctx context.Context) {
	tick := time.NewTicker(w.o.cfg.SaveEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		w.dispatch(ctx)
		in := w.in
		if w.waiting >= w.o.cfg.Outbox {
			in = nil
		}
		select {
		case items := <-in:
			w.enqueue(items)
		case d := <-w.done:
			w.finish(ctx, d)
		case <-w.pause:
			w.pause = nil
		case <-tick.C:
			w.save(ctx)
		case err := <-w.saving:
			w.saved(err)
		case <-ctx.Done():
		}
	}
	for w.running > 0 {
		w.finish(ctx, <-w.done)
	}
	if w.saving != nil {
		w.saved(<-w.saving)
	}
}

// enqueue puts batches into the queues of their lines.
func (w *writer[I, P]) enqueue(batches []batch[I, P]) {
	for _, b := range batches {
		if b.line.stopped.Load() {
			w.leave(b.line, b.items)
			continue
		}
		q := &b.line.queue
		q.items.join(b.items)
		w.waiting += b.items.n
		if !q.queued {
			q.queued = true
			w.lines = append(w.lines, b.line)
		}
	}
	clear(batches)
	w.o.batches.Put(&batches)
}

// dispatch begins deliveries while there are lanes.
func (w *writer[I, P]) dispatch(ctx context.Context) {
	for w.running < w.o.cfg.Lanes && len(w.lines) > 0 && w.pause == nil {
		d := w.fresh()
		for len(w.lines) > 0 && d.count < w.o.cfg.BatchSize {
			l := w.lines[0]
			w.lines[0] = nil
			w.lines = w.lines[1:]
			q := &l.queue
			room := w.o.flight.share - d.bytes
			if d.count == 0 { // it passes however large it is
				room = max(room, q.items.first.event.Size)
			}
			items := q.items.cut(w.o.cfg.BatchSize-d.count, room)
			if items.n == 0 {
				w.lines = append(w.lines, l)
				break
			}
			d.parts = append(d.parts, part[I, P]{line: l, items: items})
			d.count += items.n
			d.bytes += items.bytes
			if w.o.cfg.PerDocument {
				break
			}
		}
		w.waiting -= d.count
		w.o.flight.add(-d.bytes, d.bytes)
		w.running++
		go w.deliver(ctx, d)
	}
}

func (w *writer[I, P]) fresh() *delivery[I, P] {
	last := len(w.free) - 1
	if last < 0 {
		return &delivery[I, P]{}
	}
	d := w.free[last]
	w.free = w.free[:last]
	return d
}

// deliver delivers, if need be each document on its own.
func (w *writer[I, P]) deliver(ctx context.Context, d *delivery[I, P]) {
	defer func() { w.done <- d }()
	if len(d.parts) > 1 {
		for i := range d.parts {
			d.add(d.parts[i].items)
		}
		if w.call(ctx, d, 1) == nil {
			for i := range d.parts {
				d.parts[i].tried = true
			}
			return
		}
	}
	failures := 0
	for i := range d.parts {
		p := &d.parts[i]
		if failures == hopeless || ctx.Err() != nil {
			return
		}
		p.tried = true
		d.add(p.items)
		p.err = w.call(ctx, d, p.line.queue.attempts+1)
		if p.err != nil {
			failures++
		} else {
			failures = 0
		}
	}
}

func (d *delivery[I, P]) add(items list[I, P]) {
	for it := items.first; it != nil; it = it.next {
		d.events = append(d.events, it.event)
	}
}

// call has the store deliver the events.
func (w *writer[I, P]) call(ctx context.Context, d *delivery[I, P], attempt int) error {
	defer func() {
		clear(d.events)
		d.events = d.events[:0]
	}()
	return w.o.guard(func() error { return w.o.store.Deliver(ctx, d.events, attempt) })
}

// finish takes note of a delivery.
func (w *writer[I, P]) finish(ctx context.Context, d *delivery[I, P]) {
	w.running--
	w.o.flight.add(d.bytes, -d.bytes) // until it is known of each part
	for i := range d.parts {
		p := &d.parts[i]
		switch {
		case p.tried && p.err == nil:
			w.failures = 0
			w.delivered(p)
		case ctx.Err() != nil:
			// It is being stopped: nothing is settled, so it comes again.
		case !p.tried:
			w.waiting += p.items.n
			p.items.join(p.line.queue.items)
			p.line.queue.items = p.items
			w.lines = append(w.lines, p.line)
		default:
			w.failures++
			w.failed(p)
		}
	}
	clear(d.parts)
	d.parts, d.count, d.bytes = d.parts[:0], 0, 0
	w.free = append(w.free, d)
	// Deliveries of one document each say nothing about others, which have their own pauses.
	if w.failures >= hopeless && w.pause == nil && !w.o.cfg.PerDocument {
		w.pause = time.After(w.o.cfg.pause(w.failures - hopeless + 1))
	}
}

func (w *writer[I, P]) delivered(p *part[I, P]) {
	l := p.line
	settleAll(w.o.ledger, p.items)
	w.o.count.delivered.Add(uint64(p.items.n))
	l.queue.attempts = 0
	if l.queue.items.n > 0 {
		w.lines = append(w.lines, l)
	} else {
		l.queue.queued = false
	}
	w.landed(l, p.items)
}

// landed is told that items of a line are in flight no more.
func (w *writer[I, P]) landed(l *line[I, P], items list[I, P]) {
	n := items.n
	w.o.flight.add(-items.bytes, 0)
	if w.o.cfg.Lanes > 1 {
		l.flown.Add(int64(-items.bytes))
	}
	if l.inflight.Add(int64(-n)) == 0 && (w.o.cfg.Lanes > 1 || l.stopped.Load()) {
		w.o.workerOf(l.partition).nudge() // it may have waited for that
	}
	w.o.work.add(-n)
}

// failed suspends a document whose delivery has failed, with all that is to come of the
// line.
func (w *writer[I, P]) failed(p *part[I, P]) {
	l, items := p.line, p.items
	w.waiting -= l.queue.items.n
	items.join(l.queue.items)
	w.o.count.failures.Add(1)
	l.queue.items = list[I, P]{}
	l.queue.attempts++
	from := items.first.event.Position
	for it := items.first; it != nil; it = it.next {
		from = min(from, it.event.Position)
	}
	now := w.o.cfg.Now()
	w.o.cfg.Logger.Warn("ordering: a delivery failed", "document", l.document, "error", p.err, "attempts", l.queue.attempts)
	w.o.ledger.stop(l.partition, Suspended{
		Document: l.document, Cause: Failed, From: from,
		Attempts: l.queue.attempts, Err: p.err.Error(), Until: now.Add(w.o.cfg.pause(l.queue.attempts)),
	}, now, &l.stopped)
	w.leave(l, items)
	w.o.workerOf(l.partition).stop(l)
}

// leave leaves items of a line that was stopped to the history of the document, or, when
// that could not be entered, to the next reading of the partition.
func (w *writer[I, P]) leave(l *line[I, P], items list[I, P]) {
	if e, _ := w.o.ledger.find(l.partition, l.document); e != nil {
		for it := items.first; it != nil; it = it.next {
			w.o.ledger.cover(e, it.event.Position)
		}
		settleAll(w.o.ledger, items)
	}
	w.landed(l, items)
}

// save begins to save the marks that have changed.
func (w *writer[I, P]) save(ctx context.Context) {
	if w.saving != nil {
		return
	}
	if w.marks = w.o.ledger.unsaved(); len(w.marks) == 0 {
		return
	}
	w.saving = make(chan error, 1)
	go func(marks []Mark, saving chan<- error) {
		saving <- w.o.guard(func() error { return w.o.store.Save(ctx, marks) })
	}(w.marks, w.saving)
}

func (w *writer[I, P]) saved(err error) {
	w.saving = nil
	if err != nil {
		w.o.count.failures.Add(1)
		w.o.cfg.Logger.Warn("ordering: marks could not be saved; they are tried again", "error", err)
		w.o.ledger.retry(w.marks)
	}
}

// lastSave bounds how long saving the marks may take when a run ends.
const lastSave = 500 * time.Millisecond

// saveLast saves the marks when all has ended.
func (w *writer[I, P]) saveLast(ctx context.Context) error {
	marks := w.o.ledger.unsaved()
	if len(marks) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSave)
	defer cancel()
	err := w.o.guard(func() error { return w.o.store.Save(ctx, marks) })
	if err != nil {
		w.o.ledger.retry(marks)
	}
	return err
}
