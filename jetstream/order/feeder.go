package order

import (
	"context"
	"sync"
)

// feeder reads the partitions that may have something, each by one reader at a time.
type feeder[I comparable, P any] struct {
	o     *pass[I, P]
	queue chan int // partitions to be read; has room for all

	mu         sync.Mutex
	partitions []source
}

// source is a partition as its reader sees it.
type source struct {
	after  uint64 // what was read
	queued bool   // in the queue, or being read
	again  bool   // it may have grown since it was queued
	begun  bool   // it was read to its end once
}

// A turn is how many pages of a partition are read before others have theirs.
const turn = 16

func newFeeder[I comparable, P any](o *pass[I, P]) *feeder[I, P] {
	f := &feeder[I, P]{o: o, queue: make(chan int, o.cfg.Partitions), partitions: make([]source, o.cfg.Partitions)}
	for p := range f.partitions {
		f.partitions[p] = source{after: o.ledger.partitions[p].position, queued: true}
		f.queue <- p
	}
	o.work.add(len(f.partitions))
	return f
}

// behind counts the partitions that were not read to their ends.
func (f *feeder[I, P]) behind() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for i := range f.partitions {
		if !f.partitions[i].begun {
			n++
		}
	}
	return n
}

func (f *feeder[I, P]) run(ctx context.Context) {
	var readers sync.WaitGroup
	for range f.o.cfg.Readers {
		readers.Go(func() {
			for {
				select {
				case p := <-f.queue:
					if f.read(ctx, p) != nil {
						return
					}
				case <-ctx.Done():
					return
				}
			}
		})
	}
	for live := f.o.cfg.Live; ; {
		select {
		case p, open := <-live:
			if !open {
				live = nil
				continue
			}
			if f.o.ledger.again() {
				continue // what is there is read by the next pass, which all this waits for
			}
			f.wake(p)
		case <-ctx.Done():
			readers.Wait()
			return
		}
	}
}

// wake has a partition read, or read again.
func (f *feeder[I, P]) wake(partition int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := &f.partitions[partition]; s.queued {
		s.again = true
	} else {
		s.queued = true
		f.o.work.add(1)
		f.queue <- partition
	}
}

// read reads a turn of a partition, and puts it back unless that was all. The error is
// that of the context.
func (f *feeder[I, P]) read(ctx context.Context, partition int) error {
	s := &f.partitions[partition] // after is the present reader's
	w := f.o.workerOf(partition)
	for range turn {
		if err := f.room(ctx); err != nil {
			return err
		}
		var page Page[I, P]
		err := f.o.attempt(ctx, "reading", func() (err error) {
			page, err = f.o.store.Read(ctx, partition, s.after, Limit{f.o.cfg.PageSize, f.o.flight.page})
			return err
		})
		if err != nil {
			return err
		}
		bytes := sizeOf(page.Events)
		f.o.flight.add(bytes-f.o.flight.page, 0)
		f.o.count.discovered.Add(uint64(len(page.Events)))
		in := input[I, P]{events: page.Events, bytes: bytes, page: f.o.ledger.read(partition, page.To, len(page.Events)), partition: partition}
		s.after = max(s.after, page.To)
		ended := !page.More && f.end(partition, &in)
		select {
		case w.in <- in:
		case <-ctx.Done():
			return ctx.Err()
		}
		if ended {
			return nil
		}
	}
	f.queue <- partition // has room: it was taken out
	return nil
}

// room waits until there is room for a page. The error is that of the context.
func (f *feeder[I, P]) room(ctx context.Context) error {
	for {
		full := f.o.flight.take(false)
		if full == nil {
			return nil
		}
		select {
		case <-full:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// end decides what follows the last page of a partition, and reports whether nothing
// does.
func (f *feeder[I, P]) end(partition int, in *input[I, P]) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.partitions[partition]
	if s.again {
		s.again = false
		return false
	}
	s.queued, s.begun = false, true
	in.end = true
	return true
}
