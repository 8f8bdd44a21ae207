package host_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestL10_DamagedDocument: bytes that are no record are put into a document's
// log, before it is opened and while it is. It is closed with the reason; other
// documents notice nothing.
func TestL10_DamagedDocument(t *testing.T) {
	w := newWorld(t)
	good := w.join(notes)
	a, b := w.join(board), w.join(board)
	if _, err := w.node.JetStream().PublishMsg(testContext(t), &nats.Msg{Subject: deltalog.Subject(board), Data: []byte("garbage")}); err != nil {
		t.Fatal(err)
	}
	a.edit(`{"a":1}`) // finds it in the way
	damaged := func(m *member) {
		t.Helper()
		f := expect[*wire.Fault](m)
		if f.Code != wire.CodeDamaged || f.Key != board.String() || f.Code.Retry() != wire.RetryNever {
			t.Errorf("the fault is %+v", f)
		}
		if strings.Contains(f.Detail, "deltalog") {
			t.Errorf("internal text reaches clients: %s", f.Detail)
		}
	}
	damaged(a)
	damaged(b)
	damaged(w.joinAs(w.client(100), board, record.Position{}))
	a.edit(`{"a":2}`) // of no effect, and does not wait
	a.handle.Close()
	b.handle.Close()
	good.edit(`{"g":1}`)
	equal(t, "the other document", good.deltas(), `{"g":1}`)
}

// TestL10_HeldAppendDelaysNobodyElse: one document's append does not come back.
func TestL10_HeldAppendDelaysNobodyElse(t *testing.T) {
	w := newWorld(t)
	slow, fast := w.join(board), w.join(notes)
	held := w.log.hold(t, board)
	slow.edit(`{"a":1}`)
	held.wait(t)
	for n := range 20 {
		fast.edit(fmt.Sprintf(`{"n":%d}`, n))
		fast.deltas()
	}
	late := w.joinAs(w.client(100), board, record.Position{})
	equal(t, "the slow document", string(late.opened().Snapshot), `{}`)
	w.log.release(board)
	equal(t, "the slow document", slow.deltas(), `{"a":1}`)
}

// TestL9_FullQueue: who submits to a full document waits, for a while, and is
// told that it is busy. It can be opened, read and left all the same, and goes on
// when the log does.
func TestL9_FullQueue(t *testing.T) {
	const maxQueue = 10
	w := newWorld(t, func(c *host.Config) { c.MaxQueue, c.Patience = maxQueue, 20*time.Millisecond })
	a, probe := w.join(board), w.join(board)
	held := w.log.hold(t, board)
	a.edit(`{"n":0}`)
	held.wait(t)
	taken, busy := 1, false
	for !busy {
		err := a.handle.Submit(testContext(t), a.mutation(fmt.Sprintf(`{"n":%d}`, taken)))
		switch {
		case errors.Is(err, host.ErrBusy):
			busy = true
		case err != nil:
			t.Fatal(err)
		case taken > 1000:
			t.Fatal("nothing bounds the queue")
		default:
			taken++
		}
	}
	if taken < maxQueue {
		t.Errorf("busy after %d mutations", taken)
	}
	cancelled, cancel := context.WithCancel(testContext(t))
	cancel()
	if err := a.handle.Submit(cancelled, a.mutation(`{"n":0}`)); !errors.Is(err, context.Canceled) {
		t.Errorf("with a cancelled context: %v", err)
	}
	late := w.joinAs(w.client(100), board, record.Position{})
	late.opened()
	late.nothing(probe)
	late.handle.Close()
	w.log.release(board)
	for n := 0; n < taken; {
		n += strings.Count(a.deltas(), "{")
	}
	equal(t, "state", w.read(board).state, fmt.Sprintf(`{"n":%d}`, taken-1))
}

// TestL9_DocumentTooLarge: a mutation that would make the document too large is
// refused; the rest of its batch is stored, and what makes it smaller is always
// welcome.
func TestL9_DocumentTooLarge(t *testing.T) {
	bounds := func(n int) func(*host.Config) { return func(c *host.Config) { c.MaxDocument = n } }
	w := newWorld(t, bounds(1000))
	a, b := w.join(board), w.join(board)
	held := w.log.hold(t, board)
	a.edit(`{"a":1}`)
	held.wait(t)
	b.edit(`{"b":1}`)
	large := a.edit(fmt.Sprintf(`{"large":%q}`, strings.Repeat("x", 1000)))
	follows := a.edit(`{"later":1}`)
	b.edit(`{"b":2}`)
	w.log.release(board)
	equal(t, "first record", a.deltas(), `{"a":1}`)
	var reject *wire.Reject
	var conflict *wire.Conflict
	deltas := ""
	for deltas == "" || reject == nil || conflict == nil {
		switch f := a.next().(type) {
		case *wire.Reject:
			reject = f
		case *wire.Conflict:
			conflict = f
		case *wire.Commit:
			deltas = deltasOf(t, f.Record)
		}
	}
	equal(t, "second record", deltas, `{"b":1}{"b":2}`)
	if reject.ID != large.ID || reject.Code != wire.CodeTooLarge {
		t.Errorf("rejected: %+v", reject)
	}
	equal(t, "what follows it", conflict.ID, follows.ID)
	a.last = large.Follows
	a.edit(fmt.Sprintf(`{"large":%q}`, strings.Repeat("x", 900)))
	a.deltas()

	// The bound was lowered: the document can still be made smaller.
	w.registry.Close()
	w = worldOn(t, w.node, bounds(500))
	c := w.join(board)
	grows := c.edit(`{"c":1}`)
	equal(t, "rejected", expect[*wire.Reject](c).ID, grows.ID)
	c.last = grows.Follows
	c.edit(`{"b":null}`)
	equal(t, "record", c.deltas(), `{"b":null}`)
	c.edit(`{"large":null}`)
	equal(t, "record", c.deltas(), `{"large":null}`)
	equal(t, "state", w.read(board).state, `{"a":1}`)
}

// TestL9_DeltaTooLargeForTheLog: no record can hold it.
func TestL9_DeltaTooLargeForTheLog(t *testing.T) {
	w := newWorld(t)
	a := w.join(board)
	large := a.edit(fmt.Sprintf(`{"a":%q}`, strings.Repeat("x", record.MaxSize)))
	r := expect[*wire.Reject](a)
	if r.ID != large.ID || r.Code != wire.CodeTooLarge {
		t.Errorf("rejected: %+v", r)
	}
	a.last = large.Follows
	a.edit(`{"a":1}`)
	equal(t, "record", a.deltas(), `{"a":1}`)
}

// TestL9_PresenceDoesNotStarveEdits: a client that tells its presence without
// end keeps nobody's edit waiting.
func TestL9_PresenceDoesNotStarveEdits(t *testing.T) {
	w := newWorld(t)
	noisy, a := w.join(board), w.join(board)
	ctx, cancel := context.WithCancel(testContext(t))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 90_000 { // as many as a recorder keeps
			if noisy.handle.SetPresence(ctx, []byte(`{"x":1}`)) != nil || ctx.Err() != nil {
				return
			}
		}
	}()
	for n := range 20 {
		a.edit(fmt.Sprintf(`{"n":%d}`, n))
		a.deltas()
	}
	cancel()
	<-done
}
