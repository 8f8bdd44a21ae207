package order

import (
	"sync/atomic"
	"time"
)

// Stats counts what an Orderer has done since it was made.
type Stats struct {
	// Discovered events were read of the partitions, and Done of those are known to need
	// no delivery.
	Discovered, Done uint64
	// Delivered events, counted again when they are delivered again.
	Delivered uint64
	// Lookups are calls of State, and Ranges of History.
	Lookups, Ranges uint64
	// Failures of the store, deliveries included.
	Failures uint64
	// Held events wait in memory now, and HeldBytes is what they take.
	Held, HeldBytes int64
	// FlightBytes is what events take that were read and are neither delivered nor held, with
	// the room of reads that are under way.
	FlightBytes int64
	// Suspended documents now, by cause, and the time when the one of the oldest gap was
	// suspended; zero without one.
	Gaps, Failed, NoRoom int
	OldestGap            time.Time
	// Leaving are documents whose history was read, and of which the rest is being delivered
	// that can be. If there is a gap as well they are among Gaps, too.
	Leaving int
	// Stuck partitions are to be read again when fewer documents are suspended.
	Stuck int
	// Behind is how many partitions have not been read to their ends.
	Behind int
}

type counters struct {
	discovered, done, delivered, lookups, ranges, failures atomic.Uint64
	held, heldBytes                                        atomic.Int64
}

// Stats returns the present numbers. It may be called at any time.
func (o *Orderer[I, P]) Stats() Stats {
	p := o.current()
	s := Stats{
		Discovered: o.count.discovered.Load(),
		Done:       o.count.done.Load(),
		Delivered:  o.count.delivered.Load(),
		Lookups:    o.count.lookups.Load(),
		Ranges:     o.count.ranges.Load(),
		Failures:   o.count.failures.Load(),
		Held:       o.count.held.Load(),
		HeldBytes:  o.count.heldBytes.Load(),
		Behind:     p.feeder.behind(),

		FlightBytes: int64(p.flight.bytes()),
	}
	p.ledger.each(func(e *entry) {
		if e.leaving != nil {
			s.Leaving++
		}
		switch {
		case e.leaving != nil && e.gap == nil:
		case e.Cause == Gap || e.leaving != nil:
			s.Gaps++
			if s.OldestGap.IsZero() || e.Since.Before(s.OldestGap) {
				s.OldestGap = e.Since
			}
		case e.Cause == Failed:
			s.Failed++
		default:
			s.NoRoom++
		}
	}, func(p *progress) {
		if p.stuck {
			s.Stuck++
		}
	})
	return s
}

// Suspended returns the documents that are suspended, in no order, at most limit.
func (o *Orderer[I, P]) Suspended(limit int) []Suspended {
	var list []Suspended
	o.current().ledger.each(func(e *entry) {
		if (e.leaving == nil || e.gap != nil) && len(list) < limit {
			list = append(list, e.Suspended)
		}
	}, func(*progress) {})
	return list
}

// each calls one function for every entry, and the other for every partition.
func (l *ledger) each(document func(*entry), partition func(*progress)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.partitions {
		partition(&l.partitions[i])
		for _, e := range l.partitions[i].entries {
			document(e)
		}
	}
}

// Positions returns those of the marks, by partition.
func (o *Orderer[I, P]) Positions() []uint64 {
	l := o.current().ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	positions := make([]uint64, len(l.partitions))
	for i := range positions {
		positions[i] = l.partitions[i].position
	}
	return positions
}
