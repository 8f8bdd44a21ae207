package delta_test

import (
	"fmt"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
)

// checkFold folds the sequence and checks that what results does the same to the
// documents, and that it is one patch if and only if no object is made anew.
func checkFold(t testing.TB, documents []object, sequence ...delta.Delta) int {
	t.Helper()
	patches := make([]object, len(sequence))
	for i, d := range sequence {
		patches[i] = decode(t, d.Bytes())
	}
	result := delta.Fold(sequence)
	folded := make([]object, len(result))
	for i, d := range result {
		folded[i] = decode(t, parse(t, d.Bytes()).Bytes())
	}
	if len(folded) > 2 {
		t.Fatalf("%v folded is %v", patches, folded)
	}
	changed := false
	for _, document := range documents {
		var want, got any = document, document
		for _, p := range patches {
			want = mergePatch(want, p)
		}
		for _, p := range folded {
			got = mergePatch(got, p)
		}
		if !same(got, want) {
			t.Fatalf("%v folded is %v: makes %v of %v, want %v", patches, folded, got, document, want)
		}
		changed = changed || !same(want, document)
	}
	if changed && len(folded) == 0 {
		t.Fatalf("%v folded is nothing", patches)
	}
	if len(folded) == 2 && !makesAnew(folded[0], folded[1]) {
		t.Fatalf("%v folded is %v, which composes", patches, folded)
	}
	return len(folded)
}

// TestL12_FoldIsExactAndShortest goes through all sequences of three small patches
// that are nested, and through many of those that stand side by side.
func TestL12_FoldIsExactAndShortest(t *testing.T) {
	counts := map[int]int{}
	s := deep(2)
	var deltas []delta.Delta
	for _, p := range s.patches {
		deltas = append(deltas, parse(t, encode(t, p)))
	}
	for _, a := range deltas {
		for _, b := range deltas {
			for _, c := range deltas {
				counts[checkFold(t, s.documents, a, b, c)]++
			}
		}
	}
	r, s := newRandom(t), wide()
	for range 1000 {
		sequence := make([]delta.Delta, r.IntN(6))
		for i := range sequence {
			sequence[i] = parse(t, encode(t, pick(r, s.patches)))
		}
		counts[checkFold(t, s.documents, sequence...)]++
	}
	t.Logf("folded into so many: %v", counts)
	if counts[0] == 0 || counts[1] < 500 || counts[2] < 500 {
		t.Error("the test shows nothing")
	}
}

func TestL12_FoldRandom(t *testing.T) {
	r := newRandom(t)
	for range 2000 {
		sequence := make([]delta.Delta, r.IntN(8))
		for i := range sequence {
			sequence[i] = parse(t, r.patch())
		}
		checkFold(t, []object{decode(t, r.document()), decode(t, r.document())}, sequence...)
	}
}

func TestL12_Fold(t *testing.T) {
	for _, c := range []struct{ deltas, want []string }{
		{nil, nil},
		{[]string{`{}`, ` { } `}, nil},
		{[]string{`{}`}, nil},
		{[]string{` {"b":1,"a":2}`}, []string{` {"b":1,"a":2}`}},
		{[]string{`{"b":1.0}`, `{}`, `{"a":{"c":null}}`}, []string{`{"a":{"c":null},"b":1.0}`}},
		{[]string{`{"a":null}`, `{"a":{"x":1},"b":1}`, `{"b":{}}`}, []string{`{"a":null,"b":null}`, `{"a":{"x":1},"b":{}}`}},
		// What is deleted at last needs no second patch, whatever it was between.
		{[]string{`{"a":null}`, `{"a":{"x":1}}`, `{"a":null}`}, []string{`{"a":null}`}},
		// Within an object that is made anew there is nothing to delete, nor to make anew.
		{[]string{`{"a":1}`, `{"a":{"x":1,"y":null}}`, `{"a":{"x":{},"z":{"u":null}}}`}, []string{`{"a":null}`, `{"a":{"x":{},"z":{}}}`}},
		{[]string{`{"a":{"b":[]}}`, `{"a":{"b":{},"c":null},"d":1}`}, []string{`{"a":{"b":null}}`, `{"a":{"b":{},"c":null},"d":1}`}},
	} {
		var deltas []delta.Delta
		for _, text := range c.deltas {
			deltas = append(deltas, parse(t, []byte(text)))
		}
		var got []string
		for _, d := range delta.Fold(deltas) {
			got = append(got, string(d.Bytes()))
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s folded is %s, want %s", c.deltas, got, c.want)
		}
	}
}
