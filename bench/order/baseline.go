package main

import "slices"

// batch is how many undelivered events the baseline reads at once.
const batch = 1000

// single is the baseline: the ordering of github.com/ceramicnetwork/rust-ceramic before
// its pull request 620, as one task. It reads undelivered events in the order in which
// they were stored, 1000 at once, and groups them by document. It looks up in the store
// every predecessor that it does not have, one at a time: if that was delivered, the event
// follows; if it is there and was not, it is taken, and its own predecessor is next. What
// was found to follow is written, the rest stays in memory for as long as it takes. All
// that is repeated until nothing more comes of it.
//
// In two ways it is better than the original: only documents of which something was
// read are gone through again, and a look-up brings the event, not just whether it is there.
type single struct {
	s       *store
	pending map[string]*group
}

// group is what waits of a document.
type group struct {
	next map[uint64]event // by predecessor
	ids  map[uint64]struct{}
}

func (g *group) add(e event) {
	if _, there := g.ids[e.ID]; !there {
		g.next[e.Prev] = e
		g.ids[e.ID] = struct{}{}
	}
}

// run delivers all that can be.
func (b *single) run() {
	b.pending = map[string]*group{}
	for {
		before := b.s.delivered
		for after, more := uint64(0), true; more; {
			var events []event
			events, after, more = b.s.undelivered(after)
			b.order(events)
		}
		if b.s.delivered == before {
			return
		}
	}
}

func (b *single) order(events []event) {
	touched := map[string]*group{}
	for i := range events {
		e := events[i]
		g := b.pending[e.Document]
		if g == nil {
			g = &group{next: map[uint64]event{}, ids: map[uint64]struct{}{}}
			b.pending[e.Document] = g
		}
		g.add(e)
		touched[e.Document] = g
	}
	var ready []event
	for document, g := range touched {
		ready = b.follow(g, ready)
		if len(g.ids) == 0 {
			delete(b.pending, document)
		}
	}
	if len(ready) > 0 {
		b.s.deliver(ready)
	}
}

// follow adds to ready what can be delivered of a document.
func (b *single) follow(g *group, ready []event) []event {
	var missing []uint64
	for prev := range g.next {
		if _, there := g.ids[prev]; !there {
			missing = append(missing, prev)
		}
	}
	var ends []uint64 // the last ones that are ready
	for _, prev := range missing {
		delivered := slices.Contains(ends, prev)
		for !delivered {
			e, there, was := b.s.lookup(prev)
			if delivered = was; was || !there {
				break
			}
			g.add(e)
			if prev = e.Prev; g.has(prev) {
				break // it is gone on with from there
			}
			delivered = slices.Contains(ends, prev)
		}
		for delivered {
			e, there := g.next[prev]
			if !there {
				break
			}
			delete(g.next, prev)
			delete(g.ids, e.ID)
			ready = append(ready, e)
			prev = e.ID
		}
		ends = append(ends, prev)
	}
	return ready
}

func (g *group) has(id uint64) bool {
	_, there := g.ids[id]
	return there
}

// undelivered returns some events after a place among all, where the next ones are, and
// whether there are some.
func (s *store) undelivered(after uint64) ([]event, uint64, bool) {
	s.wait()
	events := make([]event, 0, batch)
	for i := int(after); i < len(s.all); i++ {
		id := s.all[i]
		if s.delivers(id) {
			continue
		}
		if len(events) == batch {
			return events, uint64(i), true
		}
		events = append(events, s.event(id, uint64(i)+1))
	}
	return events, 0, false
}

// delivers reports whether an event was delivered.
func (s *store) delivers(id uint64) bool {
	return s.heads[documentOf(id)].Load() >= uint32(numberOf(id))
}

// lookup returns an event, whether it is there, and whether it was delivered. That there is
// nothing before a first event is known without a look.
func (s *store) lookup(id uint64) (_ event, there, delivered bool) {
	if numberOf(id) == 0 {
		return event{}, false, true
	}
	s.wait()
	s.asked.Add(1)
	if _, there := s.index[id]; !there {
		return event{}, false, false
	}
	return s.event(id, 0), true, s.delivers(id)
}
