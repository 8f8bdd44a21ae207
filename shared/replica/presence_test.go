package replica_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

func (s *stage) present(state string) {
	s.line("", "presence "+state)
	if err := s.doc.SetPresence([]byte(state)); err != nil {
		s.t.Fatal(err)
	}
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

// TestL11_PresenceThatTheServerWouldNotTake is refused at once: it would cost
// the connection.
func TestL11_PresenceThatTheServerWouldNotTake(t *testing.T) {
	s := newLive(t, `{}`)
	s.present(`{"good":true}`)
	for _, state := range []string{`[]`, `null`, `{"a":`, `{"a":1,"a":2}`, `{"a":"` + strings.Repeat("x", wire.MaxPresence) + `"}`} {
		var bad *jsontext.Error
		if err := s.doc.SetPresence([]byte(state)); !errors.As(err, &bad) {
			t.Errorf("%.20s: %v", state, err)
		}
		s.after()
	}
	s.disconnect()
	s.connect()
	s.opened("", s.at, s.at.Revision, record.MutationID{}) // the transcript has the good one after it
	most := `{"a":"` + strings.Repeat("x", wire.MaxPresence-len(`{"a":""}`)) + `"}`
	if err := newQuiet(t, `{}`).doc.SetPresence([]byte(most)); err != nil {
		t.Errorf("as much as the server takes: %v", err)
	}
}

// TestLeave ends the subscription and settles what is pending.
func TestLeave(t *testing.T) {
	s := newLive(t, `{}`)
	edit := s.edit("/a=1")
	s.say(&wire.Peer{Doc: s.number, Client: other, State: []byte(`{}`)})
	s.leave()
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

// TestLeaveBeforeOpenedCame takes the request back. The answer, if it was on its
// way already, is nobody's.
func TestLeaveBeforeOpenedCame(t *testing.T) {
	s := newStage(t)
	s.connect()
	late := s.asked
	s.leave()
	if s.leaves != 1 {
		t.Errorf("%d frames tell the server that nobody wants it", s.leaves)
	}
	s.at.Revision = 10
	s.say(&wire.Opened{Request: late, Doc: s.number, At: s.at, Head: 10, Snapshot: []byte(`{"a":1}`)})
	s.commit(theirs(`{"a":2}`))
	s.reopen()
	s.opened(`{"a":3}`, s.at, 20, record.MutationID{})
	s.wantView(`{"a":3}`)
}

// TestLeaveAndOpenBeforeOpenedCame is what a user interface does that mounts
// twice. Of the answers only the last is taken.
func TestLeaveAndOpenBeforeOpenedCame(t *testing.T) {
	s := newStage(t)
	s.connect()
	s.at.Revision = 10
	var late []uint32
	for range 2 {
		late = append(late, s.asked)
		s.leave()
		s.reopen()
	}
	for _, request := range late {
		s.say(&wire.Opened{Request: request, Doc: s.number, At: s.at, Head: 10, Snapshot: []byte(`{"late":true}`)})
		if s.doc.Known() {
			t.Fatalf("the answer to request %d was taken, the last one is %d", request, s.asked)
		}
	}
	s.opened(`{"a":1}`, s.at, 10, record.MutationID{})
	if !s.doc.Live() {
		t.Error("the last one is not live")
	}
	s.commit(theirs(`{"a":2}`))
	s.wantView(`{"a":2}`)
}

// TestFaultForARequestTakenBack is nobody's either.
func TestFaultForARequestTakenBack(t *testing.T) {
	s := newStage(t)
	s.connect()
	late := s.asked
	s.leave()
	s.reopen()
	s.say(&wire.Fault{Request: late, Key: board.String(), Code: wire.CodeDamaged})
	if s.failed != 0 {
		t.Errorf("failed with %s", s.failed)
	}
	s.say(&wire.Fault{Request: s.asked, Key: board.String(), Code: wire.CodeDamaged})
	if s.failed != wire.CodeDamaged {
		t.Errorf("failed with %s", s.failed)
	}
}
