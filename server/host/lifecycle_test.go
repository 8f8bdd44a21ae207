package host_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// peer returns what the next frame tells of another client.
func (m *member) peer() string {
	m.t.Helper()
	p := expect[*wire.Peer](m)
	return fmt.Sprintf("%d %s", p.Client[6], p.State)
}

// TestPresence is told to the others, to those who come later, and taken back by
// its owner or when that leaves.
func TestPresence(t *testing.T) {
	w := newWorld(t)
	a, b := w.join(board), w.join(board)
	a.present(`{"x":1}`)
	equal(t, "b hears", b.peer(), `1 {"x":1}`)
	a.present(`{"x":2}`)
	equal(t, "b hears", b.peer(), `1 {"x":2}`)
	c := w.join(board)
	equal(t, "c hears", c.peer(), `1 {"x":2}`)
	c.present(`{"y":1}`)
	equal(t, "a hears", a.peer(), `3 {"y":1}`)
	equal(t, "b hears", b.peer(), `3 {"y":1}`)
	a.present("")
	equal(t, "b hears", b.peer(), "1 ")
	equal(t, "c hears", c.peer(), "1 ")
	c.handle.Close()
	equal(t, "a hears", a.peer(), "3 ")
	a.present("") // nothing to take back
	a.nothing(b)
	equal(t, "in the log", len(w.read(board).records), 0)
}

// TestPresenceOfAClientThatCameBack: a client connects anew before its old
// connection is known to be dead. Its presence is its new connection's, the end
// of the old one does not erase it, and it is not told of itself.
func TestPresenceOfAClientThatCameBack(t *testing.T) {
	w := newWorld(t)
	old, b := w.join(board), w.join(board)
	old.present(`{"x":1}`)
	equal(t, "b hears", b.peer(), `1 {"x":1}`)
	back := w.joinAs(w.client(1), board, record.Position{})
	back.opened()
	back.present(`{"x":2}`)
	equal(t, "b hears", b.peer(), `1 {"x":2}`)
	old.handle.Close()
	b.nothing(back) // that is: not that it is gone
	b.present(`{"y":1}`)
	equal(t, "it hears", back.peer(), `2 {"y":1}`)
	back.handle.Close()
	equal(t, "b hears", b.peer(), "1 ")
}

// TestOpenAgainOnTheSameConnection: a subscriber that leaves and comes back gets
// every record once.
func TestOpenAgainOnTheSameConnection(t *testing.T) {
	w := newWorld(t)
	a, b := w.join(board), w.join(board)
	for n := range 50 {
		a.handle.Close()
		a = w.joinAs(a.recorder, board, a.at)
		b.edit(fmt.Sprintf(`{"n":%d}`, n))
		b.deltas()
		at := a.at
		if o := a.opened(); o.At == at || len(o.Snapshot) == 0 {
			a.at = at
		}
		for a.at != b.at {
			a.deltas()
		}
	}
	a.nothing(b)
}

// TestClosedAtOnce: subscribers that leave before the document has noticed them
// leave nothing behind.
func TestClosedAtOnce(t *testing.T) {
	w := newWorld(t)
	a := w.join(board)
	var gone []*member
	for n := range 2000 {
		r := w.client(100)
		r.id[7], r.id[8] = byte(n), byte(n>>8)
		m := w.joinAs(r, board, record.Position{})
		m.present(`{"x":1}`)
		m.handle.Close()
		gone = append(gone, m)
	}
	late := w.join(board)
	late.nothing(a) // the document has heard of all of them
	a.edit(`{"a":1}`)
	late.deltas()
	for _, m := range gone {
		for f := m.take(); f != nil; f = m.take() {
			if c, ok := f.(*wire.Commit); ok {
				t.Fatalf("a subscriber that has left gets the record at %d", c.Revision)
			}
		}
	}
	here := map[record.ClientID]bool{}
	for f := a.take(); f != nil; f = a.take() {
		if p, ok := f.(*wire.Peer); ok {
			here[p.Client] = len(p.State) > 0
		}
	}
	for _, m := range gone {
		if here[m.id] {
			t.Fatalf("client %s has left and is still present", m.id)
		}
	}
}

// TestEviction: a document that nobody has open leaves memory after a while, and
// comes back from the log.
func TestEviction(t *testing.T) {
	w := newWorld(t, func(c *host.Config) { c.IdleAfter = 20 * time.Millisecond })
	a, stays := w.join(board), w.join(notes)
	a.edit(`{"a":1}`)
	a.deltas()
	number := a.handle.Number()
	a.handle.Close()
	w.waitLive(1)
	back := w.joinAs(w.client(1), board, record.Position{})
	o := back.opened()
	equal(t, "snapshot", string(o.Snapshot), `{"a":1}`)
	equal(t, "last", o.Last, a.last)
	if o.Doc == number {
		t.Error("a document that was loaded anew has its old number")
	}
	back.last = o.Last
	back.edit(`{"a":2}`)
	equal(t, "record", back.deltas(), `{"a":2}`)
	stays.edit(`{"n":1}`)
	equal(t, "the other document", stays.deltas(), `{"n":1}`)
}

// waitLive waits until so many documents are in memory. Nothing tells when the
// registry has evicted one, so this looks again and again.
func (w *world) waitLive(n int) {
	w.t.Helper()
	deadline := time.Now().Add(within)
	for w.registry.Live() != n {
		if time.Now().After(deadline) {
			w.t.Fatalf("%d documents are live, want %d", w.registry.Live(), n)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestNoEvictionWhileAppending: the client is gone and so is everybody else, but
// its edit was taken. The document stays until the edit is in the log: were the
// append given up, nobody would ever know how it ended.
func TestNoEvictionWhileAppending(t *testing.T) {
	w := newWorld(t, func(c *host.Config) { c.IdleAfter = time.Nanosecond })
	a, b := w.join(board), w.join(notes)
	held := w.log.hold(t, board)
	a.edit(`{"a":1}`)
	held.wait(t)
	a.edit(`{"a":2}`) // waits for the first
	a.handle.Close()
	b.handle.Close()
	w.waitLive(1) // the registry has looked at both
	w.log.release(board)
	w.waitLive(0)
	equal(t, "state", w.read(board).state, `{"a":2}`)
}

// TestCloseDuringEverything closes a registry under clients that open, edit and
// leave, with an append held. It comes back, and so do they.
func TestCloseDuringEverything(t *testing.T) {
	w := newWorld(t, func(c *host.Config) { c.MaxQueue = 20; c.IdleAfter = time.Millisecond })
	held := w.log.hold(t, board)
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			r := w.client(byte(100 + i))
			keys := []record.Key{board, notes, {Space: "demo", ID: fmt.Sprint(i)}}
			for ctx.Err() == nil {
				h, err := w.registry.Open(ctx, 1, keys[random.IntN(3)], r, record.Position{})
				switch {
				case errors.Is(err, host.ErrClosed):
					return
				case err != nil && !errors.Is(err, host.ErrBusy):
					t.Error(err)
					return
				case err != nil:
					continue
				}
				m := &member{recorder: r, t: t, handle: h}
				for range random.IntN(30) {
					h.Submit(ctx, m.mutation(`{"a":1}`))  //nolint:errcheck // busy is fine
					h.SetPresence(ctx, []byte(`{"x":1}`)) //nolint:errcheck // the same
				}
				h.Close()
			}
		})
	}
	held.wait(t)
	closed := make(chan struct{})
	go func() {
		w.registry.Close()
		w.registry.Close() // again is no error
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(within):
		t.Fatal("the registry does not close")
	}
	wg.Wait()
	if _, err := w.registry.Open(ctx, 1, board, w.client(1), record.Position{}); !errors.Is(err, host.ErrClosed) {
		t.Errorf("open after close: %v", err)
	}
}

// TestL9_LiveDocuments: documents that nobody has open make room for others; past
// the bound no other is opened until one is closed.
func TestL9_LiveDocuments(t *testing.T) {
	const bound = 4
	w := newWorld(t, func(c *host.Config) { c.MaxLive = bound })
	key := func(n int) record.Key { return record.Key{Space: "many", ID: fmt.Sprint(n)} }
	for n := range 10 * bound {
		w.join(key(n)).handle.Close()
	}
	if live := w.registry.Live(); live > bound {
		t.Errorf("%d documents are in memory, the bound is %d", live, bound)
	}
	var open []*member
	for n := range bound {
		open = append(open, w.join(key(n)))
	}
	if _, err := w.registry.Open(testContext(t), 1, key(bound), w.client(99), record.Position{}); !errors.Is(err, host.ErrFull) {
		t.Errorf("one more than the bound: %v", err)
	}
	open[0].handle.Close()
	w.join(key(bound))
}

// TestL9_MaxLive: at the bound a document that nobody has open makes room at
// once; while all are in use, no other can be opened.
func TestL9_MaxLive(t *testing.T) {
	w := newWorld(t, func(c *host.Config) { c.MaxLive = 2 })
	a, b := w.join(board), w.join(notes)
	a.edit(`{"a":1}`)
	a.deltas()
	third := record.Key{Space: "demo", ID: "third"}
	if _, err := w.registry.Open(testContext(t), 1, third, w.client(100), record.Position{}); !errors.Is(err, host.ErrFull) {
		t.Errorf("a third document: %v", err)
	}
	w.join(board) // is open already
	b.handle.Close()
	w.join(third)
	equal(t, "documents in memory", w.registry.Live(), 2)
	if _, err := w.registry.Open(testContext(t), 1, notes, w.client(100), record.Position{}); !errors.Is(err, host.ErrFull) {
		t.Errorf("the second document again: %v", err)
	}
	a.edit(`{"a":2}`)
	equal(t, "record", a.deltas(), `{"a":2}`)
}
