package text_test

import (
	"errors"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/doc"
)

// takeBack makes a kept edit as it is now, for a moment, and returns the text then.
func (s *session) takeBack(kept doc.Kept) (text string) {
	s.Helper()
	never := errors.New("it is only tried")
	_, err := s.doc.Update(func(tx *doc.Tx) error {
		if err := tx.Do(kept.Now(&doc.Below{})); err != nil {
			return err
		}
		text = s.text.String()
		return never
	})
	if !errors.Is(err, never) {
		s.Fatal(err)
	}
	return text
}

// TestKeptWithinABatch: an edit is kept since before a batch, of several rebases and
// transactions, and since different moments of it. It is taken back where it is: within
// a rebase, between two of them, and after all.
func TestKeptWithinABatch(t *testing.T) {
	s := newSession(t, `{"t":{"$":"text","1":"xxxx"}}`)
	s.splice(2, 0, "A")
	kept := []doc.Kept{s.pending[0].Edits[0].Inverse().(doc.Kept)}
	back := func(want string) {
		t.Helper()
		for i, k := range kept {
			if got := s.takeBack(k); got != want {
				t.Errorf("kept since moment %d, it leaves %q, want %q", i, got, want)
			}
		}
	}
	// others insert three letters before the edit, which is kept from there on as well.
	others := func(key, within string) {
		s.rebase("them", mustDelta(t, `{"t":{"`+key+`":"ooo"}}`), func(r *doc.Rebase, i int, off doc.Below) {
			s.again(r, i, off)
			if i > 0 {
				return
			}
			r.Own(func() { back(within) })
			kept = append(kept, s.pending[0].Edits[0].Inverse().(doc.Kept))
		})
	}
	s.doc.Batch(func() {
		others("0V", "oooxxxx")
		back("oooxxxx")
		s.splice(0, 0, "B")
		kept = append(kept, s.update(func(tx *doc.Tx) error { return s.text.Insert(tx, 0, "C") }).Edits[0].Inverse().(doc.Kept))
		if got, want := s.takeBack(kept[2]), "BoooxxAxx"; got != want {
			t.Errorf("what was inserted in the batch is taken back: %q, want %q", got, want)
		}
		kept = kept[:2]
		s.update(func(tx *doc.Tx) error { return s.text.Delete(tx, 0, 1) })
		back("Boooxxxx")
		others("0X", "ooooooxxxx")
		back("Booooooxxxx")
	})
	back("Booooooxxxx")
	s.update(func(tx *doc.Tx) error { return s.text.Delete(tx, 0, 3) })
	back("ooooxxxx")
}
