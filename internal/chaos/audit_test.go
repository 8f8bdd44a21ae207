package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// end is a document after its last record.
type end struct {
	at    record.Position
	state string
	sum   doc.Checksum
}

// reporter is told what is wrong.
type reporter interface {
	Errorf(format string, args ...any)
}

// audit holds the log of a document against what the clients know of it.
type audit struct {
	t     reporter
	key   record.Key
	paper *paper

	doc     *doc.Doc
	count   int // transactions that count
	seen    int // mutations that a client was shown
	edits   map[edit]record.Revision
	authors map[author]bool
	at      record.Position
}

// author is what a client may use once.
type author struct {
	client record.ClientID
	number uint64
}

func newAudit(t reporter, key record.Key, p *paper) *audit {
	return &audit{
		t: t, key: key, paper: p, doc: doc.New(),
		edits: make(map[edit]record.Revision), authors: make(map[author]bool),
	}
}

// replay passes all records of a document there ever were to fn, in order.
type replay func(ctx context.Context, key record.Key, fn func(deltalog.Entry) error) error

// auditAll reads the log.
func (c *crowd) auditAll(ctx context.Context, log replay) (ends [documents]end) {
	c.t.Helper()
	c.auditPairs(ctx, log)
	acknowledged, unheard, happened, seen, resets := 0, 0, 0, 0, 0
	for n := range documents {
		a := newAudit(c.t, keyOf(n), &c.papers[n])
		if err := log(ctx, a.key, a.take); err != nil {
			c.t.Fatal(err)
		}
		acknowledged += len(a.paper.acknowledged)
		unheard += len(a.paper.unheard)
		seen += a.seen
		resets += a.paper.resets
		happened += a.settle()
		ends[n] = end{a.at, string(a.doc.Canonical()), a.doc.Checksum()}
	}
	c.t.Logf("%d edits acknowledged, %d mutations seen, %d snapshots taken; of %d edits nobody has heard, %d of those happened",
		acknowledged, seen, resets, unheard, happened)
	return ends
}

// auditPairs looks for torn transactions over two documents. A server that was killed may
// have sent one just before, which NATS stores when one document has been read and the
// other has not: what differs is read again.
func (c *crowd) auditPairs(ctx context.Context, log replay) {
	c.t.Helper()
	count := 0
	for n := range pairs {
		left, right := c.readPair(ctx, log, n)
		for deadline := time.Now().Add(within / 4); !slices.Equal(left, right); left, right = c.readPair(ctx, log, n) {
			if time.Now().After(deadline) {
				c.t.Errorf("%v are torn: %s and %s", pairOf(n), left, right)
				break
			}
		}
		count += len(left)
	}
	c.t.Logf("%d times two documents changed together", count)
	if count == 0 {
		c.t.Error("no two documents ever changed together")
	}
}

// readPair returns what was ever written to two documents.
func (c *crowd) readPair(ctx context.Context, log replay, n int) (left, right []string) {
	c.t.Helper()
	for i, key := range pairOf(n) {
		err := log(ctx, key, func(e deltalog.Entry) error {
			for _, m := range e.Record.Mutations {
				if i == 0 {
					left = append(left, string(m.Delta))
				} else {
					right = append(right, string(m.Delta))
				}
			}
			return nil
		})
		if err != nil {
			c.t.Fatal(err)
		}
	}
	return left, right
}

// take is told of each record.
func (a *audit) take(e deltalog.Entry) error {
	for i, m := range e.Record.Mutations {
		by := author{m.Client, m.ID.Number}
		if a.authors[by] {
			a.t.Errorf("%s: mutation %d of %s is in the log twice", a.key, by.number, by.client)
		}
		a.authors[by] = true
		if shown, ok := a.paper.seen[place{e.Position.Revision, i}]; ok {
			a.seen++
			if shown != string(m.Delta) {
				a.t.Errorf("%s at %d: a client was shown %s, the log has %s", a.key, e.Position.Revision, shown, m.Delta)
			}
		}
		delete(a.paper.seen, place{e.Position.Revision, i})
		if err := a.judge(e.Position.Revision, m.Delta); err != nil {
			a.t.Errorf("%s at %d: %s: %v", a.key, e.Position.Revision, m.Delta, err)
		}
		a.doc.Apply(delta.Trusted(m.Delta))
	}
	a.at = e.Position
	return nil
}

// judge looks at one mutation: which edit is it, and is it whole?
func (a *audit) judge(rev record.Revision, text []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	var e edit
	for name, raw := range members {
		if writer, ok := strings.CutPrefix(name, "w"); ok {
			var err error
			if e.writer, err = strconv.Atoi(writer); err != nil {
				return err
			}
			if err = json.Unmarshal(raw, &e.number); err != nil {
				return err
			}
		}
	}
	if e.number == 0 || e.number > a.paper.begun[e.writer] {
		return fmt.Errorf("nobody has made %+v", e)
	}
	if before, ok := a.edits[e]; ok {
		return fmt.Errorf("it is at %d, too", before)
	}
	a.edits[e] = rev
	want := fmt.Sprintf(`{"w%d":%d}`, e.writer, e.number)
	switch (e.writer + e.number) % 3 {
	case 0:
		a.count++ // no other has counted to that
		want = fmt.Sprintf(`{"count":%d,"w%d":%d}`, a.count, e.writer, e.number)
	case 1:
		want = fmt.Sprintf(`{"left":"%[1]d.%[2]d","right":"%[1]d.%[2]d","w%[1]d":%[2]d}`, e.writer, e.number)
	}
	var as map[string]json.RawMessage
	if err := json.Unmarshal([]byte(want), &as); err != nil {
		return err
	}
	if fmt.Sprint(as) != fmt.Sprint(members) {
		return fmt.Errorf("it should be %s", want)
	}
	return nil
}

// settle looks for what is missing, and returns how many edits have happened of which
// nobody has heard.
func (a *audit) settle() (happened int) {
	for e, rev := range a.paper.acknowledged {
		got, ok := a.edits[e]
		// Who finds it in a snapshot is told of that one's revision.
		if !ok || got > rev || got < rev && a.paper.resets == 0 {
			a.t.Errorf("%s: %+v was acknowledged at %d, and the log has it at %d", a.key, e, rev, got)
		}
	}
	for e := range a.edits {
		if _, ok := a.paper.acknowledged[e]; ok {
			continue
		}
		happened++
		if !a.paper.unheard[e] {
			a.t.Errorf("%s: %+v is in the log, and its author waits for it", a.key, e)
		}
	}
	for at, d := range a.paper.seen {
		a.t.Errorf("%s at %d: a client was shown %s, and it is not in the log", a.key, at.revision, d)
	}
	return happened
}

// compare holds what a client has against the log.
func compare(t *testing.T, who string, d *client.Doc, want end) {
	t.Helper()
	var sum doc.Checksum
	d.Read(func(view *doc.Doc) { sum = view.Checksum() })
	if at, got := d.Position(), string(d.Get()); at != want.at || got != want.state || sum != want.sum {
		t.Errorf("%s has %s at %s as\n%s\nand the log at %s as\n%s", who, d.Key(), at, got, want.at, want.state)
	}
}
