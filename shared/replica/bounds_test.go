package replica_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// newQuiet returns a live stage that keeps no transcript.
func newQuiet(t *testing.T, snapshot string, change ...func(*wire.Welcome)) *stage {
	t.Helper()
	s := &stage{t: t, mirror: newMirror(t), at: record.Position{Epoch: 0xe, Revision: 10}, number: 5}
	s.engine = replica.New(replica.Config{Random: counter()})
	s.doc = s.engine.Open(board, s.mirror)
	s.mirror.doc = s.doc
	s.engine.Connected()
	w := welcome()
	for _, c := range change {
		c(w)
	}
	s.say(w)
	s.opened(snapshot, s.at, 10, record.MutationID{})
	return s
}

// TestL9_MaxPending: an edit too many is refused without a trace; the place of
// one that is confirmed is free again.
func TestL9_MaxPending(t *testing.T) {
	s := newQuiet(t, `{}`)
	set := func(n int) func(*doc.Tx) error { return transaction(fmt.Sprintf("/n=%d", n)) }
	for n := range replica.MaxPending {
		if _, err := s.mutate(uint64(n), set(n)); err != nil {
			t.Fatal(n, err)
		}
	}
	before := string(s.doc.View().Canonical())
	if _, err := s.mutate(1<<40, set(-1)); !errors.Is(err, replica.ErrTooManyPending) {
		t.Fatalf("one more: %v", err)
	}
	s.wantView(before)
	s.after()
	first := by(me, s.pushed[0].ID, string(s.pushed[0].Delta))
	s.commit(first)
	if _, err := s.mutate(1<<40, set(-1)); err != nil {
		t.Errorf("after one was confirmed: %v", err)
	}
}

// TestL9_DeltaTooLarge: an edit above the server's bound leaves no trace, the
// first time as well as when it runs again.
func TestL9_DeltaTooLarge(t *testing.T) {
	s := newQuiet(t, `{"size":1}`, func(w *wire.Welcome) { w.MaxDelta = 100 })
	if _, err := s.mutate(1, transaction(`/a="`+strings.Repeat("x", 100)+`"`)); !errors.Is(err, replica.ErrDeltaTooLarge) {
		t.Fatalf("the error is %v", err)
	}
	s.wantView(`{"size":1}`)

	grows := func(tx *doc.Tx) error {
		size, _ := tx.Get("/size")
		return tx.Set("/text", []byte(`"`+strings.Repeat("x", len(size)*10)+`"`))
	}
	if _, err := s.mutate(2, grows); err != nil {
		t.Fatal(err)
	}
	if _, err := s.mutate(3, transaction("/b=1")); err != nil {
		t.Fatal(err)
	}
	s.after()
	s.commit(theirs(`{"size":12345678901234567890}`))
	s.conflict(1)
	if err := s.settled[2].Err; !errors.Is(err, replica.ErrDeltaTooLarge) {
		t.Errorf("the second run's outcome: %v", err)
	}
	s.wantOpen(3)
	s.wantView(`{"b":1,"size":12345678901234567890}`)
}

// TestL9_Reads: a transaction that read more than can be sent says that it read
// everything, so that it conflicts with every change.
func TestL9_Reads(t *testing.T) {
	whole := []delta.Read{delta.WholeDocument}
	for _, c := range []struct {
		name  string
		count int
		long  int
		want  int
	}{
		{"as many as can be told apart", doc.MaxReads - 2, 1, doc.MaxReads - 1},
		{"one more", doc.MaxReads + 1, 1, 1},
		{"long names", 200, 1000, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newQuiet(t, `{}`)
			if _, err := s.mutate(1, func(tx *doc.Tx) error {
				for n := range c.count {
					tx.Get(delta.PointerOf(fmt.Sprintf("%0*d", c.long, n)))
				}
				return tx.Set("/a", []byte("1"))
			}); err != nil {
				t.Fatal(err)
			}
			s.after()
			reads := s.pushed[0].Reads
			if len(reads) != c.want || c.want == 1 && reads[0] != whole[0] {
				t.Errorf("%d reads, the first is %v", len(reads), reads[0])
			}
		})
	}
}

// TestL9_MessagesStayWithinTheServersBound, and join what fits.
func TestL9_MessagesStayWithinTheServersBound(t *testing.T) {
	const limit = 2000
	s := newQuiet(t, `{}`, func(w *wire.Welcome) { w.MaxMessage = limit })
	for n := range 100 {
		if _, err := s.mutate(uint64(n), transaction(fmt.Sprintf(`/n%d="%s"`, n, strings.Repeat("x", 100)))); err != nil {
			t.Fatal(err)
		}
	}
	messages, pushes := 0, 0
	for message := s.engine.TakeOutput(); message != nil; message = s.engine.TakeOutput() {
		messages++
		if len(message) > limit {
			t.Errorf("a message of %d bytes", len(message))
		}
		for len(message) > 0 {
			_, rest, err := wire.Decode(message)
			if err != nil {
				t.Fatal(err)
			}
			pushes, message = pushes+1, rest
		}
	}
	if pushes != 100 || messages > 15 {
		t.Errorf("%d pushes in %d messages", pushes, messages)
	}
}

// TestReadLog passes questions and answers through, with their numbers.
func TestReadLog(t *testing.T) {
	var answers []string
	e := replica.New(replica.Config{Random: counter(), OnLogPage: func(request uint32, page *wire.LogPage, fault *wire.Fault) {
		answers = append(answers, fmt.Sprint(request, page != nil, fault != nil))
	}})
	if e.ReadLog(board, 0, 0) != 0 {
		t.Error("asked without a connection")
	}
	e.Connected()
	if err := e.Receive(wire.Encode(welcome())); err != nil {
		t.Fatal(err)
	}
	first, second := e.ReadLog(board, 7, 3), e.ReadLog(board, 0, 0)
	asked := frames(t, e)[1:]
	if f := asked[0].(*wire.ReadLog); f.Request != first || f.Key != board.String() || f.After != 7 || f.Limit != 3 {
		t.Errorf("asked %+v", f)
	}
	for _, f := range []wire.Frame{
		&wire.Fault{Request: second, Key: board.String(), Code: wire.CodeDamaged},
		&wire.LogPage{Request: first},
	} {
		if err := e.Receive(wire.Encode(f)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{fmt.Sprint(second, false, true), fmt.Sprint(first, true, false)}
	if fmt.Sprint(answers) != fmt.Sprint(want) {
		t.Errorf("answers %v, want %v", answers, want)
	}
}
