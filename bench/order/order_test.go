package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/order"
)

func small() *grid {
	return &grid{pairs: 1, slow: 1, readers: 4, page: 20, held: 1, documents: 1000, enough: time.Millisecond}
}

// Both ways deliver all that can be delivered, in order, in every cell.
func TestBothDeliverAll(t *testing.T) {
	g := small()
	if err := g.parseScenes("60x5,5x60", "in order,window 1000,shuffled,reverse", "0,10"); err != nil {
		t.Fatal(err)
	}
	if len(g.scenes) != 16 {
		t.Fatalf("%d scenes", len(g.scenes))
	}
	for _, s := range g.scenes {
		stored := s.store(partitions)
		if want := s.documents*s.events - s.missing*s.documents/100; len(stored.all) != want && s.documents >= 10 {
			t.Errorf("%v: %d events, want %d", s, len(stored.all), want)
		}
		for _, latency := range []time.Duration{0, 100 * time.Microsecond} {
			r, err := g.measure(t.Context(), stored, latency)
			if err != nil {
				t.Errorf("%v: %v", s, err)
			}
			if r.Undelivered != 0 || r.Misordered != 0 {
				t.Errorf("%v: %d are left, %d misordered", s, r.Undelivered, r.Misordered)
			}
		}
	}
}

// What is said of the order in which events are stored is true.
func TestArrangements(t *testing.T) {
	ordered := scene{10, 50, inOrder, 0}.store(partitions).all
	if !inTime(ordered) {
		t.Error("what is in order is not")
	}
	reversed := scene{10, 50, backwards, 0}.store(partitions).all
	slices.Reverse(reversed)
	if !slices.Equal(ordered, reversed) {
		t.Error("the reverse is not that of the order")
	}
	for _, a := range []arrangement{windowed, shuffled} {
		if inTime(scene{10, 50, a, 0}.store(partitions).all) {
			t.Errorf("%s is in order", a)
		}
	}
	all := scene{20, 1000, inOrder, 0}.store(partitions).all
	place := map[uint64]int{}
	for i, id := range all {
		place[id] = i
	}
	for i, id := range (scene{20, 1000, windowed, 0}).store(partitions).all {
		if d := i - place[id]; d >= window || d <= -window {
			t.Fatalf("an event is %d places away", d)
		}
	}
}

func inTime(ids []uint64) bool {
	next := map[int]int{}
	for _, id := range ids {
		d := documentOf(id)
		if next[d]++; numberOf(id) != next[d] {
			return false
		}
	}
	return true
}

// The baseline's time has the latencies that it did not wait for.
func TestBaselineOwes(t *testing.T) {
	stored := scene{100, 30, shuffled, 0}.store(partitions)
	g := small()
	g.enough = 20 * time.Millisecond
	r := g.baseline(stored, 2*time.Millisecond)
	if least := time.Duration(r.lookups) * 2 * time.Millisecond; r.lookups < 10 || r.took < least {
		t.Errorf("%d look-ups of 2 ms took only %v", r.lookups, r.took)
	}
}

// An endless store has the events that it says, wherever it is read from.
func TestEndless(t *testing.T) {
	s := newEndless(0, &delay{})
	history := map[string][]event{}
	for p := range partitions {
		for after, more := uint64(0), true; more; {
			page, err := s.Read(t.Context(), p, after, order.Limit{Events: 333, Bytes: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				history[e.Document] = append(history[e.Document], e)
			}
			after, more = page.To, page.More
		}
	}
	lacking, lateOnes := 0, 0
	for document, want := range history {
		var got []event
		for after, more := uint64(0), true; more; {
			page, err := s.History(t.Context(), document, after, order.Limit{Events: 17, Bytes: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, page.Events...)
			after, more = page.To, page.More
		}
		same := func(a, b event) bool { return a.ID == b.ID && a.Position == b.Position && a.Prev == b.Prev }
		if !slices.EqualFunc(got, want, same) {
			t.Fatalf("the history of %s has %d events, the partition %d", document, len(got), len(want))
		}
		switch {
		case len(want) == eventsEach-1:
			lacking++
		case numberOf(want[len(want)-1].ID) == 1:
			lateOnes++
		case len(want) != eventsEach:
			t.Errorf("%s has %d events", document, len(want))
		}
	}
	if lacking != len(s.names)/every || lateOnes != len(s.names)/every {
		t.Errorf("%d documents lack an event, of %d it is late", lacking, lateOnes)
	}
}

// A program's output is a row for each cell, as a table or as JSON.
func TestOutput(t *testing.T) {
	args := []string{"-sizes", "30x5", "-arrangements", "reverse,in order", "-missing", "10", "-latency", "0", "-runs", "1"}
	var out, errs strings.Builder
	if err := run(context.Background(), args, &out, &errs); err != nil {
		t.Fatal(err, errs.String())
	}
	if rows := strings.Count(out.String(), "\n| 30 x 5 |"); rows != 2 {
		t.Errorf("%d rows:\n%s", rows, out.String())
	}
	out.Reset()
	if err := run(context.Background(), append(args, "-json"), &out, &errs); err != nil {
		t.Fatal(err)
	}
	var rows []row
	if err := json.Unmarshal([]byte(out.String()), &rows); err != nil || len(rows) != 2 || rows[0].Arrangement != backwards || rows[0].Rate <= 0 {
		t.Errorf("%v: %+v", err, rows)
	}
	out.Reset()
	if err := run(context.Background(), []string{"-large", "1", "-held", "1", "-json"}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	const aPageEach = partitions * 250 * 500 / 1e6 // MB, read before there is made room
	var l large
	if err := json.Unmarshal([]byte(out.String()), &l); err != nil || l.Undelivered != 0 || l.Misordered != 0 || l.Gaps != l.Documents/every || l.HeldMB > l.BoundMB+aPageEach {
		t.Errorf("%v: %+v", err, l)
	}
	for _, bad := range [][]string{{"-sizes", "x"}, {"-arrangements", "none"}, {"-latency", "2s"}, {"-missing", "101"}, {"-runs", "0"}, {"more"}} {
		if err := run(context.Background(), bad, &out, &errs); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}
