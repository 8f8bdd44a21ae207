package host_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestL3_LostRaceIsJudgedAgain: two registries have the document open; one
// appends while the other's append is on its way. The loser reads what the
// winner wrote and judges again: what is still good is stored, once; what has
// read something that changed conflicts; its readers get both in order.
func TestL3_LostRaceIsJudgedAgain(t *testing.T) {
	w := newWorld(t)
	rival := worldOn(t, w.node)
	a, b := w.join(board), w.join(board)
	held := w.log.hold(t, board)
	free := a.edit(`{"free":1}`, value("/free"))
	stale := b.edit(`{"n":1}`, value("/n"))
	held.wait(t)

	winner := rival.joinAs(rival.client(50), board, record.Position{})
	winner.opened()
	winner.edit(`{"n":100}`)
	winner.deltas()
	w.log.release(board)
	for _, m := range []*member{a, b} {
		equal(t, "the winner's record", m.deltas(), `{"n":100}`)
	}
	// a's and b's may have been in one record or in two.
	equal(t, "a's record", a.deltas(), `{"free":1}`)
	var conflict *wire.Conflict
	for conflict == nil {
		if f, ok := b.next().(*wire.Conflict); ok {
			conflict = f
		}
	}
	equal(t, "conflict", conflict.ID, stale.ID)
	l := w.read(board)
	equal(t, "state", l.state, `{"free":1,"n":100}`)
	equal(t, "mutations", len(l.mutations), 2)
	equal(t, "the last one's author", l.mutations[1].Client, a.id)
	equal(t, "its id", l.mutations[1].ID, free.ID)
}

// TestL3_RivalHasStoredTheSameMutation: a client was moved to another server,
// which stored what the first one had in flight. The first one notices.
func TestL3_RivalHasStoredTheSameMutation(t *testing.T) {
	w := newWorld(t)
	rival := worldOn(t, w.node)
	a := w.join(board)
	held := w.log.hold(t, board)
	edit := a.edit(`{"n":1}`, value("/n"))
	held.wait(t)
	moved := rival.joinAs(rival.client(1), board, a.at)
	moved.opened()
	moved.submit(edit)
	moved.deltas()
	w.log.release(board)
	equal(t, "record", a.deltas(), `{"n":1}`)
	a.edit(`{"m":1}`)
	equal(t, "record", a.deltas(), `{"m":1}`)
	equal(t, "mutations", len(w.read(board).mutations), 2)
}

// TestL3_ReservedTwiceThenLost: a client has come back by another connection and
// submitted an edit again that is queued already; then a rival wins. Both
// connections hear of the conflict: the one that lives must not wait for ever.
func TestL3_ReservedTwiceThenLost(t *testing.T) {
	w := newWorld(t)
	rival := worldOn(t, w.node)
	other, old := w.join(board), w.join(board)
	back := w.joinAs(&recorder{id: old.id, wake: make(chan struct{}, 1)}, board, record.Position{})
	back.opened()
	held := w.log.hold(t, board)
	other.edit(`{"first":1}`)
	held.wait(t)
	edit := old.edit(`{"n":1}`, value("/n"))
	back.submit(edit)
	held.pass <- struct{}{}
	equal(t, "reserved once", len(held.wait(t).Mutations), 1) // one of the two, and its append is held

	winner := rival.joinAs(rival.client(50), board, record.Position{})
	winner.opened()
	winner.edit(`{"n":100}`)
	winner.deltas()
	w.log.release(board)
	for _, m := range []*member{old, back} {
		for {
			if conflict, ok := m.next().(*wire.Conflict); ok {
				equal(t, "conflict", conflict.ID, edit.ID)
				break
			}
		}
	}
}

// TestL3_L8_TwoRegistriesCount: two registries write one document as fast as
// they can, each client incrementing one counter and running again on conflict.
// Every increment counts once, whoever lost which race.
func TestL3_L8_TwoRegistriesCount(t *testing.T) {
	const clients, increments = 3, 40
	w := newWorld(t)
	worlds := []*world{w, worldOn(t, w.node)}
	var wg sync.WaitGroup
	for i := range clients * len(worlds) {
		in := worlds[i%len(worlds)]
		m := in.joinAs(in.client(byte(10+i)), board, record.Position{})
		c := &counting{member: m}
		wg.Go(func() { c.run(increments) })
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	l := w.read(board)
	want := fmt.Sprintf(`{"n":%d}`, clients*len(worlds)*increments)
	equal(t, "state", l.state, want)
	equal(t, "mutations", len(l.mutations), clients*len(worlds)*increments)
}

// counting is a client that increments /n, again when it conflicts.
type counting struct {
	*member
	n     int // confirmed
	nonce uint64
}

func (c *counting) run(times int) {
	o, ok := c.wait().(*wire.Opened)
	if !ok {
		c.t.Error("not opened")
		return
	}
	c.at = o.At
	fmt.Sscanf(string(o.Snapshot), `{"n":%d}`, &c.n) //nolint:errcheck // 0 in an empty document
	for range times {
		if !c.increment() {
			return
		}
	}
}

// increment returns when an increment of this client is in the log.
func (c *counting) increment() bool {
	last := c.last
	for {
		s := c.mutation(fmt.Sprintf(`{"n":%d}`, c.n+1), value("/n"))
		c.nonce++
		s.ID.Nonce = c.nonce
		if err := c.handle.Submit(testContext(c.t), s); err != nil {
			c.t.Error(err)
			return false
		}
		done, ok := c.await(s.ID)
		if !ok {
			return false
		}
		if done {
			c.last = s.ID
			return true
		}
		c.last = last
	}
}

// await reads on until the mutation is in the log, or conflicts.
func (c *counting) await(id record.MutationID) (done, ok bool) {
	for {
		switch f := c.wait().(type) {
		case *wire.Commit:
			rec, err := c.read(f)
			if err != nil {
				c.t.Error(err)
				return false, false
			}
			for _, m := range rec.Mutations {
				fmt.Sscanf(string(m.Delta), `{"n":%d}`, &c.n) //nolint:errcheck // they are all like that
				done = done || m.Client == c.id && m.ID == id
			}
			if done {
				return true, true
			}
		case *wire.Conflict:
			if f.ID == id {
				return false, true
			}
		default:
			c.t.Errorf("%T %+v came", f, f)
			return false, false
		}
	}
}
