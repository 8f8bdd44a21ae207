package replica_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/text"
	"github.com/rivulet-sync/rivulet/shared/wire"
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

// TestPlainWriteBesideEdits: one transaction puts another text in the place of one, and
// edits that. What others do to what was there is not in it, whatever is done again, and
// moves no edit of it, nor any later one.
func TestPlainWriteBesideEdits(t *testing.T) {
	for name, write := range map[string]func(tx *doc.Tx) error{
		"a text":        func(tx *doc.Tx) error { return tx.Set("/p/t", []byte(`{"$":"text","5":"abcd"}`)) },
		"what is in it": func(tx *doc.Tx) error { return tx.Merge(parseDelta(t, `{"p":{"t":{"1":null,"5":"abcd"}}}`)) },
		"what is above": func(tx *doc.Tx) error { return tx.Set("/p", []byte(`{"t":{"$":"text","5":"abcd"}}`)) },
		"above by a patch": func(tx *doc.Tx) error {
			if err := tx.Merge(parseDelta(t, `{"p":null}`)); err != nil {
				return err
			}
			return tx.Merge(parseDelta(t, `{"p":{"t":{"$":"text","5":"abcd"}}}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newLive(t, `{"p":{"t":{"$":"text","1":"uvwxyz"}}}`)
			note := text.Open(s.doc.View(), "/p/t")
			s.write("write abcd, put Q behind b, count", func(tx *doc.Tx) error {
				if err := write(tx); err != nil {
					return err
				}
				if err := note.Insert(tx, 2, "Q"); err != nil {
					return err
				}
				_, err := tx.Add("/n", 1)
				return err
			})
			s.write("delete c", func(tx *doc.Tx) error { return note.Delete(tx, 3, 1) })
			s.write("put E behind d", func(tx *doc.Tx) error { return note.Insert(tx, 4, "E") })
			for i, patch := range []string{
				`{"n":1}`, `{"p":{"t":{"1":"ABuvwxyz"}}}`, `{"n":2,"p":{"t":{"1":"ABABuvwxyz"}}}`, `{"p":{"t":{"1":"CABABuvwxyz"}}}`, `{"n":3}`,
			} {
				s.commit(theirs(patch))
				if got := note.String(); got != "abQdE" {
					t.Errorf("the text is %q after record %d", got, i)
				}
			}
		})
	}
}

// TestPendingEditShowsWhatItMeans: what an edit read is written by others while the server
// has not answered. It is shown as what it means by then at once, and what the user does
// next is about that; all is sent as another attempt.
func TestPendingEditShowsWhatItMeans(t *testing.T) {
	s := newLive(t, `{"t":{"$":"text","1":"abcd"}}`)
	note := text.Open(s.doc.View(), "/t")
	s.write("delete c", func(tx *doc.Tx) error { return note.Delete(tx, 2, 1) })
	s.commit(theirs(`{"t":{"1":"XYabcd"}}`))
	if got := note.String(); got != "XYabd" {
		t.Fatalf("the text is %q", got)
	}
	s.write("delete what is in place 2", func(tx *doc.Tx) error { return note.Delete(tx, 2, 1) })
	s.wantPushed(1, 1, 2)
	s.commit(theirs(`{"t":{"1":"XYabcdZ"}}`))
	if got := note.String(); got != "XYbdZ" {
		t.Errorf("the text is %q", got)
	}
}

// TestEditsThatCannotBeDoneAgain: a transaction inserts a text and adds to a counter, which
// somebody else makes a string. So its text goes; what was typed behind that stays where
// it is among the rest, and so does what is deleted then.
func TestEditsThatCannotBeDoneAgain(t *testing.T) {
	s := newLive(t, `{"n":1,"t":{"$":"text","1":"ab","2":"cdefgh"}}`)
	note := text.Open(s.doc.View(), "/t")
	given := s.write("insert 123 at 0 and count", func(tx *doc.Tx) error {
		if err := note.Insert(tx, 0, "123"); err != nil {
			return err
		}
		_, err := tx.Add("/n", 1)
		return err
	})
	s.write("insert X behind b", func(tx *doc.Tx) error { return note.Insert(tx, 5, "X") })
	s.write("delete d", func(tx *doc.Tx) error { return note.Delete(tx, 7, 1) })
	s.commit(theirs(`{"n":"one","t":{"2":"cdefghi"}}`))
	if got := note.String(); got != "abXcefghi" {
		t.Errorf("the text is %q", got)
	}
	var format *doc.FormatError
	if outcome := s.settled[given]; !errors.As(outcome.Err, &format) {
		t.Errorf("the outcome is %+v, want a format error", outcome)
	}
}

// TestSnapshotKeepsWhoHasTyped: a snapshot comes while something is typed. What is typed
// next goes on with what was, though somebody else inserts at its end.
func TestSnapshotKeepsWhoHasTyped(t *testing.T) {
	s := newLive(t, `{"t":{"$":"text","1":"[]"}}`)
	note := text.Open(s.doc.View(), "/t")
	s.write("insert ab", func(tx *doc.Tx) error { return note.Insert(tx, 1, "ab") })
	mine := s.mine(0)
	s.commit(mine)
	committed := string(s.doc.View().Canonical())
	s.disconnect()
	s.connect()
	s.opened(committed, s.at, s.at.Revision, mine.ID)
	s.write("insert c", func(tx *doc.Tx) error { return note.Insert(tx, 3, "c") })
	other := doc.Open([]byte(committed))
	theirText := text.Open(other, "/t")
	change, err := other.Update(func(tx *doc.Tx) error { return theirText.Insert(tx, 3, "O") })
	if err != nil {
		t.Fatal(err)
	}
	s.commit(theirs(string(change.Delta.Bytes())))
	if got := note.String(); got != "[abcO]" {
		t.Errorf("the text is %q", got)
	}
}

// TestL9_AttemptsThatAreUnanswered: an edit is done again with each record that touches it.
// Four attempts are sent; the next one is when the server has answered.
func TestL9_AttemptsThatAreUnanswered(t *testing.T) {
	s := newLive(t, `{"n":0}`)
	s.write("count", func(tx *doc.Tx) error { _, err := tx.Add("/n", 1); return err })
	for i := range 6 {
		s.commit(theirs(`{"n":` + strconv.Itoa(10*(i+1)) + `}`))
	}
	s.wantView(`{"n":61}`)
	s.wantPushed(1, 1, 1, 1)
	s.conflict(3)
	s.wantPushed(1, 1, 1, 1, 1)
	if p := s.pushed[4]; string(p.Delta) != `{"n":61}` || p.Base != s.at.Revision {
		t.Errorf("pushed on r%d: %s", p.Base, p.Delta)
	}
}

// TestPlainWriteThatComesToBeBesideEdits: a transaction makes an object with a text in it,
// which others make as well while the client is away. Its edits alone would put theirs
// away. It waits for its function, which goes by what there is.
func TestPlainWriteThatComesToBeBesideEdits(t *testing.T) {
	s := newLive(t, `{}`)
	note := text.Open(s.doc.View(), "/p/t")
	held := s.at
	s.disconnect()
	s.write("make p, unless it is there; insert x", func(tx *doc.Tx) error {
		if !tx.IsObject("/p") {
			if err := tx.Set("/p", []byte(`{}`)); err != nil {
				return err
			}
		}
		return note.Insert(tx, 0, "x")
	})
	first, one := s.record(theirs(`{"p":{"t":{"$":"text","1":"abc"}}}`))
	second, two := s.record(theirs(`{"n":1}`))
	s.connect()
	s.opened("", held, second, record.MutationID{})
	s.say(&wire.Commit{Doc: s.number, Revision: first, Record: one})
	if got := note.String(); got != "abc" {
		t.Errorf("the text is %q while it is not known what else there is", got)
	}
	s.say(&wire.Commit{Doc: s.number, Revision: second, Record: two})
	if got := note.String(); got != "xabc" {
		t.Errorf("the text is %q", got)
	}
}
