package deltalog_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// state states a document at its tail.
func state(t testing.TB, l *deltalog.Log, key record.Key, tail deltalog.Tail, content string) deltalog.Tail {
	t.Helper()
	return must[deltalog.Tail](t)(l.AppendBase(testContext(t), key, tail, deltalog.Base{Time: 5, Content: []byte(content)}))
}

// replay returns what a reader gets who has nothing: bases in brackets.
func replay(t testing.TB, l *deltalog.Log, key record.Key) (string, deltalog.Tail) {
	t.Helper()
	var all []string
	tail, err := l.Replay(testContext(t), key, deltalog.Tail{}, func(e deltalog.Entry) error {
		if e.Base != nil {
			all = append(all, fmt.Sprintf("[%s]", e.Base.Content))
		} else {
			all = append(all, string(e.Record.Mutations[0].Delta))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list(all), tail
}

// TestL2_Base: a reader who has the records passes over a base; one who has nothing
// begins with it once the records before it are gone, and both end at one position.
func TestL2_Base(t *testing.T) {
	l, n := newLog(t)
	tail := emptyTail(l, board)
	for i := range 3 {
		tail = add(t, l, board, tail, fmt.Sprintf(`{"a":%d}`, i))
	}
	stated := tail.Head
	based := state(t, l, board, tail, "abc")
	equal(t, "head", based.Head, stated)
	if based.Last <= tail.Last {
		t.Fatal("the base was not stored")
	}
	latest := must[deltalog.Entry](t)(l.Latest(testContext(t), board))
	equal(t, "position of the last", latest.Position, stated)
	if _, err := l.Get(testContext(t), board, record.Revision(based.Last)); err != deltalog.ErrNotFound {
		t.Errorf("a base is no revision, but: %v", err)
	}
	tail = add(t, l, board, based, `{"b":1}`)
	all, end := replay(t, l, board)
	equal(t, "records", all, `{"a":0} {"a":1} {"a":2} {"b":1}`)
	equal(t, "tail", end, tail)

	natstest.Forget(t, n.JetStream(), deltalog.Stream(board), based.Last)
	all, end = replay(t, l, board)
	equal(t, "what is left", all, `[abc] {"b":1}`)
	equal(t, "tail", end, tail)
	equal(t, "deltas from the stated position", resumed(t, l, board, stated), `{"b":1}`)
	wrong := stated
	wrong.Chain++
	unknown(t, l, board, wrong)
	unknown(t, l, board, record.Position{Epoch: stated.Epoch, Revision: 1, Chain: 7})
}

// TestL1_LargeBase: a document above the limit of a message is stated in parts. Parts
// between which something else was stored, or of which some are missing, are nothing.
func TestL1_LargeBase(t *testing.T) {
	t.Parallel()
	l, n := newLog(t)
	random := rand.New(rand.NewPCG(1, 2))
	large := make([]byte, 2_500_000)
	for i := range large {
		large[i] = byte(random.Uint32())
	}
	tail := add(t, l, board, emptyTail(l, board), `{"a":1}`)
	part := func(at deltalog.Tail, generation uint64, number, parts uint16) deltalog.Tail {
		rec := record.Record{
			Epoch: at.Head.Epoch, Prev: at.Head.Revision, PrevChain: at.Head.Chain, Kind: record.KindBase,
			Base: &record.Base{Part: number, Parts: parts, Generation: generation, Content: []byte("x")},
		}
		return must[deltalog.Tail](t)(l.Append(testContext(t), board, at, must[[]byte](t)(rec.Encode())))
	}
	first := part(tail, 1, 0, 2) // whoever did this has died
	tail = part(first, 2, 1, 2)
	tail = part(tail, 3, 0, 2)
	tail = add(t, l, board, tail, `{"b":1}`)
	tail = part(tail, 3, 1, 2) // not contiguous, and of another position
	tail = state(t, l, board, tail, string(large))
	end := add(t, l, board, tail, `{"c":1}`)
	natstest.Forget(t, n.JetStream(), deltalog.Stream(board), first.Last)
	all, got := replay(t, l, board)
	if want := "[" + string(large) + `] {"c":1}`; all != want {
		t.Errorf("%d bytes were read, not %d", len(all), len(want))
	}
	equal(t, "tail", got, end)
}

// TestL2_LostBeginning: a log that has lost records, and has no base behind them, is
// damaged. It does not look as if the document had never been.
func TestL2_LostBeginning(t *testing.T) {
	l, n := newLog(t)
	tail := add(t, l, board, emptyTail(l, board), `{"a":1}`)
	add(t, l, board, tail, `{"b":1}`)
	natstest.Forget(t, n.JetStream(), deltalog.Stream(board), tail.Last+1)
	_, err := l.Replay(testContext(t), board, deltalog.Tail{}, func(e deltalog.Entry) error {
		t.Errorf("%s was read", e.Position)
		return nil
	})
	if damaged := wantError[*deltalog.DamagedError](t, err); !strings.Contains(damaged.Error(), "missing") {
		t.Error(err)
	}
}

// TestL2_BaseOfAnotherLog: a document that comes from another log begins with a base,
// which is a revision.
func TestL2_BaseOfAnotherLog(t *testing.T) {
	for _, size := range []int{3, 1_500_000} {
		l, _ := newLog(t)
		content := strings.Repeat("x", size)
		tail := state(t, l, board, emptyTail(l, board), content)
		equal(t, "revision", uint64(tail.Head.Revision), tail.Last)
		end := add(t, l, board, tail, `{"b":1}`)
		all, got := replay(t, l, board)
		equal(t, "records", all == "["+content+`] {"b":1}`, true)
		equal(t, "tail", got, end)
		if _, err := l.AppendBase(testContext(t), board, emptyTail(l, board), deltalog.Base{}); err == nil {
			t.Error("it began twice")
		}
	}
}

// TestL9_TooLargeBase: more than a base may have is refused.
func TestL9_TooLargeBase(t *testing.T) {
	l, _ := newLog(t)
	_, err := l.AppendBase(testContext(t), board, emptyTail(l, board), deltalog.Base{Content: make([]byte, 65<<20)})
	wantError[*deltalog.RefusedError](t, err)
}

// TestL1_BaseInterrupted: a replay that ends within a base has nothing, and begins anew.
func TestL1_BaseInterrupted(t *testing.T) {
	t.Parallel()
	l, n := newLog(t)
	tail := add(t, l, board, emptyTail(l, board), `{"a":1}`)
	end := state(t, l, board, tail, strings.Repeat("x", 3_000_000))
	natstest.Forget(t, n.JetStream(), deltalog.Stream(board), tail.Last+1)
	ctx, cancel := context.WithCancel(testContext(t))
	cancel()
	from, err := l.Replay(ctx, board, deltalog.Tail{}, func(deltalog.Entry) error { return nil })
	if err == nil {
		t.Fatal("it did not end")
	}
	got, err := l.Replay(testContext(t), board, from, func(e deltalog.Entry) error {
		if !bytes.Equal(e.Base.Content, bytes.Repeat([]byte("x"), 3_000_000)) {
			t.Error("the base is not that which was stored")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "tail", got, end)
}

// TestL5_NewsOfABase: who watches a document passes over its bases.
func TestL5_NewsOfABase(t *testing.T) {
	l, _ := newLog(t)
	tail := add(t, l, board, emptyTail(l, board), `{"a":1}`)
	watch := must[*deltalog.Watch](t)(l.Watch(board))
	defer watch.Close()
	based := state(t, l, board, tail, strings.Repeat("x", 1_500_000))
	end := add(t, l, board, based, `{"b":1}`)
	at := tail
	for at != end {
		var err error
		at, err = watch.Take(at, <-watch.News(), func(e deltalog.Entry) error {
			equal(t, "delta", string(e.Record.Mutations[0].Delta), `{"b":1}`)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
