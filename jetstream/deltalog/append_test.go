package deltalog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

func TestAppendThenReplay(t *testing.T) {
	l, _ := newLog(t)
	deltas, tail := read(t, l, board)
	equal(t, "new document", list(deltas), "")
	equal(t, "its tail", tail, emptyTail(l, board))

	tail = add(t, l, board, tail, `{"a":1}`)
	tail = add(t, l, board, tail, `{"a":2}`)
	other := record.Key{Space: "acme", ID: "other"}
	add(t, l, other, emptyTail(l, other), `{"x":1}`)
	last := add(t, l, board, tail, `{"a":3}`)
	deltas, end := read(t, l, board)
	equal(t, "deltas", list(deltas), `{"a":1} {"a":2} {"a":3}`)
	equal(t, "tail", end, last)

	// From a position only, as from a snapshot.
	var later []string
	end, err := l.Replay(testContext(t), board, deltalog.Tail{Head: tail.Head}, func(e deltalog.Entry) error {
		later = append(later, string(e.Record.Mutations[0].Delta))
		return nil
	})
	equal(t, "error", err, nil)
	equal(t, "later", list(later), `{"a":3}`)
	equal(t, "tail", end, last)
}

func TestAppendConflict(t *testing.T) {
	l, _ := newLog(t)
	empty := emptyTail(l, board)
	mine := add(t, l, board, empty, `{"a":"mine"}`)
	tail, err := l.Append(testContext(t), board, empty, encode(t, empty.Head, `{"a":"theirs"}`))
	conflict := wantError[*deltalog.ConflictError](t, err)
	equal(t, "key", conflict.Key, board)
	equal(t, "last", conflict.Last, mine.Last)
	equal(t, "tail", tail, empty)
	deltas, _ := read(t, l, board)
	equal(t, "deltas", list(deltas), `{"a":"mine"}`)
}

func TestAppendRefuses(t *testing.T) {
	l, _ := newLog(t)
	empty := emptyTail(l, board)
	for name, data := range map[string][]byte{
		"not a record": []byte("{}"),
		"too large":    encode(t, empty.Head, `{"a":"`+strings.Repeat("x", record.MaxSize)+`"}`),
		"not next":     encode(t, record.Position{Epoch: empty.Head.Epoch, Revision: 7}, `{}`),
	} {
		_, err := l.Append(testContext(t), board, empty, data)
		if e := wantError[*deltalog.RefusedError](t, err); (name == "not next") != errors.Is(e, deltalog.ErrNotNext) {
			t.Errorf("%s: %v", name, e)
		}
	}
	_, err := l.Append(testContext(t), board, deltalog.Tail{}, encode(t, record.Position{}, `{}`))
	wantError[*deltalog.PositionError](t, err)
	_, err = l.Append(testContext(t), record.Key{Space: "a.b", ID: "c"}, empty, encode(t, empty.Head, `{}`))
	wantError[*record.KeyError](t, err)
	if _, tail := read(t, l, board); tail != empty {
		t.Fatalf("something was stored: %+v", tail)
	}
}

func TestAppendTakesTheLargestRecord(t *testing.T) {
	t.Parallel()
	l, _ := newLog(t)
	tail := emptyTail(l, board)
	// More than one batch of direct gets holds.
	for range 6 {
		overhead := len(encode(t, tail.Head, strings.Repeat("x", 1<<17))) - 1<<17
		delta := strings.Repeat("x", record.MaxSize-overhead)
		equal(t, "size", len(encode(t, tail.Head, delta)), record.MaxSize)
		tail = add(t, l, board, tail, delta)
	}
	deltas, end := read(t, l, board)
	equal(t, "records", len(deltas), 6)
	equal(t, "tail", end, tail)
}

// TestL3_RacingWriters has two servers append to one document without knowing
// of each other.
func TestL3_RacingWriters(t *testing.T) {
	t.Parallel()
	n := startNode(t, natsdConfig(t))
	const each = 500
	var wg sync.WaitGroup
	for w := range 2 {
		l := openLog(t, n)
		wg.Go(func() { write(t, l, board, fmt.Sprintf("w%d", w), each, nil) })
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	deltas, _ := read(t, openLog(t, n), board)
	checkOnce(t, deltas, each, "w0", "w1")
}

// write appends count deltas `{"<name>":<n>}`, replaying after each conflict,
// and reports each on progress unless that is nil.
func write(t testing.TB, l *deltalog.Log, key record.Key, name string, count int, progress chan<- struct{}) {
	ctx := testContext(t)
	tail := emptyTail(l, key)
	for n := 0; n < count; {
		next, err := l.Append(ctx, key, tail, encode(t, tail.Head, fmt.Sprintf(`{%q:%d}`, name, n)))
		if err == nil {
			tail = next
			n++
			if progress != nil {
				progress <- struct{}{}
			}
			continue
		}
		var conflict *deltalog.ConflictError
		if !errors.As(err, &conflict) {
			t.Error(err)
			return
		}
		if tail, err = l.Replay(ctx, key, tail, func(deltalog.Entry) error { return nil }); err != nil {
			t.Error(err)
			return
		}
	}
}

// checkOnce checks that each writer's deltas are all there, once, in order.
func checkOnce(t testing.TB, deltas []string, each int, names ...string) {
	t.Helper()
	equal(t, "records", len(deltas), each*len(names))
	seen := map[string]int{}
	for _, d := range deltas {
		for _, name := range names {
			if d == fmt.Sprintf(`{%q:%d}`, name, seen[name]) {
				seen[name]++
			}
		}
	}
	for _, name := range names {
		equal(t, name+" in order", seen[name], each)
	}
}

func TestGet(t *testing.T) {
	l, _ := newLog(t)
	ctx := testContext(t)
	tail := add(t, l, board, emptyTail(l, board), `{"a":1}`)
	e := must[deltalog.Entry](t)(l.Get(ctx, board, tail.Head.Revision))
	equal(t, "position", e.Position, tail.Head)
	equal(t, "delta", string(e.Record.Mutations[0].Delta), `{"a":1}`)
	for key, rev := range map[record.Key]record.Revision{
		board:                           tail.Head.Revision + 1,
		{Space: "acme", ID: "other"}:    tail.Head.Revision,
		{Space: "acme", ID: "no-such"}:  0,
		{Space: "nowhere", ID: "board"}: 1,
	} {
		_, err := l.Get(ctx, key, rev)
		if !errors.Is(err, deltalog.ErrNotFound) {
			t.Errorf("%s at %d: %v", key, rev, err)
		}
	}
}

func TestReplayStopsAtTheReadersError(t *testing.T) {
	l, _ := newLog(t)
	tail := emptyTail(l, board)
	first := add(t, l, board, tail, `{"a":1}`)
	second := add(t, l, board, first, `{"a":2}`)
	enough := errors.New("enough")
	got, err := l.Replay(testContext(t), board, tail, func(e deltalog.Entry) error {
		if e.Position == second.Head {
			return enough
		}
		return nil
	})
	equal(t, "error", err, enough)
	equal(t, "tail", got, first)
}

func TestReplayEndsWithItsContext(t *testing.T) {
	l, n := newLog(t)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := l.Replay(ctx, board, deltalog.Tail{}, func(deltalog.Entry) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}
