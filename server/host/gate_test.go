package host_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// gate is a log whose appends to held documents wait to be let through.
type gate struct {
	*deltalog.Log
	replays atomic.Int64

	mu   sync.Mutex
	held map[record.Key]*hold
}

type hold struct {
	arrived chan []byte   // the records that came to the gate
	pass    chan struct{} // lets one through
	open    chan struct{} // closed: lets all through
}

// hold stops appends to a document until it is released.
func (g *gate) hold(t testing.TB, key record.Key) *hold {
	h := &hold{arrived: make(chan []byte, 100), pass: make(chan struct{}), open: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held[key] = h
	t.Cleanup(func() { g.release(key) })
	return h
}

func (g *gate) release(key record.Key) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if h := g.held[key]; h != nil {
		close(h.open)
		delete(g.held, key)
	}
}

// wait returns the next record that is held.
func (h *hold) wait(t testing.TB) record.Record {
	t.Helper()
	select {
	case data := <-h.arrived:
		rec, err := record.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		return rec
	case <-time.After(within):
		t.Fatal("no append came")
		return record.Record{}
	}
}

// Replay counts how often a host reads in the log.
func (g *gate) Replay(ctx context.Context, key record.Key, from deltalog.Tail, fn func(deltalog.Entry) error) (deltalog.Tail, error) {
	g.replays.Add(1)
	return g.Log.Replay(ctx, key, from, fn)
}

func (g *gate) Append(ctx context.Context, key record.Key, tail deltalog.Tail, data []byte) (deltalog.Tail, error) {
	g.mu.Lock()
	h := g.held[key]
	g.mu.Unlock()
	if h != nil {
		h.arrived <- data
		select {
		case <-h.pass:
		case <-h.open:
		case <-ctx.Done():
			return tail, &deltalog.UncertainError{Key: key, Err: ctx.Err()}
		}
	}
	return g.Log.Append(ctx, key, tail, data)
}
