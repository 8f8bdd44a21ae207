package delta_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
)

// small is a set of patches and the documents that tell them apart.
type small struct {
	patches   []object
	documents []object
}

// objects returns every object that has, by each of the names, one of the values or
// no member.
func objects(names []string, values []any) []any {
	all := []object{{}}
	for _, name := range names {
		for _, o := range all[:len(all):len(all)] {
			for _, v := range values {
				with := object{name: v}
				for n, v := range o {
					with[n] = v
				}
				all = append(all, with)
			}
		}
	}
	anys := make([]any, len(all))
	for i, o := range all {
		anys[i] = o
	}
	return anys
}

func asObjects(values []any) []object {
	all := make([]object, len(values))
	for i, v := range values {
		all[i] = v.(object)
	}
	return all
}

// wide has two names side by side, of which one may hold an object; the documents
// have a name more, which no patch knows.
func wide() small {
	below := objects([]string{"a"}, []any{nil, 1.0, object{}})
	found := append(objects([]string{"a"}, []any{1.0, object{"z": 1.0}}), object{"z": 1.0}, object{"a": object{"a": 1.0}, "z": 1.0})
	return small{
		patches:   asObjects(objects([]string{"a", "b"}, append(below, nil, 1.0, []any{nil}))),
		documents: asObjects(objects([]string{"a", "b"}, append(found, 2.0))),
	}
}

// deep has one name in objects nested as deep as the levels and two more; the documents
// have another name at each.
func deep(levels int) small {
	patches, documents := []any{nil, 1.0, object{}}, []any{2.0, object{}, object{"z": 1.0}}
	for range levels {
		patches = append(objects([]string{"a"}, patches), nil, 1.0)
		for _, o := range objects([]string{"a"}, documents) {
			with := object{"z": 1.0}
			for n, v := range o.(object) {
				with[n] = v
			}
			documents = append(documents, o, with)
		}
	}
	return small{
		patches:   asObjects(objects([]string{"a"}, patches)),
		documents: asObjects(objects([]string{"a"}, documents)),
	}
}

// differs returns a document on which the one patch does not do what the sequence
// does.
func (s small) differs(one any, sequence ...object) (witness object, differs bool) {
	i := slices.IndexFunc(s.documents, func(d object) bool {
		var want any = d
		for _, patch := range sequence {
			want = mergePatch(want, patch)
		}
		return !same(mergePatch(d, one), want)
	})
	if i < 0 {
		return nil, false
	}
	return s.documents[i], true
}

// TestL12_ComposeIsExactOrRefused goes through all pairs of small patches. Where
// they compose, the one patch does what the two do on every small document. Where
// they do not, there is a witness against the naive composition, and one against
// every other small patch. Which is which is the law's criterion.
func TestL12_ComposeIsExactOrRefused(t *testing.T) {
	for name, s := range map[string]small{"wide": wide(), "deep": deep(3)} {
		t.Run(name, func(t *testing.T) {
			composed, refused := 0, 0
			for _, first := range s.patches {
				for _, second := range s.patches {
					naive := composeNaively(first, second)
					one, ok := delta.Compose(parse(t, encode(t, first)), parse(t, encode(t, second)))
					if ok == makesAnew(first, second) {
						t.Fatalf("%v then %v: composed is %v, against the law", first, second, ok)
					}
					if ok {
						composed++
						got := parse(t, one.Bytes())
						if !same(decodeFloats(t, got.Bytes()), naive) {
							t.Fatalf("%v then %v is %s", first, second, one.Bytes())
						}
						if d, differs := s.differs(naive, first, second); differs {
							t.Fatalf("%v then %v is %s, which does something else to %v", first, second, one.Bytes(), d)
						}
						continue
					}
					refused++
					if _, differs := s.differs(naive, first, second); !differs {
						t.Fatalf("%v then %v is refused, but on no document it would be wrong", first, second)
					}
					if refused%17 == 0 { // every other patch too, for some of the pairs
						for _, other := range s.patches {
							if _, differs := s.differs(other, first, second); !differs {
								t.Fatalf("%v then %v is refused, but is the same as %v", first, second, other)
							}
						}
					}
				}
			}
			t.Logf("%d pairs composed, %d refused, %d documents", composed, refused, len(s.documents))
			if composed < 100 || refused < 40 {
				t.Error("the test shows nothing")
			}
		})
	}
}

func TestL12_Compose(t *testing.T) {
	for _, c := range []struct{ first, second, want string }{
		{`{}`, `{}`, `{}`},
		{`{"a":1}`, `{}`, `{"a":1}`},
		{`{}`, `{"a":1}`, `{"a":1}`},
		{`{"a":1}`, `{"b":2}`, `{"a":1,"b":2}`},
		{`{"b":1}`, `{"a":2}`, `{"a":2,"b":1}`},
		{`{"a":1}`, `{"a":null}`, `{"a":null}`},
		{`{"a":null}`, `{"a":1}`, `{"a":1}`},
		{`{"k":{"a":1}}`, `{"k":null}`, `{"k":null}`},
		{`{"k":{"a":null}}`, `{"k":{"b":{"c":null}}}`, `{"k":{"a":null,"b":{"c":null}}}`},
		{`{"k":{}}`, `{"k":{"a":1}}`, `{"k":{"a":1}}`},
		{`{"k":{"a":1}}`, `{"k":{}}`, `{"k":{"a":1}}`},
		{`{"a":1.50}`, `{"b":1E400,"c":12345678901234567890}`, `{"a":1.50,"b":1E400,"c":12345678901234567890}`},
		{`{"é":1,"\u2028":1}`, `{"\u00e9":2,"":0,"~":0,"/":0,"\ud834\udd1e":3}`, `{"":0,"/":0,"~":0,"é":2,"` + "\u2028" + `":1,"𝄞":3}`},
		{`{"\u0000":1}`, `{"\u0000":2}`, `{"\u0000":2}`},
		{" { \"a\" :\t{\n} } ", " { \"a\" : { \"b\" : [ 1 ] } } ", `{"a":{"b":[ 1 ]}}`},
		// Law L12: the object that is made anew has forgotten what was there.
		{`{"k":null}`, `{"k":{"b":1}}`, ``},
		{`{"k":null}`, `{"k":{}}`, ``},
		{`{"k":1}`, `{"k":{}}`, ``},
		{`{"k":[{}]}`, `{"k":{}}`, ``},
		{`{"k":{"l":"x"}}`, `{"a":1,"k":{"l":{"m":null}}}`, ``},
		{`{"\u006b":null}`, `{"k":{}}`, ``},
	} {
		got, ok := delta.Compose(parse(t, []byte(c.first)), parse(t, []byte(c.second)))
		if text := string(got.Bytes()); ok != (c.want != "") || ok && text != c.want || !ok && text != `{}` {
			t.Errorf("%s then %s: %s, %v; want %s", c.first, c.second, text, ok, c.want)
		}
	}
	one := parse(t, []byte(`{"a":1}`))
	for _, got := range []func() (delta.Delta, bool){
		func() (delta.Delta, bool) { return delta.Compose(delta.Delta{}, one) },
		func() (delta.Delta, bool) { return delta.Compose(one, delta.Delta{}) },
	} {
		if d, ok := got(); !ok || string(d.Bytes()) != `{"a":1}` {
			t.Errorf("with the zero Delta: %s, %v", d.Bytes(), ok)
		}
	}
}

// checkCompose composes two patches and compares with one after the other.
func checkCompose(t testing.TB, document object, first, second delta.Delta) (ok bool) {
	t.Helper()
	p, q := decode(t, first.Bytes()), decode(t, second.Bytes())
	one, ok := delta.Compose(first, second)
	if ok == makesAnew(p, q) {
		t.Fatalf("%s then %s: composed is %v, against the law", first.Bytes(), second.Bytes(), ok)
	}
	if !ok {
		return false
	}
	if one.Len() > first.Len()+second.Len() {
		t.Fatalf("%s then %s is %s: longer than both", first.Bytes(), second.Bytes(), one.Bytes())
	}
	want := mergePatch(mergePatch(document, p), q)
	if got := mergePatch(document, decode(t, parse(t, one.Bytes()).Bytes())); !same(got, want) {
		t.Fatalf("%s then %s is %s: makes %v of %v, want %v", first.Bytes(), second.Bytes(), one.Bytes(), got, document, want)
	}
	sorted, ok := delta.Compose(parse(t, []byte(canonical(first.Bytes()))), parse(t, []byte(canonical(second.Bytes()))))
	if !ok || canonical(one.Bytes()) != string(sorted.Bytes()) {
		t.Fatalf("%s then %s is %s; of the canonical forms, %s, %v", first.Bytes(), second.Bytes(), one.Bytes(), sorted.Bytes(), ok)
	}
	return true
}

func TestL12_ComposeRandom(t *testing.T) {
	r := newRandom(t)
	composed, refused := 0, 0
	for range 6000 {
		if checkCompose(t, decode(t, r.document()), parse(t, r.patch()), parse(t, r.patch())) {
			composed++
		} else {
			refused++
		}
	}
	if composed < 300 || refused < 300 {
		t.Errorf("%d composed, %d refused: the test shows nothing", composed, refused)
	}
}

// TestL12_ComposeLarge has more members than are compared one by one, in orders that
// have nothing to do with each other.
func TestL12_ComposeLarge(t *testing.T) {
	r := newRandom(t)
	make := func(from, to int) delta.Delta {
		var parts []string
		for i := from; i < to; i++ {
			parts = append(parts, fmt.Sprintf(`%s:{"n":%d,"only%d":0}`, r.quote(fmt.Sprintf("r%d", i)), from, from))
		}
		r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		return parse(t, []byte(`{`+strings.Join(parts, ",")+`}`))
	}
	if !checkCompose(t, object{}, make(0, 3000), make(1500, 4500)) {
		t.Error("refused")
	}
}
