package feed

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	nserver "github.com/nats-io/nats-server/v2/server"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/jetstream/order"
)

// Marks are saved however long the errors of a handler are.
func TestL9_LongErrors(t *testing.T) {
	b := newBench(t)
	b.change("s/bad1")
	b.change("s/bad2")
	b.change("s/good")
	s := newSink()
	s.before = func(events []Event, _ int) error {
		if slices.ContainsFunc(events, func(e Event) bool { return e.Key != key("s/good") }) {
			return errors.New(strings.Repeat("long ", 120_000))
		}
		return nil
	}
	r := b.run(t, b.feed, Options{Name: "x"}, s.take)
	<-r.caught
	r.stop(t)
	r = b.run(t, b.feed, Options{Name: "x"}, s.take)
	<-r.caught
	if st := r.Status(); st.Discovered != 0 {
		t.Errorf("after a restart %d messages are read again", st.Discovered)
	}
	r.stop(t)
}

// One that was removed while it ran leaves nothing to a later one of its name.
func TestRemoveLeavesNothing(t *testing.T) {
	nats := natstest.Start(t, t.TempDir(), nserver.RANDOM_PORT)
	b := newBenchOn(t, natsd.Config{URL: nats.ClientURL()})
	f, err := Open(t.Context(), Config{Log: b.log, JetStream: b.node.JetStream(), Lease: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s := newSink()
	r := b.run(t, f, Options{Name: "x"}, s.take)
	<-r.caught
	if err := f.Remove(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	b.change("s/a") // the first one of its shard: nothing was saved of that yet
	if err := <-r.ended; !errors.Is(err, ErrTaken) {
		t.Fatal(err)
	}
	anew := newSink()
	r = b.run(t, f, Options{Name: "x"}, anew.take)
	<-r.caught
	r.stop(t)
	if len(anew.events) != 1 {
		t.Errorf("a new subscription of the name was delivered %d events, want 1", len(anew.events))
	}
}

// Removing a subscription ends who waits to take it over, too.
func TestRemoveEndsWhoWaits(t *testing.T) {
	b := newBench(t)
	f, err := Open(t.Context(), Config{Log: b.log, JetStream: b.node.JetStream(), Lease: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	b.change("s/a")
	s, other := newSink(), newSink()
	first := b.run(t, f, Options{Name: "x"}, s.take)
	<-first.caught
	second := b.run(t, f, Options{Name: "x"}, other.take)
	time.Sleep(200 * time.Millisecond) // it looks every 50 ms
	if err := f.Remove(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if err := <-first.ended; !errors.Is(err, ErrTaken) {
		t.Fatal(err)
	}
	select {
	case err := <-second.ended:
		if !errors.Is(err, ErrTaken) {
			t.Error(err)
		}
	case <-second.caught:
		t.Errorf("the one that waited has made the subscription anew, and was delivered %d events", len(other.events))
		second.stop(t)
	}
}

// What was lost of the log's end, by a power cut, is not waited for: what takes its place is
// delivered.
func TestL2_MarkBehindTheEnd(t *testing.T) {
	b := newBench(t)
	s := newSink()
	b.change("s/a")
	b.change("s/a")
	r := b.run(t, b.feed, Options{Name: "x"}, s.take)
	<-r.caught
	r.stop(t)
	l := &ledger{js: b.node.JetStream(), name: "x", owner: newOwner(), last: map[string]uint64{}}
	var m mark
	token := shardToken(deltalog.ShardOf("s"))
	if _, err := l.load(t.Context(), b.feed.stream, token, &m); err != nil {
		t.Fatal(err)
	}
	m.Position += 5 // of what was lost
	if err := l.save(t.Context(), token, m); err != nil {
		t.Fatal(err)
	}
	r = b.run(t, b.feed, Options{Name: "x"}, s.take)
	<-r.caught
	b.change("s/a")
	b.change("s/b")
	s.wait(t, 4)
	if !reflect.DeepEqual(s.revisions(), b.want) {
		t.Errorf("delivered %v, want %v", s.revisions(), b.want)
	}
	r.stop(t)
}

// One who waits to take over outlives that NATS is not there for a while.
func TestL10_WhoWaitsOutlivesNATS(t *testing.T) {
	dir, port := t.TempDir(), natstest.FreePort(t)
	nats := natstest.Start(t, dir, port)
	b := newBenchOn(t, natsd.Config{URL: nats.ClientURL()})
	f, err := Open(t.Context(), Config{Log: b.log, JetStream: b.node.JetStream(), Lease: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s, other := newSink(), newSink()
	first := b.run(t, f, Options{Name: "x"}, s.take)
	<-first.caught
	second := b.run(t, f, Options{Name: "x"}, other.take)
	natstest.Stop(nats)
	select {
	case err := <-second.ended:
		t.Fatalf("it ended with %v", err)
	case <-time.After(7 * time.Second): // a request waits for five
	}
	natstest.Start(t, dir, port)
	first.stop(t)
	<-second.caught
	b.change("s/a")
	other.wait(t, 1)
	second.stop(t)
}

// One that was cut off, or stood still, for so long that another one has taken over does not
// go on with what it had read.
func TestL2_OneDelivers(t *testing.T) {
	nats := natstest.Start(t, t.TempDir(), nserver.RANDOM_PORT)
	cut, b := newBenchOn(t, natsd.Config{URL: nats.ClientURL()}), newBenchOn(t, natsd.Config{URL: nats.ClientURL()})
	open := func(b *bench) *Feed {
		f, err := Open(t.Context(), Config{Log: b.log, JetStream: b.node.JetStream(), Lease: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for range 50 {
		b.change("s/a")
	}
	one, two := newSink(), newSink()
	reached, release := make(chan struct{}), make(chan struct{})
	one.before = func([]Event, int) error {
		select {
		case <-reached:
		default:
			close(reached)
			<-release
		}
		return nil
	}
	first := cut.run(t, open(cut), Options{Name: "x", Order: order.Config{BatchSize: 1}}, one.take)
	<-reached
	cut.node.Conn().Close()
	second := b.run(t, open(b), Options{Name: "x"}, two.take)
	<-second.caught
	b.change("s/a")
	two.wait(t, 51)
	close(release)
	one.wait(t, 1)
	time.Sleep(200 * time.Millisecond) // what it would deliver takes less
	first.stop(t)
	second.stop(t)
	if len(one.events) != 1 {
		t.Errorf("after it was taken over %d old events were delivered", len(one.events)-1)
	}
}

// How far a subscription has come is not asked of replicas, which may lag: what they say may
// be that somebody else is the owner.
func TestLedgerAsksTheLeader(t *testing.T) {
	b := newBench(t)
	asked, err := b.node.Conn().SubscribeSync("$JS.API.DIRECT.GET." + Stream + ".>")
	if err != nil {
		t.Fatal(err)
	}
	s := newSink()
	b.change("s/a")
	for range 2 {
		r := b.run(t, b.feed, Options{Name: "x"}, s.take)
		<-r.caught
		r.stop(t)
	}
	if _, err := asked.NextMsg(100 * time.Millisecond); err == nil {
		t.Error("a replica was asked")
	}
}
