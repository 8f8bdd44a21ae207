package jsontext_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

func TestAppendCanonical(t *testing.T) {
	for text, want := range map[string]string{
		` {"b" : 1 , "a":[ 1 , {"d":null,"c":2} ] } `: `{"a":[1,{"c":2,"d":null}],"b":1}`,
		`{"é":1,"z":2,"𝄞":3,"Z":4,"":5,"\ue000":6}`:   `{"":5,"Z":4,"z":2,"é":1,"` + "\ue000" + `":6,"𝄞":3}`,
		`{"__proto__":1,"\u0000":2}`:                  `{"\u0000":2,"__proto__":1}`,
		` 1.50E+007 `:                                 `1.50E+007`,
		`-0`:                                          `-0`,
		`[ ]`:                                         `[]`,
		`{ }`:                                         `{}`,
		` true`:                                       `true`,
		`"\u0061\/\u002f\ud834\udd1e\u2028\u007f"`:     `"a//𝄞` + "\u2028\x7f" + `"`,
		`"\u0022\u005c\u0008\u000C\u000a\u000d\u0009"`: `"\"\\\b\f\n\r\t"`,
		`"\u0000\u001F\u000b"`:                         `"\u0000\u001f\u000b"`,
	} {
		if err := jsontext.Validate([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := string(jsontext.AppendCanonical([]byte("before:"), []byte(text))); got != "before:"+want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestKindOf(t *testing.T) {
	for text, want := range map[string]jsontext.Kind{
		" {}": jsontext.Object, "[]": jsontext.Array, "\n\"\"": jsontext.String, "-1": jsontext.Number,
		"0": jsontext.Number, "9": jsontext.Number, "true": jsontext.True, "false": jsontext.False, "\tnull": jsontext.Null,
	} {
		if got := jsontext.KindOf([]byte(text)); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestMembersAndElements(t *testing.T) {
	object := []byte(` { "b" : [1, "]"] , "\u0061" : {"x":"}"} , "" : 1 } `)
	want := [][2]string{{"b", `[1, "]"]`}, {"a", `{"x":"}"}`}, {"", "1"}}
	for stop := range len(want) + 1 {
		var got [][2]string
		for name, raw := range jsontext.Members(object) {
			if len(got) == stop {
				break
			}
			got = append(got, [2]string{name, string(raw)})
		}
		if !slices.Equal(got, want[:stop]) {
			t.Errorf("the first %d members are %q", stop, got)
		}
	}
	array := []byte("\t[ 1 ,\"a,\\\"\" , {\"b\":[2]},[] ]")
	elements := []string{`1`, `"a,\""`, `{"b":[2]}`, `[]`}
	for stop := range len(elements) + 1 {
		var got []string
		for raw := range jsontext.Elements(array) {
			if len(got) == stop {
				break
			}
			got = append(got, string(raw))
		}
		if !slices.Equal(got, elements[:stop]) {
			t.Errorf("the first %d elements are %q", stop, got)
		}
	}
}

func FuzzString(f *testing.F) {
	f.Add("")
	f.Add("\x00\b\t\n\v\f\r\x1f \"\\/é𝄞\u2028\x7f")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		literal := jsontext.AppendString(nil, s)
		if err := jsontext.Validate(literal); err != nil {
			t.Fatalf("%q becomes %s: %v", s, literal, err)
		}
		if got := jsontext.Unquote(literal); got != s {
			t.Fatalf("%q becomes %s becomes %q", s, literal, got)
		}
		if n := jsontext.QuotedLen(s); n != len(literal) {
			t.Fatalf("%s has %d bytes, QuotedLen says %d", literal, len(literal), n)
		}
	})
}

func decode(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// canonicalOf is the dumb version of AppendCanonical, over decoded values. It
// gives encoding/json's form of a string, which escapes two characters more.
func canonicalOf(t *testing.T, v any) string {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, canonicalOf(t, name)+":"+canonicalOf(t, v[name]))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case []any:
		var parts []string
		for _, element := range v {
			parts = append(parts, canonicalOf(t, element))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case json.Number:
		return v.String()
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{
		` {"b":1,"a":{"d":[ ],"c":-1.5e+3}}`, `"\u0061\ud834\udd1e\n"`, `{"\u0062":1,"a":2,"":3}`, `[null,true,"\/"]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if jsontext.Validate(data) != nil {
			return
		}
		canonical := jsontext.AppendCanonical(nil, data)
		if err := jsontext.Validate(canonical); err != nil {
			t.Fatalf("%s becomes %s: %v", data, canonical, err)
		}
		if again := jsontext.AppendCanonical(nil, canonical); !bytes.Equal(again, canonical) {
			t.Fatalf("%s becomes %s becomes %s", data, canonical, again)
		}
		value := decode(t, data)
		if !reflect.DeepEqual(decode(t, canonical), value) {
			t.Fatalf("%s becomes %s: another value", data, canonical)
		}
		if want := canonicalOf(t, value); !strings.ContainsAny(string(canonical), "\u2028\u2029") && string(canonical) != want {
			t.Fatalf("%s becomes %s, want %s", data, canonical, want)
		}
	})
}
