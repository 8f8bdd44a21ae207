package order

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// input is a page on its way to a worker.
type input[I comparable, P any] struct {
	events    []Event[I, P]
	bytes     int // of events
	page      *pending
	partition int
	// end is set when the partition had no more.
	end bool
}

// worker puts the documents of its partitions in order.
type worker[I comparable, P any] struct {
	o    *pass[I, P]
	in   chan input[I, P]
	poke chan struct{} // something in mail, or a line has nothing in flight any more

	lines   map[string]*line[I, P]
	holding map[*line[I, P]]struct{} // lines in which something waits
	bytes   int                      // of what waits
	held    int
	budget  int
	// published is what the numbers of the Orderer have of it.
	published struct{ bytes, held int }

	// due are suspended lines that can go on, some at a certain time; resuming are those
	// whose history is read now, a page in turn.
	due      map[*line[I, P]]struct{}
	resuming []*line[I, P]
	// full is set when there was no room to read a history, and closed when there may be.
	full <-chan struct{}

	out sorted[I, P]

	mu   sync.Mutex
	mail []*line[I, P] // lines that the writer has stopped
}

const (
	// maxRound is how many pages are taken at once, so that what they let through is not
	// kept from delivery for long.
	maxRound = 16
	// maxResuming histories are read in turn; the others wait for theirs.
	maxResuming = 4
	// historySize is how many events of a history are asked for at once.
	historySize = 1_000
)

func newWorker[I comparable, P any](o *pass[I, P], number int) *worker[I, P] {
	backlog := max(1, o.cfg.Backlog/o.cfg.PageSize/o.cfg.Workers)
	return &worker[I, P]{
		o:       o,
		in:      make(chan input[I, P], backlog),
		poke:    make(chan struct{}, 1),
		lines:   map[string]*line[I, P]{},
		holding: map[*line[I, P]]struct{}{},
		due:     map[*line[I, P]]struct{}{},
		budget:  o.cfg.HeldBytes / o.cfg.Workers,
	}
}

// adopt makes the line of a document that is suspended from the beginning.
func (w *worker[I, P]) adopt(e *entry) {
	l := &line[I, P]{document: e.Document, partition: e.partition, suspended: true, entry: e, why: e.Suspended, doubtful: true}
	l.queue.attempts = e.Attempts
	w.lines[e.Document] = l
	if e.Cause != Gap {
		w.due[l] = struct{}{}
	}
}

func (w *worker[I, P]) run(ctx context.Context) {
	for ctx.Err() == nil {
		inputs := w.next(ctx)
		w.stopped()
		for i := range inputs {
			w.page(ctx, &inputs[i])
			w.makeRoom()
		}
		barren := len(inputs) > 0 && w.out.let == 0
		if !w.flush(ctx) {
			return
		}
		for i := range inputs {
			if in := &inputs[i]; in.end {
				w.ended(in)
			}
		}
		if barren {
			w.lookAhead()
		}
		w.resumeDue()
		if len(w.resuming) > 0 && w.room() {
			w.history(ctx)
			if !w.flush(ctx) {
				return
			}
		}
		w.publish()
		for i := range inputs {
			w.o.ledger.settle(inputs[i].page, 1)
			if inputs[i].end {
				w.o.work.add(-1)
			}
		}
	}
}

// next waits for something to do, and returns all pages that are there.
func (w *worker[I, P]) next(ctx context.Context) []input[I, P] {
	var inputs []input[I, P]
	if len(w.resuming) == 0 || w.full != nil {
		var timer <-chan time.Time
		if d, any := w.nextDue(); any {
			t := time.NewTimer(d)
			defer t.Stop()
			timer = t.C
		}
		select {
		case in := <-w.in:
			inputs = append(inputs, in)
		case <-w.poke:
		case <-w.full:
		case <-timer:
		case <-ctx.Done():
			return nil
		}
	}
	for len(inputs) < maxRound {
		select {
		case in := <-w.in:
			inputs = append(inputs, in)
			continue
		default:
		}
		break
	}
	return inputs
}

// page puts the events of a page where they belong.
func (w *worker[I, P]) page(ctx context.Context, in *input[I, P]) {
	for i := 0; i < len(in.events); i++ {
		var l *line[I, P]
		err := w.o.guard(func() error { // once a page: it goes on inside
			for ; i < len(in.events); i++ {
				e := &in.events[i]
				if l == nil || l.document != e.Document {
					l = w.line(e.Document, in.partition)
				}
				w.take(ctx, l, e, in.page)
			}
			return nil
		})
		if err != nil {
			w.broken(ctx, l, err)
		}
	}
	clear(in.events) // what is held was copied
	w.count(in.bytes)
	w.publish()
	w.evict()
}

// count counts what was let through, and no more what was read, of which nothing is left.
func (w *worker[I, P]) count(read int) {
	w.o.flight.add(w.out.bytes-read, 0)
	w.out.bytes = 0
}

// line returns the line of a document.
func (w *worker[I, P]) line(document string, partition int) *line[I, P] {
	l := w.lines[document]
	if l == nil {
		l = &line[I, P]{document: document, partition: partition}
		w.lines[document] = l
	}
	return l
}

// broken suspends a document at which the store's State has panicked. What the line had
// taken is lost to it, so the partition is read again when that is over.
func (w *worker[I, P]) broken(ctx context.Context, l *line[I, P], err error) {
	w.drop(l, false)
	w.failed(ctx, l, w.o.ledger.stick(l.partition), err)
	l.state = nil
}

// take handles an event that was read of its partition.
func (w *worker[I, P]) take(ctx context.Context, l *line[I, P], e *Event[I, P], page *pending) {
	if l.stopped.Load() {
		w.restart(l)
		l = w.line(l.document, l.partition)
	}
	if l.suspended && l.why.Cause != Gap {
		w.leave(l, e.Position, page)
		return
	}
	if l.state == nil && !w.look(ctx, l, e) {
		if ctx.Err() == nil { // or nothing is known of it, and it is for the next run
			w.leave(l, e.Position, page)
		}
		return
	}
	if !l.suspended {
		w.add(l, e, page)
		return
	}
	// Of a gap: this may be what is missing.
	switch l.state.Judge(e) {
	case Next:
		l.let(&item[I, P]{event: *e, page: page, line: l}, &w.out)
		w.suspend(l, Suspended{Cause: Ready, From: e.Position})
	case Wait:
		w.leave(l, e.Position, page)
	default:
		w.out.done = append(w.out.done, page)
		if l.doubtful {
			// It was delivered by a run that was killed before it could save that: it may
			// be what is missing.
			l.doubtful = false
			w.suspend(l, Suspended{Cause: Ready, From: e.Position})
		}
	}
}

// leave leaves an event to the history of its document, which is suspended; without an
// entry to the next reading of the partition.
func (w *worker[I, P]) leave(l *line[I, P], position uint64, page *pending) {
	if l.suspended {
		l.covered = max(l.covered, position)
		if w.o.ledger.cover(l.entry, position) && l.resume != nil {
			l.resume.missed = true
		}
		w.o.ledger.settle(page, 1)
	}
}

// add folds an event into its line, and keeps count of what is held.
func (w *worker[I, P]) add(l *line[I, P], e *Event[I, P], page *pending) {
	l.add(e, page, &w.out)
	w.account(l)
}

// account is told of a line in which what waits has changed.
func (w *worker[I, P]) account(l *line[I, P]) {
	bytes, held := l.bytes-l.accounted.bytes, l.held-l.accounted.held
	if held == 0 && bytes == 0 {
		return
	}
	switch {
	case l.accounted.held == 0:
		w.holding[l] = struct{}{}
	case l.held == 0:
		delete(w.holding, l)
	}
	l.accounted.bytes, l.accounted.held = l.bytes, l.held
	w.bytes += bytes
	w.held += held
}

// publish adds to the numbers of the Orderer what has changed since the last time.
func (w *worker[I, P]) publish() {
	if w.bytes != w.published.bytes || w.held != w.published.held {
		w.o.count.heldBytes.Add(int64(w.bytes - w.published.bytes))
		w.o.count.held.Add(int64(w.held - w.published.held))
		w.published.bytes, w.published.held = w.bytes, w.held
	}
}

// look asks the store what was delivered of a document. If that fails the document is
// suspended.
func (w *worker[I, P]) look(ctx context.Context, l *line[I, P], first *Event[I, P]) bool {
	w.o.count.lookups.Add(1)
	err := w.o.guard(func() (err error) {
		l.state, err = w.o.store.State(ctx, l.document, first)
		return err
	})
	if err == nil {
		return true
	}
	l.state = nil
	w.failed(ctx, l, first.Position, fmt.Errorf("what was delivered of it: %w", err))
	return false
}

// failed suspends a document until another attempt.
func (w *worker[I, P]) failed(ctx context.Context, l *line[I, P], from uint64, err error) {
	if ctx.Err() != nil {
		return // it is being stopped
	}
	w.o.count.failures.Add(1)
	attempts := 1
	if l.suspended {
		attempts = l.why.Attempts + 1
	}
	w.o.cfg.Logger.Warn("ordering: a document is suspended", "document", l.document, "error", err, "attempts", attempts)
	w.suspend(l, Suspended{
		Cause: Failed, From: from, Attempts: attempts, Err: err.Error(), Until: w.o.cfg.Now().Add(w.o.cfg.pause(attempts)),
	})
}

// suspend suspends a document, or says anew why it is; what waits is left to its history.
// It reports false if there is no room in the ledger: then the partition will be read
// again.
func (w *worker[I, P]) suspend(l *line[I, P], s Suspended) bool {
	s.Document = l.document
	if l.held > 0 {
		s.From = min(s.From, l.lowest)
	}
	e, stopped := w.o.ledger.suspend(l.partition, s, w.o.cfg.Now(), &l.stopped)
	if stopped {
		w.restart(l)
		return false
	}
	w.drop(l, e != nil)
	l.entry, l.why, l.suspended = e, s, e != nil
	if l.resume != nil && s.Cause != Ready {
		l.resume = nil
		w.o.ledger.settle(l.page, 1)
	}
	if l.suspended && s.Cause != Gap && l.resume == nil {
		w.due[l] = struct{}{}
	}
	return l.suspended
}

// drop forgets what waits in a line, and settles it if it is left to the history.
func (w *worker[I, P]) drop(l *line[I, P], settle bool) {
	dropped := l.drop()
	w.account(l)
	if !settle {
		return
	}
	for it := dropped.first; it != nil; it = it.next {
		l.covered = max(l.covered, it.event.Position)
		w.o.ledger.settle(it.page, 1)
	}
}

// flush passes on what was let through, and settles what is done. It reports false when
// the context has ended.
func (w *worker[I, P]) flush(ctx context.Context) bool {
	w.o.count.done.Add(uint64(len(w.out.done)))
	for _, page := range w.out.done {
		w.o.ledger.settle(page, 1)
	}
	clear(w.out.done)
	w.out.done = w.out.done[:0]
	if w.out.let == 0 {
		return true
	}
	ready, n := w.out.ready, w.out.let
	w.out.ready, w.out.let = w.o.spare(), 0 // it is the writer's now
	if w.o.cfg.Lanes > 1 {
		ready, n = w.share(ready)
	}
	w.o.work.add(n)
	select {
	case w.o.writer.in <- ready:
		return true
	case <-ctx.Done():
		return false
	}
}

// share keeps a document whose deliveries are slow from taking all the room: what is over
// its share is left to its history. It returns the rest, and how many events that is.
func (w *worker[I, P]) share(ready []batch[I, P]) (kept []batch[I, P], n int) {
	kept = ready[:0]
	for _, b := range ready {
		l := b.line
		before, flown := int(l.inflight.Load())-b.items.n, int(l.flown.Load())
		room, bytes := w.o.cfg.share()-before, w.o.flight.share-flown
		if before == 0 { // it passes however large it is
			bytes = max(bytes, b.items.first.event.Size)
		}
		if b.items.n > room || b.items.bytes > bytes {
			head := b.items.cut(room, bytes)
			if w.suspend(l, Suspended{Cause: Room, From: b.items.first.event.Position}) {
				l.state = nil // it is ahead of what will be delivered
				l.inflight.Add(int64(-b.items.n))
				w.o.flight.add(-b.items.bytes, 0)
				for it := b.items.first; it != nil; it = it.next {
					w.leave(l, it.event.Position, it.page)
				}
			} else {
				head.join(b.items)
			}
			b.items = head
		}
		if b.items.n > 0 {
			l.flown.Add(int64(b.items.bytes))
			kept = append(kept, b)
			n += b.items.n
		}
	}
	clear(ready[len(kept):])
	return kept, n
}

// settleAll settles one event for each item.
func settleAll[I comparable, P any](l *ledger, items list[I, P]) {
	for it := items.first; it != nil; {
		page, n := it.page, 0
		for ; it != nil && it.page == page; it = it.next {
			n++
		}
		l.settle(page, n)
	}
}

// ended is told that a partition was read to its end: what its documents still wait for is
// not there.
func (w *worker[I, P]) ended(in *input[I, P]) {
	for l := range w.holding {
		if l.partition == in.partition && l.resume == nil {
			w.gap(l)
		}
	}
}

func (w *worker[I, P]) gap(l *line[I, P]) {
	w.suspend(l, Suspended{Cause: Gap, From: l.lowest, Missing: fmt.Sprint(l.missing())})
}

// makeRoom suspends those lines in which most waits, while it is too much.
func (w *worker[I, P]) makeRoom() {
	for w.bytes > w.budget {
		l := w.largest()
		w.suspend(l, Suspended{Cause: Room, From: l.lowest})
	}
}

// lookAhead is called after a round that let nothing through. It has the history of a
// document read when that is likely to lead on: much of it waits, or nothing was delivered
// yet at all.
func (w *worker[I, P]) lookAhead() {
	if len(w.holding) == 0 || len(w.resuming) > 0 {
		return
	}
	l := w.largest()
	if l.resume == nil && (l.held >= w.o.cfg.PageSize || w.o.count.delivered.Load() == 0) {
		w.suspend(l, Suspended{Cause: Ready, From: l.lowest})
	}
}

func (w *worker[I, P]) largest() *line[I, P] {
	var most *line[I, P]
	for l := range w.holding {
		if most == nil || l.bytes > most.bytes {
			most = l
		}
	}
	return most
}

// maxVisits bounds the documents that are looked at to find some to forget.
const maxVisits = 1_000

// evict forgets documents of which nothing is under way, when there are too many.
func (w *worker[I, P]) evict() {
	over := len(w.lines) - max(1, w.o.cfg.Documents/w.o.cfg.Workers)
	visits := 0
	for document, l := range w.lines {
		if visits++; over <= 0 || visits > maxVisits {
			return
		}
		if l.held == 0 && !l.suspended && l.inflight.Load() == 0 {
			delete(w.lines, document)
			over--
		}
	}
}
