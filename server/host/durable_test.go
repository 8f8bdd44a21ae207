package host_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestL1_NothingIsSentBeforeTheAppend holds an append. Nobody hears of the edit,
// its author included, and who opens the document meanwhile gets it without.
func TestL1_NothingIsSentBeforeTheAppend(t *testing.T) {
	w := newWorld(t)
	author, reader, probe := w.join(board), w.join(board), w.join(board)
	author.edit(`{"a":1}`)
	author.deltas()
	reader.deltas()
	probe.deltas()

	held := w.log.hold(t, board)
	author.edit(`{"a":2,"secret":true}`)
	held.wait(t)
	late := w.joinAs(w.client(100), board, record.Position{})
	opened := late.opened()
	equal(t, "snapshot", string(opened.Snapshot), `{"a":1}`)
	equal(t, "last", opened.Last, record.MutationID{})
	again := w.joinAs(w.client(1), board, author.at) // the author, by another connection
	equal(t, "its last", again.opened().Last.Number, 1)
	reader.nothing(probe)
	author.nothing(probe)

	w.log.release(board)
	for _, m := range []*member{author, reader, late, again} {
		equal(t, "deltas", m.deltas(), `{"a":2,"secret":true}`)
	}
	equal(t, "state", w.read(board).state, `{"a":2,"secret":true}`)
}

// TestL5_CommitIsTheStoredRecord: subscribers get the bytes of the log.
func TestL5_CommitIsTheStoredRecord(t *testing.T) {
	w := newWorld(t)
	author, reader := w.join(board), w.join(board)
	author.edit("{ \"b\" :\t[1.50, null],\"a\":\"\\u0041\"}")
	for _, m := range []*member{author, reader} {
		c := expect[*wire.Commit](m)
		stored := w.read(board).records[0]
		if !bytes.Equal(c.Record, stored.Data) || c.Revision != stored.Position.Revision {
			t.Errorf("got %d bytes at %d, stored are %d at %s", len(c.Record), c.Revision, len(stored.Data), stored.Position)
		}
		equal(t, "delta", deltasOf(t, c.Record), "{ \"b\" :\t[1.50, null],\"a\":\"\\u0041\"}")
	}
}

// TestGroupCommit: what waits while an append is in flight travels in one
// record, in the order in which it came, its authors mixed.
func TestGroupCommit(t *testing.T) {
	w := newWorld(t)
	a, b := w.join(board), w.join(board)
	held := w.log.hold(t, board)
	a.edit(`{"n":0}`)
	held.wait(t)
	want := ""
	for n := range 50 {
		patch := fmt.Sprintf(`{"n":%d}`, n)
		[]*member{a, b}[n%2].edit(patch)
		want += patch
	}
	w.log.release(board)
	for _, m := range []*member{a, b} {
		equal(t, "first record", m.deltas(), `{"n":0}`)
		equal(t, "second record", m.deltas(), want)
	}
	equal(t, "records", len(w.read(board).records), 2)
}

// TestGroupCommitWithinBounds: what does not fit into one record comes in the
// next; order is kept.
func TestGroupCommitWithinBounds(t *testing.T) {
	w := newWorld(t)
	a := w.join(board)
	held := w.log.hold(t, board)
	a.edit(`{"n":0}`)
	held.wait(t)
	large := fmt.Sprintf(`{"large":%q}`, bytes.Repeat([]byte("x"), 400<<10))
	for range 5 {
		a.edit(large)
	}
	for range 1200 {
		a.edit(`{"s":1}`)
	}
	w.log.release(board)
	var sizes []int
	for total := 0; total < 1+5+1200; {
		rec, err := record.Decode(expect[*wire.Commit](a).Record)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(rec.Mutations))
		total += len(rec.Mutations)
	}
	if got, want := fmt.Sprint(sizes[:3]), "[1 2 2]"; got != want {
		t.Errorf("records of %s mutations, want %s first", fmt.Sprint(sizes), want)
	}
	numbers := uint64(0)
	for _, m := range w.read(board).mutations {
		if numbers++; m.ID.Number != numbers {
			t.Fatalf("number %d comes after %d", m.ID.Number, numbers-1)
		}
	}
}
