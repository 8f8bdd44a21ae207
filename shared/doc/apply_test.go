package doc_test

import (
	"bytes"
	"regexp"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// TestAppendixOfRFC7386 is the table of appendix A. Those of its cases whose
// document or patch is no object stand below a member.
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
		{`{"x":{}}`, `{"x":{"a":{"bb":{"ccc":null}}}}`, `{"x":{"a":{"bb":{}}}}`},
		{`{"x":[1,2]}`, `{"x":{"a":"b","c":null}}`, `{"x":{"a":"b"}}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		// Not in the appendix: nulls in arrays stay, at any depth.
		{`{}`, `{"a":[null,{"b":null}]}`, `{"a":[null,{"b":null}]}`},
	} {
		d := parseDoc(t, c.original)
		effect := d.Apply(parseDelta(t, c.patch))
		wantText(t, d, c.result)
		wantSize(t, d)
		d.Apply(effect.Inverse)
		wantText(t, d, c.original)
		wantSize(t, d)
	}
}

// checkApply applies the patch to the document, forth and back, and compares
// with the oracle.
func checkApply(t testing.TB, document, patch []byte) {
	t.Helper()
	d, err := doc.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	p, err := delta.Parse(patch)
	if err != nil {
		t.Fatal(err)
	}
	before := d.Canonical()
	effect := d.Apply(p)
	after := d.Canonical()
	if want := mergePatch(decode(t, document), decode(t, patch)); !same(decode(t, after), want) {
		t.Errorf("%s patched with %s is %s", document, patch, after)
	}
	wantSize(t, d)
	if reparsed := parseDoc(t, string(after)); !bytes.Equal(reparsed.Canonical(), after) {
		t.Errorf("canonical form %s becomes %s", after, reparsed.Canonical())
	}
	if !bytes.Equal(before, after) && len(effect.Writes) == 0 {
		t.Errorf("%s patched with %s: no writes", document, patch)
	}
	if _, err := delta.Parse(effect.Inverse.Bytes()); err != nil {
		t.Fatalf("inverse %s: %v", effect.Inverse.Bytes(), err)
	}
	d.Apply(effect.Inverse)
	if !bytes.Equal(d.Canonical(), before) {
		t.Errorf("%s patched with %s and back with %s is %s", before, patch, effect.Inverse.Bytes(), d.Canonical())
	}
	wantSize(t, d)
}

func TestApplyAgainstOracle(t *testing.T) {
	r := newRandom(1)
	for range 20000 {
		checkApply(t, []byte(r.object(documentShape)), []byte(r.object(patchShape)))
		if t.Failed() {
			return
		}
	}
}

// TestApplyAgainstJSONPatch compares with evanphx/json-patch, but for the one
// thing that it does otherwise: it drops null members of objects in arrays. RFC
// 7386 takes an array as it is.
func TestApplyAgainstJSONPatch(t *testing.T) {
	r := newRandom(2)
	document, patch := documentShape, patchShape
	document.arrayNulls, patch.arrayNulls = false, false
	for range 20000 {
		original, p := r.object(document), r.object(patch)
		d := parseDoc(t, original)
		d.Apply(parseDelta(t, p))
		theirs, err := jsonpatch.MergePatch([]byte(original), []byte(p))
		if err != nil {
			t.Fatalf("%v: %s patched with %s", err, original, p)
		}
		if !same(decode(t, d.Canonical()), decode(t, theirs)) {
			t.Fatalf("%s patched with %s is %s, json-patch says %s", original, p, d.Canonical(), theirs)
		}
	}
}

// TestApplyManyWrites checks that a patch past the bound counts as a write of
// everything.
func TestApplyManyWrites(t *testing.T) {
	for _, c := range []struct {
		members int
		whole   bool
	}{{delta.MaxWrites, false}, {delta.MaxWrites + 1, true}} {
		d := doc.New()
		effect := d.Apply(parseDelta(t, records(c.members)))
		if c.whole {
			if len(effect.Writes) != 1 || effect.Writes[0].Path != "" {
				t.Errorf("%d members: %d writes, want one of the whole document", c.members, len(effect.Writes))
			}
		} else if len(effect.Writes) != c.members {
			t.Errorf("%d members: %d writes", c.members, len(effect.Writes))
		}
		d.Apply(effect.Inverse)
		wantText(t, d, `{}`)
		wantSize(t, d)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, reason := range map[string]string{
		`{"a":null}`:             `"a" is null`,
		`{"a":{"b":{"c":null}}}`: `"c" is null`,
		`[]`:                     `an array, must be an object`,
		`{"a":1,"a":2}`:          `twice`,
		`{"a":`:                  `ends where`,
		``:                       `ends where`,
	} {
		d, err := doc.Parse([]byte(text))
		if d != nil || err == nil || !regexp.MustCompile(reason).MatchString(err.Error()) {
			t.Errorf("%s: %v, want %q", text, err, reason)
		}
	}
}

func FuzzApply(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,null]}}`), []byte(`{"a":{"b":null,"c":{"d":null}}}`))
	f.Add([]byte(`{"":1,"~":{"/":{}}}`), []byte(`{"":{},"~":{"/":1}}`))
	f.Add([]byte(`{"a":1e9}`), []byte(`{"a":{},"__proto__":{"x":"\ud834\udd1e"}}`))
	f.Fuzz(func(t *testing.T, document, patch []byte) {
		if _, err := doc.Parse(document); err != nil {
			return
		}
		if _, err := delta.Parse(patch); err != nil {
			return
		}
		checkApply(t, document, patch)
	})
}
