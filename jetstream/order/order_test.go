package order

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var seeds = flag.Int("order.seeds", 300, "random histories to put in order")

// run runs an Orderer until there is nothing left to do.
func run(t *testing.T, m *memory, cfg Config) *Orderer[string, int] {
	t.Helper()
	o := New(m, config(m, cfg))
	if err := o.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return o
}

func config(m *memory, cfg Config) Config {
	cfg.Partitions = len(m.partitions)
	cfg.Marks = m.saved()
	if cfg.RetryAfter == 0 {
		cfg.RetryAfter, cfg.RetryAtMost = time.Millisecond, 4*time.Millisecond
	}
	return cfg
}

// check compares what was delivered of every document with what the dumb ordering
// delivers: the same events, each after its predecessor; with once set each once, and of
// chains in the very order.
func check(t *testing.T, m *memory, once bool) {
	t.Helper()
	if m.overlaps > 0 {
		t.Errorf("%d times two deliveries of one document were under way", m.overlaps)
	}
	for document, events := range m.documents {
		want, got := dumb(events), m.record[document]
		first := map[string]int{}
		var firsts []string
		for i, id := range got {
			if _, again := first[id]; again && once {
				t.Errorf("%s: %s was delivered twice", document, id)
			} else if !again {
				first[id] = i
				firsts = append(firsts, id)
			}
		}
		forked := false
		successors := map[string]string{}
		for _, e := range events {
			if i, is := first[e.ID]; is && e.Prev != "" {
				if j, is := first[e.Prev]; !is || j > i {
					t.Errorf("%s: %s was delivered before %s", document, e.ID, e.Prev)
				}
			}
			if other, is := successors[e.Prev]; is && other != e.ID {
				forked = true
			}
			successors[e.Prev] = e.ID
		}
		if forked {
			slices.Sort(want)
			slices.Sort(firsts)
		}
		if !slices.Equal(firsts, want) {
			t.Errorf("%s: delivered %v, want %v", document, short(firsts), short(want))
		}
	}
}

func short(list []string) string {
	if len(list) > 12 {
		return fmt.Sprintf("%v... (%d)", list[:12], len(list))
	}
	return fmt.Sprint(list)
}

func TestNothing(t *testing.T) {
	m := newMemory(4)
	caught := false
	run(t, m, Config{OnCaughtUp: func() { caught = true }})
	if !caught {
		t.Error("it was not told that there is nothing")
	}
}

func TestOrders(t *testing.T) {
	shuffles := map[string]func([]event){
		"in order": func([]event) {},
		"reverse":  slices.Reverse[[]event],
		"shuffled": func(e []event) {
			r := rand.New(rand.NewPCG(1, 2))
			r.Shuffle(len(e), func(i, j int) { e[i], e[j] = e[j], e[i] })
		},
	}
	for name, shuffle := range shuffles {
		for _, size := range []struct{ documents, events int }{{1, 1500}, {20, 200}, {400, 5}} {
			t.Run(fmt.Sprintf("%s %dx%d", name, size.documents, size.events), func(t *testing.T) {
				m := newMemory(8)
				all := make([]event, size.documents*size.events)
				for d := range size.documents { // in turns
					for i, e := range chain(fmt.Sprint("d", d), size.events) {
						all[i*size.documents+d] = e
					}
				}
				shuffle(all)
				m.put(all...)
				o := run(t, m, Config{})
				check(t, m, true)
				if s := o.Stats(); s.Delivered != uint64(len(all)) || s.Held != 0 || s.HeldBytes != 0 || s.Gaps != 0 {
					t.Errorf("the numbers: %+v", s)
				}
				for p, list := range m.partitions {
					if m.marks[p].Position != uint64(len(list)) {
						t.Errorf("the mark of partition %d is %d, not %d", p, m.marks[p].Position, len(list))
					}
				}
				before := m.reads.Load()
				again := run(t, m, Config{})
				if s := again.Stats(); s.Discovered != 0 || m.reads.Load()-before != int64(len(m.partitions)) {
					t.Errorf("the next run has read %d events", s.Discovered)
				}
			})
		}
	}
}

// Three branches of four after a trunk of four, in every one of 200 shuffles: an ordering
// that knows one successor of an event loses the others.
func TestForks(t *testing.T) {
	for seed := range uint64(200) {
		events := chain("d", 4)
		for _, branch := range []string{"a", "b", "c"} {
			prev := "4"
			for i := range 4 {
				id := fmt.Sprint(branch, i)
				events = append(events, event{Document: "d", ID: id, Prev: prev})
				prev = id
			}
		}
		r := rand.New(rand.NewPCG(seed, 0))
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		m := newMemory(1)
		m.put(events...)
		run(t, m, Config{PageSize: 1 + r.IntN(20)})
		check(t, m, true)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestDuplicates(t *testing.T) {
	m := newMemory(2)
	events := append(chain("a", 50), chain("b", 50)...)
	m.put(events...)
	m.put(events...)
	o := run(t, m, Config{PageSize: 7})
	check(t, m, true)
	if s := o.Stats(); s.Done != 100 {
		t.Errorf("%d duplicates, want 100", s.Done)
	}
}

// A predecessor that never comes holds up nobody else, is not looked for again and again,
// and can be seen.
func TestL10_PermanentGap(t *testing.T) {
	m := newMemory(4)
	whole, gap := chain("whole", 500), chain("gap", 500)
	m.put(gap[200:]...)
	m.put(gap[:199]...)
	m.put(whole...)
	for restart := range 5 {
		o := run(t, m, Config{})
		check(t, m, true)
		s := o.Suspended(10)
		if len(s) != 1 || s[0].Document != "gap" || s[0].Cause != Gap || s[0].Missing != "200" {
			t.Fatalf("suspended: %+v", s)
		}
		stats := o.Stats()
		if stats.Gaps != 1 || !stats.OldestGap.Equal(s[0].Since) {
			t.Errorf("the numbers: %+v", stats)
		}
		if restart > 0 && (stats.Discovered != 0 || stats.Ranges != 0) {
			t.Errorf("restart %d has read %d events and %d histories", restart, stats.Discovered, stats.Ranges)
		}
	}
	m.put(gap[199])
	o := run(t, m, Config{})
	check(t, m, true)
	if s := o.Stats(); s.Ranges != 1 || len(o.Suspended(1)) != 0 {
		t.Errorf("filling the gap took %d readings of the history; suspended: %v", s.Ranges, o.Suspended(1))
	}
}

// An event that waits for one that waits for it.
func TestCircle(t *testing.T) {
	m := newMemory(1)
	m.put(event{Document: "d", ID: "a", Prev: "b"}, event{Document: "d", ID: "b", Prev: "a"}, event{Document: "e", ID: "x"})
	o := run(t, m, Config{})
	check(t, m, true)
	if s := o.Suspended(2); len(s) != 1 || s[0].Cause != Gap {
		t.Errorf("suspended: %+v", s)
	}
}

// However little memory it may use: everything that can be delivered is.
func TestL9_LittleMemory(t *testing.T) {
	m := newMemory(3)
	var all []event
	for d := range 20 {
		all = append(all, chain(fmt.Sprint("d", d), 100)...)
		if d%5 == 0 {
			all = slices.Delete(all, len(all)-50, len(all)-49)
		}
	}
	slices.Reverse(all)
	m.put(all...)
	o := New(m, config(m, Config{HeldBytes: 6000, Documents: 3, Suspended: 2, PageSize: 10, Backlog: 20, Outbox: 10, BatchSize: 3}))
	var worst atomic.Int64
	m.before = func(string, string) error {
		if held := o.count.heldBytes.Load(); held > worst.Load() {
			worst.Store(held)
		}
		return nil
	}
	if err := o.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Of the gaps two are entered, which leaves no room: others are known when those are
	// filled.
	if o.Stats().Stuck == 0 {
		t.Error("nothing is stuck")
	}
	if worst.Load() > 6000+3*10*250 {
		t.Errorf("%d bytes were held", worst.Load())
	}
	for d := 0; d < 20; d += 5 {
		m.put(chain(fmt.Sprint("d", d), 100)[50])
	}
	for range 10 {
		o = run(t, m, Config{HeldBytes: 6000, Documents: 3, Suspended: 2, PageSize: 10})
	}
	check(t, m, false)
	if s := o.Stats(); s.Stuck != 0 || len(o.Suspended(1)) != 0 {
		t.Errorf("at the end: %+v", s)
	}
}

// A document whose delivery fails is tried again, later and later; the others go on.
func TestL10_FailingDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(2)
		for d := range 10 {
			m.put(chain(fmt.Sprint("d", d), 20)...)
		}
		var times []time.Time
		m.before = func(op, document string) error {
			if op == "deliver" && document == "d3" {
				if times = append(times, time.Now()); len(times) < 8 {
					return errors.New("not now")
				}
			}
			return nil
		}
		o := run(t, m, Config{RetryAfter: time.Second, RetryAtMost: 20 * time.Second})
		check(t, m, true)
		if s := o.Stats(); s.Failed != 0 || s.Failures != 6 {
			t.Errorf("the numbers: %+v", s)
		}
		// The first is of all documents, the second of this alone.
		for i := 2; i < len(times)-1; i++ {
			if before, after := times[i].Sub(times[i-1]), times[i+1].Sub(times[i]); after < before {
				t.Errorf("the pauses are not longer and longer: %v", times)
			}
		}
	})
}

// With several lanes a delivery that hangs holds up its document only.
func TestL10_SlowDocument(t *testing.T) {
	m := newMemory(2)
	for d := range 30 {
		m.put(chain(fmt.Sprint("d", d), 100)...)
	}
	slow := make(chan struct{})
	var others atomic.Int64
	m.before = func(op, document string) error {
		switch {
		case op == "deliver" && document == "d7":
			<-slow
		case op == "delivered" && others.Add(1) == 29*100:
			close(slow)
		}
		return nil
	}
	run(t, m, Config{Lanes: 3, PerDocument: true, BatchSize: 1, Outbox: 60, PageSize: 10})
	check(t, m, true)
}

// Everything fails for a while: nothing is lost, nor is every document suspended.
func TestStoreIsDown(t *testing.T) {
	m := newMemory(4)
	for d := range 100 {
		m.put(chain(fmt.Sprint("d", d), 10)...)
	}
	var failures atomic.Int64
	m.before = func(op, _ string) error {
		if op != "judge" && failures.Add(1) < 60 {
			return errors.New("down")
		}
		return nil
	}
	run(t, m, Config{})
	check(t, m, true)
}

// What stops it stops it at once, wherever it is, and the next run goes on from there.
func TestStopsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(4)
		m.latency = 5 * time.Millisecond
		for d := range 50 {
			m.put(chain(fmt.Sprint("d", d), 40)...)
		}
		stopped := errors.New("stopped")
		runs := 0
		for ended := false; !ended; runs++ {
			ctx, cancel := context.WithCancelCause(t.Context())
			timer := time.AfterFunc(time.Duration(7+runs)*time.Millisecond, func() { cancel(stopped) })
			began := time.Now()
			err := New(m, config(m, Config{PageSize: 20, BatchSize: 30})).Run(ctx)
			if took := time.Since(began); took > 100*time.Millisecond {
				t.Fatalf("it took %v to stop", took)
			}
			if ended = err == nil; !ended && !errors.Is(err, stopped) {
				t.Fatal(err)
			}
			timer.Stop()
		}
		check(t, m, false)
		if runs < 3 {
			t.Errorf("only %d runs", runs)
		}
	})
}

// Events keep coming while it runs.
func TestLive(t *testing.T) {
	m := newMemory(4)
	live := make(chan int, 1000)
	caught := make(chan struct{})
	m.put(chain("before", 300)...)
	o := New(m, config(m, Config{Live: live, PageSize: 10, OnCaughtUp: func() { close(caught) }}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- o.Run(ctx) }()
	<-caught
	if got := o.Stats(); got.Delivered != 300 || got.Behind != 0 {
		t.Errorf("caught up with %+v", got)
	}
	events := chain("live", 100)
	r := rand.New(rand.NewPCG(3, 3))
	r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	delivered := make(chan struct{})
	var n atomic.Int64
	m.mu.Lock()
	m.before = func(op, _ string) error {
		if op == "delivered" {
			m.mu.Lock()
			if len(m.delivered["live"]) == 100 && n.Add(1) == 1 {
				close(delivered)
			}
			m.mu.Unlock()
		}
		return nil
	}
	m.mu.Unlock()
	for _, e := range events {
		for _, p := range m.put(e) {
			live <- p
		}
	}
	<-delivered
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	check(t, m, true)
	if len(o.Suspended(1)) != 0 {
		t.Errorf("suspended: %v", o.Suspended(1))
	}
}
