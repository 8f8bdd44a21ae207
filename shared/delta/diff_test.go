package delta_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// TestAppendixOfRFC7386 is the table of appendix A. Those of its cases whose
// document or patch is no object stand below a member. There and back again.
func TestAppendixOfRFC7386(t *testing.T) {
	for _, c := range []struct{ original, patch, result string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"x":["a","b"]}`, `{"x":["c","d"]}`, `{"x":["c","d"]}`},
		{`{"x":{"a":"b"}}`, `{"x":["c"]}`, `{"x":["c"]}`},
		{`{"x":{"a":"foo"}}`, `{"x":null}`, `{}`},
		{`{"x":{"a":"foo"}}`, `{"x":"bar"}`, `{"x":"bar"}`},
		{`{"x":[1,2]}`, `{"x":{"a":"b","c":null}}`, `{"x":{"a":"b"}}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		// Not in the appendix: nulls in arrays stay, at any depth, and so do literals.
		{`{}`, `{"a":[null,{"b":null}]}`, `{"a":[null,{"b":null}]}`},
		{`{"x":{"a":1.0},"z":-0}`, `{"x":{"b":1E400}}`, `{"x":{"a":1.0,"b":1E400},"z":-0}`},
	} {
		p := parse(t, []byte(c.patch))
		if got := delta.Apply([]byte(c.original), p); string(got) != c.result {
			t.Errorf("%s patched with %s is %s, want %s", c.original, c.patch, got, c.result)
		}
		back := delta.Invert([]byte(c.original), p)
		if got := delta.Apply([]byte(c.result), back); string(got) != c.original {
			t.Errorf("%s patched with %s and back with %s is %s", c.original, c.patch, back.Bytes(), got)
		}
	}
	// {"e":null} in the appendix: a document of a foreign hand may hold null, until it
	// is patched.
	if got := delta.Apply([]byte(`{"e":null}`), parse(t, []byte(`{"a":1}`))); string(got) != `{"a":1,"e":null}` {
		t.Errorf("%s", got)
	}
}

func TestDiff(t *testing.T) {
	for _, c := range []struct{ before, after, want string }{
		{`{}`, `{}`, `{}`},
		{`{}`, `{"a":1}`, `{"a":1}`},
		{`{"a":1}`, `{}`, `{"a":null}`},
		{`{"a":1,"b":{"c":[1]}}`, ` { "b" : { "c" : [ 1 ] } , "a" : 1 } `, `{}`},
		{`{"a":1}`, `{"a":1.0}`, `{"a":1.0}`},
		{`{"a":12345678901234567890}`, `{"a":12345678901234567891}`, `{"a":12345678901234567891}`},
		{`{"a":"é\/"}`, `{"\u0061":"\u00e9/"}`, `{}`},
		{`{"a":"b"}`, `{"a":"\u0063"}`, `{"a":"c"}`},
		{`{"a":[{"x":1,"y":null}]}`, `{"a":[{"y":null,"x":1}]}`, `{}`},
		{`{"a":[{"x":1}]}`, `{"a":[ {"x":1,"\u0061":null} ]}`, `{"a":[{"a":null,"x":1}]}`},
		{`{"a":{"x":1,"y":2}}`, `{"a":{"y":3,"z":4}}`, `{"a":{"x":null,"y":3,"z":4}}`},
		{`{"a":{"x":{"y":1}}}`, `{"a":{"x":{}}}`, `{"a":{"x":{"y":null}}}`},
		{`{"a":{"x":1}}`, `{"a":2}`, `{"a":2}`},
		{`{"a":2}`, `{"a":{"x":{}}}`, `{"a":{"x":{}}}`},
		{`{"a":{}}`, `{"a":[]}`, `{"a":[]}`},
		{`{"b":1,"a":2,"":0}`, `{"~":1,"/":2,"𝄞":3}`, `{"":null,"/":2,"a":null,"b":null,"~":1,"𝄞":3}`},
		{`{"a":null,"b":null}`, `{"b":1}`, `{"a":null,"b":1}`}, // before may be of a foreign hand
	} {
		got, err := delta.Diff([]byte(c.before), []byte(c.after))
		if err != nil || string(got.Bytes()) != c.want {
			t.Errorf("from %s to %s: %s, %v; want %s", c.before, c.after, got.Bytes(), err, c.want)
		}
	}
}

func TestL11_DiffRefuses(t *testing.T) {
	deep := strings.Repeat(`{"a":`, jsontext.MaxDepth+1) + `1` + strings.Repeat(`}`, jsontext.MaxDepth+1)
	for _, c := range []struct {
		text   string
		fault  jsontext.Fault
		offset int
	}{
		{``, jsontext.FaultSyntax, 0},
		{`[]`, jsontext.FaultType, 0},
		{`{"a":1,"\u0061":2}`, jsontext.FaultDuplicate, 7},
		{`{"a":"\ud800"}`, jsontext.FaultText, 7},
		{deep, jsontext.FaultDepth, 5 * jsontext.MaxDepth},
		{`{"` + strings.Repeat("n", jsontext.MaxName+1) + `":1}`, jsontext.FaultSize, 1},
	} {
		for _, texts := range [][2]string{{c.text, `{}`}, {`{}`, c.text}} {
			wantFault(t, texts, c.fault, c.offset)
		}
	}
	wantFault(t, [2]string{`{}`, ` {"b":1,"a":null}`}, jsontext.FaultType, 12)
	wantFault(t, [2]string{`{"a":{"b":null}}`, `{"a":{"b":null}}`}, jsontext.FaultType, 10)
	if _, err := delta.Diff([]byte(`{}`), []byte(`{"a":[null,{"b":null}]}`)); err != nil {
		t.Errorf("nulls in an array: %v", err)
	}
}

func wantFault(t *testing.T, texts [2]string, want jsontext.Fault, offset int) {
	t.Helper()
	d, err := delta.Diff([]byte(texts[0]), []byte(texts[1]))
	var fault *jsontext.Error
	if !errors.As(err, &fault) || fault.Fault != want || fault.Offset != offset || d.Len() != len(`{}`) {
		t.Errorf("from %.40s to %.40s: %.40s, error %v", texts[0], texts[1], d.Bytes(), err)
	}
}

// checkDiff checks the patch between two documents, and that it is the least one.
func checkDiff(t testing.TB, before, after []byte) {
	t.Helper()
	d, err := delta.Diff(before, after)
	if err != nil {
		t.Fatalf("%v: from %s to %s", err, before, after)
	}
	patch := decode(t, parse(t, d.Bytes()).Bytes())
	from, to := decode(t, before), decode(t, after)
	if got := mergePatch(from, patch); !same(got, to) {
		t.Fatalf("from %s to %s: %s leads to %v", before, after, d.Bytes(), got)
	}
	if canonical(d.Bytes()) != string(d.Bytes()) {
		t.Fatalf("from %s to %s: %s is not canonical", before, after, d.Bytes())
	}
	withoutOne(patch, func() {
		if same(mergePatch(from, patch), to) {
			t.Fatalf("from %s to %s: %s has more than is needed, %v would do", before, after, d.Bytes(), patch)
		}
	})
}

// withoutOne calls visit for each member of the patch at any depth, while it is taken
// out.
func withoutOne(patch object, visit func()) {
	for name, value := range patch {
		delete(patch, name)
		visit()
		patch[name] = value
		if below, ok := value.(object); ok {
			withoutOne(below, visit)
		}
	}
}

// checkApply applies the patch and leads back. The document has no null members.
func checkApply(t testing.TB, document []byte, patch delta.Delta) {
	t.Helper()
	want := mergePatch(decode(t, document), decode(t, patch.Bytes()))
	after := delta.Apply(document, patch)
	if err := jsontext.ValidateObject(after); err != nil || !same(decode(t, after), want) {
		t.Fatalf("%s patched with %s is %s, %v", document, patch.Bytes(), after, err)
	}
	inverse := parse(t, delta.Invert(document, patch).Bytes())
	if back := delta.Apply(after, inverse); canonical(back) != canonical(document) {
		t.Fatalf("%s patched with %s and back with %s is %s", document, patch.Bytes(), inverse.Bytes(), back)
	}
	least, err := delta.Diff(after, document)
	if err != nil || string(least.Bytes()) != string(inverse.Bytes()) {
		t.Fatalf("%s patched with %s leads back with %s, but %s would do, %v", document, patch.Bytes(), inverse.Bytes(), least.Bytes(), err)
	}
	tidy := delta.Apply([]byte(canonical(document)), parse(t, []byte(canonical(patch.Bytes()))))
	if canonical(after) != string(tidy) {
		t.Fatalf("%s patched with %s is %s; of the canonical forms, %s", document, patch.Bytes(), after, tidy)
	}
}

func TestDiffRandom(t *testing.T) {
	r := newRandom(t)
	for range 4000 {
		checkDiff(t, r.document(), r.document())
	}
}

func TestApplyAndInvertRandom(t *testing.T) {
	r := newRandom(t)
	for range 4000 {
		checkApply(t, r.document(), parse(t, r.patch()))
	}
}

// FuzzAlgebra checks all functions on whatever is valid.
func FuzzAlgebra(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,null]}}`), []byte(`{"a":{"b":null,"c":{"d":null}}}`), []byte(`{"a":{"b":{}}}`))
	f.Add([]byte(`{"":1,"~":{"/":{}}}`), []byte(`{"":{},"~":{"/":1}}`), []byte(`{"\u007e":{"/":{}}}`))
	f.Add([]byte(` {"b" : 1e9,"a":-0 } `), []byte(`{"a":{},"__proto__":{"x":"\ud834\udd1e"}}`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, document, first, second []byte) {
		p, err := delta.Parse(first)
		if err != nil {
			return
		}
		q, err := delta.Parse(second)
		if err != nil || jsontext.ValidateObject(document) != nil {
			return
		}
		d := decode(t, document)
		checkCompose(t, d, p, q)
		checkFold(t, []object{d}, p, q, p)
		if !hasNull(d) {
			checkApply(t, document, p)
			checkDiff(t, delta.Apply(document, p), delta.Apply(document, q))
		}
	})
}
