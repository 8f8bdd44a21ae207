package replica_test

import (
	"testing"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestL3_OldIDsAreRenewed when nothing is pending: edits go on under the new one, as the
// first of that client. What is pending keeps its client.
func TestL3_OldIDsAreRenewed(t *testing.T) {
	const day = 24 * 60 * 60 * 1000
	now := me.Born() + day
	s := newStage(t)
	s.engine = replica.New(replica.Config{Random: counter(), Now: func() int64 { return now }})
	s.doc = s.engine.Open(board, s.mirror)
	s.mirror.doc = s.doc
	s.live(`{"n":0}`)
	first := s.edit("/n=1")
	s.commit(s.mine(0))
	s.wantSettled(first, s.at.Revision)
	reconnectAs := func(client record.ClientID) {
		t.Helper()
		held := s.at
		s.disconnect()
		s.line("", "connected")
		s.engine.Connected()
		s.after()
		s.pushed = nil
		w := welcome()
		w.Client = client
		s.say(w)
		s.opened("", held, held.Revision, record.MutationID{})
	}
	reconnectAs(me)
	if s.engine.Client() != me {
		t.Fatal("a young id was given up")
	}
	now += 30 * day
	late := s.edit("/n=2")
	reconnectAs(me)
	if s.engine.Client() != me {
		t.Fatal("the id of a pending edit was given up")
	}
	s.commit(s.mine(0))
	s.wantSettled(late, s.at.Revision)
	reconnectAs(other)
	if s.engine.Client() != other {
		t.Fatal("an old id was kept")
	}
	next := s.edit("/n=3")
	p := s.pushed[len(s.pushed)-1]
	if p.Follows != (record.MutationID{}) {
		t.Errorf("the first edit of a client follows %s", id(p.Follows))
	}
	s.commit(by(other, p.ID, string(p.Delta)))
	s.wantSettled(next, s.at.Revision)
}

// TestL3_ExpiredIsFinal: what the server does not know of any more is not claimed again
// and again: it is over, and the user is told.
func TestL3_ExpiredIsFinal(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	tag := s.edit("/n=1")
	held := s.at
	s.disconnect()
	s.connect()
	s.opened("", held, held.Revision, record.MutationID{})
	s.reject(0, wire.CodeExpired)
	wantRejected(t, s.settled[tag], wire.CodeExpired)
	s.wantView(`{"n":0}`)
	s.wantPushed(1)
}
