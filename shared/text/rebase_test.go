package text_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/text"
)

// session is a document with a text at /t, and changes of its own that are pending.
type session struct {
	*testing.T
	doc     *doc.Doc
	text    *text.Text
	pending []doc.Change
}

func newSession(t *testing.T, json string) *session {
	d, err := doc.Parse([]byte(json))
	if err != nil {
		t.Fatal(err)
	}
	return &session{T: t, doc: d, text: text.Open(d, "/t")}
}

func (s *session) update(fn func(*doc.Tx) error) doc.Change {
	s.Helper()
	change, err := s.doc.Update(fn)
	if err != nil {
		s.Fatal(err)
	}
	return change
}

// pend makes a change that is pending.
func (s *session) pend(fn func(*doc.Tx) error) { s.pending = append(s.pending, s.update(fn)) }

func (s *session) splice(pos, del int, ins string) {
	s.pend(func(tx *doc.Tx) error { return s.text.Splice(tx, pos, del, ins) })
}

// confirmed is the document without what is pending.
func (s *session) confirmed() *session {
	d := doc.Open(s.doc.Canonical())
	for _, c := range slices.Backward(s.pending) {
		d.Apply(c.Inverse)
	}
	return newSession(s.T, string(d.Canonical()))
}

// inserts has somebody else insert a text, who does not see what is pending.
func (s *session) inserts(by doc.Author, pos int, ins string) {
	s.Helper()
	they := s.confirmed()
	patch := they.update(func(tx *doc.Tx) error { return they.text.Insert(tx, pos, ins) }).Delta
	s.rebase(by, patch, s.again)
}

// rebase applies a delta of somebody else below what is pending, which is put on
// again one by one.
func (s *session) rebase(by doc.Author, patch delta.Delta, put func(*doc.Rebase, int, doc.Below)) {
	s.doc.Rebase(func(r *doc.Rebase) {
		offs := make([]doc.Below, len(s.pending))
		for i, c := range slices.Backward(s.pending) {
			offs[i] = r.TakeOff(func() { s.doc.Apply(c.Inverse) })
		}
		r.Below(by, func() { s.doc.ApplyBy(by, patch) })
		for i := range s.pending {
			put(r, i, offs[i])
		}
	})
}

// again does the edits of a pending change again, or makes a plain one as it was.
func (s *session) again(r *doc.Rebase, i int, off doc.Below) {
	c := &s.pending[i]
	if c.Edits == nil {
		r.Again(nil, off, func() { c.Effect = s.doc.Apply(c.Delta) })
		return
	}
	r.Move(c.Edits)
	r.Own(func() {
		*c = s.update(func(tx *doc.Tx) error {
			for _, e := range c.Edits {
				if err := tx.Do(e); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func (s *session) want(want string) {
	s.Helper()
	if got := s.text.String(); got != want {
		s.Fatalf("the text is %q, want %q", got, want)
	}
}

func mustDelta(t *testing.T, patch string) delta.Delta {
	t.Helper()
	d, err := delta.Parse([]byte(patch))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestEachGoesOnWithTheOwnText: where two others have typed one behind the other, what
// each of them inserts goes on with the own text, and so does what somebody may have
// inserted of whom nobody knows who it is.
func TestEachGoesOnWithTheOwnText(t *testing.T) {
	for _, c := range []struct {
		by   doc.Author
		want string
	}{
		{"ann", "acMb"},
		{"bob", "aMcb"},
		{doc.Others, "acMb"},
	} {
		s := newSession(t, `{}`)
		s.inserts("ann", 0, "a")
		s.inserts("bob", 1, "b")
		s.splice(1, 0, "M")
		s.inserts(c.by, 1, "c")
		s.want(c.want)
	}
}

// TestGoesOnWithinTheOwnText: what somebody inserts in the middle of the own text, even
// if one's own has divided that, goes on with what is before it.
func TestGoesOnWithinTheOwnText(t *testing.T) {
	s := newSession(t, `{}`)
	s.inserts("ann", 0, "ad")
	s.inserts("bob", 1, "b")
	s.splice(1, 0, "M")
	s.inserts("ann", 1, "c")
	s.want("acMbd")
}

// TestL7_RevertRestoresWhoTyped: after a transaction that is reverted, and after a part
// of one that is, it is known as before who has typed what.
func TestL7_RevertRestoresWhoTyped(t *testing.T) {
	refused := errors.New("refused")
	replace := func(s *session, tx *doc.Tx) error {
		if err := s.text.Splice(tx, 0, 1, "zzz"); err != nil {
			return err
		}
		if err := tx.Delete("/t"); err != nil {
			return err
		}
		return refused
	}
	for name, revert := range map[string]func(*session){
		"transaction": func(s *session) {
			if _, err := s.doc.Update(func(tx *doc.Tx) error { return replace(s, tx) }); !errors.Is(err, refused) {
				t.Fatal(err)
			}
		},
		"part": func(s *session) {
			s.update(func(tx *doc.Tx) error {
				if err := tx.Update(func(tx *doc.Tx) error { return replace(s, tx) }); !errors.Is(err, refused) {
					t.Fatal(err)
				}
				return tx.Set("/x", []byte("1"))
			})
		},
	} {
		for _, watched := range []bool{false, true} {
			s := newSession(t, `{}`)
			if watched {
				s.text.Watch(func([]text.Splice) {})
			}
			s.inserts("ann", 0, "a")
			s.inserts("bob", 1, "b")
			revert(s)
			s.splice(1, 0, "M")
			s.inserts("ann", 1, "c")
			if s.text.String() != "acMb" {
				t.Errorf("%s, watched %t: %q", name, watched, s.text)
			}
		}
	}
}

// TestL7_RevertRestoresWhoseChunksAre: after a transaction that is reverted typing goes
// on in the own chunk.
func TestL7_RevertRestoresWhoseChunksAre(t *testing.T) {
	s := newSession(t, `{}`)
	s.splice(0, 0, "ab")
	if _, err := s.doc.Update(func(tx *doc.Tx) error {
		return errors.Join(s.text.Delete(tx, 0, 2), tx.Delete("/t"), errors.New("refused"))
	}); err == nil {
		t.Fatal("it was not refused")
	}
	s.splice(2, 0, "c")
	if got := string(s.pending[1].Delta.Bytes()); got != `{"t":{"1":"abc"}}` {
		t.Errorf("the delta is %s", got)
	}
}

// TestL7_RevertRestoresWhoseChunksAreOfOthers: a chunk of somebody else that a reverted
// transaction has put an own one in the stead of is not typed into.
func TestL7_RevertRestoresWhoseChunksAreOfOthers(t *testing.T) {
	s := newSession(t, `{"t":{"$":"text","1":"ab"}}`)
	if _, err := s.doc.Update(func(tx *doc.Tx) error {
		return errors.Join(s.text.Delete(tx, 0, 2), s.text.Insert(tx, 0, "c"), errors.New("refused"))
	}); err == nil {
		t.Fatal("it was not refused")
	}
	s.splice(2, 0, "d")
	if got := string(s.pending[0].Delta.Bytes()); got != `{"t":{"2":"d"}}` {
		t.Errorf("the delta is %s", got)
	}
}

// TestCursorsBetweenDeltas: a cursor stays with its letter over several deltas that come
// at once, though their sum alone does not say which one of two letters was moved.
func TestCursorsBetweenDeltas(t *testing.T) {
	s := newSession(t, `{"t":{"$":"text","1":"abcd"}}`)
	left, right := s.text.Cursor(2, text.Left), s.text.Cursor(2, text.Right)
	s.doc.Batch(func() {
		s.doc.Apply(mustDelta(t, `{"t":{"1":"abd"}}`))
		s.doc.Apply(mustDelta(t, `{"t":{"1":"acbd"}}`))
	})
	if left.Pos() != 3 || right.Pos() != 3 {
		t.Errorf("behind the b is %d, before the d is %d", left.Pos(), right.Pos())
	}
}

// TestOffForAWhile: what a plain change deletes is known again when that is taken off.
func TestOffForAWhile(t *testing.T) {
	s := newSession(t, `{}`)
	s.inserts("ann", 0, "a")
	s.inserts("bob", 1, "b")
	s.pend(func(tx *doc.Tx) error { return tx.Delete("/t") })
	s.doc.Rebase(func(r *doc.Rebase) {
		r.TakeOff(func() { s.doc.Apply(s.pending[0].Inverse) })
	})
	s.pending = nil
	s.splice(1, 0, "M")
	s.inserts("ann", 1, "c")
	s.want("acMb")
}

// TestFunctionRunAgain: what comes of a function both times is what it was, for edits
// that were made on top of it; what does not come of it any more is gone.
func TestFunctionRunAgain(t *testing.T) {
	for _, c := range []struct{ again, want string }{
		{"ab", "axZ"},
		{"_ab", "_axZ"},
		{"abc", "acxZ"},
		{"b", "xZ"},
		{"", "xZ"},
	} {
		s := newSession(t, `{"t":{"$":"text","1":"xy"}}`)
		s.splice(0, 0, "ab")
		s.splice(1, 1, "") // the b
		s.splice(2, 1, "Z")
		s.want("axZ")
		s.rebase("ann", mustDelta(t, `{"n":1}`), func(r *doc.Rebase, i int, off doc.Below) {
			if i > 0 {
				s.again(r, i, off)
				return
			}
			was := s.pending[0]
			r.Move(was.Edits)
			var now doc.Change
			r.Own(func() {
				now = s.update(func(tx *doc.Tx) error { return s.text.Insert(tx, 0, c.again) })
				s.doc.Apply(now.Inverse)
			})
			r.Instead(was.Edits, off, func() { s.doc.Apply(now.Delta) })
		})
		s.want(c.want)
	}
}

// TestFunctionInsertsMore: what a function that is run again inserts besides goes on with
// what it has inserted both times.
func TestFunctionInsertsMore(t *testing.T) {
	s := newSession(t, `{}`)
	s.splice(0, 0, "ab")
	s.splice(2, 0, "M")
	s.rebase("ann", mustDelta(t, `{"n":1}`), func(r *doc.Rebase, i int, off doc.Below) {
		if i > 0 {
			s.again(r, i, off)
			return
		}
		was := s.pending[0]
		var now doc.Change
		r.Own(func() {
			now = s.update(func(tx *doc.Tx) error { return s.text.Insert(tx, 0, "abc") })
			s.doc.Apply(now.Inverse)
		})
		r.Instead(was.Edits, off, func() { s.doc.Apply(now.Delta) })
	})
	s.want("abcM")
}

// TestPlainChangeBetween: a plain change puts the text away, and another one puts it
// back as it was. What others insert below does not move what was typed after that.
func TestPlainChangeBetween(t *testing.T) {
	s := newSession(t, `{"t":{"$":"text","1":"xz"}}`)
	s.pend(func(tx *doc.Tx) error { return tx.Set("/t", []byte(`"nothing"`)) })
	s.pend(func(tx *doc.Tx) error { return tx.Set("/t", []byte(`{"$":"text","1":"xz"}`)) })
	s.splice(1, 0, "y")
	s.inserts("ann", 0, "AB")
	s.want("xyz")
}

// TestStandsWhereItIs: two insertions at one place stand where their keys say. What was
// done to one's own later is done to that, though the text alone says otherwise.
func TestStandsWhereItIs(t *testing.T) {
	s := newSession(t, `{"t":{"$":"text","0O":["<","bold",true,1],"1":"x"}}`)
	s.splice(0, 0, "m") // belongs to the mark
	s.splice(1, 0, "n")
	s.splice(0, 1, "") // the m
	s.rebase("ann", mustDelta(t, `{"t":{"01":"o"}}`), func(r *doc.Rebase, i int, off doc.Below) {
		if i > 0 {
			s.again(r, i, off)
			return
		}
		c := &s.pending[0]
		r.Stands(c.Edits, off, func() { c.Effect = s.doc.Apply(c.Delta) })
	})
	s.want("onx")
	// From now on its place is that.
	s.inserts("bob", 0, "b")
	s.want("bonx")
}

// TestInsertionsBesideAMarker: two insertions at one place are one before the other by
// who typed what, though there is a marker between them.
func TestInsertionsBesideAMarker(t *testing.T) {
	s := newSession(t, `{"t":{"$":"text","1":"x","5":["<","bold",true,1],"9":[">","bold"]}}`)
	s.splice(1, 0, "m") // belongs to the mark
	patch := mustDelta(t, `{"t":{"2":"o"}}`)
	if writes := s.confirmed().doc.Apply(patch).Writes; !delta.Conflicts(s.pending[0].Reads, writes) {
		t.Errorf("it depends on %v, and not on %v", s.pending[0].Reads, writes)
	}
	s.rebase("ann", patch, s.again)
	s.want("xmo")
}

// TestStandsAmongEqualLetters: what stands as it was is where it was made, though its
// letter is that of its neighbours.
func TestStandsAmongEqualLetters(t *testing.T) {
	s := newSession(t, `{"t":{"$":"text","1":"aaaa","2":"x"}}`)
	s.splice(1, 0, "a")
	s.splice(2, 0, "M")
	s.want("aaMaaax")
	they := s.confirmed()
	patch := they.update(func(tx *doc.Tx) error { return they.text.Insert(tx, 5, "!") }).Delta
	s.rebase("ann", patch, func(r *doc.Rebase, i int, off doc.Below) {
		c := &s.pending[i]
		r.Stands(c.Edits, off, func() { c.Effect = s.doc.Apply(c.Delta) })
	})
	s.inserts("ann", 0, "<") // in the same chunk: both are made again
	s.want("<aaMaaax!")
}

// TestKeysOfDeletedChunksAreNotUsedAgain: somebody else types in a chunk that is being
// deleted here, while something else is inserted in its stead. Had that the same key, it
// would be taken for what the other one wrote.
func TestKeysOfDeletedChunksAreNotUsedAgain(t *testing.T) {
	s := newSession(t, `{"t":{"$":"text","1":"ab"}}`)
	s.splice(0, 2, "")
	s.splice(0, 0, "Q")
	if v := s.doc.Value("/t/1"); v.Present() {
		t.Errorf("the new text has the key of the old one: %s", s.doc.Canonical())
	}
	s.inserts("bob", 2, "c")
	s.want("Qc")
}
