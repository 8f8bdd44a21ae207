package inbox

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"

	"github.com/rivulet-sync/rivulet/jetstream/order"
)

type counters struct{ applied, parked atomic.Uint64 }

// Status is what the inbox is doing.
type Status struct {
	// Running is set while this process runs the inbox, Elsewhere if there is one that it does not
	// run: another process does, or is being waited for. The rest is not known then.
	Running, Elsewhere bool
	// CaughtUp is set once everything was settled that there was in the beginning, or waits.
	CaughtUp bool
	order.Stats
	// Applied and NowParked events were since this process was started.
	Applied, NowParked uint64
	// Parked is how many are.
	Parked uint64
	// Positions are up to where each partition was looked at, and Lag is how many events come
	// after that.
	Positions [Partitions]uint64
	Lag       uint64
}

// Status returns the present numbers. It may be called at any time.
func (b *Inbox) Status() Status {
	b.mu.Lock()
	orderer := b.orderer
	s := Status{
		Running: b.running, Elsewhere: b.isOpen() && !b.running, CaughtUp: b.caught, Parked: b.parks,
		Applied: b.count.applied.Load(), NowParked: b.count.parked.Load(),
	}
	last := b.last
	b.mu.Unlock()
	if orderer == nil || !s.Running {
		return s
	}
	copy(s.Positions[:], orderer.Positions())
	s.Stats = orderer.Stats() // later, so that what positions have passed is in it
	for p, position := range s.Positions {
		if last[p] > position {
			s.Lag += last[p] - position
		}
	}
	return s
}

// Gaps returns documents that cannot go on, at most limit, those first that could not for
// longest.
func (b *Inbox) Gaps(limit int) []order.Suspended {
	b.mu.Lock()
	orderer, running := b.orderer, b.running
	b.mu.Unlock()
	if orderer == nil || !running {
		return nil
	}
	list := orderer.Suspended(maxSuspended)
	slices.SortFunc(list, func(a, b order.Suspended) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Document, b.Document))
	})
	return list[:min(len(list), limit)]
}

// progress wakes who waits for another Status.
func (b *Inbox) progress() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// next returns what is closed when Status has changed.
func (b *Inbox) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

// Settle waits until everything up to the positions of a Receipt was applied or parked, or waits
// for what is not there, or until another attempt; it has to run in this process. The error is
// that of ctx.
func (b *Inbox) Settle(ctx context.Context, until [Partitions]uint64) error {
	for {
		changed := b.next()
		if b.reached(until) { // which is found out faster
			if s := b.Status(); s.Settled(until) {
				return nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// reached reports whether the inbox has looked at everything up to some positions.
func (b *Inbox) reached(until [Partitions]uint64) bool {
	b.mu.Lock()
	orderer, running := b.orderer, b.running
	b.mu.Unlock()
	if !running {
		return false
	}
	for p, position := range orderer.Positions() {
		if position < until[p] {
			return false
		}
	}
	return true
}

// Settled reports whether everything up to the positions of a Receipt is, as Settle says.
func (s *Status) Settled(until [Partitions]uint64) bool {
	for p, position := range until {
		if s.Positions[p] < position {
			return false
		}
	}
	return s.Running && s.NoRoom+s.Leaving == 0
}
