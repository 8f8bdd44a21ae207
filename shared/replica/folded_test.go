package replica_test

import (
	"bytes"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/text"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// away has records made while the client is away, and returns the answer that has them
// folded; last is the client's last mutation in them.
func (s *stage) away(last record.MutationID, mutations ...record.Mutation) *wire.Opened {
	s.t.Helper()
	var deltas []string
	for _, m := range mutations {
		s.record(m)
		deltas = append(deltas, string(m.Delta))
	}
	return folded(s.t, wire.Opened{Doc: s.number, At: s.at, Head: s.at.Revision, Last: last}, deltas...)
}

// back connects, and has the answer come.
func (s *stage) back(answer *wire.Opened) {
	s.t.Helper()
	s.connect()
	answer.Request = s.asked
	s.say(answer)
}

// TestL8_FoldedBelowPendingEdits: of three pending edits the second has read what changed
// while the client was away. It and the third, which has read what the second has written,
// run again; the first stands, though it cannot run again: nothing that it has read has changed.
func TestL8_FoldedBelowPendingEdits(t *testing.T) {
	s := newLive(t, `{"n":0,"x":1}`)
	s.disconnect()
	s.editOnce("?/x", "/a=1")
	s.edit("/n+")
	s.edit("?/n", "/b=1")
	s.back(s.away(record.MutationID{}, theirs(`{"n":5}`), theirs(`{"n":7}`), theirs(`{"c":{"y":null,"z":2}}`)))
	s.wantPushed(1, 2, 3)
	s.wantView(`{"a":1,"b":1,"c":{"z":2},"n":8,"x":1}`)
	for _, p := range s.pushed {
		if p.Base != s.at.Revision {
			t.Errorf("number %d has base r%d, want r%d", p.ID.Number, p.Base, s.at.Revision)
		}
	}
	s.commit(s.mine(2), s.mine(1), s.mine(0))
	s.wantSettled(1, s.at.Revision)
}

// TestFoldedInTwo: an object is made anew. Nobody who looks on at the view sees it gone, and
// who looks on at something else is told of nothing.
func TestFoldedInTwo(t *testing.T) {
	s := newLive(t, `{"o":{"old":1},"elsewhere":{"deep":[1]}}`)
	var seen []string
	s.doc.View().Subscribe("/o", doc.Prefix, func(doc.Event) {
		raw, _ := s.doc.View().Get("/o")
		seen = append(seen, string(raw))
	})
	s.doc.View().Subscribe("/elsewhere", doc.Prefix, func(doc.Event) { t.Error("told of what has not changed") })
	s.disconnect()
	s.edit("/mine=1")
	answer := s.away(record.MutationID{}, theirs(`{"o":null}`), theirs(`{"o":{"new":1}}`), theirs(`{"o":{"new":2}}`))
	if first, _ := answer.Patches(); string(first) != `{"o":null}` {
		t.Fatalf("the first patch is %s", first)
	}
	s.back(answer)
	s.wantView(`{"elsewhere":{"deep":[1]},"mine":1,"o":{"new":2}}`)
	if len(seen) != 1 || seen[0] != `{"new":2}` {
		t.Errorf("seen: %q", seen)
	}
}

// TestFoldedThatChangesNothing, but the position.
func TestFoldedThatChangesNothing(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	s.disconnect()
	s.back(s.away(record.MutationID{}, theirs(`{}`), theirs(`{}`)))
	if !s.doc.Live() || s.doc.Position() != s.at {
		t.Errorf("live %t, at %s", s.doc.Live(), s.doc.Position())
	}
	s.commit(theirs(`{"a":2}`))
	s.wantView(`{"a":2}`)
}

// TestFoldedAndRecords: the last records may come as they are.
func TestFoldedAndRecords(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.disconnect()
	s.edit("/n+")
	answer := s.away(record.MutationID{}, theirs(`{"n":5}`), theirs(`{"n":7}`))
	rev, data := s.record(theirs(`{"n":9}`))
	answer.Head = rev
	s.back(answer)
	s.wantPushed()
	s.say(&wire.Commit{Doc: s.number, Revision: rev, Record: data})
	s.wantPushed(1)
	s.wantView(`{"n":10}`)
}

// TestL3_FoldHoldsSomeOfThePending: two of three edits got into the log before the connection
// broke. They are over; the third is sent behind them, once, on what the log made of them.
func TestL3_FoldHoldsSomeOfThePending(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.edit("/n+")
	s.edit("/n+")
	s.edit("/n+")
	first, second := s.mine(2), s.mine(1)
	s.disconnect()
	s.back(s.away(second.ID, first, theirs(`{"x":1}`), second, theirs(`{"x":2}`)))
	s.wantSettled(1, s.at.Revision)
	s.wantSettled(2, s.at.Revision)
	s.wantOpen(3)
	s.wantPushed(3)
	if got := s.pushed[0].Follows; got != second.ID {
		t.Errorf("number 3 follows %s, want %s", id(got), id(second.ID))
	}
	s.commit(s.mine(0))
	s.wantSettled(3, s.at.Revision)
	s.wantView(`{"n":3,"x":2}`)
}

// TestL3_FoldHoldsAnEarlierAttempt: the view has a later attempt at the edit, and another delta.
func TestL3_FoldHoldsAnEarlierAttempt(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.edit("/n+")
	s.edit("?/n", "/m=1")
	attempt := s.mine(1)
	s.commit(theirs(`{"n":5}`))
	s.conflict(1)
	s.wantView(`{"m":1,"n":6}`)
	s.disconnect()
	s.back(s.away(attempt.ID, attempt, theirs(`{"x":2}`)))
	s.wantSettled(1, s.at.Revision)
	s.wantView(`{"m":1,"n":1,"x":2}`)
	s.wantPushed(2)
}

// TestL8_FoldHoldsAnAttemptElsewhere: the log has an attempt at the first edit that wrote another
// place than the one in the view does. The second one has read what is not there any more.
func TestL8_FoldHoldsAnAttemptElsewhere(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.write("set the member that n names", func(tx *doc.Tx) error {
		n, _ := tx.Get("/n")
		return tx.Set(delta.PointerOf("k"+string(n)), []byte("1"))
	})
	attempt := s.mine(0)
	s.commit(theirs(`{"n":5}`))
	s.conflict(0)
	s.edit("/k5+")
	s.wantView(`{"k5":2,"n":5}`)
	s.disconnect()
	s.back(s.away(attempt.ID, attempt, theirs(`{"x":1}`)))
	s.wantView(`{"k0":1,"k5":1,"n":5,"x":1}`)
	s.wantPushed(2)
}

// TestL3_FoldWithTheNumberTakenBySomethingElse: whether the edit is stored cannot be told.
func TestL3_FoldWithTheNumberTakenBySomethingElse(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.edit("/n+")
	s.disconnect()
	taken := record.MutationID{Number: 1, Nonce: 0xbad}
	s.back(s.away(taken, by(me, taken, `{"n":9}`)))
	wantRejected(t, s.settled[1], wire.CodeUnknownMutation)
	s.wantPushed()
	s.wantView(`{"n":9}`)
}

// TestFoldedTyping: what is typed, and a cursor, stay where they are among what others have
// typed while the client was away; of that which is in the fold nothing is moved.
func TestFoldedTyping(t *testing.T) {
	s := newLive(t, `{"t":{"$":"text","1":"one two"}}`)
	note := text.Open(s.doc.View(), "/t")
	cursor := note.Cursor(7, text.Left)
	s.write("insert X behind one", func(tx *doc.Tx) error { return note.Insert(tx, 3, "X") })
	mine := s.mine(0)
	s.disconnect()
	s.write("insert Y at the end", func(tx *doc.Tx) error { return note.Insert(tx, note.Len(), "Y") })
	var splices []text.Splice
	note.Watch(func(list []text.Splice) { splices = append(splices, list...) })
	s.back(s.away(mine.ID, mine, theirs(`{"t":{"01":"a"}}`), theirs(`{"t":{"01":"ab "}}`), theirs(`{"t":{"01":"abc "}}`)))
	if got := note.String(); got != "abc oneX twoY" {
		t.Errorf("the text is %q", got)
	}
	if got := cursor.Pos(); got != 12 {
		t.Errorf("the cursor is at %d", got)
	}
	if len(splices) != 1 || splices[0].Pos != 0 || splices[0].Del != 0 || splices[0].Ins != "abc " {
		t.Errorf("told of %+v", splices)
	}
}

// TestL11_Folded that make no sense leave the document as it was.
func TestL11_Folded(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	edit := s.edit("/b=1")
	held := s.at
	before := func(p record.Position, fn func(*record.Position)) record.Position { fn(&p); return p }
	next := before(held, func(p *record.Position) { p.Revision += 10 })
	for _, f := range []wire.Opened{
		{At: held, Snapshot: []byte("{}\n{}")},
		{At: before(held, func(p *record.Position) { p.Revision-- }), Snapshot: []byte("{}\n{}")},
		{At: before(next, func(p *record.Position) { p.Epoch++ }), Snapshot: []byte("{}\n{}")},
		{At: next},
		{At: next, Snapshot: []byte("{}")},
		{At: next, Snapshot: []byte("\n{}")},
		{At: next, Snapshot: []byte("{}\n[]")},
		{At: next, Snapshot: []byte("{}\n{\"a\":")},
		{At: next, Snapshot: []byte("{\"a\":2}\n{\"a\":\"\xff\"}")},
	} {
		s.disconnect()
		s.connect()
		f.Request, f.Doc, f.Folded = s.asked, s.number, true
		s.refuse(&f)
		if s.doc.Position() != held {
			t.Errorf("at %s", s.doc.Position())
		}
	}
	s.wantOpen(edit)
	s.disconnect()
	s.connect()
	s.opened("", held, held.Revision, record.MutationID{})
	s.wantPushed(1)
}

// TestL11_FoldedOntoNothing: a replica that holds nothing, or is in doubt of what it holds, has
// asked for everything.
func TestL11_FoldedOntoNothing(t *testing.T) {
	s := newStage(t)
	s.connect()
	s.refuse(&wire.Opened{Request: s.asked, Doc: 1, At: record.Position{Epoch: 0xe, Revision: 10}, Snapshot: []byte("{}\n{}"), Folded: true})
	if s.doc.Known() || s.doc.Live() {
		t.Error("the document is known")
	}
	s.disconnect()
	s.live(`{"a":1}`)
	s.corrupt(`{"fault":1}`)
	s.checksum(`{"a":1}`)
	next := s.away(record.MutationID{}, theirs(`{"a":2}`))
	next.Request = s.asked
	s.refuse(next)
}

// TestObserverOfFolded: an observer is told where the view is the confirmed document.
func TestObserverOfFolded(t *testing.T) {
	s := newStage(t)
	o := &looksOn{mirror: s.mirror}
	s.observe(o)
	s.live(`{"n":0}`)
	s.disconnect()
	s.edit("/m=1")
	s.edit("/n+")
	s.back(s.away(record.MutationID{}, theirs(`{"n":5}`), theirs(`{"n":7}`)))
	if o.at != s.at || string(o.confirmed) != `{"n":7}` {
		t.Errorf("at %s: %s", o.at, o.confirmed)
	}
	s.wantView(`{"m":1,"n":8}`)
}

// looksOn keeps what the view is when it is told of folded records.
type looksOn struct {
	*mirror
	at        record.Position
	confirmed []byte
}

func (o *looksOn) Committed(at record.Position, rec *record.Record) {
	if rec == nil {
		o.at, o.confirmed = at, bytes.Clone(o.doc.View().Canonical())
	}
}

var _ replica.Observer = (*looksOn)(nil)
