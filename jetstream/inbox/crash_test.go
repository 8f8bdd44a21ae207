package inbox

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/order"
)

var errCrash = errors.New("killed")

// crash kills an inbox at the n-th of its steps, or of those of a name: from then on it does
// nothing any more.
type crash struct {
	name  string
	mu    sync.Mutex
	at    int
	steps []string
	dead  chan struct{} // closed when it was killed
}

func newCrash(at int) *crash { return &crash{at: at, dead: make(chan struct{})} }

func (c *crash) step(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at == 0 {
		return errCrash
	}
	if c.steps = append(c.steps, name); c.name != "" && c.name != name {
		return nil
	}
	if c.at--; c.at == 0 {
		close(c.dead)
		return errCrash
	}
	return nil
}

// story has a chain, a fork that merges, one that parks with what follows it, and a gap.
var story = []string{
	line(board, "c", "b", `{"n":3}`),
	line(board, "a", "", `{"n":1}`),
	line(board, "lost2", "lost", `{"lost":2}`),
	line(board, "b", "a", `{"n":2}`),
	line(board, "x", "b", `{"x":1}`),
	line(board, "z", "x", `{"n":9}`), // when c is before it
	line(board, "z2", "z", `{"z":2}`),
}

// TestL3_InboxKilledAtEveryStep kills the inbox at each of its steps in turn, also between the
// append to the log and the write of the ledger, and runs another one: the log has every event
// once, and nothing is lost.
func TestL3_InboxKilledAtEveryStep(t *testing.T) {
	seen := map[string]bool{}
	kill := func(name string, c *crash) bool {
		killed := false
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			r := b.prepare(b.documents, Config{step: c.step, Exclusive: true, Order: order.Config{SaveEvery: 5 * time.Millisecond}})
			r.start()
			killed = c.wait(r, r.store(story...))
			r.stop()
			if !killed {
				return
			}
			seen[c.steps[len(c.steps)-1]] = true
			r = b.run(b.newDocuments(), nil)
			r.put(slices.Concat(story, story)...)
			b.wantStory(r)
		})
		return killed
	}
	// How many there are depends on what is read together. More than these are not needed.
	for n, beyond := 1, 0; n <= 30 && beyond < 2; n++ {
		if !kill(fmt.Sprint("step ", n), newCrash(n)) {
			beyond++
		}
	}
	for _, name := range []string{"commit", "committed", "park", "parked", "ledger", "end", "mark"} {
		if c := newCrash(1); !seen[name] {
			c.name = name
			if !kill(name, c) {
				t.Errorf("it is never at %q", name)
			}
		}
	}
}

// wantStory accepts both orders of the fork.
func (b *bench) wantStory(r *running) {
	b.t.Helper()
	var ids []hash
	for _, l := range b.history(board) {
		ids = append(ids, l.id)
	}
	if slices.Contains(ids, hashOf("z")) {
		b.want(board, `{"n":9,"x":1,"z":2}`, "a", "b", "x", "z", "z2")
		r.wantParked("c: conflict")
	} else if slices.Index(ids, hashOf("x")) > slices.Index(ids, hashOf("c")) {
		b.want(board, `{"n":3,"x":1}`, "a", "b", "c", "x")
		r.wantParked("z: conflict", "z2: predecessor parked")
	} else {
		b.want(board, `{"n":3,"x":1}`, "a", "b", "x", "c")
		r.wantParked("z: conflict", "z2: predecessor parked")
	}
	r.wantGaps(board + ": lost")
}

// wait waits until it is killed, or reports false when all is settled and the marks are saved
// without that.
func (c *crash) wait(r *running, receipt Receipt) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-c.dead:
			return true
		case <-tick.C:
			if s := r.Status(); !s.Settled(receipt.Until) {
				continue
			}
			c.mu.Lock()
			marked := slices.Contains(c.steps, "mark")
			c.mu.Unlock()
			if marked {
				return false
			}
		}
	}
}

// TestL3_InboxTwice has two processes that both think that they run the inbox: one of them finds
// out, and nothing is applied twice.
func TestL3_InboxTwice(t *testing.T) {
	b := newBench(t)
	one := b.run(b.documents, nil)
	one.put(line(board, "a", "", `{"n":0}`))
	two := b.run(b.newDocuments(), nil) // takes it over at once
	var lines, ids []string
	prev := "a"
	ids = append(ids, prev)
	for i := range 200 {
		id := fmt.Sprint("e", i)
		lines, ids, prev = append(lines, line(board, id, prev, fmt.Sprintf(`{"n":%d}`, i+1))), append(ids, id), id
	}
	for chunk := range slices.Chunk(lines, 20) {
		one.store(chunk...)
	}
	two.put(lines...)
	if err := <-one.ended; !errors.Is(err, ErrTaken) {
		t.Errorf("the first one ended with %v", err)
	}
	one.ended <- nil
	b.want(board, `{"n":200}`, ids...)
	two.wantParked()
}

// TestInboxIsHandedOver: a process that waits takes the inbox when the one that runs it stops,
// and not before.
func TestInboxIsHandedOver(t *testing.T) {
	b := newBench(t)
	one := b.prepare(b.documents, Config{})
	one.start()
	one.put(line(board, "a", "", `{"n":0}`))
	two := b.prepare(b.newDocuments(), Config{})
	two.start()
	one.put(line(board, "b", "a", `{"n":1}`))
	if two.Status().Running {
		t.Error("both run it")
	}
	one.stop()
	two.put(line(board, "c", "b", `{"n":2}`))
	b.want(board, `{"n":2}`, "a", "b", "c")
}

// TestInboxStopsPromptly: within a second, in the middle of much.
func TestInboxStopsPromptly(t *testing.T) {
	b := newBench(t)
	r := b.run(b.documents, nil)
	var lines []string
	for i := range 3000 {
		lines = append(lines, line(fmt.Sprintf("demo/d%d", i%100), fmt.Sprint("e", i), "", fmt.Sprintf(`{"m%d":1}`, i)))
	}
	r.store(lines...)
	for r.Status().Applied == 0 {
		r.wait()
	}
	began := time.Now()
	r.stop()
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s", took)
	}
}
