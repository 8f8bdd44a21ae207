package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Presence has everybody who has a document open tell the others where they are, Rate times
// a second all together. A server may leave out what a later one has replaced: deliveries
// are those that came.
func Presence(ctx context.Context, cfg Config) (*Report, error) {
	cfg = cfg.withDefaults()
	if cfg.Rate <= 0 {
		return nil, errors.New("presence needs a rate")
	}
	crowd, err := gather(ctx, cfg.Server, cfg.Documents*cfg.Subscribers, func(i int) record.Key {
		return record.Key{Space: "bench", ID: fmt.Sprint("here", i/cfg.Subscribers)}
	}, cfg.Progress)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	began := time.Now()
	latency, k := newDistribution(int64(time.Minute/time.Microsecond)), newDistribution(1<<20)
	var measuring, stopping atomic.Bool
	var sent, deliveries atomic.Uint64
	var wg sync.WaitGroup
	defer wg.Wait()
	defer crowd.close()
	defer cancel(nil)
	for _, c := range crowd.conns {
		wg.Go(func() {
			for {
				came := int64(0)
				err := c.receive(context.Background(), func(f wire.Frame) error {
					peer, ok := f.(*wire.Peer)
					if !ok || len(peer.State) == 0 {
						return nil
					}
					at, err := when(peer.State)
					if err != nil {
						return nil // of somebody else
					}
					latency.add((time.Since(began) - at).Microseconds(), 1)
					came++
					return nil
				})
				switch {
				case ctx.Err() != nil:
					return
				case err != nil:
					cancel(fmt.Errorf("a subscriber: %w", err))
					return
				case came > 0:
					k.add(came, 1)
					if measuring.Load() {
						deliveries.Add(uint64(came))
					}
				}
			}
		})
	}
	wg.Go(func() {
		err := atRate(ctx, cfg.Rate, func(i uint64) error {
			if stopping.Load() {
				return nil
			}
			c := crowd.conns[i%uint64(len(crowd.conns))]
			if measuring.Load() {
				sent.Add(1)
			}
			return c.ws.Write(ctx, websocket.MessageBinary, wire.Encode(&wire.SetPresence{Doc: c.doc, State: here(time.Since(began), cfg.Bytes)}))
		})
		if err != nil {
			cancel(err)
		}
	})
	if err := pause(ctx, nil, cfg.Warmup); err != nil {
		return nil, err
	}
	before, err := usageOf(ctx, cfg.Server)
	if err != nil {
		return nil, err
	}
	latency.reset()
	k.reset()
	measuring.Store(true)
	start := time.Now()
	if err := pause(ctx, nil, cfg.For); err != nil {
		return nil, err
	}
	measuring.Store(false)
	took := time.Since(start)
	stopping.Store(true)
	after, err := usageOf(ctx, cfg.Server)
	if err != nil {
		return nil, err
	}
	if deliveries.Load() == 0 {
		return nil, errors.New("nothing was delivered in the time of the run")
	}
	report := &Report{
		Load: "presence", Documents: cfg.Documents, Connections: len(crowd.conns), Rate: cfg.Rate, Bytes: cfg.Bytes,
		K: k.numbers(1), LatencyMS: latency.numbers(1000),
	}
	report.count(sent.Load(), deliveries.Load(), took, before, after)
	return report, nil
}

// atRate calls fn so many times a second, with 0, 1, 2 ... What is late is made up for.
func atRate(ctx context.Context, rate float64, fn func(i uint64) error) error {
	began := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := uint64(0); ; i++ {
		if wait := time.Duration(float64(i)/rate*float64(time.Second)) - time.Since(began); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := fn(i); err != nil {
			return err
		}
	}
}

// here is a presence of some bytes that says when it was sent.
func here(at time.Duration, size int) []byte {
	text := fmt.Appendf(nil, `{"at":%d,"pad":"`, at.Nanoseconds())
	text = append(text, bytes.Repeat([]byte{'x'}, max(0, size-len(text)-2))...)
	return append(text, `"}`...)
}

func when(state []byte) (time.Duration, error) {
	digits, _, _ := bytes.Cut(bytes.TrimPrefix(state, []byte(`{"at":`)), []byte{','})
	ns, err := strconv.ParseInt(string(digits), 10, 64)
	return time.Duration(ns), err
}
