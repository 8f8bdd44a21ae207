package main

import (
	"context"
	"sort"
	"sync/atomic"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/order"
)

// store is a store in memory, each read of which takes a latency. It begins with nothing
// delivered and is all there is that delivers: so it knows without asking that nothing was
// delivered of a document of which it has delivered nothing. Of the others it would have
// to look, and takes the latency.
type store struct {
	*stored
	*delay
	tally
	asked atomic.Int64 // look-ups by State and History
}

func newStore(s *stored, d *delay) *store {
	return &store{stored: s, delay: d, tally: newTally(s.documents)}
}

// tally is what was delivered of the documents.
type tally struct {
	heads      []atomic.Uint32
	delivered  int
	misordered int
	began      time.Time
	first      time.Duration // when something was delivered, since it began
}

func newTally(documents int) tally {
	return tally{heads: make([]atomic.Uint32, documents), began: time.Now()}
}

// deliver takes note of events. It is called by one goroutine at a time.
func (t *tally) deliver(events []event) {
	if t.first == 0 {
		t.first = time.Since(t.began)
	}
	for i := range events {
		id := events[i].ID
		head := &t.heads[documentOf(id)]
		if n := uint32(numberOf(id)); n != head.Load()+1 {
			t.misordered++
		} else {
			head.Store(n)
		}
	}
	t.delivered += len(events)
}

// Read implements order.Store.
func (s *store) Read(_ context.Context, partition int, after uint64, limit order.Limit) (order.Page[uint64, []byte], error) {
	s.wait()
	ids := s.partitions[partition][after:]
	n := min(room(limit), len(ids))
	p := order.Page[uint64, []byte]{Events: make([]event, n), To: after + uint64(n), More: n < len(ids)}
	for i := range p.Events {
		p.Events[i] = s.event(ids[i], after+uint64(i)+1)
	}
	return p, nil
}

// History implements order.Store.
func (s *store) History(_ context.Context, document string, after uint64, limit order.Limit) (order.Page[uint64, []byte], error) {
	s.asked.Add(1)
	s.wait()
	list := s.byName[document]
	list = list[sort.Search(len(list), func(i int) bool { return list[i].position > after }):]
	n := min(room(limit), len(list))
	p := order.Page[uint64, []byte]{Events: make([]event, n), To: after, More: n < len(list)}
	for i := range p.Events {
		p.Events[i] = s.event(list[i].id, list[i].position)
		p.To = list[i].position
	}
	return p, nil
}

// State implements order.Store.
func (s *store) State(_ context.Context, _ string, first *event) (order.State[uint64, []byte], error) {
	c := &chain{last: first.ID &^ (1<<32 - 1)}
	if head := s.heads[documentOf(first.ID)].Load(); head > 0 {
		s.asked.Add(1)
		s.wait()
		c.last |= uint64(head)
	}
	return c, nil
}

// Deliver implements order.Store.
func (s *store) Deliver(_ context.Context, events []event, _ int) error {
	s.deliver(events)
	return nil
}

// Save implements order.Store.
func (s *store) Save(context.Context, []order.Mark) error { return nil }

// chain is a document whose events follow each other.
type chain struct{ last uint64 }

// Judge implements order.State.
func (c *chain) Judge(e *event) order.Verdict {
	switch {
	case e.ID <= c.last:
		return order.Done
	case e.Prev == c.last:
		return order.Next
	}
	return order.Wait
}

// Advance implements order.State.
func (c *chain) Advance(e *event) { c.last = e.ID }
