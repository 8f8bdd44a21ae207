package host_test

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// shelf is a store of snapshots whose puts can be held, and are noted.
type shelf struct {
	*snapshot.Store

	mu      sync.Mutex
	held    chan struct{} // nil: puts are not held
	begun   []put
	ended   []error
	changed chan struct{} // closed, and another made, when one has ended or begun
}

type put struct {
	key  record.Key
	snap snapshot.Snapshot
}

// note changes what is noted.
func (s *shelf) note(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.changed)
	s.changed = make(chan struct{})
}

// Put is bounded by ctx while it is held.
func (s *shelf) Put(ctx context.Context, key record.Key, snap snapshot.Snapshot) error {
	var held chan struct{}
	s.note(func() { s.begun, held = append(s.begun, put{key, snap}), s.held })
	var err error
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err == nil {
		err = s.Store.Put(ctx, key, snap)
	}
	s.note(func() { s.ended = append(s.ended, err) })
	return err
}

// hold stops puts until the returned function is called.
func (s *shelf) hold() (release func()) {
	held := make(chan struct{})
	s.note(func() { s.held = held })
	return sync.OnceFunc(func() {
		s.note(func() { s.held = nil })
		close(held)
	})
}

// all returns what has been put so far, and how that has ended.
func (s *shelf) all() (begun []put, ended []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.begun), slices.Clone(s.ended)
}

// await waits until so many puts have begun, and so many have ended, since the first.
func (s *shelf) await(t testing.TB, begun, ended int) {
	t.Helper()
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		reached, changed := len(s.begun) >= begun && len(s.ended) >= ended, s.changed
		s.mu.Unlock()
		if reached {
			return
		}
		select {
		case <-changed:
		case <-timeout.C:
			t.Fatalf("%d puts never began or %d never ended: %v", begun, ended, s.records())
		}
	}
}

// puts returns what has been put so far.
func (s *shelf) puts() []put {
	begun, _ := s.all()
	return begun
}

// records returns at which records snapshots were put.
func (s *shelf) records() (at []int) {
	for _, p := range s.puts() {
		at = append(at, int(p.snap.Records))
	}
	return at
}

// tally is a log that counts the records that are replayed from it.
type tally struct {
	*gate
	replayed atomic.Int64
}

func (l *tally) Replay(ctx context.Context, key record.Key, from deltalog.Tail, fn func(deltalog.Entry) error) (deltalog.Tail, error) {
	return l.gate.Replay(ctx, key, from, func(e deltalog.Entry) error {
		l.replayed.Add(1)
		return fn(e)
	})
}

func (l *tally) Resume(ctx context.Context, key record.Key, from record.Position, fn func(deltalog.Entry) error) (deltalog.Tail, error) {
	return l.gate.Resume(ctx, key, from, func(e deltalog.Entry) error {
		l.replayed.Add(1)
		return fn(e)
	})
}

// warnings is a log handler that keeps the errors that are reported.
type warnings struct {
	mu   sync.Mutex
	errs []error
}

func (w *warnings) Enabled(context.Context, slog.Level) bool { return true }
func (w *warnings) WithAttrs([]slog.Attr) slog.Handler       { return w }
func (w *warnings) WithGroup(string) slog.Handler            { return w }

func (w *warnings) Handle(_ context.Context, r slog.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok {
			w.errs = append(w.errs, err)
		}
		return true
	})
	return nil
}

// take returns the errors since the last call.
func (w *warnings) take() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	errs := w.errs
	w.errs = nil
	return errs
}

// keeping is a world that makes snapshots, with what tests see of that.
type keeping struct {
	*world
	shelf    *shelf
	tally    *tally
	warnings *warnings
	cfg      host.Config
}

// newKeeping has a snapshot made after every few records, and of every document
// that is evicted after a record.
func newKeeping(t testing.TB, change ...func(*host.Config)) *keeping {
	t.Helper()
	return keepingOn(t, newWorld(t), change...)
}

// keepingOn is another registry on the log of a world.
func keepingOn(t testing.TB, w *world, change ...func(*host.Config)) *keeping {
	t.Helper()
	store, err := snapshot.Open(testContext(t), snapshot.Config{JetStream: w.node.JetStream()})
	if err != nil {
		t.Fatal(err)
	}
	k := &keeping{
		shelf:    &shelf{Store: store, changed: make(chan struct{})},
		warnings: &warnings{},
	}
	k.world = worldOn(t, w.node, func(c *host.Config) {
		k.tally = &tally{gate: c.Log.(*gate)}
		c.Log, c.Snapshots, c.Logger = k.tally, k.shelf, slog.New(k.warnings)
		c.SnapshotEvery, c.SnapshotIdle = 5, 1
		c.AtticBytes = -1 // what is loaded is to come from what is stored
		for _, f := range change {
			f(c)
		}
		k.cfg = *c
	})
	k.clients = w.clients
	return k
}

// evict has all documents leave memory, which nobody may have open, and waits until
// their snapshots are stored.
func (k *keeping) evict() {
	k.t.Helper()
	for _, ended := range k.evictNow() {
		<-ended
	}
	k.registry.Settle()
}

// evictNow does not wait for the hosts to end. A document leaves when its handles are
// closed, nothing waits in it and nothing is in flight; no one event tells that all of
// this is so, so it looks again and again.
func (k *keeping) evictNow() (ended []<-chan struct{}) {
	k.t.Helper()
	for deadline := time.Now().Add(within); k.registry.Live() > 0; time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			k.t.Fatal("a document stays in memory")
		}
		// A document is busy until it has heard that it is not.
		ended = append(ended, k.registry.EvictIdle()...)
	}
	return ended
}

// loaded loads a document as a host does, and checks that it comes out as it does
// without a snapshot. It returns how many records were replayed for it.
func (k *keeping) loaded(key record.Key) (snapshot.Snapshot, int) {
	k.t.Helper()
	before := k.tally.replayed.Load()
	got, err := host.Load(testContext(k.t), k.cfg, key)
	if err != nil {
		k.t.Fatal(err)
	}
	replayed := int(k.tally.replayed.Load() - before)
	want, err := host.Load(testContext(k.t), host.Config{Log: k.world.log}, key)
	if err != nil {
		k.t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		k.t.Fatalf("loaded as %s, %d records, %v, %.200s\nreplayed as %s, %d records, %v, %.200s",
			got.At, got.Records, got.Clients, got.Document, want.At, want.Records, want.Clients, want.Document)
	}
	return got, replayed
}

// write makes records of a new client and leaves.
func (k *keeping) write(key record.Key, patches ...string) *member {
	k.t.Helper()
	m := k.join(key)
	for _, patch := range patches {
		m.edit(patch)
		equal(k.t, "record", m.deltas(), patch)
	}
	m.handle.Close()
	return m
}
