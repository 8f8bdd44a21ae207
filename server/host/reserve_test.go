package host_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/shared/wire"
)

// lose has a client conflict three times, because another one writes what it reads.
func lose(t *testing.T, far, near *member) {
	t.Helper()
	for n := range 3 {
		last := far.last
		late := far.mutation(fmt.Sprintf(`{"n":%d,"far":1}`, n), value("/n"))
		near.edit(fmt.Sprintf(`{"n":%d}`, 10+n), value("/n"))
		near.deltas()
		far.submit(late)
		far.deltas()
		expect[*wire.Conflict](far)
		far.last = last
	}
}

// TestReservation: who has lost three times has what it reads kept for it, until its
// answer comes. Others write other things meanwhile, and then what was kept.
func TestReservation(t *testing.T) {
	w := newWorld(t)
	far, near, third := w.join(board), w.join(board), w.join(board)
	lose(t, far, near)
	for range 3 {
		third.deltas()
	}
	held := near.edit(`{"n":100}`)
	third.edit(`{"elsewhere":1}`)
	equal(t, "record", third.deltas(), `{"elsewhere":1}`)
	equal(t, "record", far.deltas(), `{"elsewhere":1}`)
	far.edit(`{"n":50}`, value("/n"))
	equal(t, "record", third.deltas(), `{"n":50}`)
	equal(t, "record", third.deltas(), `{"n":100}`)
	for near.last = held.ID; near.deltas() != `{"n":100}`; {
	}
}

// TestL9_ReservationEnds by itself.
func TestL9_ReservationEnds(t *testing.T) {
	w := newWorld(t)
	far, near := w.join(board), w.join(board)
	lose(t, far, near)
	began := time.Now()
	near.edit(`{"n":100}`)
	equal(t, "record", near.deltas(), `{"n":100}`)
	if waited := time.Since(began); waited < 100*time.Millisecond {
		t.Errorf("it waited %s: there was no reservation", waited)
	}
}
