package edits_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/list"
	"github.com/rivulet-sync/rivulet/shared/text"
	"github.com/rivulet-sync/rivulet/wasm/edits"
)

// within does what a transaction over several documents does to each: it runs a script, and
// takes it off again before anybody is told.
func within(t *testing.T, d *doc.Doc, s *edits.Session, patch, reads, script string) (change doc.Change, err error) {
	t.Helper()
	sc, err := edits.Parse([]byte(patch), []byte(reads), []byte(script))
	if err != nil {
		t.Fatal(err)
	}
	run := func() {
		d.Rebase(func(*doc.Rebase) {
			if change, err = d.Update(func(tx *doc.Tx) error { return s.Within(tx, sc) }); err == nil {
				d.Apply(change.Inverse)
			}
		})
	}
	if run(); errors.Is(err, edits.ErrNotOpen) {
		if err := s.Open(sc, true); err != nil {
			t.Fatal(err)
		}
		run()
	}
	return change, err
}

// TestL7_WithinIsNotSeen: what a script does within a transaction that is taken back is all
// in the change, and nothing of it is seen by those who watch, nor lost to undo.
func TestL7_WithinIsNotSeen(t *testing.T) {
	d, s := open(t, note)
	made, err := run(s, `{}`, `[["s","/text",2,0,"abc"]]`)
	if err != nil {
		t.Fatal(err)
	}
	s.Did(1, made, false)
	before := string(d.Canonical())
	var told []text.Splice
	s.Watch("/text", func(splices []text.Splice) { told = append(told, splices...) })
	cursor := s.Text("/text").Cursor(4, text.Right)
	for _, c := range []struct{ patch, script string }{
		{`{"n":4}`, `[["s","/text",0,8,"J"],["m","/text",0,1,"bold",true,0]]`},
		{`{}`, `[["s","/text",1,6,""],["s","/text",1,0,"!"],["s","/text",3,0,"?"]]`},
		{`{"text":{"H":null}}`, `[["s","/text",0,0,"new"]]`},
		{`{"t":{"$":"text"}}`, `[["s","/t",0,0,"new"],["+","/n",4],["d","/list","a"]]`},
		{`{}`, `[["i","/list",1,"x",{"t":{"$":"text"}}],["s","/list/x/v/t",0,0,"in"],["v","/list","a",2]]`},
	} {
		change, err := within(t, d, s, c.patch, `["v/n","e/gone","m/list","m/n"]`, c.script)
		if err != nil {
			t.Fatalf("%s %s: %v", c.patch, c.script, err)
		}
		for _, r := range []delta.Read{{Kind: delta.ReadValue, Path: "/n"}, {Kind: delta.ReadValue, Path: "/gone"}, {Kind: delta.ReadMembers, Path: "/list"}} {
			if !slices.Contains(change.Reads, r) {
				t.Errorf("%s %s: %v is not among %v", c.patch, c.script, r, change.Reads)
			}
		}
		if got := string(d.Canonical()); got != before {
			t.Errorf("%s %s: left %s", c.patch, c.script, got)
		}
		if len(told) != 0 || cursor.Pos() != 4 {
			t.Errorf("%s %s: told %+v, the cursor is at %d", c.patch, c.script, told, cursor.Pos())
		}
		// The same as what Run makes of it.
		other, session := open(t, before)
		if _, err := run(session, c.patch, c.script); err != nil {
			t.Fatal(err)
		}
		stored, _ := open(t, before)
		stored.Apply(change.Delta)
		if got, want := show(t, stored), show(t, other); got != want {
			t.Errorf("%s %s: %s, want %s", c.patch, c.script, got, want)
		}
	}
	if ok, err := s.Step(2, false, d.Update); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if got := s.Runs("/text"); len(got) != 1 || got[0].Text != "Hello" {
		t.Errorf("after undo the text is %+v", got)
	}
}

// show is the document without its order keys, which differ from session to session.
func show(t *testing.T, d *doc.Doc) string {
	t.Helper()
	_, s := open(t, string(d.Canonical()))
	out := d.Value("/n").Raw()
	for _, at := range []delta.Pointer{"/text", "/t", "/list/x/v/t"} {
		out += edits.RunsJSON(s.Runs(at))
	}
	items := list.Open(d, "/list", "tag", nil)
	defer items.Close()
	for id := range items.All() {
		out += " " + id
	}
	return out
}

// TestL11_WithinChangesNothing: a script that cannot be run is a typed error.
func TestL11_WithinChangesNothing(t *testing.T) {
	for script, want := range map[string]edits.Code{
		`["s","/text",7,0,"x"]`:     edits.CodeRange,
		`["s","/gone",0,0,"x"]`:     edits.CodeNoText,
		`["s","/n",0,0,"x"]`:        edits.CodeNoText,
		`["s","/n/deep/x",0,0,"x"]`: edits.CodeNoText,
		`["i","/text",0,"x",1]`:     edits.CodeNoList,
		`["+","/text",1]`:           edits.CodeNoCounter,
	} {
		d, s := open(t, note)
		_, err := within(t, d, s, `{"n":4}`, `[]`, `[["s","/text",0,0,"x"],`+script+`]`)
		var bad *edits.Error
		if !errors.As(err, &bad) || bad.Code != want {
			t.Errorf("%s: %v, want %s", script, err, want)
		}
		if got := string(d.Canonical()); got != note {
			t.Errorf("%s: left %s", script, got)
		}
	}
}
