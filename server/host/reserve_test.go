package host_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// reserving is a world whose reservations last so long.
func reserving(t *testing.T, long time.Duration) *world {
	return newWorld(t, withFunctions(), func(c *host.Config) { c.ReserveFor = long })
}

// see has members read the next record.
func see(t *testing.T, patch string, all ...*member) {
	t.Helper()
	for _, m := range all {
		equal(t, "record", m.deltas(), patch)
	}
}

// lose has a client conflict three times over a field, because another one writes what it
// has read. It returns when the last of them began.
func lose(t *testing.T, field string, far, near *member, others ...*member) (began time.Time) {
	t.Helper()
	for round := range 3 {
		last := far.last
		late := far.mutation(fmt.Sprintf(`{%q:"far%d"}`, field, round), value("/"+field))
		patch := fmt.Sprintf(`{%q:"near%d"}`, field, round)
		near.edit(patch, value("/"+field))
		see(t, patch, append(others, near, far)...)
		began = time.Now()
		far.submit(late)
		equal(t, "conflict", expect[*wire.Conflict](far).ID, late.ID)
		far.last = last
	}
	return began
}

// TestL8_Reservation: who has lost three times has what it reads kept for it until its
// answer comes. Others write other things meanwhile, and then what was kept.
func TestL8_Reservation(t *testing.T) {
	w := reserving(t, time.Hour)
	far, near, third := w.join(board), w.join(board), w.join(board)
	lose(t, "n", far, near, third)
	near.edit(`{"n":100}`)
	third.edit(`{"elsewhere":1}`)
	see(t, `{"elsewhere":1}`, far, near, third)
	far.edit(`{"n":50}`, value("/n"))
	see(t, `{"n":50}`, far, near, third)
	see(t, `{"n":100}`, far, near, third)

	// It is over: nothing is kept any more.
	near.edit(`{"n":101}`)
	third.edit(`{"elsewhere":2}`)
	equal(t, "record", near.deltas()[:9], `{"n":101}`)
}

// TestL8_Turns: those who want the same take turns, each with one conflict. What has not
// read what it writes, be it blind or a named mutation, goes between two turns; what its
// client has submitted behind it goes with it.
func TestL8_Turns(t *testing.T) {
	w := reserving(t, time.Hour)
	a, b, c, blind, named := w.join(board), w.join(board), w.join(board), w.join(board), w.join(board)
	all := []*member{a, b, c, blind, named}
	lose(t, "n", a, b, c, blind, named)
	lostB := b.edit(`{"n":"b"}`, value("/n"))
	lostC := c.edit(`{"n":61}`, value("/n")) // by then it is that already
	blind.edit(`{"n":60}`)
	blind.edit(`{"blind":1}`)
	named.invoke("add", "1", "")
	for _, m := range all {
		m.nothing(w.join(board))
	}
	a.edit(`{"n":50}`, value("/n"))
	see(t, `{"n":50}`, all...)
	see(t, `{"n":60}{"blind":1}{"n":61}`, all...)

	equal(t, "conflict", expect[*wire.Conflict](b).ID, lostB.ID)
	c.nothing(w.join(board))
	b.last = lostB.Follows
	b.edit(`{"n":70}`, value("/n"))
	see(t, `{"n":70}`, all...)
	equal(t, "conflict", expect[*wire.Conflict](c).ID, lostC.ID)
	c.last = lostC.Follows
	c.edit(`{"n":71}`, value("/n"))
	see(t, `{"n":71}`, all...)
	w.read(board) // finds what is in the log twice
}

// TestL10_ReservationKeepsNothingElse: while there is a reservation there is no other, so
// that what one client has read is all that is kept.
func TestL10_ReservationKeepsNothingElse(t *testing.T) {
	w := reserving(t, time.Hour)
	far, other, near := w.join(board), w.join(board), w.join(board)
	lose(t, "n", far, near, other)
	lose(t, "m", other, near, far)
	near.edit(`{"m":100}`)
	see(t, `{"m":100}`, near, far, other)
}

// TestL9_ReservationRunsOut: by itself, and who has let it run out has no other for many
// times as long, or until something of it is stored.
func TestL9_ReservationRunsOut(t *testing.T) {
	const long = 200 * time.Millisecond
	w := reserving(t, long)
	far, near := w.join(board), w.join(board)
	waits := func(patch string) {
		t.Helper()
		began := lose(t, "n", far, near)
		near.edit(patch)
		see(t, patch, near, far)
		if waited := time.Since(began); waited < long {
			t.Errorf("it waited %s: there was no reservation", waited)
		}
	}
	waits(`{"n":100}`)
	lose(t, "n", far, near)
	near.edit(`{"n":101}`)
	far.edit(`{"far":1}`)
	first := near.deltas()
	equal(t, "record", first[:9], `{"n":101}`)
	if !strings.HasSuffix(first, `{"far":1}`) {
		see(t, `{"far":1}`, near)
	}
	for !strings.HasSuffix(far.deltas(), `{"far":1}`) {
	}
	waits(`{"n":102}`)
}

// TestReservationOfAClientThatLeaves ends with its last connection.
func TestReservationOfAClientThatLeaves(t *testing.T) {
	w := reserving(t, time.Hour)
	far, near, third := w.join(board), w.join(board), w.join(board)
	lose(t, "n", far, near, third)
	again := w.joinAs(far.recorder, board, far.at)
	near.edit(`{"n":100}`)
	far.handle.Close()
	third.edit(`{"elsewhere":1}`)
	see(t, `{"elsewhere":1}`, near, third)
	again.handle.Close()
	see(t, `{"n":100}`, near, third)
}

// TestReservationAcrossServers: another server knows nothing of it and may be first. The
// client is told to run again, and the time is not longer for that.
func TestReservationAcrossServers(t *testing.T) {
	w := reserving(t, time.Hour)
	far, near := w.join(board), w.join(board)
	other := worldOn(t, w.node).joinAs(w.client(50), board, record.Position{})
	other.opened()
	lose(t, "n", far, near, other)
	near.edit(`{"n":100}`)
	late := far.mutation(`{"n":"far"}`, value("/n"))
	other.edit(`{"n":"other"}`, value("/n"))
	see(t, `{"n":"other"}`, other, near, far)
	far.submit(late)
	equal(t, "conflict", expect[*wire.Conflict](far).ID, late.ID)
	far.last = late.Follows
	far.edit(`{"n":50}`, value("/n"))
	see(t, `{"n":50}`, far, near, other)
	see(t, `{"n":100}`, far, near, other)
}
