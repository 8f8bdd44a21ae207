package deltalog_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// TestL2_VoidRecordIsVoidForEveryReader stores a record with a wrong
// predecessor and one of another epoch by hand.
func TestL2_VoidRecordIsVoidForEveryReader(t *testing.T) {
	var voids []deltalog.Void
	l, n := newLog(t, func(c *deltalog.Config) {
		c.OnVoid = func(_ record.Key, v deltalog.Void) { voids = append(voids, v) }
	})
	first := add(t, l, board, emptyTail(l, board), `{"a":1}`)
	second := add(t, l, board, first, `{"a":2}`)
	stale := publish(t, n, board, second.Last, encode(t, first.Head, `{"stale":1}`))
	foreign := second.Head
	foreign.Epoch++
	last := publish(t, n, board, stale, encode(t, foreign, `{"foreign":1}`))

	fresh := openLog(t, n)
	for _, reader := range []*deltalog.Log{l, fresh} {
		deltas, tail := read(t, reader, board)
		equal(t, "deltas", list(deltas), `{"a":1} {"a":2}`)
		equal(t, "tail", tail, deltalog.Tail{Head: second.Head, Last: last})
		equal(t, "voids", reader.Voids(), 2)
	}
	equal(t, "reported", len(voids), 2)
	equal(t, "first void", voids[0].Sequence, stale)
	equal(t, "its head", voids[0].Head, second.Head)

	// A writer that has not seen the void records has a conflict, and no more.
	_, err := l.Append(testContext(t), board, second, encode(t, second.Head, `{"a":3}`))
	wantError[*deltalog.ConflictError](t, err)
	_, tail := read(t, l, board)
	tail = add(t, l, board, tail, `{"a":3}`)
	for _, reader := range []*deltalog.Log{l, fresh} {
		deltas, end := read(t, reader, board)
		equal(t, "deltas", list(deltas), `{"a":1} {"a":2} {"a":3}`)
		equal(t, "tail", end, tail)
	}
}

// TestPurgedSubjectExpectsZeroAgain is the ABA of expected sequences: after a
// purge a writer of long ago is let in.
func TestPurgedSubjectExpectsZeroAgain(t *testing.T) {
	l, n := newLog(t)
	first := add(t, l, board, emptyTail(l, board), `{"a":1}`)
	second := add(t, l, board, first, `{"a":2}`)
	purge(t, n, board)

	// The live writer is told.
	_, err := l.Append(testContext(t), board, second, encode(t, second.Head, `{"a":3}`))
	equal(t, "last", wantError[*deltalog.ConflictError](t, err).Last, 0)
	tail, err := l.Replay(testContext(t), board, second, func(deltalog.Entry) error { return nil })
	equal(t, "position", wantError[*deltalog.PositionError](t, err).Position, second.Head)
	equal(t, "tail", tail, second)

	// The late publish is stored, but does not become valid: a document that had
	// records, and has no base in their place, is damaged.
	late := publish(t, n, board, 0, encode(t, first.Head, `{"late":1}`))
	_, err = l.Replay(testContext(t), board, deltalog.Tail{}, func(e deltalog.Entry) error {
		t.Errorf("%s was read", e.Position)
		return nil
	})
	damaged := wantError[*deltalog.DamagedError](t, err)
	equal(t, "sequence", damaged.Sequence, late)
	equal(t, "cause", damaged.Err, deltalog.ErrMissing)
	// Without it the document may begin again.
	purge(t, n, board)
	add(t, l, board, emptyTail(l, board), `{"a":4}`)
	deltas, _ := read(t, l, board)
	equal(t, "deltas", list(deltas), `{"a":4}`)
}

// TestL10_DamagedRecordStopsItsDocumentOnly stores bytes that are no record,
// and a record of a later version.
func TestL10_DamagedRecordStopsItsDocumentOnly(t *testing.T) {
	l, n := newLog(t)
	good := record.Key{Space: "acme", ID: "good"}
	goodTail := add(t, l, good, emptyTail(l, good), `{"g":1}`)
	tail := add(t, l, board, emptyTail(l, board), `{"a":1}`)
	garbage := publish(t, n, board, tail.Last, []byte("garbage"))

	var entries int
	got, err := l.Replay(testContext(t), board, deltalog.Tail{}, func(deltalog.Entry) error { entries++; return nil })
	damaged := wantError[*deltalog.DamagedError](t, err)
	equal(t, "key", damaged.Key, board)
	equal(t, "sequence", damaged.Sequence, garbage)
	wantError[*record.FormatError](t, damaged)
	equal(t, "entries before it", entries, 1)
	equal(t, "tail", got, tail)
	_, err = l.Get(testContext(t), board, record.Revision(garbage))
	wantError[*deltalog.DamagedError](t, err)

	later := record.Key{Space: "acme", ID: "later"}
	data := encode(t, emptyTail(l, later).Head, `{}`)
	data[1] = record.Version + 1
	sequence := publish(t, n, later, 0, data)
	_, err = l.Replay(testContext(t), later, deltalog.Tail{}, func(deltalog.Entry) error { return nil })
	equal(t, "sequence", wantError[*deltalog.DamagedError](t, err).Sequence, sequence)
	equal(t, "version", wantError[*record.VersionError](t, err).Version, record.Version+1)

	add(t, l, good, goodTail, `{"g":2}`)
	deltas, _ := read(t, l, good)
	equal(t, "the other document", list(deltas), `{"g":1} {"g":2}`)
}

func purge(t testing.TB, n *natsd.Node, key record.Key) {
	t.Helper()
	s := must[jetstream.Stream](t)(n.JetStream().Stream(testContext(t), deltalog.Stream(key)))
	if err := s.Purge(testContext(t), jetstream.WithPurgeSubject(deltalog.Subject(key))); err != nil {
		t.Fatal(err)
	}
}
