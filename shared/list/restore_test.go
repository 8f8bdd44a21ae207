package list_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/list"
	"github.com/rivulet-sync/rivulet/shared/undo"
)

func update(t *testing.T, d *doc.Doc, fn func(*doc.Tx) error) doc.Change {
	t.Helper()
	change, err := d.Update(fn)
	if err != nil {
		t.Fatal(err)
	}
	return change
}

func order(l *list.Items) []string {
	var ids []string
	for id := range l.All() {
		ids = append(ids, id)
	}
	return ids
}

// TestL8_DeletionOfWhatIsGone: to delete an item that is not there depends on that:
// somebody else may take its deletion back.
func TestL8_DeletionOfWhatIsGone(t *testing.T) {
	d := doc.New()
	l := openItems(d, "aa")
	update(t, d, func(tx *doc.Tx) error { _, err := l.Insert(tx, 0, "1", "2"); return err })
	change := update(t, d, func(tx *doc.Tx) error {
		if err := l.Delete(tx, "aa9"); err != nil {
			return err
		}
		return l.Delete(tx, "aa1")
	})
	back := []delta.Write{{Kind: delta.WroteMember, Path: "/todo/aa9"}}
	if !delta.Conflicts(change.Reads, back) {
		t.Errorf("it depends on %v", change.Reads)
	}
}

// TestUndoOfADeletion puts an item back between its neighbours, which others have put
// elsewhere or which have got its order key, and where it was if they are gone.
func TestUndoOfADeletion(t *testing.T) {
	for name, c := range map[string]struct {
		others string
		want   []string
	}{
		"nothing":                 {`{}`, []string{"aa1", "aa2", "aa3"}},
		"a neighbour has its key": {`{"aa1":{"o":"Haa-A"},"aa3":{"o":"Haa-AA"}}`, []string{"aa1", "aa2", "aa3"}},
		"both went to the end":    {`{"aa1":{"o":"Xbb"},"aa3":{"o":"Ybb"}}`, []string{"aa1", "aa2", "aa3"}},
		"both went to the front":  {`{"aa1":{"o":"1bb"},"aa3":{"o":"2bb"}}`, []string{"aa1", "aa2", "aa3"}},
		"the neighbours are gone": {`{"aa1":null,"aa3":null,"bb1":{"o":"Gbb","v":1},"bb2":{"o":"Ibb","v":1}}`, []string{"bb1", "aa2", "bb2"}},
		"somebody has its key":    {`{"bb1":{"o":"Haa-A","v":1}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := doc.New()
			l := openItems(d, "aa")
			update(t, d, func(tx *doc.Tx) error { _, err := l.Insert(tx, 0, "1", "2", "3"); return err })
			var stack undo.Stack
			stack.Did(update(t, d, func(tx *doc.Tx) error { return l.Delete(tx, "aa2") }))
			patch, err := delta.Parse([]byte(`{"todo":` + c.others + `}`))
			if err != nil {
				t.Fatal(err)
			}
			d.Apply(patch)
			if _, err := stack.Undo(d.Update); err != nil {
				t.Fatal(err)
			}
			if got := order(l); c.want != nil && !slices.Equal(got, c.want) {
				t.Errorf("the items are %v, want %v", got, c.want)
			}
			keys := make(map[string]string)
			for _, id := range order(l) {
				key := d.Value(delta.Pointer("/todo/" + id + "/o")).Raw()
				if other := keys[key]; other != "" {
					t.Errorf("%s and %s have the order key %s", other, id, key)
				}
				keys[key] = id
			}
		})
	}
}

// TestUndoOfAMove puts an item back between its neighbours, though these have got other
// order keys since, and where it was if they are gone.
func TestUndoOfAMove(t *testing.T) {
	for name, c := range map[string]struct {
		others string
		want   []string
	}{
		"nothing":                 {`{}`, []string{"aa1", "aa2", "aa3", "aa4"}},
		"a neighbour has its key": {`{"aa1":{"o":"Haa-A"},"aa3":{"o":"Haa-AA"}}`, []string{"aa1", "aa2", "aa3", "aa4"}},
		"all have got new keys":   {`{"aa1":{"o":"Vaa"},"aa3":{"o":"Waa"},"aa4":{"o":"Xaa"}}`, []string{"aa1", "aa2", "aa3", "aa4"}},
		"the neighbours are gone": {`{"aa1":null,"aa3":null,"bb1":{"o":"Gbb","v":1},"bb2":{"o":"Ibb","v":1}}`, []string{"bb1", "aa2", "aa4", "bb2"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := doc.New()
			l := openItems(d, "aa")
			update(t, d, func(tx *doc.Tx) error { _, err := l.Insert(tx, 0, "1", "2", "3", "4"); return err })
			var stack undo.Stack
			stack.Did(update(t, d, func(tx *doc.Tx) error { return l.Move(tx, "aa2", 3) }))
			patch, err := delta.Parse([]byte(`{"todo":` + c.others + `}`))
			if err != nil {
				t.Fatal(err)
			}
			d.Apply(patch)
			if _, err := stack.Undo(d.Update); err != nil {
				t.Fatal(err)
			}
			if got := order(l); !slices.Equal(got, c.want) {
				t.Errorf("the items are %v, want %v: %s", got, c.want, d.Canonical())
			}
		})
	}
}

// TestL7_RevertedInsertionIsNotTheLatest: an insertion that is taken back is not what the
// next one goes on with, nor does it end the run that was being typed.
func TestL7_RevertedInsertionIsNotTheLatest(t *testing.T) {
	unwanted := errors.New("unwanted")
	insert := func(l *list.Items, at int, value string) func(*doc.Tx) error {
		return func(tx *doc.Tx) error { _, err := l.Insert(tx, at, value); return err }
	}
	keys := func(taken func(d *doc.Doc, l *list.Items)) string {
		d := doc.New()
		l := openItems(d, "aa")
		update(t, d, insert(l, 0, `"a"`))
		update(t, d, insert(l, 1, `"b"`))
		taken(d, l)
		update(t, d, insert(l, 2, `"c"`))
		id, _ := l.At(2)
		return d.Value(delta.Pointer("/todo/" + id + "/o")).Raw()
	}
	want := keys(func(*doc.Doc, *list.Items) {})
	for name, taken := range map[string]func(d *doc.Doc, l *list.Items){
		"a transaction": func(d *doc.Doc, l *list.Items) {
			_, err := d.Update(func(tx *doc.Tx) error {
				_, _ = insert(l, 0, "1")(tx), insert(l, 0, "2")(tx)
				return unwanted
			})
			if !errors.Is(err, unwanted) {
				t.Error(err)
			}
		},
		"a part of one": func(d *doc.Doc, l *list.Items) {
			update(t, d, func(tx *doc.Tx) error {
				_ = tx.Update(func(tx *doc.Tx) error {
					_ = insert(l, 0, "1")(tx)
					return unwanted
				})
				return nil
			})
		},
		"an edit": func(d *doc.Doc, l *list.Items) {
			_, err := d.Update(func(tx *doc.Tx) error {
				if err := tx.Set("/todo", []byte("5")); err != nil {
					return err
				}
				return insert(l, 0, "1")(tx)
			})
			if err == nil {
				t.Error("an item is inserted into a number")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := keys(taken); got != want {
				t.Errorf("the next item has the order key %s, want %s", got, want)
			}
		})
	}
}

// TestDeletedKeysAreNotUsedAgain: what somebody else inserts between items that are
// being deleted does not come to be within what is inserted in their stead.
func TestDeletedKeysAreNotUsedAgain(t *testing.T) {
	d := doc.New()
	l := openItems(d, "aa")
	insert := func(tx *doc.Tx) error { _, err := l.Insert(tx, 0, "1", "2"); return err }
	update(t, d, insert)
	theirs := doc.Open(d.Canonical())
	other := openItems(theirs, "bb")
	patch := update(t, theirs, func(tx *doc.Tx) error { _, err := other.Insert(tx, 1, "0"); return err }).Delta
	update(t, d, func(tx *doc.Tx) error {
		for _, id := range order(l) {
			if err := l.Delete(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	update(t, d, insert)
	d.Apply(patch)
	if got := fmt.Sprint(values(l)); got != "[1 2 0]" && got != "[0 1 2]" {
		t.Errorf("the items are %s", got)
	}
}
