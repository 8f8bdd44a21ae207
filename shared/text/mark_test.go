package text_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf16"

	"github.com/rivulet-sync/rivulet/shared/text"
)

// dumbMark is one mark of the dumb model: every unit points at its own.
type dumbMark struct {
	value        string
	before, last bool
}

// dumbText knows the marks of every unit, by name.
type dumbText struct {
	units []uint16
	marks []map[string]*dumbMark
}

func (d *dumbText) at(i int) map[string]*dumbMark {
	if i < 0 || i >= len(d.marks) {
		return nil
	}
	return d.marks[i]
}

func (d *dumbText) splice(sp text.Splice) {
	d.units = applyTo(d.units, sp)
	d.marks = slices.Delete(d.marks, sp.Pos, sp.Pos+sp.Del)
	got := make(map[string]*dumbMark)
	for name, m := range d.at(sp.Pos) {
		if m.before || d.at(sp.Pos - 1)[name] == m {
			got[name] = m
		}
	}
	for name, m := range d.at(sp.Pos - 1) {
		if m.last {
			got[name] = m
		}
	}
	for range units(sp.Ins) {
		d.marks = slices.Insert(d.marks, sp.Pos, maps.Clone(got))
	}
}

func (d *dumbText) mark(from, to int, name string, put *dumbMark) {
	// What is cut off behind is another mark from now on.
	if cut := d.at(to)[name]; cut != nil && d.at(to - 1)[name] == cut {
		d.rename(to, name, &dumbMark{cut.value, cut.before, cut.last})
	}
	for i := from; i < to; i++ {
		delete(d.marks[i], name)
		if put != nil {
			d.marks[i][name] = put
		}
	}
	if put == nil {
		return
	}
	if next := d.at(to)[name]; next != nil && next.value == put.value {
		put.last = next.last
		d.rename(to, name, put)
	}
	if prev := d.at(from - 1)[name]; prev != nil && prev.value == put.value {
		put.before = prev.before
		for i := from - 1; i >= 0 && d.marks[i][name] == prev; i-- {
			d.marks[i][name] = put
		}
	}
}

// rename gives the units from i on, as far as they have one mark, another.
func (d *dumbText) rename(i int, name string, to *dumbMark) {
	for was := d.marks[i][name]; i < len(d.marks) && d.marks[i][name] == was; i++ {
		d.marks[i][name] = to
	}
}

func (d *dumbText) runs() []text.Run {
	var runs []text.Run
	for i := 0; i < len(d.units); {
		var list []text.Attribute
		for _, name := range slices.Sorted(maps.Keys(d.marks[i])) {
			list = append(list, text.Attribute{Name: name, Value: d.marks[i][name].value})
		}
		n := 1
		if i+1 < len(d.units) && utf16.IsSurrogate(rune(d.units[i])) {
			n = 2
		}
		piece := string(utf16.Decode(d.units[i : i+n]))
		if k := len(runs); k > 0 && slices.Equal(runs[k-1].Attributes, list) {
			runs[k-1].Text += piece
		} else {
			runs = append(runs, text.Run{Text: piece, Attributes: list})
		}
		i += n
	}
	return runs
}

// TestMarks checks edits and marks against attributes kept for every unit.
func TestMarks(t *testing.T) {
	for seed := range uint64(120) {
		r := rand.New(rand.NewPCG(seed, 5))
		who := typist{r: r}
		o, other := newObject(), newObject()
		d := &dumbText{}
		var history []string
		for step := range 60 {
			if from := r.IntN(len(d.units) + 1); r.IntN(3) > 0 || from == len(d.units) {
				pos, del, ins := who.edit(len(d.units))
				if len(ins) > 40 {
					ins = "long"
				}
				sp, err := o.state.Splice(o, pos, del, ins)
				if err != nil {
					t.Fatal(err)
				}
				d.splice(sp)
				history = append(history, fmt.Sprintf("splice %d %d %q", sp.Pos, sp.Del, sp.Ins))
			} else {
				to := from + 1 + r.IntN(min(12, len(d.units)-from))
				name, value := []string{"bold", "link", "note"}[r.IntN(3)], []string{"true", "1"}[r.IntN(2)]
				e := text.Expand(r.IntN(4))
				put := &dumbMark{value, e&text.ExpandStart != 0, e&text.ExpandEnd != 0}
				var err error
				if r.IntN(3) > 0 {
					err = o.state.Mark(o, from, to, name, value, e)
				} else {
					put = nil
					err = o.state.Unmark(o, from, to, name)
				}
				if err != nil {
					t.Fatal(err)
				}
				wide, n := widened(d.units, from, to-from)
				d.mark(wide, wide+n, name, put)
				history = append(history, fmt.Sprintf("mark %d %d %s %+v", wide, wide+n, name, put))
			}
			other.state.Begin(text.Others)
			for _, c := range o.patch {
				other.write(c.key, c.raw)
			}
			other.state.End()
			o.commit()
			want := fmt.Sprintf("%q", d.runs())
			if got := fmt.Sprintf("%q", o.state.Runs()); got != want {
				t.Fatalf("seed %d step %d: %v\n%s, want\n%s", seed, step, history[max(0, len(history)-12):], got, want)
			}
			if got := fmt.Sprintf("%q", other.state.Runs()); got != want {
				t.Fatalf("seed %d step %d: another client has\n%s, want\n%s", seed, step, got, want)
			}
		}
		if _, err := o.state.Splice(o, 0, o.state.Len(), ""); err != nil {
			t.Fatal(err)
		}
		for key, raw := range o.members {
			t.Fatalf("seed %d: %s: %s is left of an empty text", seed, key, raw)
		}
	}
}

// TestBrokenMarks: markers that do not match each other mean something, too.
func TestBrokenMarks(t *testing.T) {
	o := newObject()
	for _, m := range [][2]string{
		{"A", `[">","b"]`}, {"B", `"one"`}, {"C", `["<","b",1]`}, {"D", `"two"`}, {"E", `["<","b",2]`}, {"F", `"three"`},
		{"G", `[">","b"]`}, {"H", `"four"`}, {"I", `[">","b"]`}, {"J", `"five"`}, {"K", `["<","b",3]`}, {"L", `"six"`},
	} {
		o.write(m[0], m[1])
	}
	if got, want := fmt.Sprint(o.state.Runs()), "[{one []} {two [{b 1}]} {three [{b 2}]} {four [{b 1}]} {five []} {six [{b 3}]}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if err := o.state.Unmark(o, 8, 9, "b"); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(o.state.Runs()), "[{one []} {two [{b 1}]} {th [{b 2}]} {r []} {ee [{b 2}]} {four [{b 1}]} {five []} {six [{b 3}]}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if err := o.state.Mark(o, 0, o.state.Len(), "b", "4", text.ExpandEnd); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(o.state.Runs()), "[{onetwothreefourfivesix [{b 4}]}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	markers := 0
	for _, raw := range o.members {
		if raw[0] == '[' {
			markers++
		}
	}
	if markers != 2 {
		t.Errorf("%d markers are left", markers)
	}
}
