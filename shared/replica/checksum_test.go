package replica_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// checksum is the frame for a document with the given text.
func checksum(t testing.TB, number uint32, at record.Revision, text string) *wire.Checksum {
	t.Helper()
	d, err := doc.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	sum := d.Checksum()
	return &wire.Checksum{Doc: number, Revision: at, Hi: sum.Hi, Lo: sum.Lo}
}

// checksum says what the server's document at the head sums up to.
func (s *stage) checksum(text string) {
	s.t.Helper()
	s.say(checksum(s.t, s.number, s.at.Revision, text))
}

// corrupt changes the confirmed document behind the engine's back.
func (s *stage) corrupt(patch string) {
	s.t.Helper()
	s.line("", "fault "+patch)
	s.doc.Corrupt(parseDelta(s.t, patch))
	s.after()
}

func (s *stage) wantDiverged(n uint64) {
	s.t.Helper()
	if got := s.engine.Diverged(); got != n {
		s.t.Fatalf("%d checksums differed, want %d", got, n)
	}
}

// TestL4_CorruptedReplicaTakesASnapshot, once. It is counted, and the edits that
// wait survive: the one that was sent is sent again as it was, since the server may
// have it, the others are run again on the snapshot, after the checksum of that has
// agreed.
func TestL4_CorruptedReplicaTakesASnapshot(t *testing.T) {
	s := newLive(t, `{"n":7,"title":"a"}`)
	s.edit(`/title="b"`)
	s.corrupt(`{"n":8}`)
	s.commit(theirs(`{"x":1}`))
	opens := s.opens
	s.checksum(`{"n":7,"title":"a","x":1}`)
	s.wantDiverged(1)
	s.edit("/n+") // while the replica is being mended, on what it has
	s.commit(theirs(`{"x":2}`))
	s.opened(`{"n":7,"title":"a","x":2}`, s.at, s.at.Revision, record.MutationID{})
	if s.doc.Live() {
		t.Error("live before the checksum has agreed")
	}
	s.wantPushed(1)
	s.checksum(`{"n":7,"title":"a","x":2}`)
	s.wantPushed(1, 1, 2)
	s.wantView(`{"n":8,"title":"b","x":2}`)
	s.commit(s.mine(1), s.mine(0))
	s.wantSettled(1, 40)
	s.wantSettled(2, 40)
	s.checksum(`{"n":8,"title":"b","x":2}`)
	s.wantDiverged(1)
	if s.opens != opens+1 || s.leaves != 0 {
		t.Errorf("opened %d times more, left %d times", s.opens-opens, s.leaves)
	}
}

// TestL4_ChecksumLooksBelowPendingEdits of every kind: some that others' records
// slipped under, some that lie on top of others' at the same place, one in an
// object that is empty without it. The observer hears nothing of it.
func TestL4_ChecksumLooksBelowPendingEdits(t *testing.T) {
	s := newLive(t, `{"a":1,"gone":{"x":{}},"o":{}}`)
	s.edit("/a=2")
	s.edit("/o/mine=1")
	s.edit("/gone=")
	s.commit(theirs(`{"a":3}`))
	s.commit(theirs(`{"b":{},"o":{"theirs":1}}`))
	s.commit(theirs(`{"gone":{"x":{"y":1}}}`))
	changes, pushed := s.changes, len(s.pushed)
	view := string(s.doc.View().Canonical())
	s.checksum(`{"a":3,"b":{},"gone":{"x":{"y":1}},"o":{"theirs":1}}`)
	s.wantDiverged(0)
	s.wantView(view)
	if s.changes != changes || len(s.pushed) != pushed {
		t.Errorf("%d batches, %d pushes", s.changes-changes, len(s.pushed)-pushed)
	}
	s.commit(s.mine(2), s.mine(1), s.mine(0))
	s.checksum(view)
	s.wantDiverged(0)
}

// TestL4_SnapshotThatDiffers: what the server sends is not what it says that it
// has. There is no use in asking for it for ever. The document is closed, with
// everything that is pending; nothing of that was sent after the first doubt.
func TestL4_SnapshotThatDiffers(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	s.checksum(`{"a":2}`)
	edit := s.edit("/b=1")
	s.opened(`{"a":1}`, s.at, s.at.Revision, record.MutationID{})
	changes := s.changes
	s.checksum(`{"a":2}`)
	s.wantDiverged(2)
	if s.failed != wire.CodeDiverged || s.changes != changes+1 || s.leaves != 1 {
		t.Errorf("failed with %s, %d batches, left %d times", s.failed, s.changes-changes, s.leaves)
	}
	wantRejected(t, s.settled[edit], wire.CodeDiverged)
	s.wantView(`{"a":1}`)
	s.wantPushed()
	opens := s.opens
	s.tick()
	s.disconnect()
	s.connect()
	if s.opens != opens {
		t.Error("it was opened again")
	}
	s.leave()
	s.reopen() // by the user: that is another attempt
	s.opened(`{"a":2}`, s.at, s.at.Revision, record.MutationID{})
	s.checksum(`{"a":2}`)
	s.wantDiverged(2)
}

// TestL4_AgreementEndsTheDoubt: a fault after one that was mended is mended too.
func TestL4_AgreementEndsTheDoubt(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	for n := range uint64(3) {
		s.corrupt(fmt.Sprintf(`{"fault":%d}`, n))
		s.checksum(`{"a":1}`)
		s.wantDiverged(n + 1)
		s.opened(`{"a":1}`, s.at, s.at.Revision, record.MutationID{})
		s.checksum(`{"a":1}`)
		s.wantView(`{"a":1}`)
	}
}

// TestL4_DoubtSurvivesALostConnection: the snapshot did not come before the
// connection broke. The position that the replica is at is not one to continue
// from, not even if the server offers it.
func TestL4_DoubtSurvivesALostConnection(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	s.corrupt(`{"fault":1}`)
	s.checksum(`{"a":1}`)
	s.disconnect()
	s.edit("/b=1")
	s.connect()
	s.refuse(&wire.Opened{Request: s.asked, Doc: s.number, At: s.doc.Position(), Head: s.at.Revision})
	s.disconnect()
	s.connect()
	s.opened(`{"a":1}`, s.at, s.at.Revision, record.MutationID{})
	s.checksum(`{"a":1}`)
	s.wantView(`{"a":1,"b":1}`)
	s.wantPushed(1)
	s.wantDiverged(1)
}

// TestL4_SnapshotOfBefore: the server may send an older state and what followed.
// The checksum is that of the head, and nothing is decided before.
func TestL4_SnapshotOfBefore(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	s.corrupt(`{"fault":1}`)
	s.checksum(`{"a":1}`)
	before := s.at
	rev, data := s.record(theirs(`{"a":2}`))
	s.opened(`{"a":1}`, before, rev, record.MutationID{})
	s.say(&wire.Commit{Doc: s.number, Revision: rev, Record: data})
	s.checksum(`{"a":2}`)
	if !s.doc.Live() {
		t.Error("not live")
	}
	s.wantDiverged(1)
}

// TestL4_DivergenceIsTold with the document and where it was.
func TestL4_DivergenceIsTold(t *testing.T) {
	var told []string
	s := &stage{t: t, mirror: newMirror(t), at: record.Position{Epoch: 0xe, Revision: 10}, number: 5}
	s.engine = replica.New(replica.Config{Random: counter(), OnDiverged: func(key record.Key, at record.Position) {
		told = append(told, fmt.Sprintf("%s r%d", key, at.Revision))
	}})
	s.doc = s.engine.Open(board, s.mirror)
	s.mirror.doc = s.doc
	s.connect()
	s.opened(`{}`, s.at, s.at.Revision, record.MutationID{})
	s.checksum(`{}`)
	s.commit(theirs(`{"a":1}`))
	s.checksum(`{"a":2}`)
	if want := "demo/board r20"; strings.Join(told, ", ") != want {
		t.Errorf("told %q, want %q", told, want)
	}
}

// TestL11_ChecksumOutOfPlace: one of a revision that the replica is not at cannot
// be compared, so the server is not to be trusted with the rest; one of a document
// that is not open is an answer to nobody.
func TestL11_ChecksumOutOfPlace(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	for _, at := range []record.Revision{0, s.at.Revision - 1, s.at.Revision + 1} {
		s.refuse(checksum(t, s.number, at, `{"a":1}`))
	}
	s.say(checksum(t, s.number+1, s.at.Revision, `{}`))
	s.disconnect()
	s.connect()
	s.checksum(`{}`)
	s.opened("", s.at, s.at.Revision, record.MutationID{})
	s.leave()
	s.checksum(`{}`)
	s.wantDiverged(0)
}

// TestL6_ChecksumCostsWhatIsPending: to compare allocates no more in a large
// document than in a small one, once it has been summed up.
func TestL6_ChecksumCostsWhatIsPending(t *testing.T) {
	cost := func(members int) float64 {
		var text strings.Builder
		text.WriteString(`{"n":0`)
		for i := range members {
			fmt.Fprintf(&text, `,"record%d":{"a":%d,"b":"text"}`, i, i)
		}
		text.WriteString("}")
		s := newQuiet(t, text.String())
		for range 3 {
			s.edit("/n+")
		}
		message := wire.Encode(checksum(t, s.number, s.at.Revision, text.String()))
		n := testing.AllocsPerRun(20, func() {
			if err := s.engine.Receive(message); err != nil {
				t.Fatal(err)
			}
		})
		s.wantDiverged(0)
		return n
	}
	if small, large := cost(100), cost(2000); large > small {
		t.Errorf("%v allocations with 100 records, %v with 2000", small, large)
	}
}
