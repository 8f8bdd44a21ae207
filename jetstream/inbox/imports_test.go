package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// TestOutcome counts what is applied and parked by the name under which it was put.
func TestOutcome(t *testing.T) {
	b := newBench(t)
	r := b.run(b.documents, nil)
	put := func(name string, lines ...string) {
		t.Helper()
		receipt, err := r.Put(t.Context(), name, strings.NewReader(strings.Join(lines, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		r.settled(receipt)
	}
	put("one", line(board, "a", "", `{"n":1}`), line(board, "x", "", `{"n":2}`), line(board, "d", "c", `{"n":4}`))
	put("", line(board, "b", "a", `{"n":2}`))
	put("two", line(board, "a", "", `{"n":1}`), line(board, "c", "b", `{"n":3}`))
	for name, want := range map[string]Outcome{"one": {Applied: 2, Parked: 1}, "two": {Applied: 1}, "three": {}, "": {}} {
		if got := r.Outcome(name); got != want {
			t.Errorf("%q: %+v, want %+v", name, got, want)
		}
	}
	for _, bad := range []string{"a b", strings.Repeat("x", 65), "a\r\nb"} {
		if _, err := r.Put(t.Context(), bad, strings.NewReader(line(board, "e", "d", `{}`))); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// late is documents of which the first record is stored, and the answer comes too late.
type late struct {
	committer
	answers atomic.Int32
}

func (l *late) Commit(ctx context.Context, key record.Key, client record.ClientID, fn func(Front) error) (record.Revision, error) {
	rev, err := l.committer.Commit(ctx, key, client, fn)
	if err == nil && l.answers.Add(1) == 1 {
		return 0, context.DeadlineExceeded
	}
	return rev, err
}

// TestOutcomeOfALateAnswer: what turns out to be in the log was applied, and is counted once.
func TestOutcomeOfALateAnswer(t *testing.T) {
	b := newBench(t)
	r := b.prepare(b.documents, Config{Exclusive: true})
	r.cfg.Documents = &late{committer: committer{b.documents}}
	r.start()
	receipt, err := r.Put(t.Context(), "one", strings.NewReader(line(board, "a", "", `{"n":1}`)+"\n"+line(board, "x", "", `{"n":2}`)))
	if err != nil {
		t.Fatal(err)
	}
	for s := r.Status(); s.Failed > 0 || !s.Settled(receipt.Until); s = r.Status() {
		r.wait()
	}
	b.want(board, `{"n":1}`, "a")
	if got, want := r.Outcome("one"), (Outcome{Applied: 1, Parked: 1}); got != want || r.Status().Applied != 1 || r.Status().NowParked != 1 {
		t.Errorf("%+v, want %+v; %+v", got, want, r.Status())
	}
}

// TestL9_OutcomesAreForgotten: those of the imports that came first.
func TestL9_OutcomesAreForgotten(t *testing.T) {
	var i imports
	for n := range maxImports + 10 {
		i.of(fmt.Sprint(n)).Applied++
		i.of(fmt.Sprint(n)).Applied++
	}
	if len(i.counts) != maxImports || len(i.names) != maxImports || i.counts["9"] != nil || i.counts["10"].Applied != 2 {
		t.Errorf("%d are remembered", len(i.counts))
	}
}
