package host_test

import (
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Operations on /n of a document. An increment reads it and writes one more; a look
// reads it and writes elsewhere. Both commit only if what they read is so still.
type operation bool // true: increment

const increment, look operation = true, false

// counterModel is what a single counter in one place would do.
var counterModel = porcupine.Model{
	Init: func() any { return 0 },
	Step: func(state, input, output any) (bool, any) {
		n := state.(int)
		if input.(operation) == increment {
			return output.(int) == n, n + 1
		}
		return output.(int) == n, n
	},
	DescribeOperation: func(input, output any) string {
		return fmt.Sprintf("increment: %t, saw %d", input, output)
	},
}

// TestL8_TwoNodesAreLinearizable: clients of two nodes increment one counter and look
// at it, while one of the nodes is cut off from NATS again and again, by connections
// that break and by ones that fall silent. Who waits for too long comes back as
// somebody else and leaves behind an edit of which it never hears; the log tells
// whether it happened, and so it must have happened after it was begun.
func TestL8_TwoNodesAreLinearizable(t *testing.T) {
	t.Parallel()
	a, b, proxy := cutPair(t, func(c *host.Config) { c.CheckEvery = 500 * time.Millisecond })
	const cuts, clients = 6, 3
	over := make(chan struct{})
	h := &history{start: time.Now()}
	var wg sync.WaitGroup
	var number atomic.Int32
	for i := range 2 * clients {
		in := []*world{a, b}[i%2]
		wg.Go(func() {
			for life := 0; ; life++ {
				n := number.Add(1)
				c := &counting{member: in.joinAs(in.client(byte(n)), board, record.Position{})}
				if !c.open() || !h.run(c, i, over) {
					return
				}
			}
		})
	}
	for i := range cuts {
		<-time.After(400 * time.Millisecond) // of peace
		if i%2 == 0 {
			proxy.Sever()
		} else {
			drop := func(*natstest.Pipe, natstest.Frame) natstest.Action { return natstest.Drop }
			proxy.Inspect(drop, drop)
		}
		<-time.After(250 * time.Millisecond)
		if i%2 == 0 {
			proxy.Mend()
		} else {
			proxy.Inspect(nil, nil)
			// What fell silent has lost frames, as a broken connection has: it is ended,
			// as a ping without an answer would.
			proxy.Sever()
			proxy.Mend()
		}
	}
	<-time.After(300 * time.Millisecond)
	close(over)
	wg.Wait()
	if t.Failed() {
		return
	}
	// One more edit is behind all that still waits there.
	own(b.joinAs(b.client(255), board, record.Position{}), 0, func(done int) bool { return done < 1 })
	l := a.read(board)
	unheard, lost := len(h.unheard), h.settle(l.mutations)
	var byNode [2]int
	for _, op := range h.operations {
		byNode[op.ClientId%2]++
	}
	t.Logf("%d operations, of %d nobody has heard, %d of those never happened", byNode, unheard, lost)
	if min(byNode[0], byNode[1]) < 5 {
		t.Error("too few to tell anything")
	}
	if r := porcupine.CheckOperationsTimeout(counterModel, h.operations, within); r != porcupine.Ok {
		t.Fatalf("the history is not linearizable: %s", r)
	}
	increments := 0
	for _, op := range h.operations {
		if op.Input.(operation) == increment {
			increments++
		}
	}
	var state struct{ N int }
	if err := json.Unmarshal([]byte(l.state), &state); err != nil || state.N != increments {
		t.Errorf("%s after %d increments: %v", l.state, increments, err)
	}
	// A history that lies is found out.
	h.operations[len(h.operations)/2].Output = increments + 1
	if porcupine.CheckOperationsTimeout(counterModel, h.operations, within) == porcupine.Ok {
		t.Error("the checker finds nothing")
	}
}

// history is what clients have done, and when.
type history struct {
	start time.Time

	mu         sync.Mutex
	operations []porcupine.Operation
	unheard    []unheard
}

// unheard is an operation of which its client does not know the outcome. If it
// happened, then at any time from its call on.
type unheard struct {
	op     porcupine.Operation
	client record.ClientID
	id     record.MutationID
}

func (h *history) now() int64 { return int64(time.Since(h.start)) }

func (h *history) add(op porcupine.Operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operations = append(h.operations, op)
}

func (h *history) addUnheard(u unheard) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unheard = append(h.unheard, u)
}

// settle adds to the history what happened though nobody has heard of it, and returns
// how many others there are.
func (h *history) settle(log []record.Mutation) (lost int) {
	type name struct {
		client record.ClientID
		id     record.MutationID
	}
	in := make(map[name]bool)
	for _, m := range log {
		in[name{m.Client, m.ID}] = true
	}
	for _, u := range h.unheard {
		if !in[name{u.client, u.id}] {
			lost++
			continue
		}
		u.op.Return = math.MaxInt64
		h.operations = append(h.operations, u.op)
	}
	return lost
}

// run does operations until over, and reports true when one of them took too long:
// the client is of no more use then.
func (h *history) run(c *counting, client int, over <-chan struct{}) bool {
	defer c.handle.Close()
	for k := 0; ; k++ {
		select {
		case <-over:
			return false
		default:
		}
		op := operation(k%3 != 2)
		done := porcupine.Operation{ClientId: client, Input: op, Call: h.now()}
		saw, known, ok := c.transact(op)
		if !ok {
			return false
		}
		done.Output, done.Return = saw, h.now()
		if !known {
			h.addUnheard(unheard{op: done, client: c.id, id: c.last})
			return true
		}
		h.add(done)
	}
}

// impatience is how long a client waits for what it did.
const impatience = 400 * time.Millisecond

// transact does an operation, again while it conflicts. It returns what it saw, and
// whether it is known to be in the log.
func (c *counting) transact(op operation) (saw int, known, ok bool) {
	timeout := time.NewTimer(impatience)
	defer timeout.Stop()
	last := c.last
	for {
		saw = c.n
		delta := fmt.Sprintf(`{"n":%d}`, saw+1)
		if op == look {
			delta = fmt.Sprintf(`{"looked":%d}`, saw)
		}
		c.last = last
		s := c.mutation(delta, value("/n"))
		c.nonce++
		s.ID.Nonce = c.nonce
		c.last = s.ID
		if err := c.handle.Submit(testContext(c.t), s); err != nil {
			c.t.Error(err)
			return 0, false, false
		}
		again := false
		for !again {
			switch f := c.waitFor(timeout.C).(type) {
			case nil:
				return saw, false, true
			case *wire.Commit:
				rec, err := c.read(f)
				if err != nil {
					c.t.Error(err)
					return 0, false, false
				}
				for _, m := range rec.Mutations {
					fmt.Sscanf(string(m.Delta), `{"n":%d}`, &c.n) //nolint:errcheck // others write elsewhere
					known = known || m.Client == c.id && m.ID == s.ID
				}
				if known {
					c.last = s.ID
					return saw, true, true
				}
			case *wire.Conflict:
				again = f.ID == s.ID
			default:
				c.t.Errorf("%T %+v came", f, f)
				return 0, false, false
			}
		}
	}
}

// waitFor returns the next frame, nil when the time is over first.
func (r *recorder) waitFor(over <-chan time.Time) wire.Frame {
	for {
		if f := r.take(); f != nil {
			return f
		}
		select {
		case <-r.wake:
		case <-over:
			return nil
		}
	}
}
