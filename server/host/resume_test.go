package host_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// history makes records and returns the position before the first one and after
// each.
func (w *world) history(patches ...string) []record.Position {
	w.t.Helper()
	m := w.join(board)
	positions := []record.Position{m.at}
	for _, patch := range patches {
		m.edit(patch)
		m.deltas()
		positions = append(positions, m.at)
	}
	return positions
}

// filler makes a document large enough that a few records are fewer bytes.
var filler = fmt.Sprintf(`{"filler":%q}`, strings.Repeat("x", 10_000))

// TestResumeFromAPosition sends what is missing and nothing else.
func TestResumeFromAPosition(t *testing.T) {
	w := newWorld(t)
	at := w.history(filler, `{"a":1}`, `{"a":2}`, `{"a":3}`)
	for i, want := range map[int]string{1: `{"a":1}{"a":2}{"a":3}`, 3: `{"a":3}`, 4: ""} {
		m := w.joinAs(w.client(100), board, at[i])
		o := m.opened()
		if len(o.Snapshot) > 0 || o.At != at[i] || o.Head != at[4].Revision {
			t.Errorf("from record %d: a snapshot of %d bytes, at %s, head %d", i, len(o.Snapshot), o.At, o.Head)
		}
		got := ""
		for m.at != at[4] {
			got += m.deltas()
		}
		equal(t, "deltas", got, want)
		m.handle.Close()
	}
}

// TestResumeNeedsASnapshot: positions from which the host cannot, or should not,
// continue.
func TestResumeNeedsASnapshot(t *testing.T) {
	w := newWorld(t, func(c *host.Config) { c.KeepRecords = 3 })
	at := w.history(filler, `{"a":1}`, `{"a":2}`, `{"a":3}`, `{"a":4}`)
	head := at[len(at)-1]
	change := func(p record.Position, fn func(*record.Position)) record.Position { fn(&p); return p }
	for name, from := range map[string]record.Position{
		"nothing":                {},
		"before the first":       at[0],
		"too long ago":           at[1],
		"another epoch":          change(head, func(p *record.Position) { p.Epoch++ }),
		"another chain":          change(head, func(p *record.Position) { p.Chain++ }),
		"another chain, earlier": change(at[3], func(p *record.Position) { p.Chain = at[4].Chain }),
		"between two records":    change(head, func(p *record.Position) { p.Revision-- }),
		"beyond the head":        change(head, func(p *record.Position) { p.Revision++ }),
	} {
		t.Run(name, func(t *testing.T) {
			m := w.joinAs(w.client(100), board, from)
			defer m.handle.Close()
			o := m.opened()
			if len(o.Snapshot) < 10_000 || o.At != head || o.Head != head.Revision {
				t.Errorf("a snapshot of %d bytes, at %s, head %d", len(o.Snapshot), o.At, o.Head)
			}
		})
	}
	m := w.joinAs(w.client(101), board, at[2])
	if o := m.opened(); len(o.Snapshot) > 0 || o.At != at[2] {
		t.Errorf("from the edge of the window: a snapshot of %d bytes, at %s", len(o.Snapshot), o.At)
	}
}

// TestResumeWithFewerBytes: when what is missing is more than the document, the
// document is sent.
func TestResumeWithFewerBytes(t *testing.T) {
	w := newWorld(t)
	large := fmt.Sprintf(`{"a":%q}`, strings.Repeat("x", 2000))
	at := w.history(`{"a":1}`, large, large, `{"a":1}`, `{"a":2}`)
	m := w.joinAs(w.client(100), board, at[1])
	o := m.opened()
	equal(t, "snapshot", string(o.Snapshot), `{"a":2}`)
	equal(t, "its position", o.At, at[5])
	m = w.joinAs(w.client(101), board, at[3])
	o = m.opened()
	equal(t, "snapshot", string(o.Snapshot), "")
	equal(t, "deltas", m.deltas()+m.deltas(), `{"a":1}{"a":2}`)
}

// TestEmptyDocument is at revision 0, in the log's epoch.
func TestEmptyDocument(t *testing.T) {
	w := newWorld(t)
	o := w.joinAs(w.client(1), board, record.Position{}).opened()
	equal(t, "snapshot", string(o.Snapshot), `{}`)
	equal(t, "position", o.At, record.Position{Epoch: w.log.Epoch(board)})
	equal(t, "head", o.Head, 0)
	equal(t, "request", o.Request, 1)
}
