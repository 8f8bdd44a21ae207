package host_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// remove deletes a document as a program would.
func (w *world) remove(key record.Key) record.Revision {
	w.t.Helper()
	h, err := w.registry.Attach(key, w.client(200))
	if err != nil {
		w.t.Fatal(err)
	}
	defer h.Close()
	rev, err := h.Delete(testContext(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	return rev
}

// TestL3_L8_NobodyResurrects: what was made on a document before it was deleted does
// not come into the log, whatever it has read, on this node or another one, also after
// the log was compacted. What is made after that makes it anew.
func TestL3_L8_NobodyResurrects(t *testing.T) {
	w := newWorld(t)
	other := worldOn(t, w.node).others()
	m, stale, far := w.join(board), w.join(board), other.join(board)
	m.edit(`{"a":1,"b":{"c":2}}`)
	for _, r := range []*member{m, stale, far} {
		r.deltas()
	}
	// Blind writes, which conflict with nothing.
	late, later := stale.mutation(`{"late":1}`), far.mutation(`{"later":1}`)
	rev := w.remove(board)
	for _, r := range []*member{m, stale, far} {
		equal(t, "deletion", r.deltas(), `{"a":null,"b":null}`)
		equal(t, "revision", r.at.Revision, rev)
	}
	equal(t, "deleted again", w.remove(board), rev)

	stale.submit(late)
	equal(t, "late", expect[*wire.Reject](stale).Code, wire.CodeDeleted)
	far.submit(later)
	equal(t, "on another node", expect[*wire.Reject](far).Code, wire.CodeDeleted)
	w.rebase(board)
	w.forget(board)
	again := worldOn(t, w.node)
	r := again.joinAs(again.client(2), board, record.Position{})
	o := r.opened()
	equal(t, "the deletion is told", o.Deleted, rev)
	equal(t, "document", string(o.Snapshot), `{}`)
	r.submit(late)
	equal(t, "late, of a document from its base", expect[*wire.Reject](r).Code, wire.CodeDeleted)
	named := late
	named.Call = &host.Call{Name: "count", Args: []byte("1")}
	r.submit(named)
	equal(t, "late and named", expect[*wire.Reject](r).Code, wire.CodeDeleted)

	m.edit(`{"new":1}`)
	equal(t, "made anew", m.deltas(), `{"new":1}`)
	equal(t, "made anew, elsewhere", far.deltas(), `{"new":1}`)
	stale.submit(late)
	equal(t, "record", stale.deltas(), `{"new":1}`)
	equal(t, "late, of a document that was made anew", expect[*wire.Reject](stale).Code, wire.CodeDeleted)
}

// TestDeleteWhatNeverWas leaves no trace.
func TestDeleteWhatNeverWas(t *testing.T) {
	w := newWorld(t)
	equal(t, "revision", w.remove(board), 0)
	equal(t, "records", len(w.read(board).records), 0)
}

// TestDeleteEmpty: a document without members is deleted, too.
func TestDeleteEmpty(t *testing.T) {
	w := newWorld(t)
	m := w.join(board)
	m.edit(`{"a":1}`)
	m.deltas()
	m.edit(`{"a":null}`)
	m.deltas()
	rev := w.remove(board)
	equal(t, "deletion", m.deltas(), `{}`)
	equal(t, "revision", m.at.Revision, rev)
}

// TestDeleteWithMoreMembersThanARecordTakes empties the document first.
func TestDeleteWithMoreMembersThanARecordTakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, err := w.registry.Attach(board, w.client(1))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for part := range 4 {
		if _, err := h.Run(testContext(t), func(tx *doc.Tx) error {
			for i := range 3000 {
				if err := tx.Set(delta.Pointer("").Member(fmt.Sprintf("%d-%d-%s", part, i, strings.Repeat("x", 90))), []byte("1")); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.remove(board)
	l := w.read(board)
	equal(t, "document", l.state, "{}")
	if last := l.records[len(l.records)-1].Record; last.Kind != record.KindDeletion || len(l.records) < 6 {
		t.Errorf("%d records, the last of kind %d", len(l.records), last.Kind)
	}
}

// TestL3_Horizon: what a client did last is remembered for the horizon, whatever comes
// in between. Who comes back after that with something that it may have done already is
// told so, and nothing happens twice.
func TestL3_Horizon(t *testing.T) {
	const day = 24 * time.Hour
	now := time.UnixMilli(1).Add(10 * 365 * day)
	w := newWorld(t, func(c *host.Config) {
		c.Horizon, c.Clock = 90*day, func() time.Time { return now }
	})
	born := func(at time.Time, n byte) *recorder {
		r := w.client(n)
		r.id = record.ClientID{}
		for i := range 6 {
			r.id[i] = byte(at.UnixMilli() >> (8 * (5 - i)))
		}
		r.id[15] = n
		return r
	}
	ann := born(now, 1)
	m := w.joinAs(ann, board, record.Position{})
	m.opened()
	once := m.edit(`{"ann":1}`)
	m.deltas()
	bob := w.joinAs(born(now, 2), board, record.Position{})
	bob.opened()

	again := func() (*world, *member) {
		t.Helper()
		w.rebase(board)
		w.forget(board)
		fresh := worldOn(t, w.node, func(c *host.Config) { c.Horizon, c.Clock = 90*day, func() time.Time { return now } })
		r := fresh.joinAs(&recorder{id: ann.id, wake: make(chan struct{}, 1)}, board, record.Position{})
		r.opened()
		return fresh, r
	}
	now = now.Add(89 * day)
	fresh, r := again()
	equal(t, "remembered", r.last, once.ID)
	r.submit(once)
	r.nothing(fresh.join(board)) // it is in the log already
	now = now.Add(3 * day)
	_, r = again()
	equal(t, "forgotten", r.last, record.MutationID{})
	r.submit(once)
	equal(t, "answer", expect[*wire.Reject](r).Code, wire.CodeExpired)
	// Of whom nothing was ever heard, the same is true.
	late := bob.edit(`{"bob":1}`)
	equal(t, "answer", expect[*wire.Reject](bob).ID, late.ID)
	// A new client is as welcome as ever.
	eve := w.joinAs(born(now, 3), board, record.Position{})
	eve.opened()
	eve.edit(`{"eve":1}`)
	equal(t, "record", eve.deltas(), `{"eve":1}`)
	end := worldOn(t, w.node).join(board)
	equal(t, "document", end.until(end.at.Revision), `{"ann":1,"eve":1}`)
}
