package deltalog_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// scanAll reads a shard page by page.
func scanAll(t *testing.T, s *deltalog.Scanner, after uint64, limit int) (all []deltalog.Message, to uint64) {
	t.Helper()
	for more := true; more; {
		page, err := s.Read(testContext(t), after, limit, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Messages) > limit {
			t.Fatalf("%d messages, of at most %d", len(page.Messages), limit)
		}
		all, after, more = append(all, page.Messages...), page.To, page.More
	}
	return all, after
}

// TestL2_Scan: a shard is read in the order in which it was stored, from wherever one was,
// by pages of any size, and also by way of a consumer when there is much.
func TestL2_Scan(t *testing.T) {
	l, n := newLog(t)
	a, b := record.Key{Space: "s", ID: "a"}, record.Key{Space: "s", ID: "b"}
	other := record.Key{ID: "x"}
	for i := 0; other.Space == "" || deltalog.Stream(other) != deltalog.Stream(a); i++ {
		other.Space = fmt.Sprint("other", i)
	}
	tails := map[record.Key]deltalog.Tail{a: emptyTail(l, a), b: emptyTail(l, b), other: emptyTail(l, other)}
	type place struct {
		key record.Key
		seq uint64
	}
	var want []place
	const many = 3_000 // more than is read without a consumer
	for i := range many {
		key := []record.Key{a, b, other}[i%3]
		seq := publish(t, n, key, tails[key].Last, encode(t, tails[key].Head, `{"n":1}`))
		tails[key] = deltalog.Tail{Head: record.Position{Epoch: l.Epoch(key), Revision: record.Revision(seq), Chain: 1}, Last: seq}
		want = append(want, place{key, seq})
	}
	for _, space := range []string{"", "s"} {
		s, err := l.Scanner(deltalog.ShardOf("s"), space)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, c := range []struct{ after, limit int }{{0, 250}, {0, 7}, {100, 250}, {many - 10, 4}, {many, 10}} {
			got, to := scanAll(t, s, uint64(c.after), c.limit)
			if to != many {
				t.Errorf("from %d by %d: read to %d", c.after, c.limit, to)
			}
			i := 0
			for _, w := range want[c.after:] {
				if space != "" && w.key.Space != space {
					continue
				}
				if i >= len(got) || got[i].Key != w.key || got[i].Sequence != w.seq || got[i].Err != nil {
					t.Fatalf("from %d by %d: message %d is %+v, want %+v", c.after, c.limit, i, got[min(i, len(got)-1)], w)
				}
				i++
			}
			equal(t, fmt.Sprintf("messages from %d by %d", c.after, c.limit), len(got), i)
		}
		first, last, err := s.Ends(testContext(t))
		if err != nil || first != 1 || last != many {
			t.Errorf("the shard is from %d to %d, %v", first, last, err)
		}
	}
	s, err := l.Scanner(deltalog.ShardOf("s"), "s")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	publish(t, n, a, tails[a].Last, encode(t, tails[a].Head, `{"n":2}`))
	select {
	case <-s.Wake():
	case <-testContext(t).Done():
		t.Fatal("what is stored wakes nobody")
	}
	got, _ := scanAll(t, s, many, 10)
	equal(t, "messages that came", len(got), 1)
}

// TestL2_PastAgreesWithReading: what is before a message is what a reader has who has read
// up to there, with void records, bases and damage in between.
func TestL2_PastAgreesWithReading(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	l, n := newLog(t)
	for d := range 12 {
		key := record.Key{Space: "s", ID: fmt.Sprint("d", d)}
		tail := emptyTail(l, key)
		var heads []record.Position
		for i := range 25 {
			switch r.IntN(6) {
			case 0: // void: it follows an older record
				if len(heads) > 1 {
					tail.Last = publish(t, n, key, tail.Last, encode(t, heads[r.IntN(len(heads)-1)], fmt.Sprintf(`{"void":%d}`, i)))
					continue
				}
			case 1:
				if len(heads) > 0 {
					tail = state(t, l, key, tail, fmt.Sprint("base ", i))
					continue
				}
			}
			heads = append(heads, tail.Head)
			tail = add(t, l, key, tail, fmt.Sprintf(`{"n":%d}`, i))
		}
		page, err := l.History(testContext(t), key, 0, 0)
		if err != nil || page.More {
			t.Fatal(page.More, err)
		}
		at := emptyTail(l, key)
		for i := range page.Messages {
			m := &page.Messages[i]
			for _, valid := range []bool{true, false} { // which all that are named here are
				past, err := l.Past(testContext(t), m, valid)
				if err != nil {
					t.Fatal(err)
				}
				if past.Tail.Head.Epoch == 0 {
					past.Tail.Head.Epoch = at.Head.Epoch // of nothing
				}
				if past.Tail.Head != at.Head || past.Forgotten {
					t.Fatalf("%s: before %d there is %+v, want %+v", key, m.Sequence, past, at.Head)
				}
			}
			if m.Record.Continues(at.Head) && m.Record.Kind != record.KindBase {
				at.Head = record.Position{Epoch: at.Head.Epoch, Revision: record.Revision(m.Sequence), Chain: record.ChainOf(m.Data)}
			}
		}
	}
}

// TestL9_ScanOfLargeRecords: a page has no more than so many bytes, a consumer's too.
func TestL9_ScanOfLargeRecords(t *testing.T) {
	l, n := newLog(t)
	key := record.Key{Space: "s", ID: "a"}
	head := emptyTail(l, key).Head
	small, large := encode(t, head, `{"n":1}`), encode(t, head, `{"n":"`+strings.Repeat("n", 900_000)+`"}`)
	last := uint64(0)
	for range 2_300 { // more than is read without a consumer
		last = publish(t, n, key, last, small)
	}
	for range 20 {
		last = publish(t, n, key, last, large)
	}
	s, err := l.Scanner(deltalog.ShardOf("s"), "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for after, more := uint64(0), true; more; {
		page, err := s.Read(testContext(t), after, 250, 0)
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, m := range page.Messages {
			size += len(m.Data)
		}
		if size > 6<<20 {
			t.Errorf("a page has %d bytes", size)
		}
		after, more = page.To, page.More
		equal(t, "end", more, after < last)
	}
}
