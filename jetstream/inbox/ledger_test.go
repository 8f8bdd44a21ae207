package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// TestL3_InboxManyEventsOfADocument has more than a segment of the ledger holds, and more than is
// kept in the stream once it is settled: imported again by another process, none of them has an
// effect.
func TestL3_InboxManyEventsOfADocument(t *testing.T) {
	b := newBench(t)
	r := b.run(b.documents, nil)
	var lines, ids []string
	prev := ""
	for i := range 3*segmentEntries + 10 {
		id := fmt.Sprint("e", i)
		lines, ids, prev = append(lines, line(board, id, prev, fmt.Sprintf(`{"n":%d}`, i))), append(ids, id), id
	}
	content := fmt.Sprintf(`{"n":%d}`, len(ids)-1)
	r.put(slices.Concat(lines[1000:], lines[:1000])...)
	b.want(board, content, ids...)
	r.stop() // saves the marks, and drops what is settled
	stream, err := b.node.JetStream().Stream(t.Context(), EventStream(partitionOf(eventSubject(key(t, board)))))
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n >= dropAfter {
		t.Errorf("%d settled events are still stored", n)
	}
	r = b.run(b.newDocuments(), nil)
	r.put(lines...)
	b.want(board, content, ids...)
	if s := r.Status(); s.Applied != 0 || s.Delivered != 0 {
		t.Errorf("%+v", s)
	}
	id := "next"
	r.put(line(board, id, prev, `{"n":0}`), line(board, "fork", ids[700], `{"m":0}`), line(board, "late", ids[700], `{"n":1}`))
	b.want(board, `{"m":0,"n":0}`, append(ids, id, "fork")...)
	r.wantParked("late: conflict")
}

// TestInboxAfterCompaction: of a document whose history is forgotten the chain goes on; what
// would need the history is parked.
func TestInboxAfterCompaction(t *testing.T) {
	b := newBench(t)
	r := b.run(b.documents, nil)
	r.put(line(board, "a", "", `{"n":1}`))
	r.put(line(board, "b", "a", `{"n":2}`))
	r.stop()
	compaction := deltalog.Compaction{Rebase: func(ctx context.Context, k record.Key) error { return b.documents.Rebase(ctx, k, record.ClientID{1}) }}
	for range 2 {
		if _, err := b.log.Compact(t.Context(), compaction); err != nil {
			t.Fatal(err)
		}
	}
	first, err := b.log.History(t.Context(), key(t, board), 0, 0)
	if err != nil || first.Messages[0].Record.Prev == 0 {
		t.Fatalf("%v: it is not forgotten: %+v", err, first.Messages[0].Record)
	}
	r = b.run(b.newDocuments(), nil)
	r.put(line(board, "c", "b", `{"n":3}`), line(board, "x", "a", `{"x":3}`), line(board, "a", "", `{"n":1}`))
	r.wantParked("x: forgotten")
	state, err := b.read(board)
	if err != nil || state != `{"n":3}` {
		t.Errorf("%v: %s", err, state)
	}
}

// TestInboxOfAnotherLog: the ledger of a log that was replaced is nothing to the new one.
func TestInboxOfAnotherLog(t *testing.T) {
	b := newBench(t)
	r := b.run(b.documents, nil)
	lines := []string{line(board, "a", "", `{"n":1}`), line(board, "b", "a", `{"n":2}`), line(board, "c", "", `{"n":3}`)}
	r.put(lines...)
	r.stop()
	b.documents.Close()
	for shard := range byte(deltalog.Shards) {
		if err := b.node.JetStream().DeleteStream(t.Context(), deltalog.StreamOfShard(shard)); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if b.log, err = deltalog.Open(t.Context(), deltalog.Config{Conn: b.node.Conn(), JetStream: b.node.JetStream()}); err != nil {
		t.Fatal(err)
	}
	b.documents = b.newDocuments()
	r = b.run(b.documents, nil)
	r.put(lines...)
	b.want(board, `{"n":2}`, "a", "b")
	r.wantParked("c: conflict")
}

// TestBookIsReadAsItWasWritten compares a ledger with what is read of it, at every size around
// the end of a segment.
func TestBookIsReadAsItWasWritten(t *testing.T) {
	b := newBench(t)
	in := b.prepare(b.documents, Config{})
	if _, err := in.open(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	k, err := in.loadBook(t.Context(), key(t, board))
	if err != nil {
		t.Fatal(err)
	}
	for i := range hash(2*segmentEntries + 2) {
		k.applied(i+1, entry{prev: i, revision: record.Revision(i + 7), since: record.Revision(i)}, uint64(i+1))
		if n := i % segmentEntries; n > 1 && n < segmentEntries-2 {
			continue
		}
		if err := in.saveBook(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		got, err := in.loadBook(t.Context(), k.key)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got.entries) != fmt.Sprint(k.entries) || got.last != k.last || got.tip != k.tip || got.segment != k.segment || string(got.tail) != string(k.tail) {
			t.Fatalf("after %d entries: %d are read, last %d, tip %d", i+1, len(got.entries), got.last, got.tip)
		}
	}
	other, err := in.loadBook(t.Context(), k.key)
	if err != nil {
		t.Fatal(err)
	}
	k.add(1, entry{})
	if err := in.saveBook(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	other.add(2, entry{})
	if err := in.saveBook(t.Context(), other); !errors.Is(err, errOutdated) {
		t.Errorf("a ledger that somebody else has written is overwritten: %v", err)
	}
}
