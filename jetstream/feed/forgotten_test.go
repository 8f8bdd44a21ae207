package feed

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/order"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// has reports whether an event of a document at a revision, or a reset at a later one, is there.
func (s *sink) has(doc string, revision record.Revision) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Key == key(doc) && (e.Revision == revision || e.Kind == Reset && e.Revision > revision) {
			return true
		}
	}
	return false
}

// A document that was suspended when a run ended, and of which the log has forgotten what was
// not delivered although the mark is behind that, is delivered whole.
func TestL2_SuspendedAndForgotten(t *testing.T) {
	b := newBench(t)
	s := newSink()
	again := make(chan struct{}, 1) // it was suspended, and is tried again
	s.before = func(events []Event, attempt int) error {
		for _, e := range events {
			if e.Key == key("s/bad") && e.Revision > 1 {
				if attempt > 1 {
					select {
					case again <- struct{}{}:
					default:
					}
				}
				return errors.New("not now")
			}
		}
		return nil
	}
	b.change("s/bad")
	r := b.run(t, b.feed, Options{Name: "x"}, s.take)
	<-r.caught
	lost := b.change("s/bad")
	for range 20 {
		b.change("s/good")
	}
	s.wait(t, 21)
	<-again
	// More, that the position is beyond where the log is cut.
	compact(t, b)
	b.change("s/good")
	s.wait(t, 22)
	r.stop(t)
	s.before = func([]Event, int) error { return nil }
	r = b.run(t, b.feed, Options{Name: "x"}, s.take)
	<-r.caught
	b.change("s/bad")
	b.change("s/good")
	s.wait(t, 24)
	r.stop(t)
	if !s.has("s/bad", lost) {
		t.Errorf("revision %d was never delivered: %v", lost, s.revisions()[key("s/bad")])
	}
}

// A document of which the log forgets something between two readings of one run is delivered
// whole, to a follower too.
func TestL2_ForgottenWhileReading(t *testing.T) {
	for _, name := range []string{"subscription", "follower"} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			s := newSink()
			reached, release := make(chan struct{}), make(chan struct{})
			var once atomic.Bool
			s.before = func(events []Event, _ int) error {
				if events[0].Key == key("s/stop") && once.CompareAndSwap(false, true) {
					close(reached)
					<-release
				}
				return nil
			}
			b.change("s/doc")
			if name == "subscription" {
				r := b.run(t, b.feed, Options{Name: "x", Order: order.Config{PageSize: 1, Backlog: 1, BatchSize: 1, Outbox: 1}}, s.take)
				defer r.stop(t)
			} else {
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- b.feed.Follow(ctx, FollowOptions{Space: "s"}, s.one) }()
				defer func() { cancel(); <-ended }()
			}
			s.wait(t, 1)
			b.change("s/stop")
			<-reached
			for range 300 {
				b.change("s/stop")
			}
			lost := b.change("s/doc")
			compact(t, b)
			last := b.change("s/doc")
			b.change("s/end")
			close(release)
			late := time.After(10 * time.Second)
			for !s.has("s/end", b.want[key("s/end")][0]) {
				select {
				case <-late:
					t.Fatal("the end does not come")
				case <-time.After(10 * time.Millisecond):
				}
			}
			if !s.has("s/doc", lost) || !s.has("s/doc", last) {
				t.Errorf("revisions %d, %d: only %v was delivered", lost, last, s.revisions()[key("s/doc")])
			}
		})
	}
}

// A document that comes whole from another log, in parts while somebody reads, is delivered.
func TestL2_BaseInParts(t *testing.T) {
	for _, name := range []string{"subscription", "follower"} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			s := newSink()
			if name == "subscription" {
				r := b.run(t, b.feed, Options{Name: "x"}, s.take)
				<-r.caught
				defer r.stop(t)
			} else {
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- b.feed.Follow(ctx, FollowOptions{Space: "s"}, s.one) }()
				defer func() { cancel(); <-ended }()
			}
			b.change("s/first")
			s.wait(t, 1)
			k := key("s/big")
			noise := make([]byte, 2<<20)
			rand.Read(noise) //nolint:errcheck // never fails
			codec, err := snapshot.NewCodec(snapshot.DefaultMaxSize)
			if err != nil {
				t.Fatal(err)
			}
			at := record.Position{Epoch: 1, Revision: 9, Chain: 1} // in the other log
			content, err := codec.Encode(k, &snapshot.Snapshot{At: at, Records: 1, Document: fmt.Appendf(nil, `{"n":%q}`, hex.EncodeToString(noise))})
			if err != nil {
				t.Fatal(err)
			}
			tail := deltalog.Tail{Head: record.Position{Epoch: b.log.Epoch(k)}}
			if b.tails[k], err = b.log.AppendBase(t.Context(), k, tail, deltalog.Base{Time: 1, Content: content}); err != nil {
				t.Fatal(err)
			}
			big := b.tails[k].Head.Revision
			next := b.change("s/big")
			b.change("s/end")
			late := time.After(10 * time.Second)
			for !s.has("s/end", b.want[key("s/end")][0]) {
				select {
				case <-late:
					t.Fatal("the end does not come")
				case <-time.After(10 * time.Millisecond):
				}
			}
			if !s.has("s/big", big) || !s.has("s/big", next) {
				t.Errorf("revisions %d, %d: only %v was delivered", big, next, s.revisions()[k])
			}
		})
	}
}

// A damaged document holds up no other one of its space, for a follower neither.
func TestL10_FollowPastDamage(t *testing.T) {
	b := newBench(t)
	b.change("s/a")
	if _, err := b.node.JetStream().Publish(t.Context(), deltalog.Subject(key("s/damaged")), []byte("not a record")); err != nil {
		t.Fatal(err)
	}
	b.change("s/a")
	got := newSink()
	if err := b.feed.Follow(t.Context(), FollowOptions{Space: "s", Once: true}, got.one); err != nil {
		t.Error(err)
	}
	if len(got.events) != 2 {
		t.Errorf("followed %d events", len(got.events))
	}
}
