package inbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

const board = "demo/board"

// TestL3_InboxInAnyOrder puts a chain in many orders, each with every event twice: the document
// and the log are the same.
func TestL3_InboxInAnyOrder(t *testing.T) {
	b := newBench(t)
	r := b.run(b.documents, nil)
	const n = 300 // more than a page
	for _, order := range []string{"in order", "shuffled", "reversed"} {
		doc := "demo/" + strings.ReplaceAll(order, " ", "-")
		var lines, ids []string
		prev := ""
		for i := range n {
			id := fmt.Sprint("e", i)
			lines = append(lines, line(doc, id, prev, fmt.Sprintf(`{"n":%d}`, i)))
			ids, prev = append(ids, id), id
		}
		switch order {
		case "reversed":
			slices.Reverse(lines)
		case "shuffled":
			rand.Shuffle(n, func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		}
		if got := r.put(append(lines, lines...)...); got.Stored != 2*n || got.Refused != 0 {
			t.Errorf("%+v", got)
		}
		b.want(doc, fmt.Sprintf(`{"n":%d}`, n-1), ids...)
		// Imported again, by another process.
		r.stop()
		r = b.run(b.newDocuments(), nil)
		r.put(lines...)
		b.want(doc, fmt.Sprintf(`{"n":%d}`, n-1), ids...)
	}
	r.wantParked()
	r.wantGaps()
}

// TestInboxForks has events with one predecessor: those that do not overlap are all applied; of
// those that do the first in the log wins, and the other is parked with what follows it.
func TestInboxForks(t *testing.T) {
	b := newBench(t)
	r := b.run(b.documents, nil)
	r.put(line(board, "a", "", `{"title":"x","o":{}}`))
	r.put(line(board, "b1", "a", `{"left":1}`))
	r.put(line(board, "b2", "a", `{"right":1}`))
	r.put(line(board, "c1", "b1", `{"left":2}`))
	b.want(board, `{"left":2,"o":{},"right":1,"title":"x"}`, "a", "b1", "b2", "c1")
	r.wantParked()
	r.put(line(board, "d1", "c1", `{"right":5}`)) // its author has not seen b2
	r.put(line(board, "e1", "d1", `{"more":1}`))
	r.put(line(board, "d2", "b2", `{"right":2}`)) // this one has
	r.put(line(board, "b3", "a", `{"o":{"deep":1}}`))
	r.put(line(board, "b4", "a", `{"o":null}`)) // below it b3 has written
	b.want(board, `{"left":2,"o":{"deep":1},"right":2,"title":"x"}`, "a", "b1", "b2", "c1", "d2", "b3")
	list := r.wantParked("d1: conflict", "e1: predecessor parked", "b4: conflict")
	for _, p := range list {
		if p.ID == "d1" && (string(p.Delta) != `{"right":5}` || p.Prev != "c1" || p.Key.String() != board || !strings.Contains(p.Detail, `"/right"`)) {
			t.Errorf("parked as %+v", p)
		}
	}
	// What follows a parked event is, also after a restart.
	r.stop()
	r = b.run(b.newDocuments(), nil)
	r.put(line(board, "f1", "e1", `{"more":2}`), line(board, "d1", "c1", `{"right":5}`))
	r.wantParked("d1: conflict", "e1: predecessor parked", "b4: conflict", "f1: predecessor parked")
	if s := r.Status(); s.Parked != 4 || s.NowParked != 1 {
		t.Errorf("%+v", s)
	}
}

// TestInboxForksInOneBatch has forks of which all come at once, and a page that is in the log in
// several records.
func TestInboxForksInOneBatch(t *testing.T) {
	b := newBench(t)
	r := b.run(b.documents, nil)
	r.put(
		line(board, "a", "", `{"n":0}`),
		line(board, "b", "a", `{"n":1}`), line(board, "c", "b", `{"n":2}`),
		line(board, "x", "a", `{"x":1}`), line(board, "y", "x", `{"x":2}`), line(board, "z", "y", `{"n":3}`),
	)
	b.want(board, `{"n":2,"x":2}`, "a", "b", "c", "x", "y")
	r.wantParked("z: conflict")
}

// TestInboxBesideEdits has clients write the document meanwhile: what overlaps with that is
// parked, also when it is not next to it in the chain; the rest is applied at the head.
func TestInboxBesideEdits(t *testing.T) {
	b := newBench(t)
	r := b.run(b.documents, nil)
	r.put(line(board, "a", "", `{"title":"a","n":1}`))
	b.edit(board, `{"title":"live"}`)
	r.put(line(board, "b", "a", `{"n":2}`))
	r.put(line(board, "c", "b", `{"title":"c"}`)) // computed on a's title
	r.put(line(board, "d", "b", `{"n":3}`))
	b.want(board, `{"n":3,"title":"live"}`, "a", "b", "d")
	r.wantParked("c: conflict")
	r.stop()
	r = b.run(b.newDocuments(), nil) // knows it from the log
	r.put(line(board, "e", "d", `{"title":"e"}`), line(board, "f", "d", `{"n":4}`))
	b.want(board, `{"n":4,"title":"live"}`, "a", "b", "d", "f")
	r.wantParked("c: conflict", "e: conflict")
}

// TestInboxFirstEventOfADocumentThatExists is concurrent with all of it.
func TestInboxFirstEventOfADocumentThatExists(t *testing.T) {
	b := newBench(t)
	r := b.run(b.documents, nil)
	b.edit(board, `{"title":"live"}`)
	r.put(line(board, "a", "", `{"title":"a"}`), line(board, "b", "", `{"n":1}`))
	b.want(board, `{"n":1,"title":"live"}`, "b")
	r.wantParked("a: conflict")
}

// TestInboxDeleted parks what was made on a document before that was deleted.
func TestInboxDeleted(t *testing.T) {
	b := newBench(t)
	r := b.run(b.documents, nil)
	r.put(line(board, "a", "", `{"n":1}`))
	h, err := b.documents.Attach(key(t, board), nobody{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := h.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.put(line(board, "b", "a", `{"other":1}`))
	b.want(board, `{}`, "a")
	r.wantParked("b: deleted")
}

// TestInboxRefused parks what the document does not take.
func TestInboxRefused(t *testing.T) {
	b := newBench(t)
	r := b.run(b.documents, nil)
	r.put(line("only/named", "a", "", `{"n":1}`), line("only/named", "b", "a", `{"n":2}`))
	b.want("only/named", `{}`)
	r.wantParked("a: refused", "b: predecessor parked")
	big := strings.Repeat("x", 7_000) // of which nine have room
	prev := ""
	for i := range 11 {
		id := fmt.Sprint("e", i)
		r.put(line(board, id, prev, fmt.Sprintf(`{"m%d":"%s"}`, i, big)))
		prev = id
	}
	var got []hash
	for _, l := range b.history(board) {
		got = append(got, l.id)
	}
	if len(got) != 9 {
		t.Errorf("%d events are in the log, want 9", len(got))
	}
	r.wantParked("a: refused", "b: predecessor parked", "e9: refused", "e10: predecessor parked")
}

// TestL10_InboxGap: an event whose predecessor is not there waits, is listed and survives a
// restart, and holds up neither other documents nor other branches. When the predecessor comes it
// goes on.
func TestL10_InboxGap(t *testing.T) {
	b := newBench(t)
	r := b.run(b.documents, nil)
	r.put(line(board, "a", "", `{"n":1}`), line(board, "c", "b", `{"n":3}`), line(board, "d", "c", `{"n":4}`),
		line("demo/other", "a", "", `{"n":1}`), line(board, "x", "a", `{"x":1}`))
	b.want(board, `{"n":1,"x":1}`, "a", "x")
	b.want("demo/other", `{"n":1}`, "a")
	r.wantGaps(board + ": b")
	since := r.Gaps(1)[0].Since
	for range 2 {
		r.stop()
		r = b.run(b.newDocuments(), nil)
		r.put(line("demo/other", "a", "", `{"n":1}`))
		r.wantGaps(board + ": b")
		if got := r.Gaps(1)[0].Since; !got.Equal(since) {
			t.Errorf("the gap is since %s, was since %s", got, since)
		}
		if s := r.Status(); s.Ranges != 0 || s.Gaps != 1 || s.Applied != 0 {
			t.Errorf("%+v", s) // it is not read again
		}
	}
	r.put(line(board, "b", "a", `{"n":2}`))
	b.want(board, `{"n":4,"x":1}`, "a", "x", "b", "c", "d")
	r.wantGaps()
	r.wantParked()
}

// stuck is documents of which some are lent to nobody.
type stuck struct{ committer }

func (s stuck) Commit(ctx context.Context, key record.Key, client record.ClientID, fn func(Front) error) (record.Revision, error) {
	if key.Space == "stuck" {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return s.committer.Commit(ctx, key, client, fn)
}

// TestL10_InboxStuckDocuments: documents that cannot be written, more than are written at once,
// hold up others for a moment only, and go on when they can be.
func TestL10_InboxStuckDocuments(t *testing.T) {
	b := newBench(t)
	r := b.prepare(b.documents, Config{Exclusive: true, within: 20 * time.Millisecond})
	r.cfg.Documents = stuck{committer{b.documents}}
	r.start()
	var lines []string
	for i := range 3 * lanes {
		lines = append(lines, line(fmt.Sprint("stuck/d", i), "a", "", `{"n":1}`))
	}
	r.store(append(lines, line(board, "a", "", `{"n":1}`))...)
	for s := r.Status(); s.Applied == 0 || s.Failures < uint64(2*len(lines)); s = r.Status() {
		r.wait()
	}
	b.want(board, `{"n":1}`, "a")
	r.stop()
	r = b.run(b.newDocuments(), nil)
	for r.Status().Applied < uint64(len(lines)) {
		r.wait()
	}
	for i := range lines {
		b.want(fmt.Sprint("stuck/d", i), `{"n":1}`, "a")
	}
}

// TestL11_InboxBadLines: what is no event is refused with its line, and the others are taken.
func TestL11_InboxBadLines(t *testing.T) {
	b := newBench(t)
	r := b.run(b.documents, nil)
	long := strings.Repeat("i", 129)
	bad := []struct {
		line string
		want error
	}{
		{`{"id":`, ErrJSON},
		{`[]`, ErrJSON},
		{`{"id":"a","id":"a","doc":"demo/board","prev":"","delta":{}}`, ErrJSON},
		{`{"id":"a","doc":"demo/board","prev":""}`, ErrMember},
		{`{"id":"a","doc":"demo/board","prev":"","delta":{},"more":1}`, ErrMember},
		{line(board, "", "", `{}`), ErrID},
		{line(board, long, "", `{}`), ErrID},
		{line(board, "a", long, `{}`), ErrID},
		{`{"id":"a\u0007","doc":"demo/board","prev":"","delta":{}}`, ErrID},
		{`{"id":7,"doc":"demo/board","prev":"","delta":{}}`, ErrID},
		{`{"id":"a","doc":"demo/board","prev":null,"delta":{}}`, ErrID},
		{line("board", "a", "", `{}`), ErrKey},
		{line(board, "a", "", `[1]`), ErrDelta},
		{line(board, "a", "", `null`), ErrDelta},
		{line(board, "a", "a", `{}`), ErrSelf},
		{line(board, "a", "", `{"x":"`+strings.Repeat("x", MaxDelta)+`"}`), ErrLarge},
		{line(board, "a", "", `{"x":"`+strings.Repeat("x", MaxLine)+`"}`), ErrLarge},
	}
	var lines []string
	for _, c := range bad {
		lines = append(lines, c.line, "")
	}
	lines = append(lines, line(board, "good", "", `{"n":1}`))
	receipt := r.put(lines...)
	if receipt.Stored != 1 || receipt.Refused != len(bad) || len(receipt.Errors) != len(bad) {
		t.Fatalf("%+v", receipt)
	}
	for i, c := range bad {
		if got := receipt.Errors[i]; got.Line != 2*i+1 || !errors.Is(got, c.want) {
			t.Errorf("%.60s: %v, want %v", c.line, got, c.want)
		}
	}
	b.want(board, `{"n":1}`, "good")
}

// TestInboxAwaitsItsFirstEvent: before anything is put there are no streams.
func TestInboxAwaitsItsFirstEvent(t *testing.T) {
	b := newBench(t)
	r := b.run(b.documents, nil)
	if list := r.wantParked(); list != nil {
		t.Error(list)
	}
	for name := range b.node.JetStream().StreamNames(t.Context()).Name() {
		if strings.HasPrefix(name, "RV_INBOX") {
			t.Error(name)
		}
	}
	r.put(line(board, "a", "", `{"n":1}`))
	b.want(board, `{"n":1}`, "a")
}

// TestL9_InboxFull takes no more than there is room for.
func TestL9_InboxFull(t *testing.T) {
	b := newBench(t)
	r := b.prepare(b.documents, Config{Exclusive: true, MaxBytes: 1, MaxParked: 1})
	if receipt := r.store(line(board, "a", "", `{"n":1}`), line(board, "x", "", `{"n":1}`), line(board, "y", "", `{"n":1}`)); receipt.Stored != 3 {
		t.Errorf("%+v", receipt)
	}
	if _, err := r.Put(t.Context(), "", strings.NewReader(line(board, "b", "", `{}`))); !errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
	r.start()
	for r.Status().Failed == 0 { // y is tried again and again
		r.wait()
	}
	r.wantParked("x: conflict")
	b.want(board, `{"n":1}`, "a")
}
