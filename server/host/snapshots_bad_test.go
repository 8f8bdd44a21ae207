package host_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// head returns what is stored as a document's snapshot.
func (k *keeping) head(key record.Key) []byte {
	k.t.Helper()
	s, err := k.node.JetStream().Stream(testContext(k.t), "RV_SNAPSHOTS")
	if err != nil {
		k.t.Fatal(err)
	}
	m, err := s.GetLastMsgForSubject(testContext(k.t), snapshot.Subject(key))
	if err != nil {
		k.t.Fatal(err)
	}
	return m.Data
}

// replace stores bytes as a document's snapshot.
func (k *keeping) replace(key record.Key, data []byte) {
	k.t.Helper()
	if _, err := k.node.JetStream().PublishMsg(testContext(k.t), &nats.Msg{Subject: snapshot.Subject(key), Data: data}); err != nil {
		k.t.Fatal(err)
	}
}

func is[E error](err error) bool { return errors.As(err, new(E)) }

// purge removes the messages of subjects.
func (k *keeping) purge(stream, subject string) {
	k.t.Helper()
	s, err := k.node.JetStream().Stream(testContext(k.t), stream)
	if err == nil {
		err = s.Purge(testContext(k.t), jetstream.WithPurgeSubject(subject))
	}
	if err != nil {
		k.t.Fatal(err)
	}
}

// TestL2_BadSnapshots: whatever is the matter with a snapshot, the document is
// replayed from its log and is what it was; the reason is reported; another document
// is loaded from its own snapshot; and the next one that is made is good.
func TestL2_BadSnapshots(t *testing.T) {
	t.Parallel()
	k := newKeeping(t, func(c *host.Config) { c.SnapshotEvery = 1000 })
	var text bytes.Buffer
	for i := range 100_000 {
		fmt.Fprintf(&text, "%x.", uint64(i+1)*0x9e3779b97f4a7c15)
	}
	large := record.Key{Space: "demo", ID: "large"}
	k.write(large, fmt.Sprintf(`{"a":%q}`, text.String()[:text.Len()/2]), fmt.Sprintf(`{"b":%q}`, text.String()[text.Len()/2:]))
	k.write(notes, counts(3)...)
	k.write(board, counts(3)...)
	k.evict()
	put := func(key record.Key, change func(*snapshot.Snapshot)) {
		t.Helper()
		s, err := k.shelf.Get(testContext(t), key)
		if err != nil {
			t.Fatal(err)
		}
		change(&s)
		if err := k.shelf.Store.Put(testContext(t), key, s); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []struct {
		what   string
		key    record.Key
		damage func()
		want   func(error) bool
	}{
		{"a byte is changed", board, func() {
			data := bytes.Clone(k.head(board))
			data[len(data)/2] ^= 4
			k.replace(board, data)
		}, is[*snapshot.DamagedError]},
		{"it is cut short", board, func() { k.replace(board, k.head(board)[:20]) }, is[*snapshot.DamagedError]},
		{"it is empty", board, func() { k.replace(board, nil) }, is[*snapshot.DamagedError]},
		{"a part is missing", large, func() { k.purge("RV_SNAPSHOTS", snapshot.Subject(large)+".*.1") }, is[*snapshot.DamagedError]},
		{"it is another document's", board, func() { k.replace(board, k.head(notes)) }, is[*snapshot.DamagedError]},
		{"it is of a later version", board, func() { k.replace(board, []byte{0x92, snapshot.Version + 1, 0xc0}) }, is[*snapshot.VersionError]},
		{"it is of another log", board, func() { put(board, func(s *snapshot.Snapshot) { s.At.Epoch++ }) }, is[*host.SnapshotError]},
		{"it is of another history", board, func() { put(board, func(s *snapshot.Snapshot) { s.At.Chain++ }) }, is[*host.SnapshotError]},
		{"it is ahead of the log", board, func() { put(board, func(s *snapshot.Snapshot) { s.At.Revision += 1000; s.Records += 1000 }) }, is[*host.SnapshotError]},
		{"it is at another document's record", board, func() {
			put(board, func(s *snapshot.Snapshot) { s.At = k.read(notes).records[2].Position; s.Records = 1 })
		}, is[*host.SnapshotError]},
		{"its document is not what was summed up", board, func() {
			put(board, func(s *snapshot.Snapshot) { s.Document = []byte(`{"n":4}`) })
		}, is[*host.SnapshotError]},
	} {
		bad.damage()
		k.warnings.take()
		_, replayed := k.loaded(bad.key)
		l := k.read(bad.key)
		equal(t, bad.what+": replayed", replayed, len(l.records))
		if errs := k.warnings.take(); len(errs) != 1 || !bad.want(errs[0]) {
			t.Errorf("%s: reported %v", bad.what, errs)
		}
		_, replayed = k.loaded(notes)
		equal(t, bad.what+": replayed of another document", replayed, 0)

		// By a host: it opens, takes edits, and leaves a good one.
		m := k.join(bad.key)
		equal(t, bad.what+": position", m.at, l.records[len(l.records)-1].Position)
		m.edit(`{"n":7}`)
		equal(t, bad.what+": record", m.deltas(), `{"n":7}`)
		m.handle.Close()
		k.evict()
		k.warnings.take()
		_, replayed = k.loaded(bad.key)
		equal(t, bad.what+": replayed afterwards", replayed, 0)
		equal(t, bad.what+": reported afterwards", len(k.warnings.take()), 0)
	}
}

// TestL2_DeletedSnapshots: the stream is deleted under a registry. All documents can
// be opened and edited.
func TestL2_DeletedSnapshots(t *testing.T) {
	k := newKeeping(t)
	k.write(board, counts(5)...)
	k.evict()
	before := len(k.shelf.puts())
	if err := k.node.JetStream().DeleteStream(testContext(t), "RV_SNAPSHOTS"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		k.write(board, counts(5)...)
		k.evict()
	}
	_, ended := k.shelf.all()
	if len(ended) <= before || slices.Contains(ended[before:], nil) {
		t.Errorf("%d puts before, then they ended with %v", before, ended)
	}
	s, replayed := k.loaded(board)
	equal(t, "replayed", replayed, 15)
	equal(t, "document", string(s.Document), `{"n":5}`)
}

// TestL2_WipedLogWithOldSnapshots: nothing of a document comes back with its
// snapshot when its log is gone.
func TestL2_WipedLogWithOldSnapshots(t *testing.T) {
	k := newKeeping(t)
	k.write(board, counts(5)...)
	k.evict()
	k.registry.Close()
	if err := k.node.JetStream().DeleteStream(testContext(t), deltalog.Stream(board)); err != nil {
		t.Fatal(err)
	}
	k = keepingOn(t, k.world)
	s, _ := k.loaded(board)
	equal(t, "document", string(s.Document), `{}`)
	equal(t, "clients", len(s.Clients), 0)
	if errs := k.warnings.take(); len(errs) != 1 || !is[*host.SnapshotError](errs[0]) {
		t.Errorf("reported %v", errs)
	}
	m := k.joinAs(k.client(1), board, record.Position{})
	equal(t, "last", m.opened().Last, record.MutationID{})
	m.edit(`{"new":1}`)
	equal(t, "record", m.deltas(), `{"new":1}`)
}

// TestL2_PurgedLogWithOldSnapshots: nor when somebody has taken the document out of
// the log.
func TestL2_PurgedLogWithOldSnapshots(t *testing.T) {
	k := newKeeping(t)
	k.write(notes, counts(3)...)
	k.write(board, counts(5)...)
	k.evict()
	k.purge(deltalog.Stream(board), deltalog.Subject(board))
	s, _ := k.loaded(board)
	equal(t, "document", string(s.Document), `{}`)
	if errs := k.warnings.take(); len(errs) != 1 || !is[*host.SnapshotError](errs[0]) || !is[*deltalog.PositionError](errs[0]) {
		t.Errorf("reported %v", errs)
	}
}
