package doc_test

import (
	"testing"

	"github.com/rivulet-sync/rivulet/shared/doc"
)

// memory is a mirror that counts the writes of transactions, which the document does
// not say.
type memory struct {
	mirror
	doc    *doc.Doc
	writes int
	saved  []int
	last   uint64 // transaction
}

func (m *memory) Changed(name string, now doc.Value) {
	m.mirror.Changed(name, now)
	if transaction := m.doc.OnRevert(m, 1); transaction != 0 {
		m.saved, m.last = append(m.saved, m.writes), transaction
		m.writes++
	}
}

func (m *memory) Revert() {
	last := len(m.saved) - 1
	m.writes, m.saved = m.saved[last], m.saved[:last]
}

// TestL7_OnRevert: derived state that knows more than the document is told of what is
// taken back, of a transaction as of a part of one, and of nothing else.
func TestL7_OnRevert(t *testing.T) {
	d := parseDoc(t, `{"o":{}}`)
	m := &memory{doc: d}
	defer d.Derive("/o", m)()
	want := func(writes int) {
		t.Helper()
		if m.writes != writes {
			t.Errorf("%d writes, want %d", m.writes, writes)
		}
	}
	set := func(tx *doc.Tx, names ...string) {
		t.Helper()
		for _, name := range names {
			at := m.writes
			if err := tx.Merge(parseDelta(t, `{"o":{"`+name+`":1}}`)); err != nil {
				t.Fatal(err)
			}
			want(at + 1)
		}
	}
	if _, err := d.Update(func(tx *doc.Tx) error {
		set(tx, "a")
		savepoint(t, tx, fails, func(tx *doc.Tx) {
			set(tx, "b", "c")
			savepoint(t, tx, commits, func(tx *doc.Tx) { set(tx, "d") })
			savepoint(t, tx, panics, func(tx *doc.Tx) { set(tx, "e") })
			want(4)
		})
		want(1) // though a is right before that
		set(tx, "f")
		savepoint(t, tx, fails, func(*doc.Tx) {})
		want(2)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	first := m.last
	if _, err := d.Update(func(tx *doc.Tx) error { set(tx, "g", "h"); return errRefused }); err != errRefused {
		t.Fatal(err)
	}
	if want(2); m.last == first {
		t.Errorf("two transactions have the number %d", first)
	}
	d.Apply(parseDelta(t, `{"o":{"i":1}}`))
	if want(2); d.OnRevert(m, 0) != 0 {
		t.Error("there is a transaction")
	}
}
