package host_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// newAttic is a keeping with an attic of so many bytes, which stores no snapshots but when
// told to.
func newAttic(t *testing.T, bytes int, change ...func(*host.Config)) *keeping {
	t.Helper()
	return newKeeping(t, func(c *host.Config) {
		c.AtticBytes, c.SnapshotEvery, c.SnapshotIdle = bytes, 10_000, 10_000
		for _, f := range change {
			f(c)
		}
	})
}

// reopened opens a document that is not in memory, and returns how many records were read
// for that.
func (k *keeping) reopened(key record.Key) (*member, int) {
	k.t.Helper()
	before := k.tally.replayed.Load()
	return k.join(key), int(k.tally.replayed.Load() - before)
}

// TestL3_BackFromTheAttic: a document that has left memory comes back as it was, with
// its clients, without a record or a snapshot being read; and what it does not have yet
// is read when another server has written meanwhile.
func TestL3_BackFromTheAttic(t *testing.T) {
	k := newAttic(t, 0)
	a := k.write(board, counts(20)...)
	k.evict()
	if err := k.node.JetStream().DeleteStream(testContext(t), "RV_SNAPSHOTS"); err != nil {
		t.Fatal(err)
	}
	k.warnings.take()

	back := k.joinAs(k.client(1), board, a.at)
	o := back.opened()
	equal(t, "last", o.Last, a.last)
	equal(t, "snapshot", len(o.Snapshot), 0) // it holds what the attic holds
	again := back.mutation(`{"n":1}`)
	again.ID, again.Follows = a.last, record.MutationID{Number: a.last.Number - 1}
	back.submit(again)
	back.last = a.last
	back.edit(`{"n":21}`)
	equal(t, "record", back.deltas(), `{"n":21}`)
	back.handle.Close()
	k.evict()
	equal(t, "replayed", k.tally.replayed.Load(), 0)

	other := worldOn(t, k.node)
	m := other.join(board)
	for _, patch := range counts(3) {
		m.edit(patch)
		m.deltas()
	}
	back, replayed := k.reopened(board)
	equal(t, "position", back.at, m.at)
	equal(t, "replayed", replayed, 3)
	equal(t, "mutations", len(k.read(board).mutations), 24) // finds what is in the log twice
	equal(t, "reported", len(k.warnings.take()), 0)
}

// TestAtticWhileTheHostLeaves: whoever opens a document that is just leaving waits for
// it to be packed, not for its snapshot to be stored.
func TestAtticWhileTheHostLeaves(t *testing.T) {
	k := newAttic(t, 0, func(c *host.Config) { c.SnapshotEvery = 5 })
	release := k.shelf.hold()
	defer release()
	for n := range 20 {
		k.write(board, fmt.Sprintf(`{"n":%d}`, n))
		k.evictNow()
	}
	equal(t, "replayed", k.tally.replayed.Load(), 0)
	k.shelf.await(t, 1, 0)
	equal(t, "first snapshot at", k.shelf.records()[0], 5)
}

// TestSnapshotsBesideTheAttic: a document that comes and goes after every record has
// its snapshots stored as if it had stayed, so that a restart finds them.
func TestSnapshotsBesideTheAttic(t *testing.T) {
	for what, due := range map[string]func(*host.Config){
		"when it leaves": func(c *host.Config) { c.SnapshotIdle = 4 },
		"by records":     func(c *host.Config) { c.SnapshotEvery = 4 },
		"by bytes":       func(c *host.Config) { c.SnapshotBytes = 4*230 - 100 },
	} {
		k := newAttic(t, 0, due)
		for n := range 13 {
			k.write(board, fmt.Sprintf(`{"n":"%0150d"}`, n))
			k.evict()
		}
		equal(t, what, fmt.Sprint(k.shelf.records()), "[4 8 12]")
		_, replayed := k.loaded(board)
		equal(t, what+": replayed", replayed, 1)
		equal(t, what+": replayed by the hosts", int(k.tally.replayed.Load()), 1)
	}
}

// TestL2_AtticIsNotTheTruth: nothing of a document comes back from the attic when
// somebody has taken it out of the log.
func TestL2_AtticIsNotTheTruth(t *testing.T) {
	k := newAttic(t, 0)
	k.write(board, counts(5)...)
	k.evict()
	k.purge(deltalog.Stream(board), deltalog.Subject(board))
	m := k.joinAs(k.client(1), board, record.Position{})
	o := m.opened()
	equal(t, "document", string(o.Snapshot), `{}`)
	equal(t, "last", o.Last, record.MutationID{})
	if errs := k.warnings.take(); len(errs) != 1 || !is[*host.SnapshotError](errs[0]) {
		t.Errorf("reported %v", errs)
	}
	m.edit(`{"new":1}`)
	equal(t, "record", m.deltas(), `{"new":1}`)
}

// TestL9_AtticIsBounded: the documents that have been there longest make room, and one
// that would take too much of it is not kept.
func TestL9_AtticIsBounded(t *testing.T) {
	const documents, size = 40, 1000
	k := newAttic(t, 32*(size+700))
	key := func(n int) record.Key { return record.Key{Space: "many", ID: fmt.Sprint(n)} }
	for n := range documents {
		k.write(key(n), fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", size)))
		k.evict()
	}
	k.write(board, fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", 5*size)))
	k.evict()
	var kept []int
	for n := range documents {
		if _, replayed := k.reopened(key(n)); replayed == 0 {
			kept = append(kept, n)
		}
	}
	if n := len(kept); n < 30 || n > 34 || kept[0] != documents-n {
		t.Errorf("of %d documents the attic has kept %v", documents, kept)
	}
	_, replayed := k.reopened(board)
	equal(t, "replayed of the large document", replayed, 1)
}
