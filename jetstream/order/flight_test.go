package order

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
)

// still is a memory whose deliveries wait until they are let, those of the documents that are
// held up, or of all.
type still struct {
	*memory
	let  chan struct{}
	only string
}

func (s *still) Deliver(ctx context.Context, events []event, attempt int) error {
	if s.only == "" || events[0].Document == s.only {
		select {
		case <-s.let:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.memory.Deliver(ctx, events, attempt)
}

// large returns the events of documents, in turns, each of so many bytes.
func large(documents, events, size int) (all []event) {
	for i := range events {
		for d := range documents {
			e := chain(fmt.Sprint("d", d), events)[i]
			e.Size = size
			all = append(all, e)
		}
	}
	return all
}

// Of large events there are as many bytes in memory as is said, while a subscriber stands still.
func TestL9_LargeEvents(t *testing.T) {
	const size, documents, events = 300_000, 200, 10
	for name, cfg := range map[string]Config{
		"defaults":     {},
		"small":        {FlightBytes: 8 << 20},
		"lanes":        {FlightBytes: 16 << 20, Lanes: 4, PerDocument: true},
		"one reader":   {FlightBytes: 8 << 20, Readers: 1, Workers: 1},
		"out of order": {FlightBytes: 8 << 20, HeldBytes: 16 << 20, Lanes: 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(16)
				all := large(documents, events, size)
				if name == "out of order" {
					for i := 0; i+1 < len(all); i += 2 {
						all[i], all[len(all)-1-i] = all[len(all)-1-i], all[i]
					}
				}
				m.put(all...)
				s := &still{memory: m, let: make(chan struct{})}
				o := New[string, int](s, config(m, cfg))
				ended := make(chan error)
				go func() { ended <- o.Run(t.Context()) }()
				bound := int64(o.cfg.FlightBytes)
				for range 50 {
					synctest.Wait() // nothing moves any more
					st := o.Stats()
					if st.FlightBytes == 0 || st.FlightBytes > bound {
						t.Errorf("%d bytes are on their way, of at most %d", st.FlightBytes, bound)
					}
					// What was read of partitions, whatever the Orderer counts. With documents left to
					// their histories most of that is not in memory.
					read := int64(st.Discovered-st.Done-st.Delivered) * size
					if name != "lanes" && name != "out of order" && read > bound {
						t.Errorf("%d bytes were read and not delivered, of at most %d", read, bound)
					}
					s.let <- struct{}{}
				}
				close(s.let)
				if err := <-ended; err != nil {
					t.Fatal(err)
				}
				check(t, m, true)
				if st := o.Stats(); st.FlightBytes != 0 || st.HeldBytes != 0 {
					t.Errorf("in the end: %+v", st)
				}
			})
		})
	}
}

// An event that is larger than all the room passes.
func TestL9_LargerThanTheRoom(t *testing.T) {
	for _, lanes := range []int{1, 3} {
		m := newMemory(3)
		m.put(large(5, 20, 1<<30)...)
		o := run(t, m, Config{FlightBytes: 1 << 20, Lanes: lanes})
		check(t, m, true)
		if st := o.Stats(); st.FlightBytes != 0 {
			t.Errorf("in the end: %+v", st)
		}
	}
}

// A document whose large events stand still leaves room to all others.
func TestL10_SlowLargeDocument(t *testing.T) {
	m := newMemory(1)
	var all []event
	for _, e := range chain("slow", 500) {
		e.Size = 100_000
		all = append(all, e)
	}
	m.put(append(all, large(50, 20, 100_000)...)...)
	s := &still{memory: m, let: make(chan struct{}), only: "slow"}
	others := make(chan struct{})
	left := 50 * 20
	m.before = func(op, document string) error { // deliveries are of one event each
		if op == "delivered" && document != "slow" {
			m.mu.Lock()
			defer m.mu.Unlock()
			if left--; left == 0 {
				close(others)
			}
		}
		return nil
	}
	o := New[string, int](s, config(m, Config{FlightBytes: 4 << 20, Lanes: 3, PerDocument: true, BatchSize: 1}))
	ended := make(chan error)
	go func() { ended <- o.Run(t.Context()) }()
	<-others
	close(s.let)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	check(t, m, true)
}
