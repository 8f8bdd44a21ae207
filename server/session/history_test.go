package session_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// page asks for a page of history.
func (p *peer) page(key record.Key, after record.Revision, limit uint32) *wire.LogPage {
	p.t.Helper()
	p.request++
	p.send(&wire.ReadLog{Request: p.request, Key: key.String(), After: after, Limit: limit})
	page := expect[*wire.LogPage](p)
	if page.Request != p.request {
		p.t.Fatalf("the answer to request %d came, want %d", page.Request, p.request)
	}
	return page
}

// TestHistory comes in pages that chain, from the beginning or from a revision,
// in the stored bytes; the document need not be open.
func TestHistory(t *testing.T) {
	w := newWorld(t)
	p, reader := w.greet(), w.greet()
	p.open(board)
	var commits []*wire.Commit
	for n := range 10 {
		p.send(p.push(board, fmt.Sprintf(`{"n":%d}`, n)))
		commits = append(commits, expect[*wire.Commit](p))
	}
	check := func(page *wire.LogPage, more bool, from, to int) {
		t.Helper()
		if len(page.Entries) != to-from || page.More != more {
			t.Fatalf("%d entries, more %t; want %d, %t", len(page.Entries), page.More, to-from, more)
		}
		for i, e := range page.Entries {
			if c := commits[from+i]; e.Revision != c.Revision || !bytes.Equal(e.Record, c.Record) {
				t.Errorf("entry %d is not the record at %d", i, c.Revision)
			}
		}
	}
	check(reader.page(board, 0, 0), false, 0, 10)
	check(reader.page(board, 0, 4), true, 0, 4)
	check(reader.page(board, commits[3].Revision, 4), true, 4, 8)
	check(reader.page(board, commits[7].Revision, 4), false, 8, 10)
	check(reader.page(board, commits[9].Revision, 4), false, 10, 10)
	check(reader.page(record.Key{Space: "demo", ID: "none"}, 0, 0), false, 0, 0)

	// Large records make a page short.
	large := fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", 150<<10))
	for range 3 {
		p.send(p.push(board, large))
		commits = append(commits, expect[*wire.Commit](p))
	}
	check(reader.page(board, commits[9].Revision, 0), true, 10, 11)
	check(reader.page(board, 0, 1<<31), true, 0, 11)
}

// TestL11_HistoryThatIsNotThere is answered with a fault for the request, and
// the client may go on.
func TestL11_HistoryThatIsNotThere(t *testing.T) {
	w := newWorld(t)
	p := w.greet()
	p.open(board)
	p.open(notes)
	p.send(p.push(board, `{"n":1}`))
	rev := expect[*wire.Commit](p).Revision
	damaged := record.Key{Space: "demo", ID: "damaged"}
	if _, err := w.node.JetStream().PublishMsg(testContext(t), &nats.Msg{Subject: deltalog.Subject(damaged), Data: []byte("garbage")}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		key   string
		after record.Revision
		code  wire.Code
	}{
		{"no key", "demo", 0, wire.CodeBadKey},
		{"a revision that does not exist", board.String(), rev + 1000, wire.CodeBadKey},
		{"a revision of another document", notes.String(), rev, wire.CodeBadKey},
		{"a damaged document", damaged.String(), 0, wire.CodeDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.request++
			p.send(&wire.ReadLog{Request: p.request, Key: c.key, After: c.after})
			if f := expect[*wire.Fault](p); f.Code != c.code || f.Request != p.request {
				t.Errorf("the fault is %+v", f)
			}
		})
	}
	if page := p.page(board, 0, 0); len(page.Entries) != 1 {
		t.Errorf("%d entries", len(page.Entries))
	}
}
