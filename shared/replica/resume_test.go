package replica_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestL3_ResumeSendsPendingAgainUnchanged: the connection is lost after the
// push. What was pushed is pushed again with the same id, so that the server
// knows it again if it has it; what was done offline follows.
func TestL3_ResumeSendsPendingAgainUnchanged(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	s.edit("/b=1")
	before := s.mine(0)
	s.disconnect()
	s.edit("/c=1")
	s.connect()
	s.wantPushed()
	s.opened("", s.at, s.at.Revision, record.MutationID{})
	s.wantPushed(1, 2)
	if again := s.pushed[0]; again.ID != before.ID || string(again.Delta) != string(before.Delta) {
		t.Errorf("pushed again as %s %s", id(again.ID), again.Delta)
	}
	s.commit(s.mine(1), s.mine(0))
	s.wantSettled(1, 20)
	s.wantSettled(2, 20)
}

// TestL3_ResumeFindsPendingInTheLog: the connection was lost before the record
// came. It is in what the server sends to catch up, and is not pushed again.
func TestL3_ResumeFindsPendingInTheLog(t *testing.T) {
	s := newLive(t, `{}`)
	edit := s.edit("/n+")
	offline := s.edit("/m=1")
	mine, held := s.mine(1), s.at
	s.disconnect()
	rev, data := s.record(theirs(`{"x":1}`), mine)
	s.connect()
	s.opened("", held, rev, mine.ID)
	s.wantPushed()
	s.say(&wire.Commit{Doc: s.number, Revision: rev, Record: data})
	s.wantSettled(edit, 20)
	s.wantOpen(offline)
	s.wantPushed(2)
	s.wantView(`{"m":1,"n":1,"x":1}`)
	if got := s.pushed[0].Follows; got != mine.ID {
		t.Errorf("number 2 follows %s, want %s", id(got), id(mine.ID))
	}
}

// TestL8_ResumeOnAChangedDocument: of three pending edits the second has read
// what changed while the client was away. It and the third run again before
// anything is pushed; the first stands, on the new base.
func TestL8_ResumeOnAChangedDocument(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.disconnect()
	s.edit("/a=1")
	s.edit("/n+")
	s.edit("/b=1")
	held := s.at
	first, firstData := s.record(theirs(`{"n":5}`))
	second, secondData := s.record(theirs(`{"n":7}`))
	s.connect()
	s.opened("", held, second, record.MutationID{})
	s.say(&wire.Commit{Doc: s.number, Revision: first, Record: firstData})
	s.wantPushed()
	s.say(&wire.Commit{Doc: s.number, Revision: second, Record: secondData})
	s.wantPushed(1, 2, 3)
	s.wantView(`{"a":1,"b":1,"n":8}`)
	for _, p := range s.pushed {
		if p.Base != second {
			t.Errorf("number %d has base r%d, want r%d", p.ID.Number, p.Base, second)
		}
	}
}

// TestL3_UndecidedEditIsNotGivenUp: an edit that cannot run again was pushed, the
// connection broke, and what it read has changed since. It may be on its way into
// the log all the same, so the replica does not say that it is lost, but sends the
// same again, on the same base; the server's answer decides.
func TestL3_UndecidedEditIsNotGivenUp(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	edit := s.editOnce("/n+")
	before := *s.pushed[0]
	held := s.at
	s.disconnect()
	rev, data := s.record(theirs(`{"n":5}`))
	s.connect()
	s.opened("", held, rev, record.MutationID{})
	s.say(&wire.Commit{Doc: s.number, Revision: rev, Record: data})
	s.wantOpen(edit)
	s.wantPushed(1)
	if p := s.pushed[0]; p.ID != before.ID || p.Base != before.Base || string(p.Delta) != string(before.Delta) {
		t.Errorf("pushed %s on r%d: %s", id(p.ID), p.Base, p.Delta)
	}
	s.conflict(0)
	s.wantOpen(edit) // the first copy may be on its way still
	s.wantView(`{"n":5}`)
	s.commit(s.mine(0))
	wantRejected(t, s.settled[edit], wire.CodeConflict)
	s.wantView(`{"n":5}`)
}

// TestL3_EarlierAttemptIsInTheLog: an edit was pushed, the connection broke, and
// while it was away the edit ran again with another result. Then the log turns
// out to hold the first one. It counts; the second is forgotten.
func TestL3_EarlierAttemptIsInTheLog(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	edit := s.edit("/n+")
	later := s.edit("/n+")
	attempt := s.mine(1)
	held := s.at
	s.disconnect()
	// The server has neither yet, but what they read has changed.
	s.connect()
	conflicting, data := s.record(theirs(`{"other":1}`))
	s.opened("", held, conflicting, record.MutationID{})
	s.say(&wire.Commit{Doc: s.number, Revision: conflicting, Record: data})
	s.conflict(1) // the copy that was pushed again; the first copy is still on its way
	s.wantPushed(1, 2, 1, 2)
	s.commit(attempt)
	s.wantSettled(edit, 30)
	s.wantOpen(later)
	// What comes of the second attempt at number 1 is of no interest. What was sent
	// of number 2 follows it, so it is sent again, on the first.
	s.wantPushed(1, 2, 1, 2, 2)
	s.say(&wire.Reject{Doc: s.number, ID: s.pushed[2].ID, Code: wire.CodeUnknownMutation})
	s.say(&wire.Conflict{Doc: s.number, ID: s.pushed[3].ID, Head: s.at.Revision})
	s.wantPushed(1, 2, 1, 2, 2)
	if got := s.pushed[4].Follows; got != attempt.ID {
		t.Errorf("number 2 follows %s, want %s", id(got), id(attempt.ID))
	}
	s.commit(s.mine(0))
	s.wantSettled(later, 40)
	s.wantView(`{"n":2,"other":1}`)
}

// TestL3_EarlierAttemptIsFoundWhileCatchingUp: the edit invents a name each time
// that it runs, and a second edit builds on it. When the log turns out to hold
// the first attempt, the second edit has to run again on that before it is
// pushed: the server would let it through, since it follows its client's last.
func TestL3_EarlierAttemptIsFoundWhileCatchingUp(t *testing.T) {
	s := newLive(t, `{"cards":{}}`)
	runs := 0
	card := func(tx *doc.Tx) error {
		runs++
		return tx.Set(delta.PointerOf("cards", fmt.Sprint("card", runs)), []byte(`{}`))
	}
	if _, err := s.mutate(1, card); err != nil {
		t.Fatal(err)
	}
	title := func(tx *doc.Tx) error {
		cards := tx.Members("/cards")
		return tx.Set(delta.PointerOf("cards", cards[len(cards)-1], "title"), []byte(`"t"`))
	}
	if _, err := s.mutate(2, title); err != nil {
		t.Fatal(err)
	}
	s.after()
	attempt := s.mine(1)
	s.conflict(1)
	s.wantView(`{"cards":{"card2":{"title":"t"}}}`)
	held := s.at
	s.disconnect()
	rev, data := s.record(attempt)
	s.connect()
	s.opened("", held, rev, attempt.ID)
	s.say(&wire.Commit{Doc: s.number, Revision: rev, Record: data})
	s.wantSettled(1, rev)
	s.wantPushed(2)
	if got := string(s.pushed[0].Delta); got != `{"cards":{"card1":{"title":"t"}}}` {
		t.Errorf("pushed %s", got)
	}
	s.wantView(`{"cards":{"card1":{"title":"t"}}}`)
}

// TestL3_GivenUpEditIsInTheLog: an edit was dropped here, but a copy of it was
// under way. It is a change like anybody else's then.
func TestL3_GivenUpEditIsInTheLog(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	edit := s.editOnce("/n+")
	later := s.edit("/m+")
	s.conflict(1)
	wantRejected(t, s.settled[edit], wire.CodeConflict)
	s.wantView(`{"m":1,"n":0}`)
	given := by(me, s.pushed[0].ID, string(s.pushed[0].Delta))
	s.commit(given)
	s.wantView(`{"m":1,"n":1}`)
	s.conflict(0) // it did not follow what the server has
	if got := s.pushed[len(s.pushed)-1]; got.Follows != given.ID || got.ID.Number != 2 {
		t.Errorf("number %d follows %s, want number 2 after %s", got.ID.Number, id(got.Follows), id(given.ID))
	}
	s.commit(s.mine(0))
	s.wantSettled(later, 30)
}

// TestL3_SnapshotHoldsSomeOfThePending: the client was away for so long that it
// gets a snapshot. It names the client's last mutation, so that what is in it is
// over. Of what is not, it cannot be told whether it will be stored as it was sent;
// it is sent again, and the server's answer decides.
func TestL3_SnapshotHoldsSomeOfThePending(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.edit("/n+")
	s.edit("/n+")
	s.edit("/n+")
	last := s.mine(1).ID
	s.disconnect()
	s.at = record.Position{Epoch: s.at.Epoch, Revision: 500, Chain: 0xcc}
	s.connect()
	s.opened(`{"n":40}`, s.at, 500, last)
	s.wantSettled(1, 500)
	s.wantSettled(2, 500)
	s.wantPushed(3)
	if p := s.pushed[0]; p.Follows != last || p.Base != 10 {
		t.Errorf("number 3 follows %s on r%d", id(p.Follows), p.Base)
	}
	s.conflict(0) // so it was not stored as it was
	s.wantPushed(3, 3)
	s.wantView(`{"n":41}`)
	if p := s.pushed[1]; p.Follows != last || p.Base != 500 {
		t.Errorf("number 3 follows %s on r%d", id(p.Follows), p.Base)
	}
	s.commit(s.mine(0))
	s.wantSettled(3, 510)
}

// TestL3_SnapshotHoldsAnEarlierAttempt: the last mutation in the snapshot is the
// first attempt at one that has run again since.
func TestL3_SnapshotHoldsAnEarlierAttempt(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.edit("/n+")
	attempt := s.mine(0).ID
	s.conflict(0)
	s.wantPushed(1, 1)
	s.disconnect()
	s.at.Revision = 300
	s.connect()
	s.opened(`{"n":1}`, s.at, 300, attempt)
	s.wantSettled(1, 300)
	s.wantPushed()
	s.wantView(`{"n":1}`)
}

// TestL3_SnapshotWithTheNumberTakenBySomethingElse: whether the edit is stored
// cannot be told. It must not be stored again, and the user has to know. The one after
// it was computed on it: to send that again as it was would be to say that it was
// computed on whatever took the number.
func TestL3_SnapshotWithTheNumberTakenBySomethingElse(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.edit("/n+")
	s.edit("/n+")
	s.disconnect()
	s.at.Revision = 300
	s.connect()
	s.opened(`{"n":9}`, s.at, 300, record.MutationID{Number: 1, Nonce: 0xbad})
	wantRejected(t, s.settled[1], wire.CodeUnknownMutation)
	s.wantOpen(2)
	s.wantPushed(2)
	s.wantView(`{"n":10}`)
	if p := s.pushed[0]; p.Base != 300 || p.ID.Nonce == 2 {
		t.Errorf("pushed %s on r%d", id(p.ID), p.Base)
	}
}

// TestSnapshotMovesTheNumbersOn: a client id that was used before, by a page
// that is gone, has mutations in the log. New ones get higher numbers.
func TestSnapshotMovesTheNumbersOn(t *testing.T) {
	s := newStage(t)
	s.connect()
	s.at.Revision = 10
	s.opened(`{}`, s.at, 10, record.MutationID{Number: 41, Nonce: 4})
	s.edit("/a=1")
	s.wantPushed(42)
	if got := s.pushed[0].Follows.Number; got != 41 {
		t.Errorf("it follows number %d", got)
	}
}

// TestUnknownMutationTakesASnapshot: the server has the number under another
// nonce. The replica does not guess; it starts from a snapshot.
func TestUnknownMutationTakesASnapshot(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.edit("/n+")
	s.edit("/n+")
	s.reject(1, wire.CodeUnknownMutation)
	s.wantOpen(1)
	s.commit(theirs(`{"n":3}`)) // still of the old subscription: not for us any more
	s.at.Revision = 300
	s.opened(`{"n":3}`, s.at, 300, record.MutationID{})
	s.wantPushed(1, 2, 1, 2)
	s.wantView(`{"n":5}`)
}

// TestNewEpochRebasesPendingAsUnsent: the server's log was wiped. Nothing in it
// is ours, whatever was pushed before.
func TestNewEpochRebasesPendingAsUnsent(t *testing.T) {
	s := newLive(t, `{"n":10}`)
	confirmed := s.edit("/n+")
	s.commit(s.mine(0))
	s.wantSettled(confirmed, 20)
	pending := s.edit("/n+")
	s.wantView(`{"n":12}`)
	s.disconnect()
	s.at = record.Position{Epoch: 0xf}
	s.connect()
	s.opened(`{}`, s.at, 0, record.MutationID{})
	s.wantView(`{"n":1}`)
	s.wantPushed(2)
	if p := s.pushed[0]; p.Base != 0 || p.Follows != (record.MutationID{}) {
		t.Errorf("it is based on r%d and follows %s", p.Base, id(p.Follows))
	}
	s.commit(s.mine(0))
	s.wantSettled(pending, 10)
}

// TestOfflineEditsNeedNoConnection: a document that is known can be edited with
// no connection, one that is not cannot.
func TestOfflineEditsNeedNoConnection(t *testing.T) {
	s := newStage(t)
	if _, err := s.mutate(1, transaction("/a=1")); !errors.Is(err, replica.ErrNotReady) {
		t.Errorf("before anything is known: %v", err)
	}
	s.connect()
	s.disconnect()
	s.connect()
	s.opened(`{}`, s.at, 0, record.MutationID{})
	s.disconnect()
	s.edit("/a=1")
	s.edit("/a=2")
	s.wantView(`{"a":2}`)
	s.connect()
	s.opened("", s.at, 0, record.MutationID{})
	s.wantPushed(1, 2)
}

// TestFailureForNowIsTriedAgain: the server cannot open the document now. The
// replica asks again with each tick, and keeps what is pending.
func TestFailureForNowIsTriedAgain(t *testing.T) {
	s := newLive(t, `{}`)
	s.edit("/a=1")
	s.say(&wire.Fault{Key: board.String(), Code: wire.CodeUnavailable})
	if s.failed != wire.CodeUnavailable || s.doc.Live() {
		t.Errorf("failed with %s, live %t", s.failed, s.doc.Live())
	}
	s.edit("/b=1")
	for range 2 {
		s.tick()
	}
	s.opened("", s.at, s.at.Revision, record.MutationID{})
	s.wantPushed(1, 1, 2)
}

// TestFailureForGood ends the document and everything that is pending, once; the
// connection and a new attempt to open it stay possible.
func TestFailureForGood(t *testing.T) {
	s := newLive(t, `{}`)
	edit := s.edit("/a=1")
	changes := s.changes
	s.say(&wire.Fault{Key: board.String(), Code: wire.CodeDamaged, Detail: "a bad record"})
	s.wantView(`{}`)
	if s.changes != changes+1 {
		t.Errorf("changed %d times, want once", s.changes-changes)
	}
	wantRejected(t, s.settled[edit], wire.CodeDamaged)
	if _, err := s.mutate(9, transaction("/b=1")); !errors.Is(err, replica.ErrLeft) {
		t.Errorf("an edit afterwards: %v", err)
	}
	s.disconnect()
	s.connect() // does not open it again
	if s.doc.Live() {
		t.Error("live again")
	}
}
