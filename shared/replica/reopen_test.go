package replica_test

import (
	"testing"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// leave ends the subscription.
func (s *stage) leave() {
	s.line("", "leave")
	s.doc.Leave()
	s.after()
}

func (s *stage) tick() {
	s.t.Helper()
	s.line("", "tick")
	if !s.engine.Tick() {
		s.t.Fatal("given up")
	}
	s.after()
}

// TestEditAfterReopenWhileTheFirstIsAppended: an edit was sent, the document
// left and opened again, and edited, all while the log is slow. The new edit has
// a number of its own; were it the first one's, the server could not tell it
// from that, and would have to give it up as unknown_mutation.
func TestEditAfterReopenWhileTheFirstIsAppended(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.edit("/n+")
	slow := s.mine(0)
	s.leave()
	s.reopen()
	s.opened(`{"n":0}`, s.at, s.at.Revision, record.MutationID{})
	edit := s.edit("/n+")
	s.wantPushed(1, 2)
	s.commit(slow)
	s.wantOpen(edit)
	s.conflict(0) // it follows nothing, the client's last is the first edit
	s.wantPushed(1, 2, 2)
	if got := s.pushed[2].Follows; got != slow.ID {
		t.Errorf("it follows %s, want %s", id(got), id(slow.ID))
	}
	s.commit(s.mine(0))
	s.wantSettled(edit, 30)
	s.wantView(`{"n":2}`)
}

// TestLeaveAndOpenWhileResuming: the first document held a position, the second
// holds nothing, so the answer to the first is of no use to it.
func TestLeaveAndOpenWhileResuming(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	s.disconnect()
	s.connect()
	late := s.asked
	s.leave()
	s.reopen()
	s.say(&wire.Opened{Request: late, Doc: s.number, At: s.at, Head: s.at.Revision})
	if s.doc.Known() || s.opens != 3 {
		t.Fatalf("known %t after %d requests", s.doc.Known(), s.opens)
	}
	s.opened(`{"a":1}`, s.at, s.at.Revision, record.MutationID{})
	s.wantView(`{"a":1}`)
}

// TestLeaveWhileCatchingUp tells the server as well.
func TestLeaveWhileCatchingUp(t *testing.T) {
	s := newLive(t, `{}`)
	s.disconnect()
	s.connect()
	s.opened("", s.at, s.at.Revision+10, record.MutationID{})
	s.leave()
	s.commit(theirs(`{"a":1}`))
	s.wantView(`{}`)
	if s.leaves != 1 {
		t.Errorf("left %d times", s.leaves)
	}
}

// newRaced returns a live stage on which the server closes the document in the
// moment in which it is left and opened again.
func newRaced(t *testing.T) (s *stage, closed *wire.Fault) {
	s = newLive(t, `{"n":0}`)
	s.leave()
	s.reopen()
	return s, &wire.Fault{Key: board.String(), Code: wire.CodeUnavailable, Detail: "too much waits"}
}

// TestFaultBeforeOpened: the fault is of the subscription before. It costs the
// new one an answer, not the connection; the next tick asks again.
func TestFaultBeforeOpened(t *testing.T) {
	s, closed := newRaced(t)
	first := s.asked
	s.say(closed)
	if s.failed != wire.CodeUnavailable {
		t.Errorf("failed with %s", s.failed)
	}
	late := &wire.Opened{Request: first, Doc: s.number, At: s.at, Head: s.at.Revision, Snapshot: []byte(`{"late":true}`)}
	s.say(late)
	s.tick()
	if s.asked == first {
		t.Fatal("asked again under the same number")
	}
	s.say(late)
	s.wantView(`{}`)
	s.opened(`{"n":1}`, s.at, s.at.Revision, record.MutationID{})
	s.edit("/n+")
	s.wantPushed(1)
	s.wantView(`{"n":2}`)
}

// TestFaultAfterOpened: the same the other way round. What is pending stays, and
// is sent when the document is open again.
func TestFaultAfterOpened(t *testing.T) {
	s, closed := newRaced(t)
	first := s.asked
	s.opened(`{"n":0}`, s.at, s.at.Revision, record.MutationID{})
	edit := s.edit("/n+")
	s.say(&wire.Fault{Request: first, Key: board.String(), Code: wire.CodeDamaged}) // it is answered already
	s.say(&wire.Fault{Request: first - 1, Key: board.String(), Code: wire.CodeDamaged})
	if !s.doc.Live() || s.failed != 0 {
		t.Fatalf("live %t, failed with %s", s.doc.Live(), s.failed)
	}
	s.say(closed)
	if s.doc.Live() || s.failed != wire.CodeUnavailable {
		t.Errorf("live %t, failed with %s", s.doc.Live(), s.failed)
	}
	s.commit(theirs(`{"m":1}`)) // not for us any more
	s.wantOpen(edit)
	s.wantView(`{"n":1}`)
	s.tick()
	held := s.doc.Position()
	s.at = held
	s.opened("", held, held.Revision, record.MutationID{})
	s.wantPushed(1, 1)
	s.commit(s.mine(0))
	s.wantSettled(edit, 20)
}

// TestLeaveAfterAFaultThatRaced: here the document has failed, but the server,
// which came to the request after the fault, has it open.
func TestLeaveAfterAFaultThatRaced(t *testing.T) {
	s, closed := newRaced(t)
	s.say(closed)
	s.opened(`{"n":0}`, s.at, s.at.Revision, record.MutationID{})
	s.leave()
	if s.leaves != 2 {
		t.Errorf("left %d times, want 2: the server goes on sending", s.leaves)
	}
}

// TestFinalFaultRollsBack, as an answer to a request too: the view is what the
// log says, and the observer is told that it changed.
func TestFinalFaultRollsBack(t *testing.T) {
	s := newLive(t, `{"n":1}`)
	first := s.edit("/n+")
	second := s.edit("/n+", `/m="x"`)
	s.disconnect()
	s.connect()
	changes := s.changes
	s.say(&wire.Fault{Request: s.asked, Key: board.String(), Code: wire.CodeDamaged, Detail: "a bad record"})
	if s.changes != changes+1 {
		t.Errorf("changed %d times, want once", s.changes-changes)
	}
	s.wantView(`{"n":1}`)
	wantRejected(t, s.settled[first], wire.CodeDamaged)
	wantRejected(t, s.settled[second], wire.CodeDamaged)
	if s.doc.Pending() != 0 || s.failed != wire.CodeDamaged {
		t.Errorf("%d pending, failed with %s", s.doc.Pending(), s.failed)
	}
	s.tick() // does not open it again
	if s.opens != 2 {
		t.Errorf("opened %d times", s.opens)
	}
}

// TestL9_CutOff: a client that reads too slowly asks at once for what it was not sent, from
// where it is, and loses neither what is pending nor what others wrote.
func TestL9_CutOff(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.commit(theirs(`{"m":1}`))
	edit := s.edit("/n+")
	held, asked := s.doc.Position(), s.asked
	s.say(&wire.Fault{Key: board.String(), Code: wire.CodeSlow})
	if s.failed != 0 || s.asked == asked {
		t.Fatalf("failed with %s, asked again: %t", s.failed, s.asked != asked)
	}
	s.say(&wire.Reject{Doc: s.number, ID: s.pushed[0].ID, Code: wire.CodeNotOpen}) // it was on its way
	s.wantOpen(edit)
	s.wantView(`{"m":1,"n":1}`)
	s.opened("", held, held.Revision, record.MutationID{})
	s.wantPushed(1, 1)
	s.commit(s.mine(0))
	s.wantSettled(edit, s.doc.Position().Revision)
	if s.say(&wire.Fault{Key: board.String(), Code: wire.CodeSlow}); s.doc.Live() {
		t.Error("live, and not open")
	}
}
