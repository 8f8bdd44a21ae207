package replica_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// invoke is a named mutation whose function does the steps that are its arguments.
func (s *stage) invoke(steps ...string) uint64 {
	s.t.Helper()
	s.tag++
	s.line("", fmt.Sprintf("invoke %d: %s", s.tag, strings.Join(steps, " ")))
	if _, err := s.call(s.tag, steps...); err != nil {
		s.t.Fatal(err)
	}
	s.after()
	return s.tag
}

func (s *stage) call(tag uint64, steps ...string) (doc.Change, error) {
	args, err := json.Marshal(steps)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.doc.Invoke(tag, "steps", args, func(view *doc.Doc) (doc.Change, error) {
		return view.Update(transaction(steps...))
	})
}

// rewritten is the last mutation but n that was sent, as the server has run it.
func (s *stage) rewritten(n int, patch string) record.Mutation {
	m := s.mine(n)
	return by(me, m.ID.Rewritten(), patch)
}

// TestNamedIsAnEdit as long as nobody disturbs it.
func TestNamedIsAnEdit(t *testing.T) {
	s := newLive(t, `{"n":1}`)
	edit := s.invoke("/n+")
	s.wantView(`{"n":2}`)
	s.commit(theirs(`{"other":1}`), s.mine(0))
	s.wantSettled(edit, 20)
	s.wantView(`{"n":2,"other":1}`)
}

// TestNamedShowsWhatItMeans: others write what it has read. The view shows what comes
// of it now; the server, which will run it, is not told again.
func TestNamedShowsWhatItMeans(t *testing.T) {
	s := newLive(t, `{"n":1}`)
	edit := s.invoke("/n+")
	s.commit(theirs(`{"n":5}`), theirs(`{"n":6}`), theirs(`{"n":7}`))
	s.wantView(`{"n":8}`)
	s.wantPushed(1)
	s.commit(theirs(`{"n":10}`), s.rewritten(0, `{"n":11}`))
	s.wantSettled(edit, 30)
	s.wantView(`{"n":11}`)
	s.wantPushed(1)
}

// TestL3_RewrittenAndPipelined: the log has number 1 with another delta than the one on
// which 2 and 3 were computed. 2 runs again when that is known, and with it 3, which
// follows it; the answers to what they were mean nothing any more.
func TestL3_RewrittenAndPipelined(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	first := s.invoke("/n+")
	second := s.edit("?/n", "/seen+")
	third := s.invoke("/n+")
	old := []record.Mutation{s.mine(1), s.mine(0)}
	s.commit(theirs(`{"n":10}`), s.rewritten(2, `{"n":11}`))
	s.wantSettled(first, 20)
	s.wantView(`{"n":12,"seen":1}`)
	s.wantPushed(1, 2, 3, 2, 3)
	if p := s.pushed[3]; p.Follows != s.pushed[0].ID.Rewritten() || p.Base != 20 || p.ID == old[0].ID {
		t.Errorf("number 2 is %s after %s on r%d", id(p.ID), id(p.Follows), p.Base)
	}
	for _, m := range old {
		s.say(&wire.Conflict{Doc: s.number, ID: m.ID, Head: s.at.Revision})
	}
	s.wantPushed(1, 2, 3, 2, 3)
	s.commit(s.mine(1), s.mine(0))
	s.wantSettled(second, 30)
	s.wantSettled(third, 30)
	s.wantView(`{"n":12,"seen":1}`)
}

// TestNamedOnesInARow: each was computed on what the server has made otherwise, and all
// of them are taken. None is sent twice.
func TestNamedOnesInARow(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	for range 3 {
		s.invoke("/n+")
	}
	s.commit(theirs(`{"n":10}`), s.rewritten(2, `{"n":11}`))
	s.wantView(`{"n":13}`)
	late := s.invoke("/n+")
	if p := s.pushed[3]; p.Follows != (record.MutationID{Number: 3}) {
		t.Errorf("number 4 follows %s, which is not what the view has of 3", id(p.Follows))
	}
	s.commit(s.rewritten(2, `{"n":12}`), theirs(`{"n":20}`), s.rewritten(1, `{"n":21}`))
	s.wantView(`{"n":22}`)
	s.commit(s.rewritten(0, `{"n":22}`))
	s.wantSettled(late, 40)
	s.wantPushed(1, 2, 3, 4)
	s.wantView(`{"n":22}`)
}

// TestPlainWaitsForTheNamedBelowIt: it was computed on what the view shows of a named
// mutation since others have written; to send it would be in vain.
func TestPlainWaitsForTheNamedBelowIt(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.invoke("/n+")
	s.commit(theirs(`{"n":5}`))
	plain := s.edit("?/n", "/seen=6")
	s.wantPushed(1)
	after := s.invoke("/n+")
	s.wantPushed(1)
	s.commit(s.rewritten(0, `{"n":6}`))
	s.wantPushed(1, 2, 3)
	if p := s.pushed[1]; p.Follows != s.pushed[0].ID.Rewritten() || p.Base != 30 {
		t.Errorf("number 2 follows %s on r%d", id(p.Follows), p.Base)
	}
	s.commit(s.mine(1), s.mine(0))
	s.wantSettled(plain, 40)
	s.wantSettled(after, 40)
	s.wantView(`{"n":7,"seen":6}`)
}

// TestL3_NamedIsSentAgainAfterAReconnect: as the very attempt that it was while the view
// shows that, else as another one; the first copy may be in the log all the same.
func TestL3_NamedIsSentAgainAfterAReconnect(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	first, second := s.invoke("/m+"), s.invoke("/n+")
	before := s.pushed
	s.resumeOn(theirs(`{"n":5}`))
	s.wantPushed(1, 2)
	s.wantView(`{"m":1,"n":6}`)
	if p := s.pushed[0]; p.ID != before[0].ID {
		t.Errorf("number 1 is %s, it was %s", id(p.ID), id(before[0].ID))
	}
	if p := s.pushed[1]; p.ID == before[1].ID || string(p.Delta) != `{"n":6}` || p.Base != 20 {
		t.Errorf("number 2 is %s on r%d: %s", id(p.ID), p.Base, p.Delta)
	}
	s.commit(by(me, before[0].ID, `{"m":1}`), by(me, before[1].ID.Rewritten(), `{"n":6}`))
	s.wantSettled(first, 30)
	s.wantSettled(second, 30)
	s.wantView(`{"m":1,"n":6}`)
	s.invoke("/n+")
	s.wantPushed(1, 2, 3)
	if p := s.pushed[2]; p.Follows != before[1].ID.Rewritten() {
		t.Errorf("number 3 follows %s", id(p.Follows))
	}
}

// TestL3_SnapshotHoldsARewrittenOne: what follows it in the view was computed on
// something else. A plain one cannot get into the log any more; a named one may.
func TestL3_SnapshotHoldsARewrittenOne(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	first := s.invoke("/n+")
	s.invoke("/n+")
	s.edit("?/n", "/seen+")
	before := s.pushed
	s.disconnect()
	s.at = record.Position{Epoch: s.at.Epoch, Revision: 500, Chain: 0xcc}
	s.connect()
	s.opened(`{"n":11}`, s.at, 500, before[0].ID.Rewritten())
	s.wantSettled(first, 500)
	s.wantView(`{"n":12,"seen":1}`)
	s.wantPushed(2, 3)
	for i, p := range s.pushed {
		if p.ID == before[i+1].ID || p.Base != 500 {
			t.Errorf("number %d is %s on r%d", p.ID.Number, id(p.ID), p.Base)
		}
	}
	s.commit(by(me, before[1].ID.Rewritten(), `{"n":12}`)) // the first copy was quicker
	s.wantSettled(2, 510)
	s.wantPushed(2, 3, 3)
	s.conflict(1) // it follows the second copy
	s.wantPushed(2, 3, 3)
	s.commit(s.mine(0))
	s.wantSettled(3, 520)
}

// TestNamedWhoseFunctionFails: the seat was taken meanwhile. The view shows nothing of
// the mutation, and again something when the seat is free; the server has the last word.
func TestNamedWhoseFunctionFails(t *testing.T) {
	s := newLive(t, `{}`)
	edit := s.invoke("!/seat", `/seat="me"`)
	next := s.invoke("/n+")
	s.commit(theirs(`{"seat":"other"}`))
	s.wantOpen(edit)
	s.wantView(`{"n":1,"seat":"other"}`)
	s.commit(theirs(`{"seat":null}`))
	s.wantView(`{"n":1,"seat":"me"}`)
	s.commit(theirs(`{"seat":"another"}`))
	s.wantView(`{"n":1,"seat":"another"}`)
	s.wantPushed(1, 2)
	s.say(&wire.Reject{Doc: s.number, ID: s.pushed[0].ID, Code: wire.CodeMutator, Detail: "taken"})
	wantRejected(t, s.settled[edit], wire.CodeMutator)
	s.wantPushed(1, 2, 2)
	s.say(&wire.Conflict{Doc: s.number, ID: s.pushed[1].ID, Head: s.at.Revision})
	s.commit(s.mine(0))
	s.wantSettled(next, 50)
	s.wantView(`{"n":1,"seat":"another"}`)
}

// TestNamedThatFailsIsSentWithoutAnOffer: the server may have the mutation already, so
// the client cannot end it.
func TestNamedThatFailsIsSentWithoutAnOffer(t *testing.T) {
	s := newLive(t, `{}`)
	edit := s.invoke("!/seat", `/seat="me"`)
	first := s.pushed[0].ID
	s.resumeOn(theirs(`{"seat":"other"}`))
	s.wantOpen(edit)
	s.wantPushed(1)
	if p := s.pushed[0]; p.ID == first || len(p.Delta) > 0 {
		t.Errorf("sent %s: %s", id(p.ID), p.Delta)
	}
	s.commit(by(me, first, `{"seat":"me"}`))
	s.wantSettled(edit, 30)
	s.wantView(`{"seat":"me"}`)
}

// TestNamedThatWasNeverSent ends by itself: offline it was shown, but nobody was told.
func TestNamedThatWasNeverSent(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	held := s.at
	s.disconnect()
	fails := s.invoke("!/seat", `/seat="me"`)
	same := s.invoke("?/x", `/x=1`)
	good := s.invoke("/n+")
	rev, data := s.record(theirs(`{"n":5,"seat":"other","x":1}`))
	s.connect()
	s.opened("", held, rev, record.MutationID{})
	s.say(&wire.Commit{Doc: s.number, Revision: rev, Record: data})
	if outcome := s.settled[fails]; !errors.Is(outcome.Err, errUnwanted) {
		t.Errorf("the outcome is %+v, want the function's error", outcome)
	}
	s.wantSettled(same, 20)
	s.wantPushed(3)
	s.commit(s.mine(0))
	s.wantSettled(good, 30)
	s.wantView(`{"n":6,"seat":"other","x":1}`)
}

// TestNamedAfterARefusedOne is sent again: it follows what is not in the log.
func TestNamedAfterARefusedOne(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.edit("/n+")
	named := s.invoke("/n+")
	s.commit(theirs(`{"n":5}`))
	for n := range 2 {
		s.say(&wire.Conflict{Doc: s.number, ID: s.pushed[n].ID, Head: s.at.Revision})
	}
	s.wantPushed(1, 2, 1, 2)
	s.wantView(`{"n":7}`)
	s.commit(s.mine(1), s.mine(0))
	s.wantSettled(named, 30)
}

// TestNamedIsRefusedAsPlain: the server does not know the name. It runs again here.
func TestNamedIsRefusedAsPlain(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	named := s.invoke("/n+")
	s.commit(theirs(`{"n":5}`))
	s.conflict(0)
	s.wantPushed(1, 1)
	if p := s.pushed[1]; p.ID == s.pushed[0].ID || string(p.Delta) != `{"n":6}` || p.Base != 20 {
		t.Errorf("pushed %s on r%d: %s", id(p.ID), p.Base, p.Delta)
	}
	s.commit(s.mine(0))
	s.wantSettled(named, 30)
}

// TestL11_InvokeChecksItsArguments: nothing happens with what the server would refuse.
func TestL11_InvokeChecksItsArguments(t *testing.T) {
	s := newLive(t, `{}`)
	author := func(view *doc.Doc) (doc.Change, error) { return view.Update(transaction("/n+")) }
	for _, args := range []string{``, `{`, `1 2`, `{"a":1,"a":2}`, `"` + strings.Repeat("x", wire.MaxArgs) + `"`} {
		_, err := s.doc.Invoke(1, "steps", []byte(args), author)
		var bad *jsontext.Error
		if !errors.As(err, &bad) {
			t.Errorf("%.20q: %v", args, err)
		}
	}
	s.wantPushed()
	s.wantView(`{}`)
}

// TestInvokeThatDoesNothing is not pending, nor is one that fails at once.
func TestInvokeThatDoesNothing(t *testing.T) {
	s := newLive(t, `{"seat":"other"}`)
	if change, err := s.call(1, "?/seat"); err != nil || !change.Empty() {
		t.Errorf("%+v, %v", change, err)
	}
	if _, err := s.call(2, "!/seat"); !errors.Is(err, errUnwanted) {
		t.Error(err)
	}
	s.engine.Disconnected()
	s.doc.Leave()
	if _, err := s.call(3, "/n+"); !errors.Is(err, replica.ErrLeft) {
		t.Error(err)
	}
	s.wantPushed()
}

// TestNamedThatComesBackToWhatItWas: the server has run it, and what came of it are the
// very bytes that it was offered, though the view shows something else by then.
func TestNamedThatComesBackToWhatItWas(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	edit := s.invoke("/n+")
	s.commit(theirs(`{"n":5}`))
	s.wantView(`{"n":6}`)
	s.commit(theirs(`{"n":0}`), s.mine(0))
	s.wantSettled(edit, 30)
	s.wantView(`{"n":1}`)
}

// TestL3_NamedThatMovedIsAnotherAttempt on the next connection: an id stands for one
// delta. What follows it follows the new one; it has no attempt that followed another.
func TestL3_NamedThatMovedIsAnotherAttempt(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.invoke("/n+")
	s.edit("/b=1")
	before := s.pushed
	s.commit(theirs(`{"n":5}`))
	s.disconnect()
	s.connect()
	s.opened("", s.at, s.at.Revision, record.MutationID{})
	s.wantPushed(1, 2)
	named, plain := s.pushed[0], s.pushed[1]
	if named.ID == before[0].ID || string(named.Delta) != `{"n":6}` || named.Base != 20 {
		t.Errorf("sent %s on r%d: %s", id(named.ID), named.Base, named.Delta)
	}
	if plain.ID == before[1].ID || plain.Follows != named.ID || plain.Base != 20 {
		t.Errorf("sent %s after %s on r%d", id(plain.ID), id(plain.Follows), plain.Base)
	}
}
