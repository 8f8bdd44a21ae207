package host_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// counts returns patches that count to n.
func counts(n int) (patches []string) {
	for i := range n {
		patches = append(patches, fmt.Sprintf(`{"n":%d}`, i+1))
	}
	return patches
}

// TestSnapshotWhenDue: after enough records, counted from the last one, after
// enough bytes, and not before.
func TestSnapshotWhenDue(t *testing.T) {
	k := newKeeping(t, func(c *host.Config) { c.SnapshotEvery, c.SnapshotBytes, c.SnapshotIdle = 10, 5000, 4 })
	m := k.join(board)
	write := func(patch string) {
		t.Helper()
		m.edit(patch)
		m.deltas()
	}
	for n := range 2 {
		for _, patch := range counts(10) {
			write(patch)
		}
		k.shelf.await(t, n+1, n+1)
	}
	for _, patch := range counts(5) {
		write(patch)
	}
	m.nothing(k.join(board)) // the host has done what it does after a record
	equal(t, "snapshots at", fmt.Sprint(k.shelf.records()), "[10 20]")
	for _, letter := range []string{"x", "y"} {
		write(fmt.Sprintf(`{"filler":%q}`, strings.Repeat(letter, 3000)))
	}
	k.shelf.await(t, 3, 3)
	equal(t, "snapshots at", fmt.Sprint(k.shelf.records()), "[10 20 27]")

	// As soon as it is larger than SnapshotBytes twice as many have to come.
	write(fmt.Sprintf(`{"filler":%q}`, strings.Repeat("z", 6000)))
	for _, patch := range counts(18) {
		write(patch)
	}
	m.nothing(k.join(board))
	equal(t, "snapshots at", fmt.Sprint(k.shelf.records()), "[10 20 27]")
	write(`{"n":0}`)
	k.shelf.await(t, 4, 4)
	equal(t, "snapshots at", fmt.Sprint(k.shelf.records()), "[10 20 27 47]")
	_, replayed := k.loaded(board)
	equal(t, "replayed", replayed, 0)
}

// TestSnapshotOfAnEvictedDocument is made when enough has come since the last one,
// and brings the next who opens it to where it was.
func TestSnapshotOfAnEvictedDocument(t *testing.T) {
	k := newKeeping(t, func(c *host.Config) { c.SnapshotEvery, c.SnapshotIdle = 1000, 10 })
	k.write(board, counts(9)...)
	k.evict()
	k.write(board, `{"n":0}`)
	k.evict()
	equal(t, "snapshots at", fmt.Sprint(k.shelf.records()), "[10]")
	_, replayed := k.loaded(board)
	equal(t, "replayed", replayed, 0)
	k.write(board, counts(9)...)
	k.evict()
	_, replayed = k.loaded(board)
	equal(t, "replayed", replayed, 9)
	k.write(board, `{"n":1}`)
	k.evict()
	equal(t, "snapshots at", fmt.Sprint(k.shelf.records()), "[10 20]")
}

// TestSnapshotOfALongLog: a document that was never snapshotted is replayed once.
func TestSnapshotOfALongLog(t *testing.T) {
	w := newWorld(t)
	m := w.join(board)
	for _, patch := range counts(50) {
		m.edit(patch)
		m.deltas()
	}
	k := keepingOn(t, w)
	k.join(board).handle.Close()
	k.shelf.await(t, 1, 1)
	_, replayed := k.loaded(board)
	equal(t, "replayed", replayed, 0)
}

// TestL3_DuplicateAfterRehydration: a client submits again what is in the log, after
// the document has left memory and come back from a snapshot. Its last mutation is
// known by its id; an earlier one, of which the snapshot knows the number only, is
// refused so that the client takes a snapshot. Neither takes effect twice.
func TestL3_DuplicateAfterRehydration(t *testing.T) {
	k := newKeeping(t)
	a := k.join(board)
	var sent []host.Submission
	for n := range 10 {
		sent = append(sent, a.edit(fmt.Sprintf(`{"n":%d}`, n)))
		a.deltas()
	}
	a.handle.Close()
	k.evict()

	back := k.joinAs(k.client(1), board, a.at)
	o := back.opened()
	equal(t, "last", o.Last, a.last)
	equal(t, "snapshot", len(o.Snapshot), 0) // it holds what the snapshot holds
	probe := k.join(board)
	back.submit(sent[9])
	back.nothing(probe)
	for _, s := range sent[:9] {
		back.submit(s)
		r := expect[*wire.Reject](back)
		if r.ID != s.ID || r.Code != wire.CodeUnknownMutation || r.Code.Retry() != wire.RetryResync {
			t.Errorf("again %d: %+v", s.ID.Number, r)
		}
	}
	back.edit(`{"n":100}`)
	equal(t, "record", back.deltas(), `{"n":100}`)
	l := k.read(board) // finds what is in the log twice
	equal(t, "mutations", len(l.mutations), 11)
	equal(t, "state", l.state, `{"n":100}`)
}

// TestL8_BaseBeforeTheSnapshot: what was written between the base and the snapshot
// is not known, so the mutation has to run again; one whose base is the snapshot's
// place is judged.
func TestL8_BaseBeforeTheSnapshot(t *testing.T) {
	k := newKeeping(t)
	a := k.write(board, counts(4)...)
	base := a.at
	a = k.write(board, `{"n":5}`)
	k.evict()
	m := k.joinAs(k.client(50), board, base)
	m.opened()
	stale := m.mutation(`{"x":1}`, value("/x"))
	stale.Base = base.Revision
	m.submit(stale)
	equal(t, "conflict", expect[*wire.Conflict](m).ID, stale.ID)
	m.last = stale.Follows
	good := m.mutation(`{"x":1}`, value("/x"))
	good.Base = a.at.Revision
	m.submit(good)
	equal(t, "record", m.deltas(), `{"x":1}`)
}

// TestLargeDocumentComesBack: a document of several megabytes is evicted and comes
// back, from the parts of its snapshot.
func TestLargeDocumentComesBack(t *testing.T) {
	t.Parallel()
	k := newKeeping(t, func(c *host.Config) { c.SnapshotEvery = 1000 })
	var patches []string
	for n := range 8 {
		// No two alike, or it would be one message.
		var text strings.Builder
		for i := range 40_000 {
			fmt.Fprintf(&text, "%x.", uint64(n*40_000+i+1)*0x9e3779b97f4a7c15)
		}
		patches = append(patches, fmt.Sprintf(`{"k%d":%q}`, n, text.String()))
	}
	a := k.write(board, patches...)
	k.evict()
	s, replayed := k.loaded(board)
	equal(t, "replayed", replayed, 0)
	if len(s.Document) < 5<<20 {
		t.Errorf("the document has %d bytes", len(s.Document))
	}
	b := k.joinAs(k.client(1), board, record.Position{})
	o := b.opened()
	equal(t, "last", o.Last, a.last)
	equal(t, "document", len(o.Snapshot), len(s.Document))
	b.last = o.Last
	b.edit(`{"k0":null}`)
	equal(t, "record", b.deltas(), `{"k0":null}`)
}

// TestL10_HeldPut: a snapshot that is not stored for a long time holds up neither
// its document nor another one, and one document makes one at a time.
func TestL10_HeldPut(t *testing.T) {
	k := newKeeping(t)
	release := k.shelf.hold()
	defer release()
	m, other := k.join(board), k.join(notes)
	for _, patch := range counts(50) {
		m.edit(patch)
		equal(t, "record", m.deltas(), patch)
		other.edit(patch)
		equal(t, "the other's record", other.deltas(), patch)
	}
	k.shelf.await(t, 2, 0)
	equal(t, "snapshots", fmt.Sprint(k.shelf.records()), "[5 5]")
	// It leaves nevertheless, and can be opened.
	m.handle.Close()
	other.handle.Close()
	ended := k.evictNow()
	m = k.join(board)
	equal(t, "position", m.at, k.read(board).records[49].Position)
	m.handle.Close()
	release()
	for _, ended := range ended { // when another one has been made
		<-ended
	}
	k.evict()
	for _, key := range []record.Key{board, notes} {
		_, replayed := k.loaded(key)
		equal(t, "replayed", replayed, 0)
	}
}

// TestL9_ManyEvictedWhilePutsAreHeld: the snapshots that wait are bounded; what
// has no place goes without. All can be opened again.
func TestL9_ManyEvictedWhilePutsAreHeld(t *testing.T) {
	k := newKeeping(t)
	release := k.shelf.hold()
	defer release()
	key := func(n int) record.Key { return record.Key{Space: "many", ID: fmt.Sprint(n)} }
	for n := range 3 * host.MaxSaves {
		k.write(key(n), `{"a":1}`)
	}
	for range 2 {
		for _, ended := range k.evictNow() {
			<-ended
		}
		for n := range 3 * host.MaxSaves {
			k.join(key(n)).handle.Close()
		}
	}
	for _, ended := range k.evictNow() {
		<-ended
	}
	k.shelf.await(t, 2, 0)
	if begun, _ := k.shelf.all(); len(begun) > 2 {
		t.Errorf("%d are stored at once", len(begun))
	}
	release()
	k.registry.Settle()
	_, ended := k.shelf.all()
	equal(t, "snapshots", len(ended), host.MaxSaves)
	for n := range 3 * host.MaxSaves {
		k.loaded(key(n))
	}
}

// TestL9_CloseWhilePutsAreHeld: a registry gives snapshots up that are not stored
// in time, those of documents that are being evicted, too.
func TestL9_CloseWhilePutsAreHeld(t *testing.T) {
	k := newKeeping(t)
	defer k.shelf.hold()()
	k.write(board, counts(5)...)
	k.write(notes, counts(5)...)
	k.write(board, counts(5)...) // one is held, and another due
	k.evictNow()
	before := time.Now()
	k.registry.Close()
	if took := time.Since(before); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
	begun, ended := k.shelf.all()
	equal(t, "puts that ended", len(ended), len(begun))
	for _, err := range ended {
		if err == nil {
			t.Error("a held snapshot was stored")
		}
	}
	k.loaded(board)
}

// TestCloseStoresWhatWaits: a snapshot that is being stored when the registry is
// closed is stored.
func TestCloseStoresWhatWaits(t *testing.T) {
	k := newKeeping(t)
	release := k.shelf.hold()
	for n := range host.MaxSaves / 2 {
		k.write(record.Key{Space: "many", ID: fmt.Sprint(n)}, `{"a":1}`)
	}
	for _, ended := range k.evictNow() {
		<-ended
	}
	release()
	k.registry.Close()
	for n := range host.MaxSaves / 2 {
		_, replayed := k.loaded(record.Key{Space: "many", ID: fmt.Sprint(n)})
		equal(t, "replayed", replayed, 0)
	}
	equal(t, "reported", len(k.warnings.take()), 0)
}

// TestPutFails: it is reported, and tried again after as many records as ever, not
// after each.
func TestPutFails(t *testing.T) {
	k := newKeeping(t)
	if err := k.node.JetStream().DeleteStream(testContext(t), "RV_SNAPSHOTS"); err != nil {
		t.Fatal(err)
	}
	m := k.join(board)
	for n, patch := range counts(14) {
		m.edit(patch)
		m.deltas()
		if n == 4 || n == 9 {
			k.shelf.await(t, n/4, n/4)
		}
	}
	m.nothing(k.join(board))
	equal(t, "attempts at", fmt.Sprint(k.shelf.records()), "[5 10]")
	_, ended := k.shelf.all()
	for _, err := range ended {
		if err == nil {
			t.Error("stored without a stream")
		}
	}
	errs := k.warnings.take()
	for range 1000 { // the host may not have heard of the last one yet
		if len(errs) >= 3 {
			break
		}
		m.nothing(k.join(board))
		errs = append(errs, k.warnings.take()...)
	}
	equal(t, "reported", len(errs), 3) // the first is that there was nothing to load from
	for _, err := range errs {
		if errors.As(err, new(*host.SnapshotError)) {
			t.Error(err)
		}
	}
}
