package delta_test

import (
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

func TestParseReads(t *testing.T) {
	for _, c := range []struct {
		text string
		want []delta.Read
	}{
		{`[]`, nil},
		{` [ "v" ] `, []delta.Read{delta.WholeDocument}},
		{`["v/a","e/a~1b/\u00e9","m/","g/a~1b/\u00e9/"]`, []delta.Read{
			{Kind: delta.ReadValue, Path: "/a"}, {Kind: delta.ReadExists, Path: "/a~1b/é"}, {Kind: delta.ReadMembers, Path: "/"},
			delta.Gap("/a~1b", "é", ""),
		}},
	} {
		if got, err := delta.ParseReads([]byte(c.text)); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", c.text, got, err, c.want)
		}
	}
}

func TestL11_ParseReadsRefuses(t *testing.T) {
	for _, text := range []string{
		``, `[`, `null`, `{}`, `"v"`, `[1]`, `[null]`, `[["v"]]`, `[""]`, `["x"]`, `["/a"]`, `["va"]`, `["v/~"]`,
		`["v/\ud800"]`, "[\"v/\xff\"]", `["v"],`, `["v",]`,
		`["g"]`, `["g/a"]`, `["g/b/a"]`, `["g/a~1/a~"]`,
	} {
		if got, err := delta.ParseReads([]byte(text)); err == nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// FuzzParseReads checks that whatever is taken is well formed, and that writing
// it gives a text that is read as the same.
func FuzzParseReads(f *testing.F) {
	for _, seed := range []string{`[]`, `["v"]`, `["v/a","e/a~1b/é","m/"]`, `["v/\ud83d\ude00"]`, `["v/\ud800"]`, `[1,{}]`, `["m/~2"]`, `["g/a/b","g//"]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		reads, err := delta.ParseReads(text)
		if err != nil {
			return
		}
		again := []byte{'['}
		for i, r := range reads {
			if !r.Valid() {
				t.Fatalf("%q is not well formed", r)
			}
			if i > 0 {
				again = append(again, ',')
			}
			again = jsontext.AppendString(again, string(rune(r.Kind))+string(r.Path))
		}
		again = append(again, ']')
		if got, err := delta.ParseReads(again); err != nil || !slices.Equal(got, reads) {
			t.Fatalf("%s gives %q; written as %s that gives %q, %v", text, reads, again, got, err)
		}
	})
}
