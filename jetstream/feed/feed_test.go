package feed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	nserver "github.com/nats-io/nats-server/v2/server"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Every valid record of every document, in order, each once; after a restart what is new.
func TestL2_EveryRevision(t *testing.T) {
	b := newBench(t)
	for i := range 40 {
		for d := range 1 + i%7 {
			b.change(fmt.Sprintf("space%d/doc%d", d%3, d))
		}
	}
	s := newSink()
	r := b.run(t, b.feed, Options{Name: "all"}, s.take)
	<-r.caught
	if got := s.revisions(); !reflect.DeepEqual(got, b.want) {
		t.Errorf("delivered %v, want %v", got, b.want)
	}
	for _, e := range s.events {
		if e.Kind != Change || len(e.Mutations) != 1 || !e.Time.Equal(time.UnixMilli(1700000000000)) {
			t.Errorf("an event is %+v", e)
		}
	}
	n := len(s.events)
	b.change("live/a")
	b.add("live/a", record.KindDeletion, `{"n":null}`)
	events := s.wait(t, n+2)
	if last := events[n+1]; last.Kind != Delete || last.Prev != events[n].Revision {
		t.Errorf("the deletion is %+v", last)
	}
	r.stop(t)

	b.change("live/b")
	r = b.run(t, b.feed, Options{Name: "all"}, s.take)
	<-r.caught
	if got := s.revisions(); !reflect.DeepEqual(got, b.want) {
		t.Errorf("after a restart delivered %v, want %v", got, b.want)
	}
	if st := r.Status(); !st.CaughtUp || st.Delivered != 1 || st.Discovered > 3 {
		t.Errorf("the status is %+v", st)
	}
	r.stop(t)
}

// A subscription to a space, and one to what comes from now on.
func TestSpaceAndFromNow(t *testing.T) {
	b := newBench(t)
	b.change("one/a")
	b.change("two/a")
	b.change("two/b")
	two, later := newSink(), newSink()
	r := b.run(t, b.feed, Options{Name: "two", Space: "two"}, two.take)
	now := b.run(t, b.feed, Options{Name: "later", FromNow: true}, later.take)
	<-r.caught
	<-now.caught
	b.change("one/a")
	b.change("two/b")
	two.wait(t, 3)
	later.wait(t, 2)
	want := maps.Clone(b.want)
	delete(want, key("one/a"))
	if got := two.revisions(); !reflect.DeepEqual(got, want) {
		t.Errorf("of a space: %v, want %v", got, want)
	}
	if got := later.revisions(); !reflect.DeepEqual(got, map[record.Key][]record.Revision{key("one/a"): b.want[key("one/a")][1:], key("two/b"): b.want[key("two/b")][1:]}) {
		t.Errorf("from now on: %v", got)
	}
	r.stop(t)
	now.stop(t)
	s, err := b.feed.Subscribe(Options{Name: "two", Space: "other"}, two.take)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("a subscription has changed its space")
	}
	for _, o := range []Options{{Name: ""}, {Name: "a.b"}, {Name: "a", Space: "b/c"}} {
		if _, err := b.feed.Subscribe(o, two.take); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

// What is void for every reader of the log is no event.
func TestL2_VoidRecordsAreNoEvents(t *testing.T) {
	b := newBench(t)
	k := key("s/d")
	b.change("s/d")
	tail := b.tails[k]
	b.change("s/d")
	// A late publish: it expects the last message, and follows an older record.
	late := record.Record{Epoch: tail.Head.Epoch, Prev: tail.Head.Revision, PrevChain: tail.Head.Chain, Time: 1,
		Mutations: []record.Mutation{{Client: record.ClientID{2}, ID: record.MutationID{Number: 1, Nonce: 1}, Delta: []byte(`{"late":1}`)}}}
	data, err := late.Encode()
	if err != nil {
		t.Fatal(err)
	}
	ack, err := b.node.JetStream().Publish(t.Context(), deltalog.Subject(k), data)
	if err != nil {
		t.Fatal(err)
	}
	last := b.tails[k]
	last.Last = ack.Sequence
	b.tails[k] = last
	s := newSink()
	r := b.run(t, b.feed, Options{Name: "void"}, s.take)
	<-r.caught
	r.stop(t)
	// The one after it is judged by a run that has not seen what is before.
	b.change("s/d")
	r = b.run(t, b.feed, Options{Name: "void"}, s.take)
	<-r.caught
	r.stop(t)
	if got := s.revisions(); !reflect.DeepEqual(got, b.want) {
		t.Errorf("delivered %v, want %v", got, b.want)
	}
}

// A document whose delivery fails, and one that is damaged, hold up nobody.
func TestL10_BadDocuments(t *testing.T) {
	b := newBench(t)
	for range 5 {
		b.change("s/bad")
		b.change("s/good")
	}
	ack, err := b.node.JetStream().Publish(t.Context(), deltalog.Subject(key("s/damaged")), []byte("not a record"))
	if err != nil || ack == nil {
		t.Fatal(err)
	}
	s := newSink()
	var refuse atomic.Bool
	refuse.Store(true)
	tried := make(chan struct{}) // again and again
	var once sync.Once
	s.before = func(events []Event, attempt int) error {
		if refuse.Load() && slices.ContainsFunc(events, func(e Event) bool { return e.Key == key("s/bad") && e.Revision == b.want[e.Key][2] }) {
			if attempt > 3 {
				once.Do(func() { close(tried) })
			}
			return errors.New("not this one")
		}
		return nil
	}
	r := b.run(t, b.feed, Options{Name: "bad"}, s.take)
	<-r.caught
	s.wait(t, 5)
	<-tried
	// Both are tried again all the time, and are Leaving then.
	if st := r.Status(); st.Failed+st.Leaving != 2 || st.Gaps+st.NoRoom != 0 {
		t.Errorf("the status is %+v, suspended %+v", st, r.Suspended(10))
	}
	r.stop(t)
	var m mark
	l := &ledger{js: b.node.JetStream(), name: "bad", owner: newOwner(), last: map[string]uint64{}}
	if _, err := l.load(t.Context(), b.feed.stream, shardToken(deltalog.ShardOf("s")), &m); err != nil {
		t.Fatal(err)
	}
	var suspended []string
	for _, d := range m.Suspended {
		suspended = append(suspended, d.Document)
	}
	slices.Sort(suspended)
	if !slices.Equal(suspended, []string{"s/bad", "s/damaged"}) {
		t.Errorf("stored as suspended are %v", suspended)
	}
	refuse.Store(false)
	r = b.run(t, b.feed, Options{Name: "bad"}, s.take)
	s.wait(t, 10)
	r.stop(t)
	if got := s.revisions(); !reflect.DeepEqual(got, b.want) {
		t.Errorf("delivered %v, want %v", got, b.want)
	}
}

// One who comes when the log has forgotten gets documents whole, and what followed.
func TestForgottenIsReset(t *testing.T) {
	b := newBench(t)
	s := newSink()
	old := b.run(t, b.feed, Options{Name: "old"}, s.take)
	b.change("s/kept")
	s.wait(t, 1)
	old.stop(t)
	b.change("s/kept")
	b.change("s/small")
	b.change("s/small")
	compact(t, b)
	b.change("s/kept")
	b.change("s/new")

	check := func(name string) {
		t.Helper()
		got := newSink()
		r := b.run(t, b.feed, Options{Name: name}, got.take)
		<-r.caught
		kinds := map[record.Key][]string{}
		for _, e := range got.events {
			kinds[e.Key] = append(kinds[e.Key], fmt.Sprint(e.Kind, " ", e.Revision, " ", string(e.Document)))
		}
		kept, small, fresh := b.want[key("s/kept")], b.want[key("s/small")], b.want[key("s/new")]
		want := map[record.Key][]string{
			key("s/kept"):  {fmt.Sprint("reset ", kept[1], ` {"s/kept":2}`), fmt.Sprint("change ", kept[2], " ")},
			key("s/small"): {fmt.Sprint("reset ", small[1], ` {"s/small":2}`)},
			key("s/new"):   {fmt.Sprint("change ", fresh[0], " ")},
		}
		if !reflect.DeepEqual(kinds, want) {
			t.Errorf("%s: got %v, want %v", name, kinds, want)
		}
		r.stop(t)
		r = b.run(t, b.feed, Options{Name: name}, got.take)
		<-r.caught
		if st := r.Status(); st.Delivered != 0 {
			t.Errorf("%s: after a restart %d events came again", name, st.Delivered)
		}
		r.stop(t)
	}
	check("new")
	check("old")

	var followed []string
	ctx, cancel := context.WithCancel(t.Context())
	err := b.feed.Follow(ctx, FollowOptions{Space: "s"}, func(e Event) error {
		if followed = append(followed, fmt.Sprint(e.Kind, " ", e.Key.ID)); len(followed) == 4 {
			cancel()
		}
		return nil
	})
	slices.Sort(followed[:min(2, len(followed))]) // which is stated first, nobody says
	if !errors.Is(err, context.Canceled) || !slices.Equal(followed, []string{"reset kept", "reset small", "change kept", "change new"}) {
		t.Errorf("followed %v, %v", followed, err)
	}
}

// compact has the log forget what is before bases.
func compact(t *testing.T, b *bench) {
	t.Helper()
	for range 2 { // the second drops what the first has stated
		_, err := b.log.Compact(t.Context(), deltalog.Compaction{Rebase: func(_ context.Context, k record.Key) error {
			b.base(k.String(), fmt.Sprintf(`{%q:%d}`, k, len(b.want[k])))
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Of two that run one subscription one delivers, and the other takes over.
func TestTakeOver(t *testing.T) {
	b := newBench(t)
	shared, err := Open(t.Context(), Config{Log: b.log, JetStream: b.node.JetStream()})
	if err != nil {
		t.Fatal(err)
	}
	b.change("s/a")
	one, two := newSink(), newSink()
	first := b.run(t, shared, Options{Name: "x"}, one.take)
	<-first.caught
	second := b.run(t, shared, Options{Name: "x"}, two.take)
	b.change("s/a")
	one.wait(t, 2)
	first.stop(t)
	<-second.caught
	b.change("s/a")
	two.wait(t, 1)
	if len(one.events) != 2 || len(two.events) != 1 {
		t.Errorf("%d and %d events", len(one.events), len(two.events))
	}
	// One that thinks that it is alone takes it at once; the other one notices.
	third := b.run(t, b.feed, Options{Name: "x"}, one.take)
	<-third.caught
	b.change("s/a")
	one.wait(t, 3)
	if err := <-second.ended; !errors.Is(err, ErrTaken) {
		t.Errorf("the one that was taken over ended with %v", err)
	}
	third.stop(t)
}

// A follower goes on from the cursor of the last event that it has got.
func TestFollow(t *testing.T) {
	b := newBench(t)
	for range 3 {
		b.change("s/a")
		b.change("s/b")
	}
	at := Cursor{}
	got := newSink()
	for i := range 7 {
		ctx, cancel := context.WithCancel(t.Context())
		if i == 5 {
			b.change("s/a") // while nobody follows
		}
		err := b.feed.Follow(ctx, FollowOptions{Space: "s", From: at}, func(e Event) error {
			var err error
			if at, err = ParseCursor(e.Cursor.String()); err != nil {
				t.Error(err)
			}
			cancel()
			if e.Cursor.Sequence == at.Sequence {
				return errors.Join(got.one(e), context.Canceled)
			}
			return nil
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if revisions := got.revisions(); !reflect.DeepEqual(revisions, b.want) {
		t.Errorf("followed %v, want %v", revisions, b.want)
	}
	for _, text := range []string{"x", "1", "-", "0-1", "1-x", "zz-1"} {
		if _, err := ParseCursor(text); !errors.Is(err, ErrCursor) {
			t.Errorf("%q is a cursor", text)
		}
	}
}

// One that is cut off from NATS is taken over from when it has given no sign of life for as
// long as it may, and does not deliver any more than what it was about to.
func TestL10_TakenOverFromOneThatIsCutOff(t *testing.T) {
	nats := natstest.Start(t, t.TempDir(), nserver.RANDOM_PORT)
	cut, b := newBenchOn(t, natsd.Config{URL: nats.ClientURL()}), newBenchOn(t, natsd.Config{URL: nats.ClientURL()})
	open := func(b *bench) *Feed {
		f, err := Open(t.Context(), Config{Log: b.log, JetStream: b.node.JetStream(), Lease: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	one, two := newSink(), newSink()
	first := cut.run(t, open(cut), Options{Name: "x"}, one.take)
	<-first.caught
	b.change("s/a")
	one.wait(t, 1)
	cut.node.Conn().Close()
	second := b.run(t, open(b), Options{Name: "x"}, two.take)
	<-second.caught
	b.change("s/a")
	two.wait(t, 1)
	first.stop(t)
	second.stop(t)
	if len(one.events) != 1 {
		t.Errorf("the one that was cut off was handed %d events", len(one.events))
	}
}

// Subscriptions are listed and removed.
func TestListAndRemove(t *testing.T) {
	b := newBench(t)
	b.change("s/a")
	s := newSink()
	one := b.run(t, b.feed, Options{Name: "one"}, s.take)
	<-one.caught
	two := b.run(t, b.feed, Options{Name: "two", Space: "s"}, s.take)
	<-two.caught
	two.stop(t)
	list, err := b.feed.List(t.Context())
	if err != nil || len(list) != 2 || list[0].Name != "one" || !list[0].Running || list[1].Space != "s" || list[1].Running {
		t.Errorf("listed %+v, %v", list, err)
	}
	for _, name := range []string{"one", "two", "never-there"} {
		if err := b.feed.Remove(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	if list, err := b.feed.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("after removal listed %+v, %v", list, err)
	}
	b.change("s/a") // has it save
	if err := <-one.ended; !errors.Is(err, ErrTaken) {
		t.Errorf("a removed subscription ended with %v", err)
	}
	s = newSink()
	anew := b.run(t, b.feed, Options{Name: "two", Space: "s"}, s.take)
	<-anew.caught
	if got := s.revisions(); !reflect.DeepEqual(got, b.want) {
		t.Errorf("anew delivered %v, want %v", got, b.want)
	}
	anew.stop(t)
	if err := b.feed.Remove(t.Context(), "a.b"); err == nil {
		t.Error("a name with a dot was accepted")
	}
}

// That the last message of a shard was deleted keeps nobody waiting for it.
func TestDeletedLastMessage(t *testing.T) {
	b := newBench(t)
	b.change("s/a")
	last := b.change("s/b")
	stream, err := b.node.JetStream().Stream(t.Context(), deltalog.Stream(key("s/b")))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(t.Context(), uint64(last)); err != nil {
		t.Fatal(err)
	}
	got := newSink()
	if err := b.feed.Follow(t.Context(), FollowOptions{Space: "s", Once: true}, got.one); err != nil {
		t.Fatal(err)
	}
	if len(got.events) != 1 {
		t.Errorf("followed %+v", got.events)
	}
}
