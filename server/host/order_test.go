package host_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestOrderAndOnce lets many subscribers come, edit, go and come back at random,
// some by a second registry. Each one, over each of its subscriptions, reads
// records that chain, from the position that it opened at to the head: every
// record once, in order. Printed seeds can be run again with -run.
func TestOrderAndOnce(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { newCrowd(t, seed).run() })
	}
}

type crowd struct {
	t       *testing.T
	random  *rand.Rand
	worlds  []*world
	members []*wanderer
}

// wanderer is a client that comes and goes, and keeps what it has read.
type wanderer struct {
	*recorder
	at    record.Position
	open  *host.Handle // nil: not subscribed
	in    *world
	last  record.MutationID
	nonce uint64
}

func newCrowd(t *testing.T, seed uint64) *crowd {
	c := &crowd{t: t, random: rand.New(rand.NewPCG(seed, 3))}
	small := func(c *host.Config) { c.KeepRecords = 8 }
	first := newWorld(t, small)
	c.worlds = []*world{first, worldOn(t, first.node, small)}
	for i := range 8 {
		c.members = append(c.members, &wanderer{recorder: first.client(byte(i + 1))})
	}
	return c
}

func (c *crowd) run() {
	for range 300 {
		w := c.members[c.random.IntN(len(c.members))]
		switch n := c.random.IntN(10); {
		case w.open == nil:
			c.come(w)
		case n == 0:
			w.open.Close()
			w.open = nil
		default:
			c.edit(w)
		}
	}
	c.settle()
}

// come subscribes, from where the client was, or from the beginning.
func (c *crowd) come(w *wanderer) {
	// On the same connection what the last subscription still sends is read, too.
	c.read(w)
	in := c.worlds[c.random.IntN(2)]
	if in != w.in || c.random.IntN(2) == 0 {
		w.recorder = in.client(w.id[6])
	}
	w.in = in
	at := w.at
	if c.random.IntN(5) == 0 {
		at = record.Position{}
	}
	h, err := w.in.registry.Open(testContext(c.t), 1, board, w.recorder, at)
	if err != nil {
		c.t.Fatal(err)
	}
	w.open = h
	for {
		f := w.wait()
		if o, ok := f.(*wire.Opened); ok {
			if len(o.Snapshot) == 0 && o.At != at {
				c.t.Fatalf("opened at %s, asked for %s", o.At, at)
			}
			w.at = o.At
			return
		}
		c.follow(w, f) // of the subscription before
	}
}

// follow takes a frame.
func (c *crowd) follow(w *wanderer, f wire.Frame) {
	c.t.Helper()
	switch f := f.(type) {
	case *wire.Commit:
		rec, err := record.Decode(f.Record)
		if err != nil {
			c.t.Fatal(err)
		}
		if !rec.Continues(w.at) {
			c.t.Fatalf("client %d is at %s and gets the record at %d, which follows %d", w.id[6], w.at, f.Revision, rec.Prev)
		}
		w.at = record.Position{Epoch: rec.Epoch, Revision: f.Revision, Chain: record.ChainOf(f.Record)}
		for _, m := range rec.Mutations {
			if m.Client == w.id {
				w.last = m.ID
			}
		}
	case *wire.Conflict, *wire.Reject:
	default:
		c.t.Fatalf("%T %+v came", f, f)
	}
}

// read takes what has come so far.
func (c *crowd) read(w *wanderer) {
	for f := w.take(); f != nil; f = w.take() {
		c.follow(w, f)
	}
}

func (c *crowd) edit(w *wanderer) {
	c.read(w)
	m := &member{recorder: w.recorder, t: c.t, handle: w.open, last: w.last, at: w.at}
	for range 1 + c.random.IntN(3) {
		s := m.mutation(fmt.Sprintf(`{"k%d":%d}`, c.random.IntN(5), c.random.IntN(9)), value(fmt.Sprintf("/k%d", c.random.IntN(5))))
		w.nonce++
		s.ID.Nonce = w.nonce
		m.last = s.ID
		m.submit(s)
	}
}

// settle lets everybody be subscribed and read as far as their registry knows.
func (c *crowd) settle() {
	heads := make(map[*world]record.Revision)
	for i, w := range c.worlds {
		// An edit makes the registry read to the head.
		m := w.joinAs(w.client(byte(200+i)), board, record.Position{})
		m.opened()
		m.edit(`{"end":true}`)
		for heads[w] == 0 {
			switch f := m.next().(type) {
			case *wire.Commit:
				rec, err := record.Decode(f.Record)
				if err != nil {
					c.t.Fatal(err)
				}
				for _, x := range rec.Mutations {
					if x.Client == m.id {
						heads[w] = f.Revision
					}
				}
			case *wire.Conflict: // its base was too far back for what the other registry wrote
				m.last = record.MutationID{}
				m.edit(`{"end":true}`)
			}
		}
		m.handle.Close()
	}
	for _, w := range c.members {
		if w.open == nil {
			c.come(w)
		}
		for w.at.Revision < heads[w.in] {
			c.follow(w, w.wait())
		}
	}
	c.worlds[0].read(board) // finds what is in the log twice
}
