package order

import "sync/atomic"

// line is one document in a worker: what was delivered of it, and what waits. Its fold
// over events is pure: what it lets through, and in which order, follows from the events
// in the order in which they are added, and from nothing else.
type line[I comparable, P any] struct {
	document  string
	partition int
	state     State[I, P] // nil: to be asked for

	// waiting are events by their predecessor, in the order in which they were added, and
	// held their ids.
	waiting map[I][]item[I, P]
	held    map[I]struct{}
	bytes   int
	lowest  uint64 // the lowest position of what waits
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

	// inflight counts what the worker has let through and the writer has yet to deliver.
	inflight atomic.Int64
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

// item is an event on its way, with the page that is not done before it is.
type item[I comparable, P any] struct {
	event Event[I, P]
	page  *pending
	line  *line[I, P]
}

// sorted is what comes out of a fold.
type sorted[I comparable, P any] struct {
	ready []item[I, P] // to be delivered, in this order
	done  []item[I, P] // was, is being, or never will be
}

// add takes an event, and lets through what can be delivered now: the event, and those
// that have waited for it, each as far as it leads before the next.
func (l *line[I, P]) add(it item[I, P], out *sorted[I, P]) {
	e := &it.event
	if _, held := l.held[e.ID]; held {
		out.done = append(out.done, it)
		return
	}
	if l.judge(it, out) && len(l.waiting) > 0 {
		l.release(e.ID, out)
	}
}

// judge puts one event where it belongs, and reports whether it is let through.
func (l *line[I, P]) judge(it item[I, P], out *sorted[I, P]) bool {
	switch l.state.Judge(&it.event) {
	case Next:
		l.state.Advance(&it.event)
		l.inflight.Add(1)
		out.ready = append(out.ready, it)
		return true
	case Wait:
		l.hold(it)
	default:
		out.done = append(out.done, it)
	}
	return false
}

func (l *line[I, P]) hold(it item[I, P]) {
	if l.waiting == nil {
		l.waiting, l.held = map[I][]item[I, P]{}, map[I]struct{}{}
	}
	e := &it.event
	if len(l.held) == 0 || e.Position < l.lowest {
		l.lowest = e.Position
	}
	l.waiting[e.Prev] = append(l.waiting[e.Prev], it)
	l.held[e.ID] = struct{}{}
	l.bytes += weight(e)
}

// release lets through what has waited for an event. It keeps its own stack: a chain may
// be as long as memory allows.
func (l *line[I, P]) release(id I, out *sorted[I, P]) {
	stack := [][]item[I, P]{l.take(id)}
	for len(stack) > 0 {
		top := len(stack) - 1
		if len(stack[top]) == 0 {
			stack = stack[:top]
			continue
		}
		it := stack[top][0]
		stack[top] = stack[top][1:]
		if l.judge(it, out) {
			stack = append(stack, l.take(it.event.ID))
		}
	}
	if len(l.held) == 0 {
		l.waiting, l.held, l.bytes = nil, nil, 0
	}
}

// take removes the events with a predecessor from those that wait.
func (l *line[I, P]) take(prev I) []item[I, P] {
	list := l.waiting[prev]
	delete(l.waiting, prev)
	for i := range list {
		delete(l.held, list[i].event.ID)
		l.bytes -= weight(&list[i].event)
	}
	return list
}

// drop forgets what waits, and returns it.
func (l *line[I, P]) drop() []item[I, P] {
	dropped := make([]item[I, P], 0, len(l.held))
	for _, list := range l.waiting {
		dropped = append(dropped, list...)
	}
	l.waiting, l.held, l.bytes = nil, nil, 0
	return dropped
}

// missing returns an id that something waits for and that does not wait itself; of a
// circle, any of it.
func (l *line[I, P]) missing() I {
	var any I
	for prev := range l.waiting {
		any = prev
		if _, held := l.held[prev]; !held {
			break
		}
	}
	return any
}

// overhead is what a held event takes beside its own size: its entries in two maps.
const overhead = 200

func weight[I comparable, P any](e *Event[I, P]) int { return e.Size + overhead }
