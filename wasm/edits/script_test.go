package edits_test

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/text"
	"github.com/rivulet-sync/rivulet/shared/wire"
	"github.com/rivulet-sync/rivulet/wasm/edits"
)

const note = `{"list":{"$":"list","a":{"o":"A","v":1},"b":{"o":"B"}},"n":3,"text":{"$":"text","H":"Hello"}}`

func open(t testing.TB, canonical string) (*doc.Doc, *edits.Session) {
	t.Helper()
	d, err := doc.Parse([]byte(canonical))
	if err != nil {
		t.Fatal(err)
	}
	return d, edits.New(d, rand.New(rand.NewPCG(1, 2)).Uint64)
}

func run(s *edits.Session, patch, script string) (doc.Change, error) {
	sc, err := edits.Parse([]byte(patch), []byte("[]"), []byte(script))
	if err != nil {
		return doc.Change{}, err
	}
	return s.Run(sc, true)
}

func TestScripts(t *testing.T) {
	for _, c := range []struct{ patch, script, want string }{
		{`{"n":4}`, ``, `{"list":{"$":"list","a":{"o":"A","v":1},"b":{"o":"B"}},"n":4,"text":{"$":"text","H":"Hello"}}`},
		{`{}`, `[["+","/n",4]]`, `{"list":{"$":"list","a":{"o":"A","v":1},"b":{"o":"B"}},"n":7,"text":{"$":"text","H":"Hello"}}`},
		{`{}`, `[["+","/n",-4],["+","/m",1]]`, `{"list":{"$":"list","a":{"o":"A","v":1},"b":{"o":"B"}},"m":1,"n":-1,"text":{"$":"text","H":"Hello"}}`},
		{`{}`, `[["s","/text",5,0,"!"],["s","/text",0,1,"J"]]`, `{"list":{"$":"list","a":{"o":"A","v":1},"b":{"o":"B"}},"n":3,"text":{"$":"text","H":"Jello","I":"!"}}`},
		{`{}`, `[["d","/list","a"],["=","/list","b",[null,"\u00e9"]]]`, `{"list":{"$":"list","b":{"o":"B","v":[null,"é"]}},"n":3,"text":{"$":"text","H":"Hello"}}`},
		{`{"t":{"$":"text"}}`, `[["s","/t",0,0,"new"]]`, `{"list":{"$":"list","a":{"o":"A","v":1},"b":{"o":"B"}},"n":3,"t":{"$":"text","1":"new"},"text":{"$":"text","H":"Hello"}}`},
	} {
		d, s := open(t, note)
		if _, err := run(s, c.patch, c.script); err != nil {
			t.Errorf("%s %s: %v", c.patch, c.script, err)
		} else if got := string(d.Canonical()); got != c.want {
			t.Errorf("%s %s:\n%s, want\n%s", c.patch, c.script, got, c.want)
		}
	}
}

func TestListEditsHaveTheIDsOfTheScript(t *testing.T) {
	d, s := open(t, note)
	if _, err := run(s, `{}`, `[["i","/list",1,"x",{"t":{"$":"text"}},"y",null],["s","/list/x/v/t",0,0,"in"],["v","/list","a",3]]`); err != nil {
		t.Fatal(err)
	}
	var order []string
	for name, v := range d.Value("/list").Members() {
		if name != "$" {
			o, _ := v.Field("o")
			order = append(order, o+" "+name)
		}
	}
	list := d.Value("/list")
	for _, pair := range [][2]string{{"x", "y"}, {"y", "b"}, {"b", "a"}} {
		left, _ := list.Field(pair[0], "o")
		right, _ := list.Field(pair[1], "o")
		if left >= right {
			t.Errorf("%s is not before %s: %q", pair[0], pair[1], order)
		}
	}
	if runs := s.Runs("/list/x/v/t"); len(runs) != 1 || runs[0].Text != "in" {
		t.Errorf("the text of the new item is %+v", runs)
	}
}

// What JavaScript sends that cannot be done is a typed error, and nothing of it is
// done, what came before it in the same script included.
func TestL11_BadScriptsChangeNothing(t *testing.T) {
	const before = `["s","/text",0,0,"x"],["+","/n",1],["d","/list","a"],`
	for script, want := range map[string]edits.Code{
		`["s","/text",7,0,"x"]`:                 edits.CodeRange,
		`["s","/text",-1,0,"x"]`:                edits.CodeRange,
		`["s","/text",0,7,"x"]`:                 edits.CodeRange,
		`["s","/text",0,-1,"x"]`:                edits.CodeRange,
		`["s","/text",9007199254740991,1,"x"]`:  edits.CodeRange,
		`["s","/text",1,9007199254740991,"x"]`:  edits.CodeRange,
		`["s","/gone",0,0,"x"]`:                 edits.CodeNoText,
		`["s","/list",0,0,"x"]`:                 edits.CodeNoText,
		`["s","/n",0,0,"x"]`:                    edits.CodeNoText,
		`["s","",0,0,"x"]`:                      edits.CodeNoText,
		`["m","/text",0,9,"bold",true,2]`:       edits.CodeRange,
		`["m","/text",2,1,"bold",true,2]`:       edits.CodeRange,
		`["m","/text",0,1,"",true,2]`:           edits.CodeMark,
		`["m","/text",0,1,"bold",null,2]`:       edits.CodeMark,
		`["u","/text",0,9,"bold"]`:              edits.CodeRange,
		`["i","/list",3,"x",1]`:                 edits.CodeRange,
		`["i","/list",-1,"x",1]`:                edits.CodeRange,
		`["i","/text",0,"x",1]`:                 edits.CodeNoList,
		`["v","/list","b",5]`:                   edits.CodeRange,
		`["=","/gone","b",1]`:                   edits.CodeNoList,
		`["+","/text",1]`:                       edits.CodeNoCounter,
		`["+","/n",9007199254740991]`:           edits.CodeNoCounter,
		`["+","/text/H",1]`:                     edits.CodeNoCounter,
		`["s","/list/a/v/deep/deeper",0,0,"x"]`: edits.CodeNoText,
	} {
		d, s := open(t, note)
		_, err := run(s, `{"n":4}`, `[`+before+script+`]`)
		var bad *edits.Error
		if !errors.As(err, &bad) || bad.Code != want {
			t.Errorf("%s: %v, want %s", script, err, want)
		}
		if got := string(d.Canonical()); got != note {
			t.Errorf("%s: left %s", script, got)
		}
		if err == nil {
			continue
		}
		if _, err := run(s, `{}`, `[["s","/text",5,0,"!"]]`); err != nil {
			t.Errorf("after %s: %v", script, err)
		}
	}
	for _, script := range []string{
		`x`, `{}`, `5`, `[5]`, `[[]]`, `[["s"]]`, `[["s","text",0,0,"x"]]`, `[["s","/~2",0,0,"x"]]`, `[["s","/text",0,0]]`, `[["s","/text",0,0,"x",1]]`,
		`[["s","/text",0.5,0,"x"]]`, `[["s","/text",1e3,0,"x"]]`, `[["s","/text","0",0,"x"]]`, `[["s","/text",0,0,5]]`, `[["s","/text",0,0,"\ud800"]]`,
		`[["s","/text",9007199254740992,0,"x"]]`, `[["?","/text"]]`, `[["","/text"]]`, `[["ss","/text"]]`, `[["m","/text",0,1,"bold",true,4]]`,
		`[["m","/text",0,1,"bold",true,-1]]`, `[["i","/list",0,"$",1]]`, `[["i","/list",0,"",1]]`, `[["i","/list",0,"x"]]`, `[["d","/list"]]`,
		`[["d","/list","` + strings.Repeat("x", 1025) + `"]]`, `[["+","/n",null]]`, `[["+","/n",1.5]]`,
	} {
		if _, err := edits.Parse([]byte(`{}`), []byte(`[]`), []byte(script)); err == nil {
			t.Errorf("%s was taken", script)
		}
	}
}

// Whatever a script says, the document is valid afterwards, and unchanged after an
// error.
func FuzzL11_Scripts(f *testing.F) {
	for _, script := range []string{
		`[["s","/text",5,0,"!"]]`, `[["i","/list",1,"x",{"a":[null]},"y",null],["v","/list","x",0]]`, `[["m","/text",0,2,"b",{},3],["u","/text",1,2,"b"]]`,
		`[["=","/list","b","v"],["d","/list","a"]]`, `[["+","/n",-5]]`, `[["i","/list",0,"a",{"b":null}]]`,
	} {
		f.Add(`{"n":5}`, script)
	}
	f.Fuzz(func(t *testing.T, patch, script string) {
		d, s := open(t, note)
		change, err := run(s, patch, script)
		after := d.Canonical()
		if err != nil && string(after) != note {
			t.Fatalf("%v left %s", err, after)
		}
		if _, err := doc.Parse(after); err != nil {
			t.Fatalf("%s is no document: %v", after, err)
		}
		if err == nil && !change.Empty() {
			d.Apply(change.Inverse)
			if got := string(d.Canonical()); got != note {
				t.Fatalf("the inverse leads to %s", got)
			}
		}
	})
}

// What a page's function has seen is a read of its own: edits that are moved do not
// stand for it.
func TestSeenIsRead(t *testing.T) {
	_, s := open(t, note)
	sc, err := edits.Parse([]byte(`{}`), []byte(`["v/n"]`), []byte(`[["s","/text",5,0,"!"]]`))
	if err != nil {
		t.Fatal(err)
	}
	change, err := s.Run(sc, true)
	if err != nil {
		t.Fatal(err)
	}
	seen := delta.Read{Kind: delta.ReadValue, Path: "/n"}
	if len(change.Seen) != 1 || change.Seen[0] != seen {
		t.Errorf("seen: %v", change.Seen)
	}
	found := false
	for _, r := range change.Reads {
		found = found || r == seen
	}
	if !found || len(change.Reads) < 2 {
		t.Errorf("reads: %v", change.Reads)
	}
}

// Only so many collections are kept in step; then those that nobody watches make
// room, as soon as nothing is pending.
func TestL9_OpenCollectionsAreBounded(t *testing.T) {
	_, s := open(t, `{}`)
	var told []text.Splice
	if _, err := run(s, `{"watched":{"$":"text"}}`, ``); err != nil {
		t.Fatal(err)
	}
	s.Watch("/watched", func(splices []text.Splice) { told = append(told, splices...) })
	for i := 1; i < edits.MaxOpen; i++ {
		at := "t" + strconv.Itoa(i)
		change, err := run(s, `{"`+at+`":{"$":"text"}}`, `[["s","/`+at+`",0,0,"x"]]`)
		if err != nil {
			t.Fatal(err)
		}
		s.Did(uint64(i), change, false)
	}
	sc, err := edits.Parse([]byte(`{"one":{"$":"text"}}`), []byte(`[]`), []byte(`[["s","/one",0,0,"x"]]`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(sc, false); !errors.Is(err, edits.ErrTooMany) {
		t.Errorf("one more: %v", err)
	}
	if undo, _ := s.History(); !undo {
		t.Error("nothing to undo")
	}
	if _, err := s.Run(sc, true); err != nil {
		t.Errorf("one more, when nothing is pending: %v", err)
	}
	if undo, _ := s.History(); undo {
		t.Error("there is something to undo of what was closed")
	}
	if _, err := run(s, `{}`, `[["s","/watched",0,0,"seen"],["s","/t5",1,0,"y"]]`); err != nil {
		t.Error(err)
	}
	if len(told) != 1 || told[0].Ins != "seen" {
		t.Errorf("the watcher was told %+v", told)
	}
}

func TestUndo(t *testing.T) {
	d, s := open(t, note)
	made := func(tag uint64, joined bool, script string) {
		t.Helper()
		change, err := run(s, `{}`, script)
		if err != nil {
			t.Fatal(err)
		}
		s.Did(tag, change, joined)
	}
	step := func(redo bool, want string, history ...bool) {
		t.Helper()
		if ok, err := s.Step(101, redo, d.Update); !ok || err != nil {
			t.Fatalf("step: %v, %v", ok, err)
		}
		if got := s.Runs("/text")[0].Text; got != want {
			t.Errorf("the text is %q, want %q", got, want)
		}
		if undo, redo := s.History(); undo != history[0] || redo != history[1] {
			t.Errorf("history: %v, %v", undo, redo)
		}
	}
	if ok, err := s.Step(102, false, d.Update); ok || err != nil {
		t.Errorf("with nothing done: %v, %v", ok, err)
	}
	made(1, false, `[["s","/text",5,0," w"]]`)
	made(2, true, `[["s","/text",7,0,"orld"]]`)
	made(3, false, `[["s","/text",11,0,"!"]]`)
	step(false, "Hello world", true, true)
	step(false, "Hello", false, true)
	step(true, "Hello world", true, true)
	made(4, false, `[["s","/text",0,0,"refused "]]`)
	if _, redo := s.History(); redo {
		t.Error("there is something to do again after something else was done")
	}
	s.Settled(1, true)
	s.Settled(4, false)
	d.Apply(parse(t, `{"text":{"H":"Oh, Hello"}}`)) // somebody else
	if ok, err := s.Step(103, false, d.Update); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if undo, _ := s.History(); undo {
		t.Error("what was refused can be undone")
	}
}

// TestUndoTooLarge: what is larger than the server takes in one edit is taken back in parts
// where it was done in parts. Else it stands, with an error that says so, and undo goes on
// with what was done before.
func TestUndoTooLarge(t *testing.T) {
	d, s := open(t, `{"n":1}`)
	big := `"` + strings.Repeat("x", 500<<10) + `"`
	tag := uint64(0)
	made := func(joined bool, patch string) {
		t.Helper()
		change, err := d.Update(func(tx *doc.Tx) error { return tx.Merge(parse(t, patch)) })
		if err != nil {
			t.Fatal(err)
		}
		tag++
		s.Did(tag, change, joined)
	}
	// mutate refuses what the replica does.
	mutate := func(fn func(*doc.Tx) error) (doc.Change, error) {
		change, err := s.Try(fn)
		if err == nil && change.Delta.Len() > wire.MaxDelta {
			d.Apply(change.Inverse)
			return doc.Change{}, replica.ErrDeltaTooLarge
		}
		return change, err
	}
	step := func(redo bool, want string) {
		t.Helper()
		tag++
		if ok, err := s.Step(tag, redo, mutate); !ok || err != nil {
			t.Fatalf("step: %v, %v", ok, err)
		}
		if got := strings.ReplaceAll(string(d.Canonical()), big, `"big"`); got != want {
			t.Errorf("the document is %.300s, want %s", got, want)
		}
	}
	made(false, `{"n":2}`)
	made(false, `{"a":`+big+`}`)
	made(true, `{"b":`+big+`}`)
	step(false, `{"a":"big","n":2}`) // to do both again would be too large
	step(false, `{"n":2}`)
	step(true, `{"a":"big","n":2}`)
	step(true, `{"a":"big","b":"big","n":2}`)
	made(false, `{"a":null,"b":null}`)

	before := string(d.Canonical())
	if ok, err := s.Step(100, false, mutate); ok || !errors.Is(err, edits.ErrTooLarge) {
		t.Errorf("what is too large: %v, %v", ok, err)
	}
	if got := string(d.Canonical()); got != before {
		t.Errorf("it left %.300s", got)
	}
	if undo, redo := s.History(); !undo || redo {
		t.Errorf("history: %v, %v", undo, redo)
	}
	made(false, `{"n":3}`)
	step(false, `{"n":2}`)
	step(true, `{"n":3}`)
	step(false, `{"n":2}`)
	for range 2 { // b and a are not there any more
		if ok, err := s.Step(101, false, mutate); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	step(false, `{"n":1}`)
	if undo, _ := s.History(); undo {
		t.Error("there is more to undo")
	}
}

func parse(t *testing.T, patch string) delta.Delta {
	t.Helper()
	d, err := delta.Parse([]byte(patch))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWhatJavaScriptIsTold(t *testing.T) {
	_, s := open(t, note)
	var told []string
	s.Watch("/text", func(splices []text.Splice) { told = append(told, edits.SplicesJSON(splices)) })
	if _, err := run(s, `{}`, `[["s","/text",5,0,"\"\n"],["s","/text",0,2,""],["m","/text",0,1,"b",{"x":1},0]]`); err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || told[0] != `[[5,0,"\"\n"],[0,2,""]]` {
		t.Errorf("told %q", told)
	}
	s.Watch("/text", nil)
	if _, err := run(s, `{}`, `[["s","/text",0,0,"x"]]`); err != nil || len(told) != 1 {
		t.Errorf("told %q, %v", told, err)
	}
	if got := edits.RunsJSON(s.Runs("/text")); got != `[["x",{}],["l",{"b":{"x":1}}],["lo\"\n",{}]]` {
		t.Errorf("runs: %s", got)
	}
	if got := edits.RunsJSON(s.Runs("/n")); got != `[]` {
		t.Errorf("runs of a number: %s", got)
	}
}
