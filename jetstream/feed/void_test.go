package feed

import (
	"context"
	"reflect"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// A record that follows a void one is void as well, and no event, for a run that begins there,
// one that begins with what comes now, and a follower with a cursor: all agree with a replay.
func TestL2_AfterAVoidRecord(t *testing.T) {
	b := newBench(t)
	k := key("s/d")
	b.change("s/d")
	old := b.tails[k].Head
	b.change("s/d")
	publish := func(after record.Position) record.Position {
		rec := record.Record{Epoch: after.Epoch, Prev: after.Revision, PrevChain: after.Chain, Time: 1,
			Mutations: []record.Mutation{{Client: record.ClientID{2}, ID: record.MutationID{Number: 1, Nonce: 1}, Delta: []byte(`{"v":1}`)}}}
		data, err := rec.Encode()
		if err != nil {
			t.Fatal(err)
		}
		ack, err := b.node.JetStream().Publish(t.Context(), deltalog.Subject(k), data)
		if err != nil {
			t.Fatal(err)
		}
		tail := b.tails[k]
		tail.Last = ack.Sequence
		b.tails[k] = tail
		return record.Position{Epoch: after.Epoch, Revision: record.Revision(ack.Sequence), Chain: record.ChainOf(data)}
	}
	s, now, followed := newSink(), newSink(), newSink()
	void := publish(old)
	run := func() {
		t.Helper()
		r := b.run(t, b.feed, Options{Name: "x"}, s.take)
		<-r.caught
		r.stop(t)
		r = b.run(t, b.feed, Options{Name: "now", FromNow: true}, now.take)
		<-r.caught
		r.stop(t)
	}
	follow := func(from record.Position) {
		t.Helper()
		at := Cursor{Epoch: from.Epoch, Sequence: uint64(from.Revision)}
		if err := b.feed.Follow(t.Context(), FollowOptions{Space: "s", From: at, Once: true}, followed.one); err != nil {
			t.Fatal(err)
		}
	}
	run()
	for range 3 { // each follows the one before
		next := publish(void)
		run()
		follow(void)
		void = next
	}
	if len(now.events)+len(followed.events) > 0 {
		t.Errorf("of void records %v and %v were delivered", now.revisions(), followed.revisions())
	}
	// One that is valid comes to all.
	last := b.change("s/d")
	run()
	follow(void)
	for name, got := range map[string][]record.Revision{"from now": now.revisions()[k], "follower": followed.revisions()[k]} {
		if !reflect.DeepEqual(got, []record.Revision{last}) {
			t.Errorf("%s: delivered %v, want %d", name, got, last)
		}
	}
	var replayed []record.Revision
	if _, err := b.log.Replay(context.Background(), k, deltalog.Tail{}, func(e deltalog.Entry) error {
		replayed = append(replayed, e.Position.Revision)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got := s.revisions()[k]; !reflect.DeepEqual(got, replayed) {
		t.Errorf("delivered %v, and a replay has %v", got, replayed)
	}
}

// More documents with void records than a mark can list are read anew instead.
func TestL9_ManyVoids(t *testing.T) {
	var v voids
	v.begin(7, nil)
	for i := range maxVoids + 1 {
		if judged, void := v.of(record.Key{Space: "s", ID: string(rune('a' + i))}); judged != 7 || void {
			t.Fatalf("after %d: %d, %v", i, judged, void)
		}
		v.add(record.Key{Space: "s", ID: string(rune('a' + i))})
	}
	judged, documents := v.all()
	if (reach{judged: judged}).valid(1<<60) || len(documents) > 0 {
		t.Errorf("%d documents are listed, and records after %d are trusted", len(documents), judged)
	}
}
