package order

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// TestRandomHistories puts random histories in order, with forks, gaps, duplicates,
// little memory, failures and panics of the store at every step, and kills: what was
// delivered in the end is what the dumb ordering delivers.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(*seeds) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			testRandomHistory(t, seed)
		})
	}
}

func testRandomHistory(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	m := newMemory(1 + r.IntN(6))
	events, missing := history(r)
	cut := r.IntN(len(events) + 1)
	m.put(events[:cut]...)

	faults := &faults{r: rand.New(rand.NewPCG(seed, 8)), chance: []float64{0, 0.01, 0.1}[r.IntN(3)]}
	m.before = faults.before
	for range r.IntN(5) {
		ctx, kill := context.WithTimeout(t.Context(), time.Duration(r.IntN(3000))*time.Microsecond)
		o := New(m, config(m, random(r)))
		err := o.Run(ctx)
		if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, errFault) {
			t.Fatal(err)
		}
		if s := o.Stats(); err == nil && s.FlightBytes != 0 {
			t.Errorf("with nothing left to do: %+v", s)
		}
		kill()
	}
	m.put(events[cut:]...)
	if r.IntN(2) == 0 {
		m.put(missing...)
	}
	chance := faults.chance
	faults.end()
	// A run that had too little memory for all gaps is followed by one with enough.
	if s := run(t, m, random(r)).Stats(); s.FlightBytes != 0 {
		t.Errorf("with nothing left to do: %+v", s)
	}
	o := run(t, m, Config{})
	check(t, m, false)
	if s := o.Stats(); s.Held != 0 || s.HeldBytes != 0 || s.FlightBytes != 0 || s.Failed != 0 || s.NoRoom != 0 || s.Stuck != 0 {
		t.Errorf("at the end: %+v, %v", s, o.Suspended(5))
	}
	if t.Failed() {
		for _, s := range o.Suspended(9) {
			t.Logf("%+v", s)
		}
		t.Logf("%+v %+v chance %v", m.marks, o.Stats(), chance)
	}
}

// history returns the events of a few documents in some order, and those that are missing
// in it.
func history(r *rand.Rand) (events, missing []event) {
	for d := range 1 + r.IntN(12) {
		document := fmt.Sprint("d", d)
		n := 1 + r.IntN(120)
		forks := r.IntN(3) == 0
		for i := range n {
			e := event{Document: document, ID: fmt.Sprint(i + 1)}
			if i > 0 {
				e.Prev = fmt.Sprint(i)
				if forks && r.IntN(4) == 0 {
					e.Prev = fmt.Sprint(1 + r.IntN(i))
				}
			}
			if r.IntN(60) == 0 {
				missing = append(missing, e)
				continue
			}
			events = append(events, e)
			if r.IntN(20) == 0 {
				events = append(events, e)
			}
		}
	}
	switch window := []int{1, 10, 1000, 1 << 30}[r.IntN(4)]; {
	default:
		for i := range events {
			j := i + r.IntN(min(window, len(events)-i))
			events[i], events[j] = events[j], events[i]
		}
	}
	return events, missing
}

func random(r *rand.Rand) Config {
	return Config{
		Readers: 1 + r.IntN(4), Workers: 1 + r.IntN(4),
		PageSize: 1 + r.IntN(30), Backlog: 1 + r.IntN(100),
		HeldBytes: 1 << r.IntN(18), Documents: 1 + r.IntN(20), Suspended: 1 + r.IntN(20),
		Lanes: 1 + r.IntN(4), BatchSize: 1 + r.IntN(50), PerDocument: r.IntN(2) == 0, Outbox: 1 + r.IntN(100),
		SaveEvery:  time.Duration(1+r.IntN(1000)) * time.Microsecond,
		RetryAfter: 100 * time.Microsecond, RetryAtMost: time.Millisecond,
		FlightBytes: 1 << r.IntN(18),
	}
}

var errFault = errors.New("a fault")

// faults fail and panic now and then, until they end.
type faults struct {
	mu     sync.Mutex
	r      *rand.Rand
	chance float64
}

func (f *faults) before(op, _ string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.r.Float64() >= f.chance || op == "judge" && f.r.IntN(10) > 0 {
		return nil
	}
	if op == "judge" || f.r.IntN(3) == 0 {
		panic(errFault)
	}
	return errFault
}

func (f *faults) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.chance = 0
}
