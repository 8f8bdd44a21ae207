package order

import "sync/atomic"

// line is one document in a worker: what was delivered of it, and what waits. Its fold
// over events is pure: what it lets through, and in which order, follows from the events
// in the order in which they are added, and from nothing else.
type line[I comparable, P any] struct {
	document  string
	partition int
	state     State[I, P] // nil: to be asked for

	// waiting are events by their predecessor: the last one that was added, and by next the
	// ones before it. Forks are the ids of those that are not alone.
	waiting map[I]*item[I, P]
	forks   map[I]struct{}
	held    int
	bytes   int
	lowest  uint64 // the lowest position of what waits
	slot    int    // where it is in sorted.ready, if it is
	// earlier is the line of the same document that was stopped, until what it had in flight
	// was left to the history.
	earlier *line[I, P]
	// accounted is what the worker has counted of it.
	accounted struct{ bytes, held int }

	suspended bool
	why       Suspended // but for From, which the ledger knows
	entry     *entry    // while suspended, and until what was is delivered
	resume    *resume   // while its history is being read
	page      *pending  // what was let through of histories
	doubtful  bool      // suspended by an earlier run, and not looked at since
	covered   uint64    // the last position of an event that is left to the history

	// inflight counts what the worker has let through and the writer has yet to deliver, and
	// flown, if there are several lanes, its bytes.
	inflight, flown atomic.Int64
	// stopped is set by the writer when a delivery has failed: what else is in flight is
	// dropped, and the line begins anew.
	stopped atomic.Bool

	queue queue[I, P] // the writer's
}

// resume is the reading of a document's history.
type resume struct {
	after uint64
	// begun is set when the entry does not advance: an event was found that is not done, or
	// may not be.
	begun bool
	// dropped events had no room, and progress was made nevertheless, or events were missed,
	// as they are before where this began: it is read again.
	dropped, progress, missed bool
}

// sorted is what comes out of folds.
type sorted[I comparable, P any] struct {
	ready []batch[I, P] // to be delivered, one batch of a line
	let   int           // events in ready
	bytes int           // of events let through that are not counted in flight
	done  []*pending    // a page for each event that was, is being, or never will be
}

// batch is what is to be delivered of a line, in this order.
type batch[I comparable, P any] struct {
	line  *line[I, P]
	items list[I, P]
}

// add takes an event of a page, and lets through what can be delivered now: the event, and
// those that have waited for it, each as far as it leads before the next. It keeps a copy
// of the event.
func (l *line[I, P]) add(e *Event[I, P], page *pending, out *sorted[I, P]) {
	switch l.state.Judge(e) {
	case Next:
		l.let(&item[I, P]{event: *e, page: page, line: l}, out)
		if l.held > 0 {
			l.release(e.ID, out)
		}
	case Wait:
		before := l.waiting[e.Prev]
		if l.holds(before, e.ID) {
			out.done = append(out.done, page)
		} else {
			l.hold(&item[I, P]{event: *e, page: page, line: l, next: before})
		}
	default:
		out.done = append(out.done, page)
	}
}

// let lets an event through that is next.
func (l *line[I, P]) let(it *item[I, P], out *sorted[I, P]) {
	l.state.Advance(&it.event)
	l.inflight.Add(1)
	if l.slot >= len(out.ready) || out.ready[l.slot].line != l {
		l.slot = len(out.ready)
		out.ready = append(out.ready, batch[I, P]{line: l})
	}
	out.ready[l.slot].items.push(it)
	out.let++
	out.bytes += it.event.Size
}

// holds reports whether an event waits already, beside the last one with its predecessor.
func (l *line[I, P]) holds(last *item[I, P], id I) bool {
	if last == nil || last.event.ID == id {
		return last != nil
	}
	_, is := l.forks[id]
	return is
}

// hold has an item wait, whose next is the last one that waits for the same predecessor.
func (l *line[I, P]) hold(it *item[I, P]) {
	if l.waiting == nil {
		l.waiting = map[I]*item[I, P]{}
	}
	e := &it.event
	if l.held == 0 || e.Position < l.lowest {
		l.lowest = e.Position
	}
	if it.next != nil {
		if l.forks == nil {
			l.forks = map[I]struct{}{}
		}
		l.forks[it.next.event.ID] = struct{}{}
		l.forks[e.ID] = struct{}{}
	}
	l.waiting[e.Prev] = it
	l.held++
	l.bytes += weight(e)
}

// release lets through what has waited for an event. It keeps its own stack: a chain may
// be as long as memory allows.
func (l *line[I, P]) release(id I, out *sorted[I, P]) {
	var stack []*item[I, P]
	for it := l.take(id); it != nil || len(stack) > 0; {
		if it == nil {
			it, stack = stack[len(stack)-1], stack[:len(stack)-1]
		}
		following := it.next
		it.next = nil
		var successors *item[I, P]
		switch l.state.Judge(&it.event) {
		case Next:
			l.let(it, out)
			successors = l.take(it.event.ID)
		case Wait:
			it.next = l.waiting[it.event.Prev]
			l.hold(it)
		default:
			out.done = append(out.done, it.page)
		}
		if successors == nil {
			it = following
			continue
		}
		if following != nil {
			stack = append(stack, following)
		}
		it = successors
	}
	if l.held == 0 {
		l.waiting, l.forks, l.bytes = nil, nil, 0
	}
}

// take removes the events with a predecessor from those that wait, and returns the first
// that was added, and by next the others.
func (l *line[I, P]) take(prev I) *item[I, P] {
	last := l.waiting[prev]
	if last == nil {
		return nil
	}
	delete(l.waiting, prev)
	forked := last.next != nil
	var first *item[I, P]
	for it := last; it != nil; {
		before := it.next
		it.next, first = first, it
		if forked {
			delete(l.forks, it.event.ID)
		}
		l.held--
		l.bytes -= weight(&it.event)
		it = before
	}
	return first
}

// drop forgets what waits, and returns it.
func (l *line[I, P]) drop() list[I, P] {
	var dropped list[I, P]
	for _, it := range l.waiting {
		for it != nil {
			before := it.next
			dropped.push(it)
			it = before
		}
	}
	l.waiting, l.forks, l.held, l.bytes = nil, nil, 0, 0
	return dropped
}

// missing returns an id that something waits for and that does not wait itself; of a
// circle, any of it.
func (l *line[I, P]) missing() I {
	held := make(map[I]struct{}, l.held)
	for _, it := range l.waiting {
		for ; it != nil; it = it.next {
			held[it.event.ID] = struct{}{}
		}
	}
	var any I
	for prev := range l.waiting {
		any = prev
		if _, is := held[prev]; !is {
			break
		}
	}
	return any
}

// overhead is what a held event takes beside its own size: itself and its entries in maps.
const overhead = 200

func weight[I comparable, P any](e *Event[I, P]) int { return e.Size + overhead }
