package delta_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

func TestParseKeepsTheBytes(t *testing.T) {
	text := []byte(` {"b": 1, "a": {"c": null}} `)
	d, err := delta.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Bytes(); string(got) != string(text) || &got[0] != &text[0] || d.Len() != len(text) {
		t.Errorf("%q of length %d, want the bytes that were parsed", got, d.Len())
	}
	if zero := (delta.Delta{}); string(zero.Bytes()) != `{}` || zero.Len() != 2 {
		t.Errorf("the zero Delta is %q", zero.Bytes())
	}
}

// nested returns a patch whose objects are nested as deep as n.
func nested(n int) string { return strings.Repeat(`{"a":`, n) + `null` + strings.Repeat(`}`, n) }

// named returns a patch with a name of n bytes.
func named(n int) string { return `{"` + strings.Repeat("n", n) + `":null}` }

// TestParseAccepts has what is at the limits, and names that are easily mistaken.
func TestParseAccepts(t *testing.T) {
	for _, text := range []string{
		nested(jsontext.MaxDepth), named(jsontext.MaxName), `{}`,
		`{"":1,"~":2,"/":3,"~0":4,"\u2028":5,"𝄞":6,"\u0000":7,"__proto__":8,"\ud834\udd1f":9}`,
		`{"a":-0,"b":1.0,"c":1E400,"d":12345678901234567890,"e":0.1e-07}`,
	} {
		d, err := delta.Parse([]byte(text))
		if err != nil || string(d.Bytes()) != text {
			t.Errorf("%.40s: %v", text, err)
			continue
		}
		with, ok := delta.Compose(parse(t, []byte(`{"zz":null}`)), d)
		composed := decode(t, with.Bytes())
		delete(composed, "zz")
		if !ok || !same(composed, decode(t, []byte(text))) {
			t.Errorf("%.40s composed is %.40s, %v", text, with.Bytes(), ok)
		}
	}
}

func TestL11_ParseRefuses(t *testing.T) {
	for text, want := range map[string]jsontext.Fault{
		``:                            jsontext.FaultSyntax,
		`{"a":}`:                      jsontext.FaultSyntax,
		`{"a":1}{}`:                   jsontext.FaultSyntax,
		`[]`:                          jsontext.FaultType,
		`null`:                        jsontext.FaultType,
		`1`:                           jsontext.FaultType,
		`{"a":{"b":1,"b":2}}`:         jsontext.FaultDuplicate,
		"{\"\xff\":1}":                jsontext.FaultText,
		`{"a":[{"x":"\udc00"}]}`:      jsontext.FaultText,
		`{"\ud834":null}`:             jsontext.FaultText,
		`{"é":1,"\u00e9":null}`:       jsontext.FaultDuplicate,
		nested(jsontext.MaxDepth + 1): jsontext.FaultDepth,
		named(jsontext.MaxName + 1):   jsontext.FaultSize,
	} {
		d, err := delta.Parse([]byte(text))
		var fault *jsontext.Error
		if !errors.As(err, &fault) || fault.Fault != want || string(d.Bytes()) != `{}` {
			t.Errorf("%q: %q, error %v", text, d.Bytes(), err)
		}
	}
}

func TestLeaves(t *testing.T) {
	d, err := delta.Parse([]byte(`{"a":{"b":1,"c":{"d":null,"e":{}}},"f":[{"g":1}],"h":{},"i/~":null}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []delta.Pointer{"/a/b", "/a/c/d", "/a/c/e", "/f", "/h", "/i~1~0"}
	for stop := range len(want) + 1 {
		var got []delta.Pointer
		for leaf := range d.Leaves {
			if len(got) == stop {
				break
			}
			got = append(got, leaf)
		}
		if !slices.Equal(got, want[:stop]) {
			t.Errorf("the first %d leaves are %q", stop, got)
		}
	}
	for leaf := range (delta.Delta{}).Leaves {
		t.Errorf("the zero Delta has the leaf %q", leaf)
	}
}

func TestReadValid(t *testing.T) {
	for _, c := range []struct {
		read delta.Read
		want bool
	}{
		{delta.WholeDocument, true},
		{delta.Read{Kind: delta.ReadValue, Path: "/a"}, true},
		{delta.Read{Kind: delta.ReadExists, Path: "/a~0"}, true},
		{delta.Read{Kind: delta.ReadMembers}, true},
		{delta.Read{}, false},
		{delta.Read{Kind: 'x', Path: "/a"}, false},
		{delta.Read{Kind: delta.ReadValue, Path: "a"}, false},
		{delta.Read{Kind: delta.ReadValue, Path: "/~"}, false},
		{delta.Read{Kind: delta.ReadValue, Path: "/\xff"}, false},
	} {
		if got := c.read.Valid(); got != c.want {
			t.Errorf("%c %q: %v", c.read.Kind, c.read.Path, got)
		}
	}
}

// TestL8_WholeDocumentConflictsWithEverything that leaves a difference.
func TestL8_WholeDocumentConflictsWithEverything(t *testing.T) {
	reads := []delta.Read{delta.WholeDocument}
	for _, path := range []delta.Pointer{"", "/a", "/a/b", "/"} {
		for kind, want := range map[delta.WriteKind]bool{delta.WroteValue: true, delta.WroteMember: true, delta.WroteNothing: false} {
			if got := delta.Conflicts(reads, []delta.Write{{Kind: kind, Path: path}}); got != want {
				t.Errorf("write kind %d at %q: %v, want %v", kind, path, got, want)
			}
		}
	}
	if delta.Conflicts(reads, nil) || delta.Conflicts(nil, []delta.Write{{Kind: delta.WroteMember}}) {
		t.Error("no reads or no writes conflict")
	}
}
