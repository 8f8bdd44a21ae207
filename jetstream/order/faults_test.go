package order

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A kill at every step: at the n-th operation of the store, for every n, nothing of it or
// after it happens. The next run is killed as well, at another one, and the one after it
// delivers what is left, in order, and everything.
func TestKilledAtEveryStep(t *testing.T) {
	for name, cfg := range map[string]Config{
		"small pages": {PageSize: 3, BatchSize: 4, Backlog: 6, Readers: 1, Workers: 1, SaveEvery: 2 * time.Microsecond},
		"lanes":       {PageSize: 10, BatchSize: 5, Lanes: 3, PerDocument: true, Outbox: 12, SaveEvery: 20 * time.Microsecond},
		"no room":     {PageSize: 5, BatchSize: 50, HeldBytes: 1500, Suspended: 2, Documents: 1, SaveEvery: 20 * time.Microsecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			for killed := true; killed; {
				n++
				m := killable()
				killed = m.killAt(t, cfg, n)
				m.killAt(t, cfg, n/2+1)
				m.before = func(string, string) error { return nil }
				run(t, m, cfg)
				run(t, m, Config{})
				check(t, m, false)
				if n > 5000 || t.Failed() {
					t.Fatalf("killed at operation %d", n)
				}
			}
			if n < 30 {
				t.Errorf("there were only %d operations", n)
			}
			t.Logf("%d operations", n-1)
		})
	}
}

// killable has documents in order, in reverse, in turns, with a gap, with forks.
func killable() *memory {
	m := newMemory(2)
	reversed := chain("reversed", 12)
	slices.Reverse(reversed)
	gap := chain("gap", 12)
	m.put(chain("whole", 12)...)
	m.put(reversed[:7]...)
	m.put(slices.Concat(gap[:3], gap[5:])...)
	m.put(reversed[7:]...)
	for i := range 5 {
		m.put(chain("a", 5)[i], chain("b", 5)[4-i])
	}
	for _, fork := range []string{"x", "y"} {
		m.put(event{Document: "a", ID: fork + "2", Prev: fork}, event{Document: "a", ID: fork, Prev: "3"})
	}
	m.put(gap[3])
	return m
}

var errKilled = errors.New("killed")

// killAt runs until the n-th operation, and reports whether there was one.
func (m *memory) killAt(t *testing.T, cfg Config, n int) bool {
	t.Helper()
	ctx, kill := context.WithCancelCause(t.Context())
	defer kill(nil)
	var mu sync.Mutex
	operations, dead := 0, false
	m.before = func(op, _ string) error {
		if op == "judge" {
			return nil // it is no operation of the store
		}
		mu.Lock()
		defer mu.Unlock()
		if operations++; operations == n {
			dead = true
			kill(errKilled)
		}
		if dead {
			return errKilled
		}
		return nil
	}
	if err := New(m, config(m, cfg)).Run(ctx); err != nil && !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	return dead
}

// A write that fails once, whichever it is: its events are delivered afterwards, each once,
// and nothing else is missed.
func TestFailedWrite(t *testing.T) {
	for n := 1; ; n++ {
		m := newMemory(2)
		want := map[string][]string{}
		for d := range 6 {
			document := fmt.Sprint("d", d)
			m.put(chain(document, 15)...)
			want[document] = ids(1, 15)
		}
		writes := 0
		store := &refusing{memory: m, refuse: func() error {
			if writes++; writes == n {
				return errors.New("no space")
			}
			return nil
		}}
		o := New[string, int](store, config(m, Config{PageSize: 6, BatchSize: 7}))
		if err := o.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(t, m, want)
		if t.Failed() {
			t.Fatalf("write %d has failed", n)
		}
		if writes < n {
			if n < 10 {
				t.Errorf("there are only %d writes", writes)
			}
			return
		}
		if s := o.Stats(); s.Failed != 0 || s.Gaps != 0 {
			t.Fatalf("write %d has failed: %+v", n, s)
		}
	}
}

// refusing is a memory that may refuse a delivery, one at a time.
type refusing struct {
	*memory
	refuse func() error
}

func (r *refusing) Deliver(ctx context.Context, events []event, attempt int) error {
	if err := r.refuse(); err != nil {
		return err
	}
	return r.memory.Deliver(ctx, events, attempt)
}

// Marks that cannot be saved are tried again; those of the end are reported, and what was
// delivered is not delivered again although the next run reads it.
func TestFailedSave(t *testing.T) {
	m := newMemory(2)
	m.put(chain("a", 200)...)
	m.put(chain("b", 200)...)
	full := errors.New("no space")
	var mu sync.Mutex
	saves, deliveries := 0, 0
	tried := make(chan struct{}) // to save, beside the deliveries
	m.before = func(op, _ string) error {
		mu.Lock()
		defer mu.Unlock()
		switch op {
		case "save":
			if saves++; saves == 1 {
				close(tried)
			}
			return full
		case "deliver":
			if deliveries++; deliveries == 20 {
				mu.Unlock()
				<-tried
				mu.Lock()
			}
		}
		return nil
	}
	want := map[string][]string{"a": ids(1, 200), "b": ids(1, 200)}
	cfg := Config{PageSize: 5, BatchSize: 5, SaveEvery: 10 * time.Microsecond}
	if err := New(m, config(m, cfg)).Run(t.Context()); !errors.Is(err, full) {
		t.Errorf("the end: %v", err)
	}
	expect(t, m, want)
	if len(m.marks) > 0 || saves < 2 {
		t.Errorf("%d saves, and marks %v", saves, m.marks)
	}
	m.before = func(op, _ string) error {
		mu.Lock()
		defer mu.Unlock()
		if saves++; op == "save" && saves%2 == 0 {
			return full
		}
		return nil
	}
	for range 10 { // until the one of the end succeeds
		if err := New(m, config(m, cfg)).Run(t.Context()); err == nil {
			break
		}
	}
	expect(t, m, want)
	for p, list := range m.partitions {
		if m.marks[p].Position != uint64(len(list)) {
			t.Errorf("the mark of partition %d is %d, not %d", p, m.marks[p].Position, len(list))
		}
	}
}

// A panic of the store at one document suspends that one, and is forgotten when it does not
// come back.
func TestL10_Panics(t *testing.T) {
	for _, where := range []string{"state", "judge", "deliver", "history"} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(3)
				want := map[string][]string{}
				for d := range 9 {
					document := fmt.Sprint("d", d)
					all := chain(document, 20)
					m.put(slices.Concat(all[10:], all[:10])...) // so that histories are read
					want[document] = ids(1, 20)
				}
				var mu sync.Mutex
				panics := 0
				m.before = func(op, document string) error {
					mu.Lock()
					defer mu.Unlock()
					if op == where && document == "d4" && panics < 4 {
						panics++
						if panics == 4 { // after seven seconds of pauses
							others := maps.Clone(want)
							delete(others, "d4")
							got := maps.Clone(m.recorded())
							delete(got, "d4")
							if !maps.EqualFunc(got, others, slices.Equal) {
								t.Errorf("the others have %v", got)
							}
						}
						panic(fmt.Sprint("panic ", panics))
					}
					return nil
				}
				began := time.Now()
				o := run(t, m, Config{PageSize: 4, HeldBytes: 4000, RetryAfter: time.Second, RetryAtMost: time.Minute})
				expect(t, m, want)
				if s := o.Stats(); panics != 4 || s.Failures < 3 || s.Failed != 0 {
					t.Errorf("%d panics, %+v", panics, s)
				}
				if took := time.Since(began); took < 3*time.Second {
					t.Errorf("it took only %v", took)
				}
			})
		})
	}
}

func (m *memory) recorded() map[string][]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.record)
}
