package text_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/rivulet-sync/rivulet/shared/text"
)

// TestSplice checks random edits against a plain string, as seen by the one who
// makes them, by one who gets the merge patches, and by one who opens the object.
func TestSplice(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 0))
		who := typist{r: r}
		o, other := newObject(), newObject()
		var model, mirror []uint16
		var watched []uint16
		o.state.Watch(func(list []text.Splice) {
			for _, sp := range list {
				watched = applyTo(watched, sp)
			}
		})
		for step := range 400 {
			pos, del, ins := who.edit(len(model))
			wide, n := widened(model, pos, del)
			done, err := o.state.Splice(o, pos, del, ins)
			if err != nil {
				t.Fatalf("seed %d step %d: %v", seed, step, err)
			}
			want := text.Splice{Pos: wide, Del: n, Ins: ins, Was: string(utf16.Decode(model[wide : wide+n])), Continues: done.Continues}
			if done != want {
				t.Fatalf("seed %d step %d: did %+v, want %+v", seed, step, done, want)
			}
			model = applyTo(model, done)
			who.pos = min(who.pos, len(model))
			if r.IntN(50) == 0 {
				o.write(oddMember(r))
			}
			other.state.Begin(text.Others)
			for _, c := range o.patch {
				other.write(c.key, c.raw)
			}
			for _, sp := range other.state.End() {
				if got := string(utf16.Decode(mirror[sp.Pos : sp.Pos+sp.Del])); got != sp.Was {
					t.Fatalf("seed %d step %d: %+v deletes %q", seed, step, sp, got)
				}
				mirror = applyTo(mirror, sp)
			}
			o.commit()
			if r.IntN(20) > 0 {
				continue
			}
			fresh := text.New()
			fresh.Reset(maps.All(o.members))
			text := string(utf16.Decode(model))
			if o.state.String() != text || o.state.Len() != len(model) || other.state.String() != text || fresh.String() != text {
				t.Fatalf("seed %d step %d: the texts are\n%q\n%q\n%q\nwant\n%q", seed, step, o.state, other.state, fresh, text)
			}
			if !slices.Equal(mirror, model) || !slices.Equal(watched, model) {
				t.Fatalf("seed %d step %d: splices make %q and %q of it, want %q", seed, step, utf16.Decode(mirror), utf16.Decode(watched), text)
			}
			i := r.IntN(len(model) + 1)
			j := i + r.IntN(len(model)+1-i)
			wide, n = widened(model, i, j-i)
			if got, err := fresh.Slice(i, j); err != nil || got != string(utf16.Decode(model[wide:wide+n])) {
				t.Fatalf("seed %d step %d: from %d to %d there is %q, %v", seed, step, i, j, got, err)
			}
		}
	}
}

// oddMember is a member that is no part of a text.
func oddMember(r *rand.Rand) (key, raw string) {
	odd := [][2]string{
		{"$", `"text"`}, {"", `"a"`}, {"a0", `"a"`}, {"a-b", `"a"`}, {"é", `"a"`}, {strings.Repeat("z", text.MaxKey+1), `"a"`},
		{"zzz1", `1`}, {"zzz2", `{}`}, {"zzz3", `[]`}, {"zzz4", `true`}, {"zzz5", `["<"]`}, {"zzz6", `["<","b"]`}, {"zzz7", `[">","b",2]`},
		{"zzz8", `["<","b",null]`}, {"zzz9", `[1,2,3]`}, {"zzzA", `[">",1]`}, {"zzzB", `["<","b",1,1,1]`}, {"zzzC", `["<","",1]`}, {"zzzD", `""`},
	}
	m := odd[r.IntN(len(odd))]
	return m[0], m[1]
}

func TestSpliceRefuses(t *testing.T) {
	o := newObject()
	if _, err := o.state.Splice(o, 0, 0, "a𝄞b"); err != nil {
		t.Fatal(err)
	}
	o.commit()
	const maxInt = int(^uint(0) >> 1)
	for _, at := range [][2]int{{-1, 0}, {0, -1}, {5, 0}, {0, 5}, {2, 3}, {4, 1}, {1, maxInt}, {maxInt, 1}} {
		var wrong *text.RangeError
		if _, err := o.state.Splice(o, at[0], at[1], "x"); !errors.As(err, &wrong) || wrong.Len != 4 {
			t.Errorf("%v: %v", at, err)
		}
		if err := o.state.Mark(o, at[0], at[0]+at[1], "b", "true", 0); at[1] < maxInt && !errors.As(err, &wrong) {
			t.Errorf("%v: mark: %v", at, err)
		}
	}
	for _, ins := range []string{"\xff", "\xed\xa0\x80", "a\xf0\x9d"} {
		if _, err := o.state.Splice(o, 0, 1, ins); !errors.Is(err, text.ErrEncoding) {
			t.Errorf("%q: %v", ins, err)
		}
	}
	for _, m := range [][2]string{{"", "1"}, {"b", ""}, {"b", "null"}, {"b", "{"}, {"\xff", "1"}} {
		if err := o.state.Mark(o, 0, 1, m[0], m[1], 0); !errors.Is(err, text.ErrMark) {
			t.Errorf("%q: %v", m, err)
		}
	}
	if len(o.patch) > 0 || o.state.String() != "a𝄞b" {
		t.Errorf("left %q, wrote %v", o.state, o.patch)
	}
}

// TestSurrogatePairs: no splice divides one.
func TestSurrogatePairs(t *testing.T) {
	for _, c := range []struct {
		pos, del  int
		ins, want string
	}{
		{2, 0, "x", "axb"}, {2, 1, "", "ab"}, {1, 1, "", "ab"}, {0, 2, "", "b"}, {2, 2, "x", "ax"}, {1, 0, "x", "ax𝄞b"}, {3, 0, "x", "a𝄞xb"},
	} {
		o := newObject()
		if _, err := o.state.Splice(o, 0, 0, "a𝄞b"); err != nil {
			t.Fatal(err)
		}
		if _, err := o.state.Splice(o, c.pos, c.del, c.ins); err != nil || o.state.String() != c.want {
			t.Errorf("%+v gives %q, %v", c, o.state, err)
		}
	}
}

// TestL7_Revert undoes transactions by their writes; the state follows.
func TestL7_Revert(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		who := typist{r: r}
		o := newObject()
		var cursors []*text.Cursor
		for step := range 200 {
			before := o.state.String()
			members := maps.Clone(o.members)
			var was []int
			for _, c := range cursors {
				was = append(was, c.Pos())
			}
			o.state.Begin(text.Own)
			for range 1 + r.IntN(3) {
				pos, del, ins := who.edit(o.state.Len())
				if _, err := o.state.Splice(o, pos, del, ins); err != nil {
					t.Fatalf("seed %d step %d: %v", seed, step, err)
				}
			}
			if r.IntN(2) == 0 {
				o.commit()
				o.state.End()
			} else {
				for i := len(o.patch) - 1; i >= 0; i-- {
					o.write(o.patch[i].key, o.patch[i].was)
				}
				o.commit()
				o.state.End()
				if o.state.String() != before || !maps.Equal(o.members, members) {
					t.Fatalf("seed %d step %d: %q after the revert, want %q", seed, step, o.state, before)
				}
				for i, c := range cursors {
					if c.Pos() != was[i] {
						t.Fatalf("seed %d step %d: cursor at %d after the revert, want %d", seed, step, c.Pos(), was[i])
					}
				}
			}
			if step < 5 {
				cursors = append(cursors, o.state.Cursor(r.IntN(o.state.Len()+1), text.Right))
			}
		}
		fresh := text.New()
		fresh.Reset(maps.All(o.members))
		if fresh.String() != o.state.String() {
			t.Fatalf("seed %d: %q, opened anew %q", seed, o.state, fresh)
		}
	}
}

// TestKeysStayShort inserts where it hurts most.
func TestKeysStayShort(t *testing.T) {
	for name, place := range map[string]func(i, length int) int{
		"front":  func(i, length int) int { return 0 },
		"back":   func(i, length int) int { return length },
		"middle": func(i, length int) int { return length / 2 },
		"zigzag": func(i, length int) int { return length/2 - length/2%2*(i%2) },
		"second": func(i, length int) int { return min(1, length) },
		"spread": func(i, length int) int { return i * 7919 % (length + 1) },
	} {
		o := newObject()
		for i := range 5_000 {
			if _, err := o.state.Splice(o, place(i, o.state.Len()), 0, "ab"[i%2:i%2+1]); err != nil {
				t.Fatal(err)
			}
			o.commit()
		}
		longest := 0
		for key := range o.members {
			longest = max(longest, len(key))
		}
		if longest > 24 {
			t.Errorf("%s: a key has %d bytes", name, longest)
		}
		t.Logf("%s: longest key %d, %d members", name, longest, len(o.members))
	}
}

// TestCrowdedKeys: where there is no short key left, the neighbours make room.
func TestCrowdedKeys(t *testing.T) {
	o := newObject()
	deep := strings.Repeat("z", text.MaxKey-1)
	o.write(deep+"1", `"a"`)
	o.write(deep+"2", `"b"`)
	o.write(strings.Repeat("0", text.MaxKey-1)+"1", `"c"`)
	for i, want := range []string{"xcab", "xcaxb", "xcaxbx"} {
		if _, err := o.state.Splice(o, []int{0, 3, 5}[i], 0, "x"); err != nil || o.state.String() != want {
			t.Fatalf("%q, %v, want %q", o.state, err, want)
		}
		fresh := text.New()
		fresh.Reset(maps.All(o.members))
		if fresh.String() != want {
			t.Fatalf("opened anew it is %q, want %q", fresh, want)
		}
	}
}

func FuzzChanged(f *testing.F) {
	f.Add("V", `"abc"`, "W", `["<","b",true,1]`, "V", `"ab"`)
	f.Add("V0", `""`, "$", `"text"`, "a", `[">","b"]`)
	f.Fuzz(func(t *testing.T, k1, r1, k2, r2, k3, r3 string) {
		o := newObject()
		for _, m := range [][2]string{{k1, r1}, {k2, r2}, {k3, r3}} {
			if !canonical(m[1]) {
				return
			}
			o.write(m[0], m[1])
		}
		o.state.Runs()
		fresh := text.New()
		fresh.Reset(maps.All(o.members))
		if fresh.String() != o.state.String() {
			t.Fatalf("%q, opened anew %q", o.state, fresh)
		}
		before := o.state.String()
		if _, err := o.state.Splice(o, o.state.Len(), 0, "x"); err != nil || o.state.String() != before+"x" {
			t.Fatalf("%q, %v", o.state, err)
		}
	})
}
