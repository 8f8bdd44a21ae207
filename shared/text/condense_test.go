package text_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf16"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/text"
)

// sum is what splices amount to.
func sum(list ...text.Splice) []text.Splice {
	splices, _ := text.Open(doc.New(), "/t").Sum(nil, []any{list}, nil).([]text.Splice)
	return splices
}

// TestSum: what many splices amount to leads to the same text, from the left to the
// right; to make them and to take them back amounts to nothing.
func TestSum(t *testing.T) {
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 7))
		start := units(randomText(r, 8))
		list, now := randomSplices(r, start, r.IntN(6))
		got := sum(list...)
		if led := applyAll(t, start, got); !slices.Equal(led, now) {
			t.Fatalf("seed %d: %+v leads to %q, %+v to %q", seed, list, utf16.Decode(now), got, utf16.Decode(led))
		}
		for i := 1; i < len(got); i++ {
			if a := got[i-1]; got[i].Pos < a.Pos+text.Units(a.Ins) {
				t.Fatalf("seed %d: %+v is not from the left to the right", seed, got)
			}
		}
		there := slices.Clone(list)
		for _, sp := range slices.Backward(list) {
			there = append(there, sp.Inverse())
		}
		if rest := sum(there...); rest != nil {
			t.Fatalf("seed %d: %+v and back leaves %+v", seed, list, rest)
		}
	}
}

// TestSumNamesNothingElse: what no splice names is untouched, though another letter that
// is the same could be in its stead.
func TestSumNamesNothingElse(t *testing.T) {
	moved := []text.Splice{{Pos: 0, Del: 1, Was: "x"}, {Pos: 1, Ins: "x"}}
	if got := sum(moved...); !slices.Equal(got, moved) {
		t.Errorf("%+v", got)
	}
}

// TestSumGoesOn: what goes on with the text before it does so when it is summed up, unless
// that is deleted, or something was put between.
func TestSumGoesOn(t *testing.T) {
	on := text.Splice{Pos: 5, Ins: "cd", Continues: true}
	for _, c := range []struct {
		name string
		list []text.Splice
		want bool
	}{
		{"alone", []text.Splice{on}, true},
		{"moved", []text.Splice{on, {Pos: 2, Ins: "xy"}, {Pos: 1, Del: 1, Was: "b"}}, true},
		{"typed on", []text.Splice{on, {Pos: 7, Ins: "e", Continues: true}}, true},
		{"made in a stretch", []text.Splice{{Pos: 5, Del: 1, Was: "f"}, on, {Pos: 7, Ins: "g"}}, true},
		{"put away and back", []text.Splice{on, {Pos: 5, Del: 2, Was: "cd"}, on}, true},
		{"behind what is gone", []text.Splice{on, {Pos: 4, Del: 1, Was: "b"}}, false},
		{"behind what was inserted", []text.Splice{on, {Pos: 5, Ins: "x"}}, false},
		{"behind what was put away and back", []text.Splice{{Pos: 5, Del: 1, Was: "x"}, on, {Pos: 5, Ins: "x"}}, false},
		{"gone and another one's", []text.Splice{on, {Pos: 5, Del: 2, Was: "cd"}, {Pos: 5, Ins: "x"}}, false},
	} {
		got := sum(c.list...)
		i := slices.IndexFunc(got, func(sp text.Splice) bool { return sp.Ins != "" && sp.Ins != "xy" })
		if i < 0 || got[i].Continues != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
