package feed

import (
	"context"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// cut takes the end off the stream of a document: it is deleted and made again as it was up to a
// sequence.
func (b *bench) cut(doc string, last uint64) {
	b.t.Helper()
	ctx, js := b.t.Context(), b.node.JetStream()
	name := deltalog.Stream(key(doc))
	stream, err := js.Stream(ctx, name)
	if err != nil {
		b.t.Fatal(err)
	}
	cfg := stream.CachedInfo().Config
	var kept []*nats.Msg
	for seq := uint64(1); seq <= last; seq++ {
		m, err := stream.GetMsg(ctx, seq)
		if err != nil {
			b.t.Fatal(err)
		}
		kept = append(kept, &nats.Msg{Subject: m.Subject, Data: m.Data})
	}
	republish := cfg.RePublish
	cfg.RePublish = nil // what it has is no news
	if err := js.DeleteStream(ctx, name); err != nil {
		b.t.Fatal(err)
	}
	natstest.CreateStream(b.t, js, cfg)
	for _, m := range kept {
		if _, err := js.PublishMsg(ctx, m); err != nil {
			b.t.Fatal(err)
		}
	}
	cfg.RePublish = republish
	if _, err := js.UpdateStream(ctx, cfg); err != nil {
		b.t.Fatal(err)
	}
}

// back has a document's tail, and what is wanted of it, be those of a revision before.
func (b *bench) back(doc string, tail deltalog.Tail, n int) {
	b.tails[key(doc)] = tail
	b.want[key(doc)] = b.want[key(doc)][:n]
}

// replace deletes the stream of a document and makes it anew, with another epoch.
func (b *bench) replace(doc string) {
	b.t.Helper()
	js, name := b.node.JetStream(), deltalog.Stream(key(doc))
	stream, err := js.Stream(b.t.Context(), name)
	if err != nil {
		b.t.Fatal(err)
	}
	cfg := stream.CachedInfo().Config
	cfg.Metadata["rivulet-epoch"] = "5eed"
	if err := js.DeleteStream(b.t.Context(), name); err != nil {
		b.t.Fatal(err)
	}
	natstest.CreateStream(b.t, js, cfg)
	if b.log, err = deltalog.Open(b.t.Context(), deltalog.Config{Conn: b.node.Conn(), JetStream: js}); err != nil {
		b.t.Fatal(err)
	}
	b.tails, b.want = map[record.Key]deltalog.Tail{}, map[record.Key][]record.Revision{}
}

// followed runs a subscription and a follower, each with its sink.
func followed(t *testing.T, b *bench) map[string]*sink {
	sub, fol := newSink(), newSink()
	r := b.run(t, b.feed, Options{Name: "x"}, sub.take)
	<-r.caught
	t.Cleanup(func() { r.stop(t) })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.feed.Follow(ctx, FollowOptions{Space: "s"}, fol.one) }()
	t.Cleanup(func() { cancel(); <-ended })
	t.Cleanup(func() {
		if st := r.Status(); st.Replaced+st.Cut != 1 || st.Gaps+st.Failed+st.NoRoom != 0 {
			t.Errorf("the status is %+v", st)
		}
	})
	return map[string]*sink{"subscription": sub, "follower": fol}
}

// A log that is replaced while a subscription runs is delivered from its beginning, as after a
// restart.
func TestL2_ReplacedWhileItRuns(t *testing.T) {
	for _, written := range []bool{true, false} { // before it is noticed
		b := newBench(t)
		sinks := followed(t, b)
		for range 5 {
			b.change("s/a")
			b.change("s/b")
		}
		for _, s := range sinks {
			s.wait(t, 10)
		}
		b.replace("s/a")
		if !written {
			waitFor(t, func() any { return written }, func() bool { return b.feed.log.Load().Epoch(key("s/a")) == b.log.Epoch(key("s/a")) })
		}
		for range 3 {
			b.change("s/a")
		}
		for name, s := range sinks {
			s.wait(t, 13)
			if got := since(s, 10); !reflect.DeepEqual(got, b.want) {
				t.Errorf("%s: of the new log %v was delivered, want %v", name, got, b.want)
			}
		}
	}
}

// What takes the place of a lost end is delivered, whether it is shorter, as long or longer.
func TestL2_CutWhileItRuns(t *testing.T) {
	for _, more := range []int{2, 5, 9} { // of five
		b := newBench(t)
		sinks := followed(t, b)
		for range 3 {
			b.change("s/a")
		}
		tail := b.tails[key("s/a")]
		for range 5 {
			b.change("s/a")
		}
		for _, s := range sinks {
			s.wait(t, 8)
		}
		b.cut("s/a", tail.Last)
		b.back("s/a", tail, 3)
		for range more {
			b.add("s/a", record.KindChange, `{"other":true}`)
		}
		for name, s := range sinks {
			waitFor(t, func() any { return []any{name, more, since(s, 8), b.want} }, func() bool {
				got := since(s, 8)[key("s/a")]
				return len(got) > 0 && got[len(got)-1] == tail.Head.Revision+record.Revision(more)
			})
			got, want := since(s, 8)[key("s/a")], b.want[key("s/a")]
			if again := len(got) - more; again < 0 || again > 3 || !reflect.DeepEqual(got, want[3-again:]) {
				t.Errorf("%s: of the %d that came %v was delivered, want %v", name, more, got, want[3:])
			}
		}
	}
}

// The same while nothing runs: the next run finds out.
func TestL2_CutWhileItWasDown(t *testing.T) {
	for _, more := range []int{0, 2, 5, 9} { // of five
		b := newBench(t)
		s := newSink()
		for range 3 {
			b.change("s/a")
		}
		tail := b.tails[key("s/a")]
		r := b.run(t, b.feed, Options{Name: "x"}, s.take)
		<-r.caught
		for n := range 5 { // pages of their own
			b.change("s/a")
			s.wait(t, 4+n)
		}
		r.stop(t)
		b.cut("s/a", tail.Last)
		b.back("s/a", tail, 3)
		for range more {
			b.add("s/a", record.KindChange, `{"other":true}`)
		}
		r = b.run(t, b.feed, Options{Name: "x"}, s.take)
		<-r.caught
		b.change("s/a")
		s.wait(t, 8+more+1)
		r.stop(t)
		if got, want := since(s, 8)[key("s/a")], b.want[key("s/a")][3:]; !reflect.DeepEqual(got, want) {
			t.Errorf("of the %d that came %v was delivered, want %v", more, got, want)
		}
		if st := r.Status(); st.Cut != 1 || st.Replaced != 0 {
			t.Errorf("the status is %+v", st)
		}
	}
}

// since returns what a sink was handed after the first n.
func since(s *sink, n int) map[record.Key][]record.Revision {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := map[record.Key][]record.Revision{}
	for _, e := range s.events[n:] {
		got[e.Key] = append(got[e.Key], e.Revision)
	}
	return got
}

// waitFor waits for what nobody tells.
func waitFor(t *testing.T, what func() any, is func() bool) {
	t.Helper()
	late := time.After(30 * time.Second)
	for !is() {
		select {
		case <-late:
			t.Fatalf("it does not come: %v", what())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// NATS that is restored to an older state while everything runs.
func TestL2_RestoredWhileItRuns(t *testing.T) {
	dir, port := t.TempDir(), natstest.FreePort(t)
	nats := natstest.Start(t, dir, port)
	b := newBenchOn(t, natsd.Config{URL: nats.ClientURL()})
	s := newSink()
	r := b.run(t, b.feed, Options{Name: "x"}, s.take)
	<-r.caught
	for range 3 {
		b.change("s/a")
	}
	s.wait(t, 3)
	tail := b.tails[key("s/a")]
	natstest.Stop(nats)
	older := t.TempDir()
	if err := os.CopyFS(older, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	nats = natstest.Start(t, dir, port)
	for range 5 {
		b.change("s/a")
	}
	s.wait(t, 8)
	natstest.Stop(nats)
	natstest.Start(t, older, port)
	b.back("s/a", tail, 3)
	for range 9 { // others were faster
		b.add("s/a", record.KindChange, `{"other":true}`)
	}
	last := b.want[key("s/a")][11]
	waitFor(t, func() any { return s.revisions() }, func() bool {
		got := since(s, 8)[key("s/a")]
		return len(got) > 0 && got[len(got)-1] == last
	})
	r.stop(t)
	got, want := since(s, 8)[key("s/a")], b.want[key("s/a")]
	if again := len(got) - 9; again < 0 || again > 3 || !reflect.DeepEqual(got, want[3-again:]) {
		t.Errorf("delivered %v, want %v", got, want[3:])
	}
	if st := r.Status(); st.Cut != 1 {
		t.Errorf("the status is %+v", st)
	}
}
