package text_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf16"

	"github.com/rivulet-sync/rivulet/shared/text"
)

// randomSplices returns edits one after another, and the text after them.
func randomSplices(r *rand.Rand, model []uint16, n int) ([]text.Splice, []uint16) {
	model = slices.Clone(model)
	var list []text.Splice
	for range n {
		pos := r.IntN(len(model) + 1)
		del := min(r.IntN(4), len(model)-pos)
		if r.IntN(2) == 0 {
			del = 0
		}
		pos, del = widened(model, pos, del)
		sp := text.Splice{Pos: pos, Del: del, Ins: randomText(r, 2), Was: string(utf16.Decode(model[pos : pos+del])), Continues: r.IntN(3) == 0}
		list, model = append(list, sp), applyTo(model, sp)
	}
	return list, model
}

func applyAll(t *testing.T, model []uint16, list []text.Splice) []uint16 {
	t.Helper()
	model = slices.Clone(model)
	for _, sp := range list {
		if sp.Pos < 0 || sp.Pos+sp.Del > len(model) || string(utf16.Decode(model[sp.Pos:sp.Pos+sp.Del])) != sp.Was {
			t.Fatalf("%+v does not fit %q", sp, utf16.Decode(model))
		}
		model = applyTo(model, sp)
	}
	return model
}

// TestTransformTP1: in either order the edits give one text.
func TestTransformTP1(t *testing.T) {
	for seed := range uint64(15_000) {
		r := rand.New(rand.NewPCG(seed, 2))
		start := units(randomText(r, 6))
		p, afterP := randomSplices(r, start, r.IntN(4))
		f, afterF := randomSplices(r, start, r.IntN(4))
		p2, f2 := text.Transform(p, f)
		one, two := applyAll(t, afterF, p2), applyAll(t, afterP, f2)
		if !slices.Equal(one, two) {
			t.Fatalf("seed %d: %q with %+v and %+v becomes %q or %q", seed, utf16.Decode(start), p, f, utf16.Decode(one), utf16.Decode(two))
		}
	}
}

func TestTransformTies(t *testing.T) {
	at := func(pos, del int, ins string) text.Splice { return text.Splice{Pos: pos, Del: del, Ins: ins} }
	run := func(pos int, ins string) text.Splice { return text.Splice{Pos: pos, Ins: ins, Continues: true} }
	for name, c := range map[string]struct {
		mine, others []text.Splice
		want         string
	}{
		"mine stays left":              {[]text.Splice{at(2, 0, "m")}, []text.Splice{at(2, 0, "o")}, "abmocd"},
		"right of a run that goes on":  {[]text.Splice{at(2, 0, "m")}, []text.Splice{run(2, "o")}, "abomcd"},
		"my run stays together":        {[]text.Splice{at(2, 0, "m"), run(3, "n")}, []text.Splice{at(2, 0, "o")}, "abmnocd"},
		"theirs, too":                  {[]text.Splice{at(2, 0, "m")}, []text.Splice{run(2, "o"), run(3, "p")}, "abopmcd"},
		"foreign text survives":        {[]text.Splice{at(0, 4, "")}, []text.Splice{at(2, 0, "o")}, "o"},
		"mine survives":                {[]text.Splice{at(2, 0, "m")}, []text.Splice{at(0, 4, "")}, "m"},
		"deleted by both":              {[]text.Splice{at(1, 2, "")}, []text.Splice{at(0, 2, "")}, "d"},
		"replaced by both":             {[]text.Splice{at(1, 2, "m")}, []text.Splice{at(1, 2, "o")}, "amod"},
		"deletion up to the insertion": {[]text.Splice{at(0, 2, "")}, []text.Splice{at(2, 0, "o")}, "ocd"},
	} {
		p, _ := text.Transform(c.mine, c.others)
		model := units("abcd")
		for _, sp := range append(slices.Clone(c.others), p...) {
			model = applyTo(model, sp)
		}
		if got := string(utf16.Decode(model)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestUndo takes back edits in random order, each transformed over what was done
// since. What others typed stays; all of one's own goes.
func TestUndo(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		o := newObject()
		who := typist{r: r}
		var done []text.Splice
		for range 30 {
			pos, del, ins := who.edit(o.state.Len())
			sp, err := o.state.Splice(o, pos, del, ins)
			if err != nil {
				t.Fatal(err)
			}
			done = append(done, sp)
		}
		for i := len(done) - 1; i >= 0; i-- {
			sp := done[i].Inverse()
			if _, err := o.state.Splice(o, sp.Pos, sp.Del, sp.Ins); err != nil {
				t.Fatal(err)
			}
		}
		if o.state.String() != "" {
			t.Fatalf("seed %d: %q is left", seed, o.state)
		}
	}
	// One's own "mine" is undone below what others did since.
	o := newObject()
	edit := func(pos, del int, ins string) text.Splice {
		sp, err := o.state.Splice(o, pos, del, ins)
		if err != nil {
			t.Fatal(err)
		}
		return sp
	}
	edit(0, 0, "ab")
	mine := edit(1, 0, "mine")
	later := []text.Splice{edit(3, 0, "XY"), edit(0, 1, ""), edit(6, 1, "Z")}
	undo, _ := text.Transform([]text.Splice{mine.Inverse()}, later)
	for _, sp := range undo {
		edit(sp.Pos, sp.Del, sp.Ins)
	}
	if got := o.state.String(); got != "XYZ" {
		t.Errorf("after the undo: %q", got)
	}
}

// TestCursors checks sticky positions against a list of units with names.
func TestCursors(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 4))
		who := typist{r: r}
		o, other := newObject(), newObject()
		type watched struct {
			cursor, far *text.Cursor
			bias        text.Bias
			pos         int
		}
		var list []watched
		for step := range 200 {
			pos, del, ins := who.edit(o.state.Len())
			sp, err := o.state.Splice(o, pos, del, ins)
			if err != nil {
				t.Fatal(err)
			}
			other.state.Begin(text.Others)
			for _, c := range o.patch {
				other.write(c.key, c.raw)
			}
			seen := other.state.End()
			o.commit()
			for i := range list {
				w := &list[i]
				// The unit before a left cursor, or behind a right one, holds it.
				n := len(units(sp.Ins))
				switch {
				case w.pos > sp.Pos+sp.Del:
					w.pos += n - sp.Del
				case w.pos < sp.Pos:
				case w.bias == text.Right:
					w.pos = sp.Pos + n
				default:
					w.pos = sp.Pos
				}
				if w.cursor.Pos() != w.pos {
					t.Fatalf("seed %d step %d: cursor at %d, want %d", seed, step, w.cursor.Pos(), w.pos)
				}
				// Another client may take an edit for an equal one nearby.
				if len(seen) == 1 && seen[0].Pos == sp.Pos && seen[0].Del == sp.Del && w.far.Pos() != w.pos {
					t.Fatalf("seed %d step %d: remote cursor at %d, want %d", seed, step, w.far.Pos(), w.pos)
				}
				if w.far.Pos() != w.pos {
					w.far.Release()
					w.far = other.state.Cursor(w.pos, w.bias)
				}
			}
			if step%20 == 0 {
				bias := []text.Bias{text.Left, text.Right}[r.IntN(2)]
				c := o.state.Cursor(r.IntN(o.state.Len()+1), bias)
				list = append(list, watched{c, other.state.Cursor(c.Pos(), bias), bias, c.Pos()})
			}
		}
	}
}

// TestResetMovesCursors: a new snapshot is a change like any other.
func TestResetMovesCursors(t *testing.T) {
	for _, within := range []bool{false, true} {
		o := newObject()
		if _, err := o.state.Splice(o, 0, 0, "one two"); err != nil {
			t.Fatal(err)
		}
		c := o.state.Cursor(4, text.Right)
		fresh := map[string]string{"A": `"one "`, "B": `"and "`, "C": `"two"`, "D": `3`}
		if within {
			o.state.Begin(text.Others)
		}
		o.state.Reset(maps.All(fresh))
		if within {
			o.state.End()
		}
		if o.state.String() != "one and two" || c.Pos() != 8 {
			t.Errorf("%q with the cursor at %d", o.state, c.Pos())
		}
	}
}

// TestBehindReplacedText: what stands behind a text that gives way to another one
// stands behind that one, as the keys have it.
func TestBehindReplacedText(t *testing.T) {
	p, others := text.Transform([]text.Splice{{Pos: 2, Ins: "p"}}, []text.Splice{{Pos: 0, Del: 2, Ins: "XYZ", Was: "ab"}})
	if len(p) != 1 || p[0].Pos != 3 || len(others) != 1 || others[0].Pos != 0 || others[0].Del != 2 {
		t.Errorf("%+v, %+v", p, others)
	}
}
