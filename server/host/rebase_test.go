package host_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

func (w *world) rebase(key record.Key) {
	w.t.Helper()
	if err := w.registry.Rebase(testContext(w.t), key, record.ClientID{15: 9}); err != nil {
		w.t.Fatal(err)
	}
}

// forget drops what the log has of a document before its last base.
func (w *world) forget(key record.Key) {
	w.t.Helper()
	latest, err := w.log.Latest(testContext(w.t), key)
	if err != nil {
		w.t.Fatal(err)
	}
	if latest.Record.Kind != record.KindBase {
		w.t.Fatalf("the last record of %s is no base", key)
	}
	if _, err := w.log.Erase(testContext(w.t), key); err != nil {
		w.t.Fatal(err)
	}
}

// TestL2_L3_L4_LoadedFromABase: once the log has forgotten the records, a document is
// loaded from its base as it was, clients and all. Who has it open notices nothing.
func TestL2_L3_L4_LoadedFromABase(t *testing.T) {
	w := newWorld(t)
	m := w.join(board)
	first := m.edit(`{"a":{"b":1},"c":"ü"}`)
	m.deltas()
	m.edit(`{"a":{"d":2}}`)
	m.deltas()
	w.rebase(board)
	w.forget(board)
	m.edit(`{"e":3}`)
	equal(t, "record", m.deltas(), `{"e":3}`)

	again := worldOn(t, w.node)
	o := again.join(board)
	equal(t, "document", o.until(m.at.Revision), `{"a":{"b":1,"d":2},"c":"ü","e":3}`)
	// The first edit comes again, from a dead connection: it has taken effect already.
	late := again.joinAs(w.client(1), board, record.Position{})
	equal(t, "last mutation of the client", late.opened().Last, m.last)
	late.submit(first)
	equal(t, "answer", expect[*wire.Reject](late).Code, wire.CodeUnknownMutation)
	late.edit(`{"f":4}`)
	equal(t, "record", o.deltas(), `{"f":4}`)
	equal(t, "record", m.deltas(), `{"f":4}`)
}

// TestL1_LargeDocumentIsStated: a document above the limit of a message.
func TestL1_LargeDocumentIsStated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.join(board)
	want := strings.Builder{}
	want.WriteString("{")
	for i := range 8 {
		noise := make([]byte, 400<<10)
		for j := range noise {
			noise[j] = "0123456789abcdef"[(i*7919+j*j*31+j)>>3&15]
		}
		patch := fmt.Sprintf(`"p%d":"%s"`, i, noise)
		m.edit("{" + patch + "}")
		m.deltas()
		if i > 0 {
			want.WriteString(",")
		}
		want.WriteString(patch)
	}
	want.WriteString("}")
	w.rebase(board)
	w.forget(board)
	equal(t, "document", worldOn(t, w.node).join(board).until(m.at.Revision) == want.String(), true)
}

// TestL8_RebaseBesideWriters: a document is stated again and again while clients of two
// nodes write it; nothing is lost, and nobody is told of a conflict that is none.
func TestL8_RebaseBesideWriters(t *testing.T) {
	t.Parallel()
	a := newWorld(t)
	b := worldOn(t, a.node).others()
	const clients, increments = 2, 60
	var wg sync.WaitGroup
	for i := range 2 * clients {
		in := []*world{a, b}[i%2]
		c := &counting{member: in.joinAs(in.client(byte(10+i)), board, record.Position{})}
		wg.Go(func() {
			c.run(increments)
			c.handle.Close()
		})
	}
	done := make(chan struct{})
	stated := 0
	var stating sync.WaitGroup
	for _, w := range []*world{a, b} {
		stating.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				err := w.registry.Rebase(testContext(t), board, record.ClientID{15: 9})
				switch {
				case err == nil:
					if w == a {
						stated++
					}
				case !errors.As(err, new(*deltalog.ConflictError)):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(done)
	stating.Wait()
	if stated == 0 {
		t.Error("the document was never stated")
	}
	a.rebase(board)
	a.forget(board)
	end := worldOn(t, a.node).join(board)
	equal(t, "document", end.until(end.at.Revision), fmt.Sprintf(`{"n":%d}`, 2*clients*increments))
}

// TestL2_DamagedBase: a document whose beginning is a base that is not what it was is
// damaged. The next one is not.
func TestL2_DamagedBase(t *testing.T) {
	w := newWorld(t)
	m := w.join(board)
	m.edit(`{"a":1}`)
	m.deltas()
	tail := deltalog.Tail{Head: m.at, Last: uint64(m.at.Revision)}
	if _, err := w.log.AppendBase(testContext(t), board, tail, deltalog.Base{Content: []byte("garbage")}); err != nil {
		t.Fatal(err)
	}
	w.forget(board)
	again := worldOn(t, w.node)
	f := again.joinAs(again.client(1), board, record.Position{})
	equal(t, "fault", expect[*wire.Fault](f).Code, wire.CodeDamaged)
	equal(t, "the other", again.join(notes).at.Revision, 0)
}

// TestDocumentFromAnotherLog: a document that is brought in under those who wait for it
// is loaded anew: they are told to come again, and find it.
func TestDocumentFromAnotherLog(t *testing.T) {
	from := newWorld(t)
	m := from.join(board)
	m.edit(`{"a":1}`)
	m.deltas()
	from.rebase(board)
	from.forget(board)
	var base deltalog.Entry
	if _, err := from.log.Replay(testContext(t), board, deltalog.Tail{}, func(e deltalog.Entry) error { base = e; return nil }); err != nil {
		t.Fatal(err)
	}

	to := newWorld(t, func(c *host.Config) { c.CheckEvery = 50 * time.Millisecond })
	waiting := to.join(board)
	tail := deltalog.Tail{Head: record.Position{Epoch: to.log.Epoch(board)}}
	if _, err := to.log.AppendBase(testContext(t), board, tail, *base.Base); err != nil {
		t.Fatal(err)
	}
	equal(t, "told", expect[*wire.Fault](waiting).Code, wire.CodeUnavailable)
	o := to.join(board)
	equal(t, "document", o.until(o.at.Revision), `{"a":1}`)
	o.edit(`{"b":2}`)
	equal(t, "record", o.deltas(), `{"b":2}`)
}
