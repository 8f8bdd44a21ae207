package doc_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// TestL8_ObjectReads: an Object notes what it says, unless that is the
// transaction's own, again so after a savepoint was taken back.
func TestL8_ObjectReads(t *testing.T) {
	const before = `{"o":{"leaf":1,"sub":{"x":1}}}`
	look := func(o *doc.Object) {
		o.ReadValue("leaf")
		o.ReadExists("leaf")
		o.ReadExists("sub")
		o.ReadExists("none")
		o.ReadMembers()
		o.ReadGap("leaf", "sub")
	}
	all := []string{"e /o/sub", "g " + string(delta.Gap("/o", "leaf", "sub").Path), "m /o", "v /o/leaf", "v /o/none"}
	for name, c := range map[string]struct {
		run   func(tx *doc.Tx, o *doc.Object)
		reads []string
	}{
		"nothing written": {func(tx *doc.Tx, o *doc.Object) { look(o) }, all},
		"members written": {func(tx *doc.Tx, o *doc.Object) {
			o.Set("leaf", `2`)
			o.Set("none", `3`)
			look(o)
		}, []string{"e /o/sub", all[1], "m /o"}},
		"the object itself made": {func(tx *doc.Tx, o *doc.Object) {
			tx.Merge(parseDelta(t, `{"p":null}`))
			tx.Merge(parseDelta(t, `{"p":{"leaf":1,"sub":{}}}`))
			own, _ := tx.Object("/p")
			look(&own)
		}, nil},
		"written and taken back": {func(tx *doc.Tx, o *doc.Object) {
			savepoint(t, tx, panics, func(tx *doc.Tx) {
				o.Set("leaf", `2`)
				o.Delete("none")
				o.Set("new", `{}`)
			})
			look(o)
		}, all},
		"an object deleted": {func(tx *doc.Tx, o *doc.Object) { o.Delete("sub") }, []string{"m /o/sub"}},
		"a leaf deleted":    {func(tx *doc.Tx, o *doc.Object) { o.Delete("leaf") }, nil},
	} {
		d := parseDoc(t, before)
		change, err := d.Update(func(tx *doc.Tx) error {
			o, ok := tx.Object("/o")
			if !ok || o.Len() != 2 || o.Value("leaf").Raw() != "1" || o.Value("none").Present() {
				t.Errorf("%s: not the object", name)
			}
			c.run(tx, &o)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range describe(change.Reads) { // what commit adds for p is not of interest
			if strings.Contains(r, " /o") {
				got = append(got, r)
			}
		}
		if !slices.Equal(got, c.reads) {
			t.Errorf("%s: reads %q, want %q", name, got, c.reads)
		}
		wantSize(t, d)
	}
}

// TestNoObject: there is none where there is something else or nothing.
func TestNoObject(t *testing.T) {
	d := parseDoc(t, `{"a":1,"l":[{}],"o":{}}`)
	change, err := d.Update(func(tx *doc.Tx) error {
		for _, p := range []delta.Pointer{"/a", "/a/b", "/l", "/l/0", "/none", "/o/none", "/o/none/x"} {
			if _, ok := tx.Object(p); ok {
				t.Errorf("there is an object at %q", p)
			}
		}
		return nil
	})
	if err != nil || !change.Empty() || len(change.Reads) != 0 {
		t.Errorf("change %s, reads %q, error %v", change.Delta.Bytes(), change.Reads, err)
	}
}

// explodes is an edit that writes and panics.
type explodes struct{}

func (explodes) At() delta.Pointer { return "/n" }
func (explodes) Inverse() doc.Edit { return nil }
func (explodes) Do(tx *doc.Tx) error {
	tx.Set("/n", []byte(`7`))
	panic(errRefused)
}

// TestL7_EditThatPanics has done nothing; the transaction may go on, and what it
// does then is among its edits.
func TestL7_EditThatPanics(t *testing.T) {
	d := parseDoc(t, `{"n":1}`)
	change, err := d.Update(func(tx *doc.Tx) error {
		func() {
			defer func() {
				if p := recover(); p != errRefused {
					t.Errorf("recovered %v", p)
				}
			}()
			tx.Do(explodes{})
		}()
		if _, err := tx.Add("/n", 2); err != nil {
			return err
		}
		return tx.Set("/after", []byte(`true`))
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"after":true,"n":3}`
	wantText(t, d, want)
	if len(change.Edits) != 2 {
		t.Errorf("%d edits, want 2", len(change.Edits))
	}
	other := parseDoc(t, `{"n":1}`)
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
	wantText(t, other, want)
}
