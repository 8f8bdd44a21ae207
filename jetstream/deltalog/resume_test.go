package deltalog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// resumed returns the deltas after a position, and checks that a replay from there
// yields the same.
func resumed(t testing.TB, l *deltalog.Log, key record.Key, from record.Position) string {
	t.Helper()
	var got, want []string
	tail, err := l.Resume(testContext(t), key, from, func(e deltalog.Entry) error {
		got = append(got, string(e.Record.Mutations[0].Delta))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	end, err := l.Replay(testContext(t), key, deltalog.Tail{Head: from}, func(e deltalog.Entry) error {
		want = append(want, string(e.Record.Mutations[0].Delta))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "tail", tail, end)
	equal(t, "deltas", list(got), list(want))
	return list(got)
}

// unknown checks that the log does not have a position.
func unknown(t testing.TB, l *deltalog.Log, key record.Key, from record.Position) {
	t.Helper()
	_, err := l.Resume(testContext(t), key, from, func(e deltalog.Entry) error {
		t.Errorf("the record at %s was read from %s", e.Position, from)
		return nil
	})
	equal(t, "position", wantError[*deltalog.PositionError](t, err).Position, from)
}

// TestL2_Resume: from every position of the log what follows is read, void records
// are passed over; from any other nothing.
func TestL2_Resume(t *testing.T) {
	l, n := newLog(t)
	other := record.Key{Space: board.Space, ID: "other"}
	tail := emptyTail(l, board)
	at := []record.Position{tail.Head}
	for i := range 600 { // more than two batches
		if i%50 == 7 {
			add(t, l, other, mustTail(t, l, other), `{"o":1}`)
		}
		if i == 300 {
			tail.Last = publish(t, n, board, tail.Last, encode(t, at[10], `{"void":1}`))
			unknown(t, l, board, record.Position{Epoch: tail.Head.Epoch, Revision: record.Revision(tail.Last), Chain: tail.Head.Chain})
		}
		tail = add(t, l, board, tail, fmt.Sprintf(`{"a":%d}`, i))
		at = append(at, tail.Head)
	}
	for _, i := range []int{0, 1, 2, 299, 300, 301, 343, 344, 345, 346, 598, 599, 600} {
		got := resumed(t, l, board, at[i])
		equal(t, "read", len(strings.Fields(got)), 600-i)
	}
	for _, change := range []func(*record.Position){
		func(p *record.Position) { p.Epoch++ },
		func(p *record.Position) { p.Chain++ },
		func(p *record.Position) { p.Revision++ },
		func(p *record.Position) { p.Revision = 10_000 },
		func(p *record.Position) { p.Revision = record.Revision(mustTail(t, l, other).Last) },
	} {
		for _, i := range []int{5, 600} {
			from := at[i]
			change(&from)
			unknown(t, l, board, from)
		}
	}
	unknown(t, l, other, at[600])
	purge(t, n, board)
	unknown(t, l, board, at[600])
	unknown(t, l, board, at[1])
}

func mustTail(t testing.TB, l *deltalog.Log, key record.Key) deltalog.Tail {
	t.Helper()
	return must[deltalog.Tail](t)(l.Replay(testContext(t), key, deltalog.Tail{}, func(deltalog.Entry) error { return nil }))
}

// TestResumeStopsAtTheReadersError, and at what cannot be read.
func TestResumeStopsAtTheReadersError(t *testing.T) {
	l, n := newLog(t)
	first := add(t, l, board, emptyTail(l, board), `{"a":1}`)
	second := add(t, l, board, first, `{"a":2}`)
	third := add(t, l, board, second, `{"a":3}`)
	enough := errors.New("enough")
	tail, err := l.Resume(testContext(t), board, first.Head, func(e deltalog.Entry) error {
		if e.Position == third.Head {
			return enough
		}
		return nil
	})
	if err != enough {
		t.Errorf("the error is %v", err)
	}
	equal(t, "tail", tail, second)
	garbage := publish(t, n, board, third.Last, []byte("garbage"))
	tail, err = l.Resume(testContext(t), board, first.Head, func(deltalog.Entry) error { return nil })
	equal(t, "sequence", wantError[*deltalog.DamagedError](t, err).Sequence, garbage)
	equal(t, "tail", tail, third)
}

// TestL2_ResumeThroughFaults: a message is lost on its way, and the replica that
// answers has nothing yet. What the leader has counts.
func TestL2_ResumeThroughFaults(t *testing.T) {
	f := newFaulty(t)
	tail := emptyTail(f.Log, board)
	var at []record.Position
	for n := range 5 {
		tail = add(t, f.Log, board, tail, fmt.Sprintf(`{"a":%d}`, n))
		at = append(at, tail.Head)
	}
	check := func() {
		t.Helper()
		var got []string
		end, err := f.Resume(testContext(t), board, at[1], func(e deltalog.Entry) error {
			got = append(got, string(e.Record.Mutations[0].Delta))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "tail", end, tail)
		equal(t, "deltas", list(got), `{"a":2} {"a":3} {"a":4}`)
	}
	for sequence := 2; sequence <= 5; sequence++ {
		f.proxy.Inspect(nil, natstest.Times(1, func(fr natstest.Frame) bool {
			return strings.Contains(string(fr.Payload), fmt.Sprintf("Nats-Sequence: %d\r\n", sequence))
		}, func(*natstest.Pipe, natstest.Frame) natstest.Action { return natstest.Drop }))
		check()
	}
	f.proxy.Inspect(natstest.Times(1000, func(fr natstest.Frame) bool {
		return natstest.IsPublish(fr, "$JS.API.DIRECT.GET."+deltalog.Stream(board))
	}, func(x *natstest.Pipe, fr natstest.Frame) natstest.Action {
		x.Answer(t, fr, "NATS/1.0 404 Message Not Found\r\n\r\n", "")
		return natstest.Drop
	}), nil)
	check()
	wrong := at[1]
	wrong.Chain++
	unknown(t, f.Log, board, wrong)
	equal(t, "voids", f.Voids(), 0)
}
