package jsontext_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

func TestValidateAccepts(t *testing.T) {
	for _, text := range []string{
		`null`, `true`, `false`, `0`, `""`, `{}`, `[]`, " \t\r\n{ } \n",
		`{"a":[1,{"b":null}],"c":"d"}`, ` [ 1 , [ ] , { "a" : 2 } ] `,
		`0`, `-0`, `10`, `0.0`, `0e0`, `-1.50E+007`, `1e-9`, `123456789012345678901234567890`,
		`"\"\\\/\b\f\n\r\t"`, `"\u0000"`, `"\ud834\udd1e"`, `"\uD834\uDD1E"`, `"𝄞é` + "\x7f" + `"`,
		`{"":1,"\u0000":2," ":3,"__proto__":4,"constructor":5,"𝄞":6,"a/b":7,"~":8,"\\":9,"\"":10}`,
		`{"a":1,"A":2,"\u0061\u0061":3}`,
	} {
		if err := jsontext.Validate([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestL11_ValidateRefuses has every fault that a text can have, with the byte at
// which it is found.
func TestL11_ValidateRefuses(t *testing.T) {
	for _, c := range []struct {
		text   string
		fault  jsontext.Fault
		offset int
	}{
		// Nothing, too little, too much.
		{``, jsontext.FaultSyntax, 0},
		{` `, jsontext.FaultSyntax, 1},
		{`{`, jsontext.FaultSyntax, 1},
		{`[`, jsontext.FaultSyntax, 1},
		{`"`, jsontext.FaultSyntax, 1},
		{`{"a"`, jsontext.FaultSyntax, 4},
		{`{"a":`, jsontext.FaultSyntax, 5},
		{`{"a":1`, jsontext.FaultSyntax, 6},
		{`[1`, jsontext.FaultSyntax, 2},
		{`1 2`, jsontext.FaultSyntax, 2},
		{`{}{}`, jsontext.FaultSyntax, 2},
		{"1\x00", jsontext.FaultSyntax, 1},
		{"\x00", jsontext.FaultSyntax, 0},
		{"\ufeff{}", jsontext.FaultSyntax, 0},
		// Punctuation.
		{`{,}`, jsontext.FaultSyntax, 1},
		{`{"a":1,}`, jsontext.FaultSyntax, 7},
		{`{"a" 1}`, jsontext.FaultSyntax, 5},
		{`{"a":1 "b":2}`, jsontext.FaultSyntax, 7},
		{`{a:1}`, jsontext.FaultSyntax, 1},
		{`{1:1}`, jsontext.FaultSyntax, 1},
		{`[,]`, jsontext.FaultSyntax, 1},
		{`[1,]`, jsontext.FaultSyntax, 3},
		{`[1 2]`, jsontext.FaultSyntax, 3},
		{`[1}`, jsontext.FaultSyntax, 2},
		{`{"a":1]`, jsontext.FaultSyntax, 6},
		{`]`, jsontext.FaultSyntax, 0},
		{"[1,\v2]", jsontext.FaultSyntax, 3},
		{"[\u00a01]", jsontext.FaultSyntax, 1},
		{`{"a":1}//`, jsontext.FaultSyntax, 7},
		// Words and numbers.
		{`tru`, jsontext.FaultSyntax, 0},
		{`True`, jsontext.FaultSyntax, 0},
		{`nulL`, jsontext.FaultSyntax, 0},
		{`falsey`, jsontext.FaultSyntax, 5},
		{`undefined`, jsontext.FaultSyntax, 0},
		{`NaN`, jsontext.FaultSyntax, 0},
		{`-Infinity`, jsontext.FaultSyntax, 1},
		{`-`, jsontext.FaultSyntax, 1},
		{`+1`, jsontext.FaultSyntax, 0},
		{`01`, jsontext.FaultSyntax, 1},
		{`-01`, jsontext.FaultSyntax, 2},
		{`.5`, jsontext.FaultSyntax, 0},
		{`1.`, jsontext.FaultSyntax, 2},
		{`1.e1`, jsontext.FaultSyntax, 2},
		{`1e`, jsontext.FaultSyntax, 2},
		{`1e+`, jsontext.FaultSyntax, 3},
		{`0x10`, jsontext.FaultSyntax, 1},
		{`1_000`, jsontext.FaultSyntax, 1},
		// Strings.
		{`'a'`, jsontext.FaultSyntax, 0},
		{`"a`, jsontext.FaultSyntax, 2},
		{`"a\`, jsontext.FaultSyntax, 3},
		{`"\x"`, jsontext.FaultSyntax, 2},
		{`"\u12"`, jsontext.FaultSyntax, 2},
		{`"\u12g4"`, jsontext.FaultSyntax, 2},
		{"\"a\nb\"", jsontext.FaultSyntax, 2},
		{"\"\x00\"", jsontext.FaultSyntax, 1},
		{"\"a\xff\"", jsontext.FaultText, 2},
		{"\"\xc3\"", jsontext.FaultText, 1},
		{"\"\xc0\x80\"", jsontext.FaultText, 1},
		{"\"\xed\xa0\x80\"", jsontext.FaultText, 1},
		{"\"\xf4\x90\x80\x80\"", jsontext.FaultText, 1},
		{`"\ud834"`, jsontext.FaultText, 2},
		{`"\ud834x"`, jsontext.FaultText, 2},
		{`"\ud834\n"`, jsontext.FaultText, 2},
		{`"\ud834\ud834"`, jsontext.FaultText, 2},
		{`"\ud834\u00`, jsontext.FaultText, 2},
		{`"\udd1e"`, jsontext.FaultText, 2},
		// Member names that are equal, however they are written.
		{`{"a":1,"a":2}`, jsontext.FaultDuplicate, 7},
		{`{"a":1,"\u0061":2}`, jsontext.FaultDuplicate, 7},
		{`{"\u0061":1,"a":2}`, jsontext.FaultDuplicate, 12},
		{`{"\/":1,"/":2}`, jsontext.FaultDuplicate, 8},
		{`{"𝄞":1,"\ud834\udd1e":2}`, jsontext.FaultDuplicate, 10},
		{`{"":1,"":2}`, jsontext.FaultDuplicate, 6},
		{`{"\u0000":1,"\u0000":2}`, jsontext.FaultDuplicate, 12},
		{`[{"b":{"a":1,"c":2,"a":3}}]`, jsontext.FaultDuplicate, 19},
	} {
		err := jsontext.Validate([]byte(c.text))
		var fault *jsontext.Error
		if !errors.As(err, &fault) {
			t.Errorf("%q: error %v", c.text, err)
		} else if fault.Fault != c.fault || fault.Offset != c.offset {
			t.Errorf("%q: fault %d at %d (%v), want %d at %d", c.text, fault.Fault, fault.Offset, err, c.fault, c.offset)
		}
	}
}

// TestDuplicateAmongMany covers objects that are too large for a linear search.
func TestDuplicateAmongMany(t *testing.T) {
	for n := 1; n < 40; n++ {
		var b strings.Builder
		for i := range n {
			b.WriteString(`"m` + strconv.Itoa(i) + `":0,`)
		}
		for i := range n {
			for _, again := range []string{`m` + strconv.Itoa(i), `\u006d` + strconv.Itoa(i)} {
				var fault *jsontext.Error
				text := `{` + b.String() + `"` + again + `":1}`
				if err := jsontext.Validate([]byte(text)); !errors.As(err, &fault) || fault.Fault != jsontext.FaultDuplicate || fault.Offset != 1+b.Len() {
					t.Fatalf("%s: %v", text, err)
				}
			}
		}
		if err := jsontext.Validate([]byte(`{` + b.String() + `"other":1}`)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestL11_Depth nests a hundred deep, one deeper, and ten thousand deep.
func TestL11_Depth(t *testing.T) {
	nest := func(open, shut string, n int) []byte {
		return []byte(strings.Repeat(open, n) + strings.Repeat(shut, n))
	}
	object := func(n int) []byte {
		return []byte(strings.Repeat(`{"a":`, n) + `0` + strings.Repeat(`}`, n))
	}
	for name, make := range map[string]func(n int) []byte{
		"arrays":  func(n int) []byte { return nest(`[`, `]`, n) },
		"objects": object,
		"both":    func(n int) []byte { return append(append([]byte(`[`), object(n-1)...), ']') },
		"unended": func(n int) []byte { return append(nest(`[`, ``, n), nest(``, `]`, min(n, jsontext.MaxDepth))...) },
	} {
		if err := jsontext.Validate(make(jsontext.MaxDepth)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, n := range []int{jsontext.MaxDepth + 1, 10000} {
			var fault *jsontext.Error
			if err := jsontext.Validate(make(n)); !errors.As(err, &fault) || fault.Fault != jsontext.FaultDepth {
				t.Errorf("%s, %d deep: %v", name, n, err)
			}
		}
	}
	wide := []byte(`[` + strings.Repeat(`[[]],`, 1000) + `0]`)
	if err := jsontext.Validate(wide); err != nil {
		t.Errorf("many values side by side: %v", err)
	}
}

func TestValidateWithin(t *testing.T) {
	for _, c := range []struct {
		text  string
		depth int
		ok    bool
	}{
		{`1`, jsontext.MaxDepth, true},
		{`{}`, jsontext.MaxDepth, false},
		{`[]`, jsontext.MaxDepth, false},
		{`[]`, jsontext.MaxDepth - 1, true},
		{`[[]]`, jsontext.MaxDepth - 1, false},
		{`[`, 0, false},
	} {
		if err := jsontext.ValidateWithin([]byte(c.text), c.depth); (err == nil) != c.ok {
			t.Errorf("%s at depth %d: %v", c.text, c.depth, err)
		}
	}
}

func TestValidateObject(t *testing.T) {
	if err := jsontext.ValidateObject([]byte(` {"a":1}`)); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]string{
		`[]`: "an array", `"s"`: "a string", ` 1`: "a number", `-1`: "a number",
		`true`: "a boolean", `false`: "a boolean", `null`: "null",
	} {
		var fault *jsontext.Error
		err := jsontext.ValidateObject([]byte(text))
		if !errors.As(err, &fault) || fault.Fault != jsontext.FaultType || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := jsontext.ValidateObject([]byte(`{`)); err == nil {
		t.Error("a text that is not JSON passed")
	}
}

// isStrict is the dumb version of Validate: encoding/json and, on top of it, what
// encoding/json lets pass.
func isStrict(data []byte) bool {
	return json.Valid(data) && utf8.Valid(data) && pairsSurrogates(data) && isFlatAndUnique(data)
}

// pairsSurrogates reports whether a valid text has no half of a surrogate pair in
// its escapes; encoding/json reads such a half as U+FFFD. Outside of strings a
// valid text has no reverse solidus.
func pairsSurrogates(data []byte) bool {
	unit := func(i int) uint64 {
		if len(data) < i+6 || data[i] != '\\' || data[i+1] != 'u' {
			return 0
		}
		u, err := strconv.ParseUint(string(data[i+2:i+6]), 16, 16)
		if err != nil {
			return 0
		}
		return u
	}
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		switch u := unit(i); {
		case 0xdc00 <= u && u < 0xe000:
			return false
		case 0xd800 <= u && u < 0xdc00:
			if low := unit(i + 6); low < 0xdc00 || 0xe000 <= low {
				return false
			}
			i += 11
		default:
			i++
		}
	}
	return true
}

// isFlatAndUnique reports whether a valid text nests no deeper than MaxDepth and
// names no member of an object twice.
func isFlatAndUnique(data []byte) bool {
	type frame struct {
		names map[string]bool // nil in an array
		value bool            // the next token of an object is a value
	}
	var stack []frame
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			return true // the end
		}
		var top *frame
		if len(stack) > 0 {
			top = &stack[len(stack)-1]
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if top != nil && top.names != nil {
			if top.value = !top.value; top.value {
				name := token.(string)
				if top.names[name] {
					return false
				}
				top.names[name] = true
				continue
			}
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, frame{names: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, frame{})
		}
		if len(stack) > jsontext.MaxDepth {
			return false
		}
	}
}

// FuzzValidate compares the verdict with that of encoding/json. There is no
// difference but those that isStrict spells out.
func FuzzValidate(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0.5e+10,true,null,"\u00e9\ud834\udd1e"],"b":{"":{}}}`, `{"a":1,"\u0061":2}`,
		`"\ud800"`, "\"\xff\"", `[[[]]]`, `01`, `{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"i":10}`,
		"\t[\r\n]", `"\\ud800"`, `"\\\ud800"`, `{"x":{"x":{"x":1}}}`, strings.Repeat(`[`, 101) + strings.Repeat(`]`, 101),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		err := jsontext.Validate(data)
		if !bytes.Equal(data, before) {
			t.Fatal("the text was changed")
		}
		if strict := isStrict(data); strict != (err == nil) {
			t.Fatalf("%q: %v; encoding/json says %v", data, err, strict)
		}
		var fault *jsontext.Error
		if err != nil && (!errors.As(err, &fault) || fault.Fault == 0 || fault.Offset < 0 || fault.Offset > len(data)) {
			t.Fatalf("%q: error %#v", data, err)
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	text := []byte(`[` + strings.Repeat(`{"title":"a record","done":false,"tags":["x","y"],"at":1234.5},`, 1000) + `0]`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := jsontext.Validate(text); err != nil {
			b.Fatal(err)
		}
	}
}
