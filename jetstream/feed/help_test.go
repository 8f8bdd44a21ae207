package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// bench is a log with its feed.
type bench struct {
	t     testing.TB
	mu    sync.Mutex // held while bases are made, which several goroutines do
	node  *natsd.Node
	log   *deltalog.Log
	feed  *Feed
	tails map[record.Key]deltalog.Tail
	want  map[record.Key][]record.Revision
}

func newBench(t testing.TB) *bench {
	t.Helper()
	return newBenchOn(t, natsd.Config{Dir: t.TempDir(), Sync: natsd.Sync{Interval: time.Minute}})
}

func newBenchOn(t testing.TB, cfg natsd.Config) *bench {
	t.Helper()
	node, err := natsd.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, node: node, tails: map[record.Key]deltalog.Tail{}, want: map[record.Key][]record.Revision{}}
	if b.log, err = deltalog.Open(t.Context(), deltalog.Config{Conn: node.Conn(), JetStream: node.JetStream()}); err != nil {
		t.Fatal(err)
	}
	if b.feed, err = Open(t.Context(), Config{Log: b.log, JetStream: node.JetStream(), Exclusive: true}); err != nil {
		t.Fatal(err)
	}
	return b
}

func key(text string) record.Key {
	k, err := record.ParseKey(text)
	if err != nil {
		panic(err)
	}
	return k
}

// add appends a record to a document.
func (b *bench) add(doc string, kind record.Kind, delta string) record.Revision {
	b.t.Helper()
	k := key(doc)
	tail, known := b.tails[k]
	if !known {
		tail.Head.Epoch = b.log.Epoch(k)
	}
	rec := record.Record{
		Epoch: tail.Head.Epoch, Prev: tail.Head.Revision, PrevChain: tail.Head.Chain, Time: 1700000000000, Kind: kind,
		Mutations: []record.Mutation{{Client: record.ClientID{1}, ID: record.MutationID{Number: uint64(len(b.want[k]) + 1), Nonce: 1}, Delta: []byte(delta)}},
	}
	data, err := rec.Encode()
	if err != nil {
		b.t.Fatal(err)
	}
	next, err := b.log.Append(b.t.Context(), k, tail, data)
	if err != nil {
		b.t.Fatal(err)
	}
	b.tails[k] = next
	b.want[k] = append(b.want[k], next.Head.Revision)
	return next.Head.Revision
}

func (b *bench) change(doc string) record.Revision {
	b.t.Helper()
	return b.add(doc, record.KindChange, fmt.Sprintf(`{"n":%d}`, len(b.want[key(doc)])+1))
}

// base states a document as its log says, or rather as the test does.
func (b *bench) base(doc, content string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	k := key(doc)
	codec, err := snapshot.NewCodec(snapshot.DefaultMaxSize)
	if err != nil {
		b.t.Fatal(err)
	}
	data, err := codec.Encode(k, &snapshot.Snapshot{At: b.tails[k].Head, Records: uint64(len(b.want[k])), Document: []byte(content)})
	if err != nil {
		b.t.Fatal(err)
	}
	next, err := b.log.AppendBase(b.t.Context(), k, b.tails[k], deltalog.Base{Time: 1700000000000, Content: data})
	if err != nil {
		b.t.Fatal(err)
	}
	b.tails[k] = next
}

// sink remembers what it is handed.
type sink struct {
	mu      sync.Mutex
	events  []Event
	changed chan struct{}
	// before may fail.
	before func([]Event, int) error
}

func newSink() *sink {
	return &sink{changed: make(chan struct{}), before: func([]Event, int) error { return nil }}
}

func (s *sink) take(_ context.Context, events []Event, attempt int) error {
	if err := s.before(events, attempt); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, events...)
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

func (s *sink) one(e Event) error { return s.take(context.Background(), []Event{e}, 1) }

// wait waits until so many events are there.
func (s *sink) wait(t *testing.T, n int) []Event {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		s.mu.Lock()
		events, changed := slices.Clone(s.events), s.changed
		s.mu.Unlock()
		if len(events) >= n {
			return events
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("only %d events after 30 s, want %d", len(events), n)
		}
	}
}

// revisions returns what was delivered of each document.
func (s *sink) revisions() map[record.Key][]record.Revision {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := map[record.Key][]record.Revision{}
	for _, e := range s.events {
		got[e.Key] = append(got[e.Key], e.Revision)
	}
	return got
}

// running is a subscription that runs.
type running struct {
	*Subscription
	caught chan struct{}
	ended  chan error
	cancel context.CancelFunc
}

func (b *bench) run(t *testing.T, f *Feed, o Options, h Handler) *running {
	t.Helper()
	r := &running{caught: make(chan struct{}), ended: make(chan error, 1)}
	o.OnCaughtUp = func() { close(r.caught) }
	o.Order.RetryAfter, o.Order.RetryAtMost = time.Millisecond, 20*time.Millisecond
	var err error
	if r.Subscription, err = f.Subscribe(o, h); err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(t.Context())
	go func() { r.ended <- r.Run(ctx) }()
	t.Cleanup(r.cancel)
	return r
}

func (r *running) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	if err := <-r.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}
