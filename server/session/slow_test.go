package session_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/session"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// write has a client write half a megabyte to a document, and wait until it is stored.
func (p *peer) writeMuch(key record.Key) {
	p.t.Helper()
	for n := range 50 {
		p.send(p.push(key, fmt.Sprintf(`{"n":%d,"text":%q}`, n, strings.Repeat("x", 10_000))))
		expect[*wire.Commit](p)
	}
}

// copyOf is what a client knows of a document.
type copyOf struct {
	doc *doc.Doc
	at  record.Position
}

// follow applies what comes of documents until fn says that it is enough.
func follow(p *peer, copies map[uint32]*copyOf, fn func(wire.Frame) bool) {
	p.t.Helper()
	for {
		f := p.next()
		switch f := f.(type) {
		case nil:
			p.t.Fatal("the connection has ended")
		case *wire.Opened:
			c := copies[f.Doc]
			switch {
			case f.Folded && c != nil:
				first, second := f.Patches()
				c.doc.Apply(delta.Trusted(first))
				c.doc.Apply(delta.Trusted(second))
				c.at = f.At
			case len(f.Snapshot) > 0:
				copies[f.Doc] = &copyOf{doc: doc.Open(f.Snapshot), at: f.At}
			case c == nil || f.At != c.at:
				p.t.Fatalf("opened at %v, the client is at %+v", f.At, c)
			}
		case *wire.Commit:
			rec, err := record.Decode(f.Record)
			if err != nil {
				p.t.Fatal(err)
			}
			c := copies[f.Doc]
			if c == nil || !rec.Continues(c.at) {
				p.t.Fatalf("record %d does not continue %+v", f.Revision, c)
			}
			for _, m := range rec.Mutations {
				c.doc.Apply(delta.Trusted(m.Delta))
			}
			c.at = record.Position{Epoch: rec.Epoch, Revision: f.Revision, Chain: record.ChainOf(f.Record)}
		}
		if fn(f) {
			return
		}
	}
}

// TestL9_SlowReader: a client that does not read is cut off from the document that it has too
// much of to read, and told so when it reads again; what it was sent before is in order, and
// from there it goes on. Others are not slowed, nor are its other documents cut off.
func TestL9_SlowReader(t *testing.T) {
	w := newWorld(t, func(c *session.Config, _ *host.Config) { c.MaxQueue = 64 << 10 })
	slow := w.dialMute()
	slow.send(hello, slow.ask(notes.String()), slow.ask(board.String()))
	b := w.greet()
	number := b.open(board).Doc
	b.writeMuch(board)
	b.open(notes)
	b.send(b.push(notes, `{"a":1}`))
	expect[*wire.Commit](b)

	slow.wg.Go(slow.read)
	copies := make(map[uint32]*copyOf)
	content := func(doc uint32) string {
		if c := copies[doc]; c != nil {
			return string(c.doc.Canonical())
		}
		return ""
	}
	follow(slow, copies, func(f wire.Frame) bool {
		fault, ok := f.(*wire.Fault)
		if ok && (fault.Code != wire.CodeSlow || fault.Key != board.String() || fault.Request != 0) {
			t.Fatalf("the fault is %+v", fault)
		}
		return ok
	})
	if text := content(number); strings.HasPrefix(text, `{"n":49,`) {
		t.Fatal("nothing was left out")
	}
	again := slow.ask(board.String())
	if c := copies[number]; c != nil { // else it was not even sent what it had asked for
		again.At = c.at
	}
	slow.send(again)
	follow(slow, copies, func(f wire.Frame) bool {
		_, opened := f.(*wire.Opened)
		return opened || strings.HasPrefix(content(number), `{"n":49,`)
	})
	for !strings.HasPrefix(content(number), `{"n":49,`) || content(b.number[notes]) != `{"a":1}` {
		follow(slow, copies, func(wire.Frame) bool { return true })
	}
	// It is live again.
	b.last = record.MutationID{Number: 50, Nonce: 7}
	b.send(b.push(board, `{"done":true}`))
	expect[*wire.Commit](b)
	follow(slow, copies, func(f wire.Frame) bool { _, ok := f.(*wire.Commit); return ok })
	if !strings.Contains(content(number), `"done":true`) {
		t.Errorf("the document ends as %.40s...", content(number))
	}
}

// TestL9_SlowReaderOfAHotDocument: a client was cut off from a large document in which somebody
// drags a card about. When it reads again it gets what all of that amounts to, which is little,
// not what it has missed, nor the document.
func TestL9_SlowReaderOfAHotDocument(t *testing.T) {
	w := newWorld(t, func(c *session.Config, _ *host.Config) { c.MaxQueue = 64 << 10 })
	b := w.greet()
	b.open(board)
	b.send(b.push(board, fmt.Sprintf(`{"filler":%q}`, strings.Repeat("x", 500_000))))
	expect[*wire.Commit](b)
	slow := w.dialMute()
	copies := make(map[uint32]*copyOf)
	for _, f := range []wire.Frame{hello, slow.ask(board.String())} { // then it reads no more
		slow.send(f)
		if err := slow.readOne(); err != nil {
			t.Fatal(err)
		}
		follow(slow, copies, func(wire.Frame) bool { return true })
	}
	missed := 0
	for n := range 600 {
		b.send(b.push(board, fmt.Sprintf(`{"cards":{"c1":{"x":%d,"trail":%q}}}`, n, strings.Repeat("y", 1000-n))))
		missed += len(expect[*wire.Commit](b).Record)
	}

	slow.wg.Go(slow.read)
	follow(slow, copies, func(f wire.Frame) bool { _, ok := f.(*wire.Fault); return ok })
	again := slow.ask(board.String())
	c := copies[b.number[board]]
	again.At = c.at
	slow.send(again)
	var opened *wire.Opened
	follow(slow, copies, func(f wire.Frame) (ok bool) { opened, ok = f.(*wire.Opened); return ok })
	size := len(wire.Encode(opened))
	t.Logf("%d bytes for %d in a document of %d", size, missed, len(c.doc.Canonical()))
	if !opened.Folded || size > 600 || missed < 300_000 {
		t.Errorf("folded %t: %d bytes, %d were missed", opened.Folded, size, missed)
	}
	if text := string(c.doc.Canonical()); !strings.HasPrefix(text, `{"cards":{"c1":{"trail":"yyy`) || !strings.Contains(text[:1000], `"x":599}`) {
		t.Errorf("the document begins as %.500s", text)
	}
	// It is live again.
	b.send(b.push(board, `{"cards":null}`))
	expect[*wire.Commit](b)
	follow(slow, copies, func(f wire.Frame) bool { _, ok := f.(*wire.Commit); return ok })
	if text := string(c.doc.Canonical()); !strings.HasPrefix(text, `{"filler"`) {
		t.Errorf("the document begins as %.500s", text)
	}
}

// TestL9_SlowForTooLong: who does not catch up in time is disconnected, and told to come back.
func TestL9_SlowForTooLong(t *testing.T) {
	w := newWorld(t, func(c *session.Config, _ *host.Config) { c.MaxQueue, c.SlowFor = 64<<10, 50*time.Millisecond })
	slow := w.dialMute()
	slow.send(hello, slow.ask(board.String()))
	b := w.greet()
	b.open(board)
	b.writeMuch(board)
	for deadline := time.Now().Add(within); w.group.Ending() == 0; time.Sleep(time.Millisecond) { // nothing tells
		if time.Now().After(deadline) {
			t.Fatal("the session goes on")
		}
	}
	slow.wg.Go(slow.read)
	slow.wantEnd(wire.CodeSlow)
	b.send(b.push(board, `{"done":true}`))
	expect[*wire.Commit](b)
	if wire.CodeSlow.Retry() != wire.RetryLater {
		t.Error("it is not told to come back")
	}
}

// TestL9_PresenceOfTheSlow: who does not read is not sent every place that somebody has been.
func TestL9_PresenceOfTheSlow(t *testing.T) {
	w := newWorld(t)
	slow := w.dialMute()
	slow.send(hello, slow.ask(board.String()))
	b, c := w.greet(), w.greet()
	b.open(board)
	c.open(board)
	const updates = 200
	for n := range updates {
		b.send(&wire.SetPresence{Doc: b.number[board], State: fmt.Appendf(nil, `{"n":%d}`, n)})
		expect[*wire.Peer](c)
	}
	slow.wg.Go(slow.read)
	came := 0
	for {
		p, ok := slow.next().(*wire.Peer)
		if !ok || p.Client != b.id {
			continue
		}
		came++
		if string(p.State) == fmt.Sprintf(`{"n":%d}`, updates-1) {
			break
		}
	}
	if came > 2 { // one was on its way
		t.Errorf("%d of %d came", came, updates)
	}
}

// TestL9_Mutations: who sends more than it may is slowed down, loses nothing, and slows
// nobody else down.
func TestL9_Mutations(t *testing.T) {
	const limit, more = 100, 30
	w := newWorld(t, func(c *session.Config, _ *host.Config) { c.MaxMutations = limit })
	fast, other := w.greet(), w.greet()
	fast.open(board)
	other.open(notes)
	began := time.Now()
	for n := range limit + more {
		fast.send(fast.push(board, fmt.Sprintf(`{"n":%d}`, n)))
	}
	other.send(other.push(notes, `{"a":1}`))
	expect[*wire.Commit](other)
	for last := uint64(0); last < limit+more; {
		last = fast.nextOwn()
	}
	if took := time.Since(began); took < time.Second*more/limit-10*time.Millisecond {
		t.Errorf("%d mutations took %s; %d a second may be made, and so many at once", limit+more, took, limit)
	}
}

// TestL9_TooManyConnections: a principal has so many, others have theirs, and one that is
// left makes room.
func TestL9_TooManyConnections(t *testing.T) {
	w := newWorld(t, func(c *session.Config, _ *host.Config) { c.MaxPerPrincipal = 2 })
	dial := func(principal string) *peer {
		t.Helper()
		conn, _, err := websocket.Dial(testContext(t), "ws://memory/", &websocket.DialOptions{
			HTTPClient: w.dialer, HTTPHeader: http.Header{"Principal": {principal}},
		})
		if err != nil {
			t.Fatal(err)
		}
		p := &peer{t: t, conn: conn, number: make(map[record.Key]uint32), frames: make(chan wire.Frame, 100), over: make(chan error, 1)}
		p.wg.Go(p.read)
		t.Cleanup(func() {
			conn.CloseNow() //nolint:errcheck // closed already in most cases
			p.wg.Wait()
		})
		// The server may have closed it already.
		conn.Write(context.Background(), websocket.MessageBinary, wire.Encode(hello)) //nolint:errcheck // what comes tells
		return p
	}
	first := dial("10.0.0.1")
	expect[*wire.Welcome](first)
	expect[*wire.Welcome](dial("10.0.0.1"))
	refused := dial("10.0.0.1")
	refused.wantEnd(wire.CodeCrowded)
	expect[*wire.Welcome](dial("10.0.0.2"))
	for range 5 {
		expect[*wire.Welcome](dial("")) // of this machine
	}
	first.conn.CloseNow() //nolint:errcheck // the test goes on
	w.waitSessions(7)
	expect[*wire.Welcome](dial("10.0.0.1"))
}

// TestL9_Opening: who opens many documents at once has to wait for some of them; when none
// comes it is told to ask later, and the others go on.
func TestL9_Opening(t *testing.T) {
	const limit, all = 3, 10
	var w *world
	slow := &slowLog{open: make(chan struct{})}
	w = newWorld(t, func(c *session.Config, d *host.Config) {
		c.MaxOpening = limit
		slow.Log = d.Log
		d.Log = slow
	})
	p, other := w.greet(), w.greet()
	for n := range all {
		p.send(p.ask(fmt.Sprintf("demo/%d", n)))
	}
	if f := expect[*wire.Fault](p); f.Code != wire.CodeUnavailable || f.Request != limit+1 {
		t.Fatalf("%+v", f)
	}
	close(slow.open)
	other.open(board)
	for opened := 0; opened < all-1; {
		switch f := p.next().(type) {
		case *wire.Opened:
			opened++
		case *wire.Fault:
			if f.Code != wire.CodeUnavailable {
				t.Fatalf("%+v", f)
			}
			opened++
		}
	}
	p.send(p.ask(fmt.Sprintf("demo/%d", limit)))
	expect[*wire.Opened](p)
}

// slowLog is a log that nothing can be read from until it is open.
type slowLog struct {
	host.Log
	open chan struct{}
}

func (l *slowLog) Replay(ctx context.Context, key record.Key, from deltalog.Tail, fn func(deltalog.Entry) error) (deltalog.Tail, error) {
	select {
	case <-l.open:
	case <-ctx.Done():
		return from, ctx.Err()
	}
	return l.Log.Replay(ctx, key, from, fn)
}
