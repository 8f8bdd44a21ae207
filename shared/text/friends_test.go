package text_test

import (
	"testing"

	"github.com/rivulet-sync/rivulet/shared/text"
)

// host commits the edits of two clients, each made while the other's were not
// seen: it makes them again at the head, moved over what came in between.
type host struct {
	*object
	log     []entry
	unseen  [2][]text.Splice // others' splices, as they are on top of all that this client has sent
	waiting [2][]made
	seen    [2]int
}

// made is an edit of a recorded transaction.
type made struct {
	txn int
	pending
}

// commitUpTo commits what a client has made up to a transaction.
func (h *host) commitUpTo(t *testing.T, agent, txn int) {
	for len(h.waiting[agent]) > 0 && h.waiting[agent][0].txn <= txn {
		p := h.waiting[agent][0]
		h.waiting[agent] = h.waiting[agent][1:]
		splices, unseen := text.Transform(p.splices, h.unseen[agent])
		h.unseen[agent] = unseen
		for _, sp := range splices {
			done, err := h.state.Splice(h, sp.Pos, sp.Del, sp.Ins)
			if err != nil {
				t.Fatal(err)
			}
			done.Continues = sp.Continues // the host types for both
			h.unseen[1-agent] = append(h.unseen[1-agent], done)
		}
		h.log = append(h.log, entry{patch: append([]change(nil), h.patch...)})
		h.commit()
	}
}

// TestFriendsReplay replays two people who type into one text at the same time,
// through two replicas and a host, with the recorded concurrency.
func TestFriendsReplay(t *testing.T) {
	tr := readTrace(t, "friendsforever.json.gz")
	h := &host{object: newObject()}
	clients := [2]*replica{{object: newObject(), t: t}, {object: newObject(), t: t}}
	last := [2]int{-1, -1} // the latest of each person's transactions that the other one has seen
	sync := func(agent, txn int) {
		// What the other one had made by then goes to the log, and from there here.
		h.commitUpTo(t, 1-agent, txn)
		c := clients[agent]
		c.rollBack()
		c.state.Begin(text.Own)
		for _, e := range h.log[h.seen[agent]:] {
			for _, w := range e.patch {
				c.write(w.key, w.raw)
			}
		}
		others := h.unseen[agent]
		for i := range h.waiting[agent] {
			p := &h.waiting[agent][i]
			var splices []text.Splice
			splices, others = text.Transform(p.splices, others)
			p.pending = c.redo(splices)
			c.pending = append(c.pending, p.pending)
		}
		c.state.EndAs(others)
		h.seen[agent], h.unseen[agent] = len(h.log), nil
	}
	conflicts := 0
	for i, txn := range tr.Txns {
		for _, parent := range txn.Parents {
			if other := 1 - txn.Agent; tr.Txns[parent].Agent == other && parent > last[other] {
				last[other] = parent
				conflicts += min(1, len(h.waiting[txn.Agent]))
				sync(txn.Agent, parent)
			}
		}
		c := clients[txn.Agent]
		for _, p := range txn.Patches {
			c.edit(p.pos, p.del, p.ins)
			h.waiting[txn.Agent] = append(h.waiting[txn.Agent], made{i, c.pending[len(c.pending)-1]})
		}
	}
	for agent := range clients {
		h.commitUpTo(t, agent, len(tr.Txns))
	}
	for agent := range clients {
		sync(agent, len(tr.Txns))
	}
	for _, c := range append(clients[:], &replica{object: h.object}) {
		if c.state.String() != tr.EndContent {
			t.Error("the text is another one")
		}
		if string(c.canonical()) != string(h.canonical()) {
			t.Error("the objects differ")
		}
	}
	if conflicts < 100 {
		t.Errorf("only %d times both had typed", conflicts)
	}
}

// rollBack undoes what is pending, for good.
func (c *replica) rollBack() {
	c.revert()
	c.pending = nil
}
