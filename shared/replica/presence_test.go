package replica_test

import (
	"errors"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

func (s *stage) present(state string) {
	s.line("", "presence "+state)
	s.doc.SetPresence([]byte(state))
	s.after()
}

// TestPresenceIsToldAgainAfterAReconnect: what this client says of itself comes
// back with it, and the others are gone until they are heard of again.
func TestPresenceIsToldAgainAfterAReconnect(t *testing.T) {
	s := newLive(t, `{}`)
	s.present(`{"cursor":1}`)
	s.say(&wire.Peer{Doc: s.number, Client: other, State: []byte(`{"cursor":9}`)})
	if s.peers[other] != `{"cursor":9}` {
		t.Errorf("peers: %v", s.peers)
	}
	s.disconnect()
	if len(s.peers) != 0 {
		t.Errorf("peers without a connection: %v", s.peers)
	}
	s.present(`{"cursor":2}`)
	s.connect()
	s.opened("", s.at, s.at.Revision, record.MutationID{}) // the transcript has presence {"cursor":2} after it
	s.say(&wire.Peer{Doc: s.number, Client: other, State: []byte(`{"cursor":8}`)})
	s.say(&wire.Peer{Doc: s.number, Client: other})
	if len(s.peers) != 0 {
		t.Errorf("peers after the other left: %v", s.peers)
	}
	s.present("")
	s.disconnect()
	s.connect()
	s.opened("", s.at, s.at.Revision, record.MutationID{}) // and none here
}

// TestLeave ends the subscription and settles what is pending.
func TestLeave(t *testing.T) {
	s := newLive(t, `{}`)
	edit := s.edit("/a=1")
	s.say(&wire.Peer{Doc: s.number, Client: other, State: []byte(`{}`)})
	s.line("", "leave")
	s.doc.Leave()
	s.after()
	if err := s.settled[edit].Err; !errors.Is(err, replica.ErrLeft) {
		t.Errorf("the edit's outcome: %v", err)
	}
	if len(s.peers) != 0 {
		t.Errorf("peers of a document that was left: %v", s.peers)
	}
	s.commit(theirs(`{"b":1}`)) // sent before the server heard of it
	s.wantView(`{"a":1}`)
	if _, err := s.mutate(9, transaction("/b=1")); !errors.Is(err, replica.ErrLeft) {
		t.Errorf("an edit afterwards: %v", err)
	}
}

// reopen opens the document again, as a new one.
func (s *stage) reopen() {
	s.line("", "open again")
	s.mirror = newMirror(s.t)
	s.note = s.heard
	s.doc = s.engine.Open(board, s.mirror)
	s.mirror.doc = s.doc
	s.after()
}

// TestLeaveBeforeOpenedCame: the server opens the document after all, and is
// told then.
func TestLeaveBeforeOpenedCame(t *testing.T) {
	s := newStage(t)
	s.connect()
	s.line("", "leave")
	s.doc.Leave()
	s.after()
	s.at.Revision = 10
	s.opened(`{"a":1}`, s.at, 10, record.MutationID{})
	if s.leaves != 1 {
		t.Errorf("%d frames tell the server that nobody wants it", s.leaves)
	}
	s.reopen()
	s.opened(`{"a":2}`, s.at, 10, record.MutationID{})
	s.wantView(`{"a":2}`)
}

// TestLeaveAndOpenBeforeOpenedCame is what a user interface does that mounts
// twice. The one answer serves the second; there is no second answer that would
// come out of place.
func TestLeaveAndOpenBeforeOpenedCame(t *testing.T) {
	s := newStage(t)
	s.connect()
	for range 2 {
		s.line("", "leave")
		s.doc.Leave()
		s.after()
		s.reopen()
	}
	if s.opens != 1 {
		t.Errorf("%d frames ask for it; each is answered", s.opens)
	}
	s.at.Revision = 10
	s.opened(`{"a":1}`, s.at, 10, record.MutationID{})
	if !s.doc.Live() {
		t.Error("the second is not live")
	}
	s.commit(theirs(`{"a":2}`))
	s.wantView(`{"a":2}`)
}

// TestLeaveAndOpenWhileResuming: the first held a position, the second holds
// nothing, so the answer to the first is of no use to it.
func TestLeaveAndOpenWhileResuming(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	s.disconnect()
	s.connect()
	s.line("", "leave")
	s.doc.Leave()
	s.after()
	s.reopen()
	s.opened("", s.at, 10, record.MutationID{}) // the transcript has leave and open at r0 after it
	if s.doc.Live() {
		t.Fatal("live without a state")
	}
	s.opened(`{"a":1}`, s.at, 10, record.MutationID{})
	s.wantView(`{"a":1}`)
}
