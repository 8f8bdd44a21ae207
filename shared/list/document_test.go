package list_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/list"
	"github.com/rivulet-sync/rivulet/shared/undo"
)

func openItems(d *doc.Doc, client string) *list.Items {
	n := 0
	return list.Open(d, "/todo", client, func() string { n++; return fmt.Sprint(client, n) })
}

func values(l *list.Items) []string {
	var out []string
	for _, value := range l.All() {
		out = append(out, value)
	}
	return out
}

func TestItemsOfADocument(t *testing.T) {
	d := doc.New()
	l := openItems(d, "aa")
	update := func(fn func(*doc.Tx) error) {
		t.Helper()
		if _, err := d.Update(fn); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	update(func(tx *doc.Tx) (err error) { ids, err = l.Insert(tx, 0, `"b"`, ` {"x" : 1}`); return err })
	update(func(tx *doc.Tx) error { _, err := l.Insert(tx, 0, `"a"`); return err })
	update(func(tx *doc.Tx) error { return l.Move(tx, ids[1], 0) })
	update(func(tx *doc.Tx) error { return l.Set(tx, ids[0], "7") })
	if got := values(l); !slices.Equal(got, []string{`{"x":1}`, `"a"`, "7"}) {
		t.Fatalf("items %v", got)
	}
	update(func(tx *doc.Tx) error { return l.Delete(tx, ids[1]) })
	if got := values(l); !slices.Equal(got, []string{`"a"`, "7"}) {
		t.Fatalf("items %v", got)
	}
}

func TestItemsRefuse(t *testing.T) {
	d, err := doc.Parse([]byte(`{"todo":[1,2]}`))
	if err != nil {
		t.Fatal(err)
	}
	l := openItems(d, "aa")
	var format *doc.FormatError
	if _, err := d.Update(func(tx *doc.Tx) error { _, err := l.Insert(tx, 0, "1"); return err }); !errors.As(err, &format) {
		t.Errorf("insertion into an array: %v", err)
	}
	if _, err := d.Update(func(tx *doc.Tx) error { _, err := l.Insert(tx, 0, "nonsense"); return err }); err == nil {
		t.Error("a value that is no JSON is taken")
	}
}

// TestUndoOfItems undoes random edits of one of two who share a list, at the end
// all of them: what is left is what the other one has done.
func TestUndoOfItems(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 9))
		d := doc.New()
		mine, theirs := openItems(d, "aa"), openItems(d, "bb")
		var stack undo.Stack
		edit := func(l *list.Items, random bool) func(*doc.Tx) error {
			return func(tx *doc.Tx) error {
				if random && l.Len() > 0 {
					id, _ := l.At(r.IntN(l.Len()))
					switch r.IntN(4) {
					case 0:
						return l.Move(tx, id, r.IntN(l.Len()))
					case 1:
						return l.Set(tx, id, fmt.Sprint(r.IntN(100)))
					case 2:
						return l.Delete(tx, id)
					}
				}
				_, err := l.Insert(tx, r.IntN(l.Len()+1), `"x"`, `"y"`)
				return err
			}
		}
		for range 20 {
			change, err := d.Update(edit(mine, true))
			if err != nil {
				t.Fatal(err)
			}
			stack.Did(change)
			if r.IntN(3) == 0 { // the other one only inserts
				if _, err := d.Update(edit(theirs, false)); err != nil {
					t.Fatal(err)
				}
			}
		}
		full := string(d.Canonical())
		undone := 0
		for stack.CanUndo() {
			if _, err := stack.Undo(d.Update); err != nil {
				t.Fatal(err)
			}
			undone++
		}
		for id := range mine.All() {
			if id[:2] == "aa" {
				t.Fatalf("seed %d: item %s of what was undone is left: %s", seed, id, d.Canonical())
			}
		}
		for stack.CanRedo() {
			if _, err := stack.Redo(d.Update); err != nil {
				t.Fatal(err)
			}
		}
		if got := string(d.Canonical()); got != full {
			t.Fatalf("seed %d: undone and redone is\n%s\nwant\n%s", seed, got, full)
		}
	}
}
