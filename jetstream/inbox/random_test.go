package inbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/shared/delta"
)

// made is an event of a random history.
type made struct{ id, prev, patch string }

// randomHistory returns the events of a document: a tree, of which some are never put, and in
// which members are written by several branches.
func randomHistory(r *rand.Rand, n int) (put []made) {
	var all []made
	for i := range n {
		e := made{id: fmt.Sprint("e", i), patch: randomPatch(r)}
		if len(all) > 0 && r.IntN(20) > 0 {
			back := 1
			if r.IntN(4) == 0 {
				back = 1 + r.IntN(len(all))
			}
			e.prev = all[len(all)-back].id
		}
		all = append(all, e)
		if r.IntN(30) > 0 {
			put = append(put, e)
		}
	}
	return put
}

func randomPatch(r *rand.Rand) string {
	switch r.IntN(8) {
	case 0:
		return fmt.Sprintf(`{"o":{"m%d":%d}}`, r.IntN(40), r.IntN(100))
	case 1:
		return fmt.Sprintf(`{"m%d":null,"p":{"q%d":{"r":1}}}`, r.IntN(40), r.IntN(9))
	}
	return fmt.Sprintf(`{"m%d":%d}`, r.IntN(40), r.IntN(100))
}

// TestL3_InboxRandomHistories puts random trees of events, in any order, some twice, while
// clients edit the documents, and kills the inbox now and then. In the end a dumb look at the
// definitions, event by event, finds in the log and among what is parked what has to be there.
func TestL3_InboxRandomHistories(t *testing.T) {
	for seed := range uint64(*seeds) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			testRandomHistory(t, seed)
		})
	}
}

func testRandomHistory(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 5))
	b := newBench(t)
	docs := map[string][]made{}
	var lines []string
	for i := range 3 {
		doc := fmt.Sprint("demo/d", i)
		docs[doc] = randomHistory(r, 60)
		for _, e := range docs[doc] {
			for range 1 + r.IntN(6)/5 {
				lines = append(lines, line(doc, e.id, e.prev, e.patch))
			}
		}
	}
	if r.IntN(3) > 0 {
		r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	}
	var until [Partitions]uint64
	remember := []int{1, 5_000, 0}[r.IntN(3)]
	for chunk := range slices.Chunk(lines, 1+r.IntN(100)) {
		if r.IntN(3) == 0 {
			b.edit(fmt.Sprint("demo/d", r.IntN(3)), fmt.Sprintf(`{"m%d":"live %d"}`, r.IntN(40), r.IntN(100)))
		}
		c := newCrash(1 + r.IntN(40))
		in := b.prepare(b.newDocuments(), Config{step: c.step, Exclusive: true, remember: remember})
		in.start()
		receipt := in.store(chunk...)
		for p, position := range receipt.Until {
			until[p] = max(until[p], position)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		go func() {
			select {
			case <-c.dead:
				cancel()
			case <-ctx.Done():
			}
		}()
		_ = in.Settle(ctx, receipt.Until) // or it was killed
		cancel()
		in.stop()
	}
	in := b.run(b.newDocuments(), nil)
	in.settled(Receipt{Until: until})
	parked, err := in.Parked(t.Context(), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if t.Failed() {
			t.Logf("%+v", in.Status())
			t.Logf("%+v", in.Gaps(10))
		}
	}()
	for doc, events := range docs {
		of := map[string]Parked{}
		for _, p := range parked {
			if p.Key.String() == doc {
				of[p.ID] = p
			}
		}
		b.judge(doc, events, of)
	}
}

// judge compares a document with the definitions.
func (b *bench) judge(doc string, events []made, parked map[string]Parked) {
	b.t.Helper()
	byID, byHash := map[string]made{}, map[hash]made{}
	for _, e := range events {
		byID[e.id], byHash[hashOf(e.id)] = e, e
	}
	ancestors := func(e made) map[hash]bool {
		set := map[hash]bool{}
		for e.prev != "" {
			set[hashOf(e.prev)] = true
			e = byID[e.prev]
		}
		return set
	}
	history := b.history(doc)
	place := map[string]int{}
	for i, l := range history {
		if l.id == 0 {
			continue
		}
		e, is := byHash[l.id]
		if _, twice := place[e.id]; !is || twice {
			b.t.Errorf("%s: %q is in the log a second time, or was never put", doc, e.id)
		}
		place[e.id] = i
		if string(l.delta.Bytes()) != e.patch {
			b.t.Errorf("%s: %s has the delta %s, want %s", doc, e.id, l.delta.Bytes(), e.patch)
		}
		if _, after := place[e.prev]; e.prev != "" && !after {
			b.t.Errorf("%s: %s is in the log before %s", doc, e.id, e.prev)
		}
		seen := ancestors(e)
		for _, other := range history[:i] {
			if !seen[other.id] && overlap(l.delta, other.delta) {
				b.t.Errorf("%s: %s overwrites what its author has not seen: %s over %s", doc, e.id, e.patch, other.delta.Bytes())
			}
		}
	}
	for _, e := range events {
		p, isParked := parked[e.id]
		_, isApplied := place[e.id]
		_, prevApplied := place[e.prev]
		_, prevParked := parked[e.prev]
		prevApplied = prevApplied || e.prev == ""
		switch {
		case isParked && isApplied:
			b.t.Errorf("%s: %s is applied and parked", doc, e.id)
		case !prevApplied && !prevParked && (isParked || isApplied):
			b.t.Errorf("%s: %s does not wait for %s", doc, e.id, e.prev)
		case (prevApplied || prevParked) && !isParked && !isApplied:
			b.t.Errorf("%s: %s is lost", doc, e.id)
		case prevParked && (!isParked || p.Reason != Follows):
			b.t.Errorf("%s: %s follows a parked event, and is %q", doc, e.id, p.Reason)
		case isParked && prevApplied:
			seen := ancestors(e)
			patch := delta.Trusted([]byte(e.patch))
			if p.Reason != Conflict || !slices.ContainsFunc(history, func(l logged) bool { return !seen[l.id] && overlap(patch, l.delta) }) {
				b.t.Errorf("%s: %s is parked for no reason: %s: %s", doc, e.id, p.Reason, p.Detail)
			}
		}
	}
}

// overlap compares all places that two patches write.
func overlap(a, b delta.Delta) bool {
	any := false
	a.Leaves(func(p delta.Pointer) bool {
		b.Leaves(func(q delta.Pointer) bool {
			any = any || p.Contains(q) || q.Contains(p)
			return true
		})
		return true
	})
	return any
}

// TestRate puts much, and says how fast it was taken; the flag says how much.
func TestRate(t *testing.T) {
	b := newBench(t)
	r := b.run(b.documents, nil)
	var lines []string
	const each = 100
	for d := range *rate {
		prev := ""
		for i := range each {
			id := fmt.Sprint("e", i)
			lines = append(lines, line(fmt.Sprint("demo/d", d), id, prev, fmt.Sprintf(`{"n":%d,"m%d":"text of some length"}`, i, i%10)))
			prev = id
		}
	}
	rand.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	began := time.Now()
	receipt, err := r.Put(t.Context(), "", strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	stored := time.Since(began)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	if err := r.Settle(ctx, receipt.Until); err != nil {
		t.Fatalf("%v: %+v", err, r.Status())
	}
	took := time.Since(began)
	t.Logf("%d events of %d documents: stored in %s (%.0f/s), applied in %s (%.0f/s); %+v", len(lines), *rate,
		stored.Round(time.Millisecond), float64(len(lines))/stored.Seconds(), took.Round(time.Millisecond), float64(len(lines))/took.Seconds(), r.Status().Stats)
	for d := range *rate {
		if n := len(b.history(fmt.Sprint("demo/d", d))); n != each {
			t.Fatalf("document %d has %d events", d, n)
		}
	}
	r.wantParked()
	r.wantGaps()
}
