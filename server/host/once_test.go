package host_test

import (
	"testing"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestL3_SubmittedTwice: the same mutation twice on one connection, before and
// after it is in the log. It is there once, and its commit is the one answer.
func TestL3_SubmittedTwice(t *testing.T) {
	w := newWorld(t)
	a, probe := w.join(board), w.join(board)
	held := w.log.hold(t, board)
	first := a.edit(`{"n":1}`)
	held.wait(t)
	a.submit(first) // in flight
	second := a.edit(`{"m":1}`)
	a.submit(second) // both wait for the same record
	w.log.release(board)
	equal(t, "first record", a.deltas(), `{"n":1}`)
	equal(t, "second record", a.deltas(), `{"m":1}`)
	probe.deltas()
	probe.deltas()
	a.submit(first) // in the log, and not the last
	a.submit(second)
	third := a.edit(`{"k":1}`)
	equal(t, "third record", a.deltas(), `{"k":1}`)
	a.nothing(probe)
	equal(t, "mutations", len(w.read(board).mutations), 3)
	equal(t, "number", third.ID.Number, 3)
}

// TestL3_ResubmittedOnAnotherConnection: the connection was lost while the
// append was in flight; the client comes back and sends it again.
func TestL3_ResubmittedOnAnotherConnection(t *testing.T) {
	w := newWorld(t)
	a := w.join(board)
	held := w.log.hold(t, board)
	edit := a.edit(`{"n":1}`)
	held.wait(t)
	a.handle.Close()
	back := w.joinAs(w.client(1), board, a.at)
	equal(t, "last", back.opened().Last, record.MutationID{})
	back.submit(edit)
	w.log.release(board)
	equal(t, "record", back.deltas(), `{"n":1}`)
	back.last = edit.ID
	back.edit(`{"n":2}`)
	equal(t, "next record", back.deltas(), `{"n":2}`)
	equal(t, "mutations", len(w.read(board).mutations), 2)
}

// TestL3_ResubmittedAfterARestart: what the log holds counts, not what a
// process remembers.
func TestL3_ResubmittedAfterARestart(t *testing.T) {
	w := newWorld(t)
	a := w.join(board)
	edits := []string{`{"n":1}`, `{"n":2}`, `{"n":3}`}
	submitted := a.edit(edits[0])
	a.deltas()
	a.edit(edits[1])
	a.deltas()
	w.registry.Close()

	again := worldOn(t, w.node)
	b := again.joinAs(again.client(1), board, record.Position{})
	opened := b.opened()
	equal(t, "last", opened.Last, a.last)
	equal(t, "snapshot", string(opened.Snapshot), `{"n":2}`)
	b.submit(submitted)
	b.edit(edits[2])
	equal(t, "record", b.deltas(), `{"n":3}`)
	equal(t, "mutations", len(again.read(board).mutations), 3)
}

// TestL3_UncertainAppendIsFoundInTheLog: the registry is closed while an append
// is in flight. Whether it is stored or not, the client sends it again and it is
// there once.
func TestL3_UncertainAppendIsFoundInTheLog(t *testing.T) {
	for name, stored := range map[string]bool{"stored": true, "not stored": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.join(board)
			held := w.log.hold(t, board)
			edit := a.edit(`{"n":1}`)
			rec := held.wait(t)
			if stored {
				w.appendDirectly(board, &rec)
			}
			w.registry.Close()
			again := worldOn(t, w.node)
			b := again.joinAs(again.client(1), board, a.at)
			b.opened()
			b.submit(edit)
			b.last = edit.ID
			b.edit(`{"m":1}`)
			for range 2 {
				if l := again.read(board); len(l.mutations) == 2 {
					break
				}
				b.next() // a commit of either
			}
			equal(t, "state", again.read(board).state, `{"m":1,"n":1}`)
		})
	}
}

// TestL3_NumberTakenBySomethingElse: a number at or below the last one, with
// another nonce, is neither "ok" nor "conflict".
func TestL3_NumberTakenBySomethingElse(t *testing.T) {
	w := newWorld(t)
	a, probe := w.join(board), w.join(board)
	for range 3 {
		a.edit(`{"n":1}`)
		a.deltas()
		probe.deltas()
	}
	for number := uint64(1); number <= 3; number++ {
		s := a.mutation(`{"bad":true}`)
		s.ID = record.MutationID{Number: number, Nonce: 0xbad}
		a.submit(s)
		r := expect[*wire.Reject](a)
		if r.ID != s.ID || r.Code != wire.CodeUnknownMutation || r.Code.Retry() != wire.RetryResync {
			t.Errorf("number %d: %+v", number, r)
		}
	}
	a.nothing(probe)
	equal(t, "state", w.read(board).state, `{"n":1}`)
}

// TestL3_RefusedNumbersAreNotConsumed: of the pipelined 1, 2, 3 the first
// conflicts. The others follow what is not in the log, so they conflict as well;
// afterwards 1, 2, 3 come again with other nonces and are taken.
func TestL3_RefusedNumbersAreNotConsumed(t *testing.T) {
	w := newWorld(t)
	a, b := w.join(board), w.join(board)
	b.edit(`{"n":1}`)
	b.deltas()
	stale := a.at // a has not read it
	for _, s := range []struct{ patch, read string }{{`{"n":2}`, "/n"}, {`{"x":1}`, ""}, {`{"y":1}`, ""}} {
		m := a.mutation(s.patch)
		if s.read != "" {
			m.Reads = append(m.Reads, value(s.read))
		}
		m.Base = stale.Revision
		a.submit(m)
	}
	a.deltas() // b's
	for number := uint64(1); number <= 3; number++ {
		c := expect[*wire.Conflict](a)
		if c.ID.Number != number || c.Head != a.at.Revision {
			t.Fatalf("number %d, head %d; want %d, %d", c.ID.Number, c.Head, number, a.at.Revision)
		}
	}
	a.last = record.MutationID{}
	for _, patch := range []string{`{"n":2}`, `{"x":1}`, `{"y":1}`} {
		m := a.mutation(patch, value("/n"))
		m.ID.Nonce = 8
		a.last = m.ID
		a.submit(m)
	}
	for len(w.read(board).mutations) < 4 {
		a.deltas()
	}
	equal(t, "state", w.read(board).state, `{"n":2,"x":1,"y":1}`)
}

// TestL3_FollowsSomethingElse: a mutation is taken only if it follows the last
// one of its client.
func TestL3_FollowsSomethingElse(t *testing.T) {
	w := newWorld(t)
	a, probe := w.join(board), w.join(board)
	a.edit(`{"n":1}`)
	a.deltas()
	probe.deltas()
	for _, follows := range []record.MutationID{{}, {Number: 1, Nonce: 0xbad}, {Number: 2, Nonce: 7}} {
		s := a.mutation(`{"bad":true}`)
		s.ID.Number, s.Follows = 9, follows
		a.submit(s)
		equal(t, "conflict", expect[*wire.Conflict](a).ID, s.ID)
	}
	a.nothing(probe)
	equal(t, "state", w.read(board).state, `{"n":1}`)
}
