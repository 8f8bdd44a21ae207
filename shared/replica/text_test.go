package replica_test

import (
	"testing"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/text"
)

// write is a transaction that writes a text.
func (s *stage) write(what string, fn func(*doc.Tx) error) uint64 {
	s.t.Helper()
	s.tag++
	s.line("", what)
	if _, err := s.mutate(s.tag, fn); err != nil {
		s.t.Fatal(err)
	}
	s.after()
	return s.tag
}

// TestEditsOfWhatAFunctionInserts: a function inserts a text, which is deleted again;
// then something else is. When the function runs again and inserts the same, the
// deletions are still those of what they were of.
func TestEditsOfWhatAFunctionInserts(t *testing.T) {
	s := newLive(t, `{"t":{"$":"text","1":"xy"}}`)
	note := text.Open(s.doc.View(), "/t")
	s.write("insert ab, having seen n", func(tx *doc.Tx) error {
		tx.Get("/n")
		return note.Insert(tx, 0, "ab")
	})
	s.write("delete it", func(tx *doc.Tx) error { return note.Delete(tx, 0, 2) })
	s.write("put Z for y", func(tx *doc.Tx) error { return note.Splice(tx, 1, 1, "Z") })
	s.commit(theirs(`{"n":1}`))
	if got := note.String(); got != "xZ" {
		t.Errorf("the text is %q", got)
	}
	s.commit(theirs(`{"n":2,"t":{"01":"o"}}`))
	if got := note.String(); got != "oxZ" {
		t.Errorf("the text is %q", got)
	}
}

// TestEditBehindPlainMutations: a mutation without edits puts a text away, another one
// puts it back. What somebody else inserts below that is not in it, and moves no edit.
func TestEditBehindPlainMutations(t *testing.T) {
	s := newLive(t, `{"t":{"$":"text","1":"xz"}}`)
	note := text.Open(s.doc.View(), "/t")
	s.edit(`/t="nothing"`)
	s.edit(`/t={"$":"text","1":"xz"}`)
	s.write("insert y", func(tx *doc.Tx) error { return note.Insert(tx, 1, "y") })
	s.commit(theirs(`{"t":{"01":"AB"}}`))
	s.commit(theirs(`{"t":{"1":"xzC"}}`))
	if got := note.String(); got != "xyz" {
		t.Errorf("the text is %q", got)
	}
}

// TestRecordsSayWhoTypes: what one of two others inserts goes on with the own text.
func TestRecordsSayWhoTypes(t *testing.T) {
	s := newLive(t, `{"t":{"$":"text"}}`)
	note := text.Open(s.doc.View(), "/t")
	third := record.ClientID{0, 0, 0, 0, 0, 1, 't', 'h', 'i', 'r', 'd'}
	s.commit(theirs(`{"t":{"1":"a"}}`))
	s.commit(by(third, record.MutationID{Number: 1, Nonce: 1}, `{"t":{"2":"b"}}`))
	s.write("insert M", func(tx *doc.Tx) error { return note.Insert(tx, 1, "M") })
	s.commit(theirs(`{"t":{"11":"c"}}`))
	if got := note.String(); got != "acMb" {
		t.Errorf("the text is %q", got)
	}
}
