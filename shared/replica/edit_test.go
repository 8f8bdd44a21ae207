package replica_test

import (
	"errors"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestEditIsVisibleAtOnceAndConfirmedByTheLog is the whole life of an edit.
func TestEditIsVisibleAtOnceAndConfirmedByTheLog(t *testing.T) {
	s := newLive(t, `{"title":"Plans"}`)
	edit := s.edit("/title=\"Done\"")
	s.wantView(`{"title":"Done"}`)
	s.wantOpen(edit)
	s.commit(s.mine(0))
	s.wantSettled(edit, 20)
	s.wantView(`{"title":"Done"}`)

	second := s.edit("/by=\"me\"")
	if p := s.pushed[1]; p.Follows != s.pushed[0].ID || p.Base != 20 {
		t.Errorf("the second edit follows %s on r%d", id(p.Follows), p.Base)
	}
	s.commit(theirs(`{"n":1}`), s.mine(0), theirs(`{"m":2}`))
	s.wantSettled(second, 30)
	s.wantView(`{"by":"me","m":2,"n":1,"title":"Done"}`)
}

// TestNothingChangedIsNotPushed: a transaction without an effect is not an edit.
func TestNothingChangedIsNotPushed(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	s.edit("/a=1")
	s.edit("/b=1", "/b=")
	s.wantPushed()
}

// TestForeignRecordSlipsUnderPendingEdits: where changes commute nothing is
// rolled back, and the observer hears of the foreign one only.
func TestForeignRecordSlipsUnderPendingEdits(t *testing.T) {
	s := newLive(t, `{"a":{"x":1},"b":1}`)
	edit := s.edit("/a/x=2")
	s.commit(theirs(`{"a":{"y":1},"b":2}`))
	s.wantView(`{"a":{"x":2,"y":1},"b":2}`)
	s.wantPushed(1)
	s.commit(s.mine(0))
	s.wantSettled(edit, 30)
}

// TestForeignRecordBelowPendingEdits: both wrote one place. The pending edit
// stays on top until the server has decided.
func TestForeignRecordBelowPendingEdits(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	edit := s.edit("/a=2")
	s.commit(theirs(`{"a":3}`))
	s.wantView(`{"a":2}`)
	s.commit(s.mine(0))
	s.wantSettled(edit, 30)
	s.wantView(`{"a":2}`)
}

// TestForeignRecordTakesTheObjectAway: a pending edit inside an object that
// somebody deletes makes the object anew until the server refuses it.
func TestForeignRecordTakesTheObjectAway(t *testing.T) {
	s := newLive(t, `{"card":{"title":"a","text":"b"}}`)
	edit := s.edit("!/gone", `/card/title="c"`)
	s.commit(theirs(`{"card":null,"gone":true}`))
	s.wantView(`{"card":{"title":"c"},"gone":true}`)
	s.conflict(0)
	s.wantView(`{"gone":true}`)
	if outcome := s.settled[edit]; !errors.Is(outcome.Err, errUnwanted) {
		t.Errorf("the edit's outcome is %v, want its function's error", outcome.Err)
	}
}

// TestL8_ConflictRunsAgain: an increment on a value that somebody else has
// incremented in the meantime counts both.
func TestL8_ConflictRunsAgain(t *testing.T) {
	s := newLive(t, `{"n":5}`)
	edit := s.edit("/n+")
	s.commit(theirs(`{"n":6}`))
	s.wantView(`{"n":6}`)
	s.conflict(0)
	s.wantView(`{"n":7}`)
	s.wantPushed(1, 1)
	first, again := s.pushed[0].ID, s.pushed[1].ID
	if first.Nonce == again.Nonce {
		t.Error("another delta has the same nonce")
	}
	if s.pushed[1].Base != 20 {
		t.Errorf("it was run again on r%d", s.pushed[1].Base)
	}
	s.commit(s.mine(0))
	s.wantSettled(edit, 30)
}

// TestL8_ConflictRunsLaterOnesAgain: of three pipelined edits the first
// conflicts. The later ones were computed on it, so they run again as well, and
// the server's answers to what they were before mean nothing any more.
func TestL8_ConflictRunsLaterOnesAgain(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.edit("/n+")
	s.edit("/n+")
	s.edit("/m=1")
	s.commit(theirs(`{"n":10}`))
	stale := []record.Mutation{s.mine(2), s.mine(1), s.mine(0)}
	for _, m := range stale {
		s.say(&wire.Conflict{Doc: s.number, ID: m.ID, Head: s.at.Revision})
	}
	s.wantPushed(1, 2, 3, 1, 2, 3)
	s.wantView(`{"m":1,"n":12}`)
	for i, follows := range []record.MutationID{{}, s.pushed[3].ID, s.pushed[4].ID} {
		if got := s.pushed[3+i].Follows; got != follows {
			t.Errorf("number %d follows %s, want %s", 1+i, id(got), id(follows))
		}
	}
	s.commit(s.mine(2), s.mine(1), s.mine(0))
	for tag := range uint64(3) {
		s.wantSettled(tag+1, 30)
	}
}

// TestConflictInTheMiddle leaves what comes before the conflict as it is.
func TestConflictInTheMiddle(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	first := s.edit("/a=1")
	second := s.edit("/n+")
	s.commit(theirs(`{"n":1}`))
	s.conflict(0)
	s.wantPushed(1, 2, 2)
	if got := s.pushed[2].Follows; got != s.pushed[0].ID {
		t.Errorf("it follows %s", id(got))
	}
	s.commit(s.mine(2))
	s.commit(s.mine(0))
	s.wantSettled(first, 30)
	s.wantSettled(second, 40)
	s.wantView(`{"a":1,"n":2}`)
}

// TestEditThatCannotRunAgain: the function is gone, so a conflict ends the edit
// and is told; those that come after it run again without it.
func TestEditThatCannotRunAgain(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	gone := s.editOnce("/n+")
	later := s.edit("/n+")
	s.commit(theirs(`{"n":5}`))
	s.conflict(1)
	wantRejected(t, s.settled[gone], wire.CodeConflict)
	s.wantOpen(later)
	s.wantView(`{"n":6}`)
	s.wantPushed(1, 2, 2)
	if got := s.pushed[2].Follows; got != (record.MutationID{}) {
		t.Errorf("it follows %s, which is not in the log", id(got))
	}
	s.commit(s.mine(0))
	s.wantSettled(later, 30)
}

// TestErrorOnSecondRunDropsOnlyThatEdit: the others run again without it.
func TestErrorOnSecondRunDropsOnlyThatEdit(t *testing.T) {
	s := newLive(t, `{}`)
	s.edit("/n+")
	taken := s.edit("!/seat", `/seat="me"`)
	s.edit("/n+")
	s.commit(theirs(`{"n":7,"seat":"other"}`))
	s.conflict(2)
	if outcome := s.settled[taken]; !errors.Is(outcome.Err, errUnwanted) {
		t.Errorf("the outcome is %v, want the function's error", outcome.Err)
	}
	s.wantView(`{"n":9,"seat":"other"}`)
	s.wantPushed(1, 2, 3, 1, 3)
	if got := s.pushed[4].Follows; got != s.pushed[3].ID {
		t.Errorf("number 3 follows %s", id(got))
	}
}

// TestSecondRunThatChangesNothing is settled where the replica is.
func TestSecondRunThatChangesNothing(t *testing.T) {
	s := newLive(t, `{}`)
	edit := s.edit("?/a", "/a=1")
	s.commit(theirs(`{"a":1}`))
	s.conflict(0)
	s.wantSettled(edit, 20)
	s.wantPushed(1)
}

// TestRejectDropsOneAndRunsLaterOnesAgain: a refusal for good.
func TestRejectDropsOneAndRunsLaterOnesAgain(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	first := s.edit("/ok=true")
	large := s.edit("/n+", `/large="much"`)
	later := s.edit("/n+")
	s.reject(1, wire.CodeTooLarge)
	wantRejected(t, s.settled[large], wire.CodeTooLarge)
	s.wantView(`{"n":1,"ok":true}`)
	s.wantPushed(1, 2, 3, 3)
	s.say(&wire.Conflict{Doc: s.number, ID: s.pushed[2].ID, Head: s.at.Revision}) // of the old number 3
	s.wantPushed(1, 2, 3, 3)
	s.commit(by(me, s.pushed[0].ID, `{"ok":true}`), s.mine(0))
	s.wantSettled(first, 20)
	s.wantSettled(later, 20)
}

// TestAnswersAboutNothing: frames about mutations and documents that are not
// there (any more) have no effect.
func TestAnswersAboutNothing(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	s.edit("/b=1")
	nobody := record.MutationID{Number: 77, Nonce: 77}
	s.say(&wire.Conflict{Doc: s.number, ID: nobody})
	s.say(&wire.Reject{Doc: s.number, ID: nobody, Code: wire.CodeTooLarge})
	s.say(&wire.Reject{Doc: s.number, ID: nobody, Code: wire.CodeUnknownMutation})
	s.say(&wire.Conflict{Doc: s.number + 1, ID: s.mine(0).ID})
	s.say(&wire.Reject{Doc: s.number + 1, ID: s.mine(0).ID, Code: wire.CodeTooLarge})
	s.say(&wire.Commit{Doc: s.number + 1, Revision: 20, Record: []byte("garbage")})
	s.say(&wire.Pong{Number: 1})
	s.wantView(`{"a":1,"b":1}`)
	s.wantPushed(1)
}
