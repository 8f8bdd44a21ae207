package session_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/session"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestL9_LargeSnapshot: one frame is sent whatever the bound of the queue, or a
// client could never open a large document.
func TestL9_LargeSnapshot(t *testing.T) {
	w := newWorld(t, func(c *session.Config, _ *host.Config) { c.MaxQueue = 64 << 10 })
	b := w.greet()
	b.open(board)
	for n := range 10 {
		b.send(b.push(board, fmt.Sprintf(`{"text%d":%q}`, n, strings.Repeat("x", 20_000))))
		expect[*wire.Commit](b)
	}
	if o := w.greet().open(board); len(o.Snapshot) < 200_000 {
		t.Errorf("the snapshot has %d bytes", len(o.Snapshot))
	}
	// Nor is it taken off again because something else is queued.
	late := w.dialMute()
	late.send(hello, late.ask(notes.String()), late.ask(board.String()))
	for c := w.greet(); ; { // until it is queued
		c.send(late.ask(board.String()))
		if o := expect[*wire.Opened](c); len(o.Snapshot) > 200_000 {
			break
		}
	}
	late.wg.Go(late.read)
	expect[*wire.Welcome](late)
	a, z := expect[*wire.Opened](late), expect[*wire.Opened](late) // in any order
	if largest := max(len(a.Snapshot), len(z.Snapshot)); largest < 200_000 {
		t.Errorf("the snapshot has %d bytes", largest)
	}
}

// TestL9_TooManyDocuments: one too many is refused; when one is left there is
// room again, and opening one again takes none.
func TestL9_TooManyDocuments(t *testing.T) {
	w := newWorld(t, func(c *session.Config, _ *host.Config) { c.MaxOpen = 3 })
	p := w.greet()
	key := func(n int) record.Key { return record.Key{Space: "demo", ID: fmt.Sprint(n)} }
	for n := range 3 {
		p.open(key(n))
	}
	tooMany := func() {
		t.Helper()
		p.send(p.ask(key(3).String()))
		if f := expect[*wire.Fault](p); f.Code != wire.CodeTooMany || f.Request != p.request {
			t.Errorf("the fault is %+v", f)
		}
	}
	tooMany()
	p.open(key(2))
	tooMany()
	p.send(&wire.Leave{Key: key(1).String()})
	p.open(key(3))
}

// TestL10_FullDocumentHoldsUpNoOther: a document whose log takes nothing fills
// up. Its client is told that it is unavailable; another document on the same
// connection goes on.
func TestL10_FullDocumentHoldsUpNoOther(t *testing.T) {
	w := newWorld(t, func(_ *session.Config, c *host.Config) { c.MaxQueue, c.Patience = 4, 20*time.Millisecond })
	release := w.log.hold(board)
	defer release()
	p := w.greet()
	p.open(board)
	p.open(notes)
	var pushes []*wire.Push
	for n := range 1000 {
		pushes = append(pushes, p.push(board, fmt.Sprintf(`{"n":%d}`, n)))
		p.send(pushes[n])
	}
	f := expect[*wire.Fault](p)
	if f.Code != wire.CodeUnavailable || f.Key != board.String() || f.Request != 0 {
		t.Errorf("the fault is %+v", f)
	}
	p.last = record.MutationID{}
	p.send(p.push(notes, `{"a":1}`))
	for { // what was pushed after the fault is refused first
		if _, ok := p.next().(*wire.Commit); ok {
			break
		}
	}
	release()
	// Opened again, everything is sent again, a few at a time, and stored once.
	at := p.open(board)
	for done := at.Last.Number; done < uint64(len(pushes)); {
		for _, f := range pushes[done:min(done+4, uint64(len(pushes)))] {
			f.Doc = p.number[board]
			p.send(f)
		}
		done = p.nextOwn()
	}
	if o := w.greet().open(board); string(o.Snapshot) != `{"n":999}` {
		t.Errorf("the document is %s", o.Snapshot)
	}
}

// nextOwn returns the number of the client's own last mutation in the next record.
func (p *peer) nextOwn() uint64 {
	p.t.Helper()
	for {
		c, ok := p.next().(*wire.Commit)
		if !ok {
			continue
		}
		rec, err := record.Decode(c.Record)
		if err != nil {
			p.t.Fatal(err)
		}
		return rec.Mutations[len(rec.Mutations)-1].ID.Number
	}
}

// slowHistory is a history whose replays wait.
type slowHistory struct {
	*deltalog.Log
	open chan struct{}
}

func (h *slowHistory) Replay(ctx context.Context, key record.Key, from deltalog.Tail, fn func(deltalog.Entry) error) (deltalog.Tail, error) {
	select {
	case <-h.open:
	case <-ctx.Done():
		return from, ctx.Err()
	}
	return h.Log.Replay(ctx, key, from, fn)
}

// TestL9_TooManyRequestsForHistory: some may wait, more are refused, and edits
// are not held up by them.
func TestL9_TooManyRequestsForHistory(t *testing.T) {
	slow := &slowHistory{open: make(chan struct{})}
	w := newWorld(t, func(c *session.Config, _ *host.Config) {
		slow.Log = c.History.(*deltalog.Log)
		c.History = slow
	})
	p := w.greet()
	p.open(board)
	const requests = 20
	for n := range uint32(requests) {
		p.send(&wire.ReadLog{Request: 100 + n, Key: board.String()})
	}
	p.send(p.push(board, `{"a":1}`))
	refused := 0
	for {
		f := p.next()
		if fault, ok := f.(*wire.Fault); ok {
			if fault.Code != wire.CodeTooMany || fault.Request < 100 {
				t.Errorf("the fault is %+v", fault)
			}
			refused++
			continue
		}
		if _, ok := f.(*wire.Commit); !ok {
			t.Fatalf("%T %+v came", f, f)
		}
		break
	}
	close(slow.open)
	for range requests - refused {
		expect[*wire.LogPage](p)
	}
	if refused == 0 || refused == requests {
		t.Errorf("%d of %d were refused", refused, requests)
	}
}
