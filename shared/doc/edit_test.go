package doc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

func TestAdd(t *testing.T) {
	for _, c := range []struct {
		name, before string
		at           delta.Pointer
		n, sum       int64
		after        string
	}{
		{"to nothing", `{}`, "/n", 3, 3, `{"n":3}`},
		{"to a number", `{"n":4}`, "/n", -7, -3, `{"n":-3}`},
		{"nothing", `{"n":4}`, "/n", 0, 4, `{"n":4}`},
		{"down to zero", `{"n":-4}`, "/n", 4, 0, `{"n":0}`},
		{"deep down", `{"a":{"n":1}}`, "/a/n", 1, 2, `{"a":{"n":2}}`},
		{"up to the bound", `{"n":9007199254740990}`, "/n", 1, 9007199254740991, `{"n":9007199254740991}`},
		{"from bound to bound", `{"n":9007199254740991}`, "/n", -2 * doc.MaxCounter, -doc.MaxCounter, `{"n":-9007199254740991}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := parseDoc(t, c.before)
			if _, err := d.Update(func(tx *doc.Tx) error {
				sum, err := tx.Add(c.at, c.n)
				if sum != c.sum {
					t.Errorf("sum %d, want %d", sum, c.sum)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			wantText(t, d, c.after)
			wantSize(t, d)
		})
	}
}

func TestAddRefuses(t *testing.T) {
	var format *doc.FormatError
	for _, c := range []struct {
		before string
		n      int64
	}{
		{`{"n":"1"}`, 1}, {`{"n":1.5}`, 1}, {`{"n":1e3}`, 1}, {`{"n":{}}`, 1}, {`{"n":[1]}`, 1}, {`{"n":true}`, 1},
		{`{"n":9007199254740992}`, -1}, {`{"n":123456789012345678901234567890}`, 1},
		{`{"n":9007199254740991}`, 1}, {`{"n":0}`, -1 << 63}, {`{"n":-9007199254740991}`, -1},
	} {
		d := parseDoc(t, c.before)
		if _, err := d.Update(func(tx *doc.Tx) error { _, err := tx.Add("/n", c.n); return err }); !errors.As(err, &format) {
			t.Errorf("%s plus %d: error %v", c.before, c.n, err)
		}
		wantText(t, d, c.before)
	}
	d := parseDoc(t, `{"n":1}`)
	var path *doc.PathError
	if _, err := d.Update(func(tx *doc.Tx) error { _, err := tx.Add("/n/m", 1); return err }); !errors.As(err, &path) {
		t.Errorf("below a leaf: error %v", err)
	}
}

// TestEditsAreDoneAgain does the edits of a transaction again on another state,
// where plain writes say what they said and additions add.
func TestEditsAreDoneAgain(t *testing.T) {
	d := parseDoc(t, `{"n":1,"seen":true}`)
	change, err := d.Update(func(tx *doc.Tx) error {
		tx.Get("/seen")
		if err := tx.Set("/a", []byte(`"x"`)); err != nil {
			return err
		}
		_, err := tx.Add("/n", 10)
		if err != nil {
			return err
		}
		return tx.Merge(parseDelta(t, `{"gone":null,"b":{"c":1}}`))
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(readsText(change.Seen), "v/seen") || strings.Contains(readsText(change.Seen), "/n") || !strings.Contains(readsText(change.Reads), "v/n") {
		t.Errorf("reads %s, of them seen %s", readsText(change.Reads), readsText(change.Seen))
	}
	other := parseDoc(t, `{"n":100,"gone":1}`)
	if _, err := other.Update(func(tx *doc.Tx) error {
		for _, e := range change.Edits {
			if err := tx.Do(e); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	wantText(t, other, `{"a":"x","b":{"c":1},"n":110}`)
}

// TestNoEditsInAPlainTransaction: there the function itself is what is run again.
func TestNoEditsInAPlainTransaction(t *testing.T) {
	change, err := parseDoc(t, `{}`).Update(func(tx *doc.Tx) error { return tx.Set("/a", []byte("1")) })
	if err != nil || change.Edits != nil || change.Seen != nil {
		t.Fatalf("edits %v, seen %v, error %v", change.Edits, change.Seen, err)
	}
}

// failing is an edit that writes and then fails.
type failing struct{}

func (failing) Do(tx *doc.Tx) error {
	tx.Set("/a", []byte("2"))
	return errRefused
}
func (failing) At() delta.Pointer { return "/a" }
func (failing) Inverse() doc.Edit { return nil }

// TestL7_AFailedEditLeavesNothing goes on after one.
func TestL7_AFailedEditLeavesNothing(t *testing.T) {
	d := parseDoc(t, `{"a":1}`)
	change, err := d.Update(func(tx *doc.Tx) error {
		if err := tx.Do(failing{}); err != errRefused {
			t.Errorf("error %v", err)
		}
		_, err := tx.Add("/n", 1)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, d, `{"a":1,"n":1}`)
	if len(change.Edits) != 1 {
		t.Errorf("%d edits, want the one that was done", len(change.Edits))
	}
}

func readsText(reads []delta.Read) string {
	var words []string
	for _, r := range reads {
		words = append(words, string(rune(r.Kind))+string(r.Path))
	}
	return strings.Join(words, " ")
}

// TestPlainWritesBesideEdits: a transaction stands for its edits unless a plain write of
// it may have changed what is in a collection that one of them is about.
func TestPlainWritesBesideEdits(t *testing.T) {
	add := func(tx *doc.Tx) error { _, err := tx.Add("/o/n", 1); return err }
	set := func(p delta.Pointer, value string) func(*doc.Tx) error {
		return func(tx *doc.Tx) error { return tx.Set(p, []byte(value)) }
	}
	remove := func(p delta.Pointer) func(*doc.Tx) error {
		return func(tx *doc.Tx) error { return tx.Delete(p) }
	}
	merge := func(patch string) func(*doc.Tx) error {
		return func(tx *doc.Tx) error { return tx.Merge(parseDelta(t, patch)) }
	}
	for _, c := range []struct {
		name, before string
		steps        []func(*doc.Tx) error
		edits        int
	}{
		{"beside it", `{"o":{"n":1}}`, []func(*doc.Tx) error{set("/o/m", "1"), add, merge(`{"p":{"n":2}}`), remove("/q")}, 4},
		{"it", `{"o":{"n":1}}`, []func(*doc.Tx) error{set("/o/n", "5"), add}, 0},
		{"it, behind the edit", `{"o":{"n":1}}`, []func(*doc.Tx) error{add, remove("/o/n")}, 0},
		{"it, by a patch", `{"o":{"n":1}}`, []func(*doc.Tx) error{merge(`{"o":{"n":5}}`), add}, 0},
		{"around it", `{"o":{"n":3}}`, []func(*doc.Tx) error{set("/o", `{}`), add}, 0},
		{"around it, by a patch", `{"o":{"n":3}}`, []func(*doc.Tx) error{merge(`{"o":null}`), set("/o", `{}`), add}, 0},
		{"with it inside", `{}`, []func(*doc.Tx) error{set("/o", `{"n":7}`), add}, 0},
		{"around where it comes to be", `{}`, []func(*doc.Tx) error{set("/o", `{"m":7}`), add}, 2},
		{"in the place of something else", `{"o":5}`, []func(*doc.Tx) error{set("/o", `{}`), add}, 2},
		{"around what the edit has made", `{"o":{}}`, []func(*doc.Tx) error{add, set("/o", `{}`), add}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			change, err := parseDoc(t, c.before).Update(func(tx *doc.Tx) error {
				for _, step := range c.steps {
					if err := step(tx); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(change.Edits) != c.edits || (change.Seen != nil) && c.edits == 0 {
				t.Errorf("%d edits, want %d; seen %v", len(change.Edits), c.edits, change.Seen)
			}
		})
	}
}

// dated is an edit that does nothing and can be outdated.
type dated struct {
	at       delta.Pointer
	outdated bool
}

func (e *dated) Do(*doc.Tx) error  { return nil }
func (e *dated) At() delta.Pointer { return e.at }
func (e *dated) Inverse() doc.Edit { return nil }
func (e *dated) Outdated() bool    { return e.outdated }
func (e *dated) Outdate()          { e.outdated = true }

// TestOutdatedIsWhatIsLeftOut: all edits of a transaction are outdated where a plain write
// is in the way of one of them, so that its change has none, and no others.
func TestOutdatedIsWhatIsLeftOut(t *testing.T) {
	for at, want := range map[delta.Pointer]bool{"/x": false, "/t": true} {
		edits := []*dated{{at: "/t"}, {at: "/u"}}
		change, err := parseDoc(t, `{"t":{},"x":1}`).Update(func(tx *doc.Tx) error {
			for _, e := range edits {
				if err := tx.Do(e); err != nil {
					return err
				}
			}
			return tx.Delete(at)
		})
		if err != nil {
			t.Fatal(err)
		}
		if edits[0].outdated != want || edits[1].outdated != want || (change.Edits == nil) != want {
			t.Errorf("%s is deleted: outdated %t and %t, edits %v", at, edits[0].outdated, edits[1].outdated, change.Edits)
		}
	}
}
