package host_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Every recorder compares each checksum that it is sent with the document that it
// has followed, in all tests of this package. Those here are about when they come.

// TestL4_ChecksumAfterEveryFewRecords of the document, counted in its log, so that
// it does not matter who counts or since when.
func TestL4_ChecksumAfterEveryFewRecords(t *testing.T) {
	every := func(c *host.Config) { c.ChecksumEvery = 3 }
	w := newWorld(t, every)
	a, b := w.join(board), w.join(board)
	at := []record.Position{a.at}
	write := func(n int) {
		for range n {
			a.edit(fmt.Sprintf(`{"n":%d,"deep":{"er":{"%d":[null]}}}`, len(at), len(at)%4))
			a.deltas()
			b.deltas()
			at = append(at, a.at)
		}
		a.nothing(b) // what came of the last record has come, too
		b.nothing(a)
	}
	want := func(m *member, records ...int) {
		t.Helper()
		var revisions []record.Revision
		for _, n := range records {
			revisions = append(revisions, at[n].Revision)
		}
		if got := m.summed(); !slices.Equal(got, revisions) {
			t.Fatalf("checksums at %v, want %v", got, revisions)
		}
	}
	write(7)
	want(a, 0, 3, 6)
	want(b, 0, 3, 6)

	w.registry.Close()
	w = worldOn(t, w.node, every)
	w.clients = 10
	a, b = w.join(board), w.join(board)
	equal(t, "position", a.at, at[7])
	write(2)
	want(a, 7, 9)
	want(b, 7, 9)
}

// TestL4_ChecksumAfterOpening is that of the head, with a snapshot and without.
func TestL4_ChecksumAfterOpening(t *testing.T) {
	w := newWorld(t)
	at := w.history(filler, `{"a":1}`, `{"a":{"b":2}}`, `{"a":null}`)
	head := at[len(at)-1]
	for _, from := range []record.Position{{}, at[1], at[3], head} {
		m := w.joinAs(w.client(100), board, from)
		m.opened()
		for m.at != head {
			m.deltas()
		}
		m.nothing(w.join(board))
		if got := m.summed(); !slices.Equal(got, []record.Revision{head.Revision}) {
			t.Errorf("from %s: checksums at %v, want %d", from, got, head.Revision)
		}
		m.handle.Close()
	}
}
