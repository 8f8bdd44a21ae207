package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/order"
)

// result is one run of one way to do it.
type result struct {
	took, first        time.Duration
	lookups            int64
	peak               uint64 // bytes of the heap above what it was
	mean               time.Duration
	missing, misplaced int
}

func (s *store) result(took time.Duration, peak uint64) result {
	return result{
		took: took, first: s.first, lookups: s.asked.Load(), peak: peak, mean: s.mean(),
		missing: s.expected() - s.delivered, misplaced: s.misordered,
	}
}

// ours orders a scene with an Orderer.
func (g *grid) ours(ctx context.Context, s *stored, latency time.Duration) (result, error) {
	watch := newWatch()
	store := newStore(s, &delay{latency: latency})
	o := order.New(store, g.config(len(s.partitions)))
	err := o.Run(ctx)
	return store.result(time.Since(store.began), watch.stop()), err
}

func (g *grid) config(partitions int) order.Config {
	return order.Config{
		Partitions: partitions, Readers: g.readers, PageSize: g.page, HeldBytes: g.held << 20, Documents: g.documents,
		SaveEvery: 100 * time.Millisecond,
	}
}

// baseline orders it with a single task.
func (g *grid) baseline(s *stored, latency time.Duration) result {
	watch := newWatch()
	d := &delay{latency: latency, enough: g.enough}
	store := newStore(s, d)
	(&single{s: store}).run()
	return store.result(time.Since(store.began)+d.owed(), watch.stop())
}

// raw reads all of a scene, with the same pages, and does nothing with it.
func (g *grid) raw(s *stored, latency time.Duration, readers int) time.Duration {
	store := newStore(s, &delay{latency: latency})
	queue := make(chan int, len(s.partitions))
	for p := range s.partitions {
		queue <- p
	}
	close(queue)
	limit := order.Limit{Events: g.page, Bytes: math.MaxInt32}
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			for p := range queue {
				for after, more := uint64(0), true; more; {
					page, _ := store.Read(context.Background(), p, after, limit)
					after, more = page.To, page.More
				}
			}
		})
	}
	all.Wait()
	return time.Since(store.began)
}

// watch samples the size of the heap.
type watch struct {
	before, peak uint64
	end, ended   chan struct{}
}

const heap = "/memory/classes/heap/objects:bytes"

func heapSize() uint64 {
	sample := []metrics.Sample{{Name: heap}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func newWatch() *watch {
	runtime.GC()
	w := &watch{before: heapSize(), end: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				w.peak = max(w.peak, heapSize())
			case <-w.end:
				return
			}
		}
	}()
	return w
}

func (w *watch) stop() uint64 {
	close(w.end)
	<-w.ended
	return max(w.peak, heapSize(), w.before) - w.before
}

// row is a cell of the grid as it is printed.
type row struct {
	Documents, Events   int
	Arrangement         arrangement
	Missing             int     // percent
	LatencyMillis       float64 // of a read, as it was asked for
	Rate, BaselineRate  float64 // events read, a second
	Lookups, BaseLookup int64
	PeakMB, BasePeakMB  float64
	FirstMillis         float64 // to the first delivery
	Undelivered         int     // of what can be delivered
	Misordered          int
	Ratio               float64 // to the baseline
	Floor               float64 // time / max(raw read, look-ups x latency / readers)
	OneReader           float64 // the same with a raw read by one reader
	Estimated           bool    // some of the baseline's latencies were counted, not slept
}

// measure runs a cell: the baseline, a raw read and an Orderer in turn, and takes the
// medians of the times and of the ratios of each turn.
func (g *grid) measure(ctx context.Context, s *stored, latency time.Duration) (row, error) {
	pairs := g.pairs
	if latency > 0 {
		pairs = min(pairs, g.slow)
	}
	var us, base []result
	var b result
	var ratios, floors, ones []float64
	var one time.Duration
	for i := range pairs {
		if latency == 0 || i == 0 { // what it does with a latency takes long, and varies little
			b = g.baseline(s, latency)
			one = g.raw(s, latency, 1)
		}
		raw := g.raw(s, latency, g.readers)
		o, err := g.ours(ctx, s, latency)
		if err != nil {
			return row{}, err
		}
		if b.missing != 0 || b.misplaced != 0 {
			return row{}, fmt.Errorf("the baseline has left %d and misplaced %d", b.missing, b.misplaced)
		}
		us, base = append(us, o), append(base, b)
		ratios = append(ratios, b.took.Seconds()/o.took.Seconds())
		var lookups time.Duration
		if latency > 0 {
			lookups = time.Duration(o.lookups) * o.mean / time.Duration(g.readers)
		}
		floors = append(floors, o.took.Seconds()/max(raw, lookups).Seconds())
		ones = append(ones, o.took.Seconds()/max(one, lookups).Seconds())
	}
	n := float64(len(s.all))
	r := row{
		Documents: s.documents, Events: s.events, Arrangement: s.arrangement, Missing: s.missing,
		LatencyMillis: latency.Seconds() * 1000, Ratio: median(ratios), Floor: median(floors), OneReader: median(ones),
		Rate:         n / median(each(us, func(r result) float64 { return r.took.Seconds() })),
		BaselineRate: n / median(each(base, func(r result) float64 { return r.took.Seconds() })),
		Lookups:      int64(median(each(us, func(r result) float64 { return float64(r.lookups) }))),
		BaseLookup:   base[0].lookups,
		PeakMB:       median(each(us, func(r result) float64 { return float64(r.peak) / 1e6 })),
		BasePeakMB:   median(each(base, func(r result) float64 { return float64(r.peak) / 1e6 })),
		FirstMillis:  slices.Max(each(us, func(r result) float64 { return r.first.Seconds() * 1000 })),
		Estimated:    latency > 0 && g.enough > 0 && base[0].lookups*int64(latency) > int64(g.enough),
	}
	for _, o := range us {
		r.Undelivered += o.missing
		r.Misordered += o.misplaced
	}
	return r, nil
}

func each(all []result, value func(result) float64) []float64 {
	values := make([]float64, len(all))
	for i := range all {
		values[i] = value(all[i])
	}
	return values
}

// median sorts the values and returns the one in the middle.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
