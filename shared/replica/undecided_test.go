package replica_test

import (
	"errors"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// resumeOn connects again, to a log that has got one more record meanwhile.
func (s *stage) resumeOn(mutations ...record.Mutation) {
	s.t.Helper()
	held := s.at
	s.disconnect()
	rev, data := s.record(mutations...)
	s.connect()
	s.opened("", held, rev, record.MutationID{})
	s.say(&wire.Commit{Doc: s.number, Revision: rev, Record: data})
}

// wantSentAgain checks that the first push on this connection is an earlier one
// as it was: the server knows it by its id, and judges it by its base.
func (s *stage) wantSentAgain(before *wire.Push) {
	s.t.Helper()
	if len(s.pushed) == 0 {
		s.t.Fatal("nothing was sent again")
	}
	if p := s.pushed[0]; p.ID != before.ID || p.Base != before.Base || string(p.Delta) != string(before.Delta) {
		s.t.Fatalf("sent %s on r%d: %s; it was %s on r%d: %s", id(p.ID), p.Base, p.Delta, id(before.ID), before.Base, before.Delta)
	}
}

// TestUndecidedEditIsCommitted: the client comes back to a snapshot that does
// not have its edit yet, while the first copy is being appended. Both an edit
// that could run again and one that could not are what they were. What was made
// offline was never sent, so it runs again, on top of them.
func TestUndecidedEditIsCommitted(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	once := s.editOnce("/n+")
	edit := s.edit("/m+")
	before := s.pushed
	s.disconnect()
	offline := s.edit("?/x", "/n+")
	s.at = record.Position{Epoch: s.at.Epoch, Revision: 500, Chain: 0xcc}
	s.connect()
	s.opened(`{"n":0,"x":1}`, s.at, 500, record.MutationID{})
	for _, tag := range []uint64{once, edit, offline} {
		s.wantOpen(tag)
	}
	s.wantPushed(1, 2, 3)
	s.wantSentAgain(before[0])
	if p := s.pushed[1]; p.ID != before[1].ID || p.Base != before[1].Base {
		t.Errorf("number 2 is %s on r%d", id(p.ID), p.Base)
	}
	if p := s.pushed[2]; p.Base != 500 || p.Follows != before[1].ID {
		t.Errorf("number 3 is on r%d and follows %s", p.Base, id(p.Follows))
	}
	s.commit(s.mine(2), s.mine(1)) // the first copies; the second ones get no other answer
	s.wantSettled(once, 510)
	s.wantSettled(edit, 510)
	s.commit(s.mine(0))
	s.wantSettled(offline, 520)
	s.wantView(`{"m":1,"n":2,"x":1}`)
}

// TestUndecidedEditRunsAgainOnceItIsRefused, however often the connection broke
// before the server could say so.
func TestUndecidedEditRunsAgainOnceItIsRefused(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	edit := s.edit("/n+")
	before := s.pushed[0]
	for _, patch := range []string{`{"n":5}`, `{"n":7}`} {
		s.resumeOn(theirs(patch))
		s.wantPushed(1)
		s.wantSentAgain(before)
		s.wantView(`{"n":1}`)
	}
	s.conflict(0)
	s.wantOpen(edit)
	s.wantView(`{"n":8}`)
	s.wantPushed(1, 1)
	if p := s.pushed[1]; p.ID == before.ID || p.Base != s.at.Revision {
		t.Errorf("it ran again as %s on r%d", id(p.ID), p.Base)
	}
	s.commit(s.mine(0))
	s.wantSettled(edit, 40)
}

// TestUndecidedEditWhoseFunctionThrows is over only when nothing that was sent of it
// can get into the log any more: the error would be wrong of an edit that is there.
// So it takes its number with an empty delta.
func TestUndecidedEditWhoseFunctionThrows(t *testing.T) {
	s := newLive(t, `{}`)
	edit := s.edit("!/seat", `/seat="me"`)
	before := s.pushed[0]
	s.resumeOn(theirs(`{"seat":"other"}`))
	s.wantOpen(edit)
	s.wantPushed(1)
	s.wantSentAgain(before)
	s.conflict(0)
	s.wantOpen(edit)
	s.wantView(`{"seat":"other"}`)
	s.wantPushed(1, 1)
	if p := s.pushed[1]; p.ID == before.ID || string(p.Delta) != "{}" || len(p.Reads) != 0 {
		t.Errorf("pushed %s: %s, which reads %v", id(p.ID), p.Delta, p.Reads)
	}
	s.commit(theirs(`{"seat":null}`))
	s.wantView(`{}`)
	s.commit(s.mine(0))
	if outcome := s.settled[edit]; !errors.Is(outcome.Err, errUnwanted) {
		t.Errorf("the outcome is %+v, want the function's error", outcome)
	}
	s.wantView(`{}`)
}

// TestL3_GivenUpWhileAnAttemptArrives: as before, but the first copy was on its way
// on the connection that broke, and gets into the log before the claim.
func TestL3_GivenUpWhileAnAttemptArrives(t *testing.T) {
	s := newLive(t, `{}`)
	edit := s.edit("!/seat", `/seat="me"`)
	first := s.mine(0)
	s.disconnect()
	s.at = record.Position{Epoch: s.at.Epoch, Revision: 500, Chain: 0xcc}
	s.connect()
	s.opened(`{"seat":"other"}`, s.at, 500, record.MutationID{})
	s.conflict(0) // of another node, which does not hold what this one has stored since
	s.wantOpen(edit)
	s.wantPushed(1, 1)
	s.commit(theirs(`{"seat":null}`), first)
	s.wantSettled(edit, 510)
	s.wantView(`{"seat":"me"}`)
}

// TestNewEpochDecides: what was sent to a log that is gone can be in no other.
// An edit that can run again does, one that cannot is over, without a question.
func TestNewEpochDecides(t *testing.T) {
	s := newLive(t, `{"n":10}`)
	once := s.editOnce("/m+")
	edit := s.edit("/n+")
	before := s.pushed[1].ID
	s.disconnect()
	s.at = record.Position{Epoch: s.at.Epoch + 1}
	s.connect()
	s.opened(`{}`, s.at, 0, record.MutationID{})
	wantRejected(t, s.settled[once], wire.CodeConflict)
	s.wantOpen(edit)
	s.wantView(`{"n":1}`)
	s.wantPushed(2)
	if p := s.pushed[0]; p.ID == before || p.Follows != (record.MutationID{}) || p.Base != 0 {
		t.Errorf("pushed %s after %s on r%d", id(p.ID), id(p.Follows), p.Base)
	}
}

// TestL8_SentAgainOnlyAsItWas: the document was left while an edit was on its way, and
// opened and edited again; then the connection broke. The log has the first edit. The
// second did not see it: as it is it must not be sent again, as if it followed that.
func TestL8_SentAgainOnlyAsItWas(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.edit("/n+")
	first := s.mine(0)
	s.leave()
	s.reopen()
	s.opened(`{"n":0}`, s.at, s.at.Revision, record.MutationID{})
	edit := s.edit("/n+")
	before := s.mine(0).ID
	s.resumeOn(first)
	s.wantPushed(2)
	if p := s.pushed[0]; p.ID == before || p.Base != 20 || p.Follows != first.ID || string(p.Delta) != `{"n":2}` {
		t.Errorf("sent %s after %s on r%d: %s", id(p.ID), id(p.Follows), p.Base, p.Delta)
	}
	s.commit(s.mine(0))
	s.wantSettled(edit, 30)
	s.wantView(`{"n":2}`)
}

// TestL3_EarlierClaimIsInTheLog: the empty delta that took the number of an edit which
// was given up was sent twice. Whichever is in the log, the edit is not.
func TestL3_EarlierClaimIsInTheLog(t *testing.T) {
	s := newLive(t, `{}`)
	first := s.edit("/a+")
	given := s.edit("!/seat", `/seat="me"`)
	one := s.mine(1)
	s.resumeOn(theirs(`{"seat":"other"}`))
	s.conflict(0)
	claim := s.mine(0)
	if string(claim.Delta) != "{}" {
		t.Fatalf("the claim is %s", claim.Delta)
	}
	s.say(&wire.Conflict{Doc: s.number, ID: one.ID, Head: s.at.Revision}) // of a node that is behind
	s.wantPushed(1, 2, 2, 1, 2)
	s.commit(one, claim)
	s.wantSettled(first, 30)
	if outcome := s.settled[given]; !errors.Is(outcome.Err, errUnwanted) {
		t.Errorf("the outcome is %+v, want the function's error", outcome)
	}
	s.wantView(`{"a":1,"seat":"other"}`)
}

// TestL3_RejectedWhileAnAttemptArrives: an edit was sent, the connection broke, and it was
// sent again. The server rejects that as too large for the document. The first copy is
// still on its way; it gets into the log when there is room, and then it is what the
// outcome says; or it does not, and the edit has been rejected.
func TestL3_RejectedWhileAnAttemptArrives(t *testing.T) {
	for _, arrives := range []bool{true, false} {
		t.Run(map[bool]string{true: "it arrives", false: "it does not"}[arrives], func(t *testing.T) {
			s := newLive(t, `{}`)
			edit := s.edit(`/note="large"`)
			first := s.mine(0)
			s.resumeOn(theirs(`{"full":true}`))
			s.wantPushed(1)
			later := s.edit(`/title="later"`)
			s.reject(1, wire.CodeTooLarge)
			s.wantOpen(edit)
			s.wantView(`{"full":true,"title":"later"}`)
			s.wantPushed(1, 2, 1, 2)
			claim := s.mine(1)
			if string(claim.Delta) != "{}" || claim.ID == first.ID {
				t.Fatalf("pushed %s: %s", id(claim.ID), claim.Delta)
			}
			if arrives {
				s.commit(theirs(`{"full":null}`), first)
				s.wantSettled(edit, 30)
				s.wantView(`{"note":"large","title":"later"}`)
			} else {
				s.commit(claim, s.mine(0))
				wantRejected(t, s.settled[edit], wire.CodeTooLarge)
				s.wantSettled(later, 30)
				s.wantView(`{"full":true,"title":"later"}`)
			}
		})
	}
}

// TestRejectedClaimIsNotRepeatedForEver: the server rejects whatever the client sends.
func TestRejectedClaimIsNotRepeatedForEver(t *testing.T) {
	s := newLive(t, `{}`)
	edit := s.edit(`/note="large"`)
	s.resumeOn(theirs(`{"full":true}`))
	for range 6 {
		if _, over := s.settled[edit]; !over {
			s.reject(0, wire.CodeTooLarge)
		}
	}
	wantRejected(t, s.settled[edit], wire.CodeTooLarge)
	s.wantView(`{"full":true}`)
}

// TestL3_RejectedNamedWhileAnAttemptArrives: what takes the number of a named mutation is
// no call. The log has what the server made of the first copy.
func TestL3_RejectedNamedWhileAnAttemptArrives(t *testing.T) {
	s := newLive(t, `{"n":1}`)
	s.tag++
	edit := s.tag
	if _, err := s.doc.Invoke(edit, "double", []byte(`{}`), func(view *doc.Doc) (doc.Change, error) {
		return view.Update(transaction("/n+"))
	}); err != nil {
		t.Fatal(err)
	}
	s.after()
	first := s.mine(0)
	s.resumeOn(theirs(`{"full":true}`))
	s.reject(0, wire.CodeTooLarge)
	s.wantOpen(edit)
	if p := s.pushed[len(s.pushed)-1]; string(p.Delta) != "{}" {
		t.Fatalf("pushed %s: %s", id(p.ID), p.Delta)
	}
	s.commit(by(me, first.ID.Rewritten(), `{"n":7}`))
	s.wantSettled(edit, 30)
	s.wantView(`{"full":true,"n":7}`)
}
