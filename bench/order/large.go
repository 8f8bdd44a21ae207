package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/order"
)

// eventsEach is how many events a document of an endless store has.
const eventsEach = 100

// endless is a store of many events in order, which are made when they are read. Of one
// document in 200 the first event never comes, of another one it is the last of all: what
// they have is 1 % of the events, and has to wait.
type endless struct {
	tally
	*delay
	names []string
	each  int // documents of a partition; the j-th of partition p is number j*partitions+p
}

const (
	every = 200
	lost  = 7 // of every 200 documents
	late  = 107
)

func newEndless(events int, d *delay) *endless {
	each := max(every, events/eventsEach/partitions/every*every)
	s := &endless{tally: newTally(each * partitions), delay: d, names: make([]string, each*partitions), each: each}
	for i := range s.names {
		s.names[i] = space + strconv.Itoa(i)
	}
	return s
}

// at returns the event at a position of a partition, if there is one. They are in rounds
// of one event of each document; after them are the first events that are late.
func (s *endless) at(partition int, position uint64) (event, bool) {
	i := int(position - 1)
	j, number := i%s.each, i/s.each+1
	if number > eventsEach {
		j, number = j*every+late, 1
	} else if number == 1 && (j%every == lost || j%every == late) {
		return event{}, false
	}
	d := j*partitions + partition
	id := idOf(d, number)
	return event{Document: s.names[d], Position: position, ID: id, Prev: id - 1, Payload: payload, Size: size}, true
}

// end is the last position of a partition.
func (s *endless) end() uint64 { return uint64(s.each*eventsEach + s.each/every) }

// Read implements order.Store.
func (s *endless) Read(_ context.Context, partition int, after uint64, limit order.Limit) (order.Page[uint64, []byte], error) {
	s.wait()
	p := order.Page[uint64, []byte]{Events: make([]event, 0, room(limit)), To: after}
	for p.To < s.end() && len(p.Events) < room(limit) {
		p.To++
		if e, there := s.at(partition, p.To); there {
			p.Events = append(p.Events, e)
		}
	}
	p.More = p.To < s.end()
	return p, nil
}

// History implements order.Store.
func (s *endless) History(_ context.Context, document string, after uint64, limit order.Limit) (order.Page[uint64, []byte], error) {
	s.wait()
	d, err := strconv.Atoi(document[len(space):])
	if err != nil {
		return order.Page[uint64, []byte]{}, err
	}
	partition, j := d%partitions, d/partitions
	p := order.Page[uint64, []byte]{To: after}
	add := func(position uint64) {
		e, there := s.at(partition, position)
		if !there || position <= after {
			return
		}
		if p.More = len(p.Events) == room(limit); !p.More {
			p.Events = append(p.Events, e)
			p.To = position
		}
	}
	for round := 0; round < eventsEach && !p.More; round++ {
		add(uint64(round*s.each + j + 1))
	}
	if j%every == late && !p.More {
		add(uint64(eventsEach*s.each + j/every + 1))
	}
	return p, nil
}

// State implements order.Store; as the other one's.
func (s *endless) State(_ context.Context, _ string, first *event) (order.State[uint64, []byte], error) {
	d := documentOf(first.ID)
	head := s.heads[d].Load()
	if head > 0 {
		s.wait()
	}
	return &chain{last: idOf(d, int(head))}, nil
}

// Deliver implements order.Store.
func (s *endless) Deliver(_ context.Context, events []event, _ int) error {
	s.deliver(events)
	return nil
}

// Save implements order.Store.
func (s *endless) Save(context.Context, []order.Mark) error { return nil }

// large is what came of an endless store.
type large struct {
	Documents, Events, Waiting int
	Seconds, Rate              float64
	PeakMB                     float64 // of the heap, above what it was
	HeldMB, BoundMB            float64 // what waited in memory at most, and might have
	Gaps                       int
	Lookups                    uint64
	Undelivered, Misordered    int
}

func (g *grid) measureLarge(ctx context.Context, out io.Writer) error {
	store := newEndless(g.large, &delay{latency: g.latencies[0]})
	watch := newWatch()
	store.began = time.Now()
	o := order.New(store, g.config(partitions))
	held := make(chan int64)
	ended := make(chan struct{})
	go func() {
		var most int64
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				most = max(most, o.Stats().HeldBytes)
			case <-ended:
				held <- most
				return
			}
		}
	}()
	err := o.Run(ctx)
	took := time.Since(store.began)
	close(ended)
	most := <-held
	if err != nil {
		return err
	}
	stats := o.Stats()
	documents := len(store.names)
	gone := documents / every // events that are not there, and documents with a gap
	r := large{
		Documents: documents, Events: documents*eventsEach - gone, Waiting: gone * 2 * (eventsEach - 1),
		Seconds: took.Seconds(), PeakMB: float64(watch.stop()) / 1e6, HeldMB: float64(most) / 1e6, BoundMB: float64(g.held<<20) / 1e6,
		Gaps: stats.Gaps, Lookups: stats.Ranges, Misordered: store.misordered,
		Undelivered: (documents-gone)*eventsEach - store.delivered,
	}
	r.Rate = float64(r.Events) / r.Seconds
	if g.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	fmt.Fprint(out, "| documents | events | that wait | took | events/s | peak MB | held MB / bound | gaps | look-ups | left | misordered |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	fmt.Fprintf(out, "| %d | %d | %d | %.1f s | %s | %.0f | %.1f / %.1f | %d | %d | %d | %d |\n", r.Documents, r.Events, r.Waiting, r.Seconds, rate(r.Rate),
		r.PeakMB, r.HeldMB, r.BoundMB, r.Gaps, r.Lookups, r.Undelivered, r.Misordered)
	return nil
}
