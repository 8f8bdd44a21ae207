package delta_test

import (
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/rivulet-sync/rivulet/shared/delta"
)

func TestPointer(t *testing.T) {
	for _, c := range []struct {
		names []string
		text  delta.Pointer
	}{
		{nil, ""},
		{[]string{""}, "/"},
		{[]string{"", ""}, "//"},
		{[]string{"a"}, "/a"},
		{[]string{"a", "b"}, "/a/b"},
		{[]string{"a/b"}, "/a~1b"},
		{[]string{"a~b"}, "/a~0b"},
		{[]string{"~1"}, "/~01"},
		{[]string{"/0~"}, "/~10~0"},
		{[]string{"𝄞", "\x00", `"\`, " ", "__proto__"}, "/𝄞/\x00/\"\\/ /__proto__"},
	} {
		if got := delta.PointerOf(c.names...); got != c.text {
			t.Errorf("%q becomes %q, want %q", c.names, got, c.text)
		}
		if got := c.text.Names(); !slices.Equal(got, c.names) {
			t.Errorf("%q has names %q, want %q", c.text, got, c.names)
		}
		if got, ok := delta.ParsePointer(string(c.text)); !ok || got != c.text {
			t.Errorf("parse %q: %q, %v", c.text, got, ok)
		}
		parent, ok := c.text.Parent()
		if ok != (len(c.names) > 0) || ok && parent != delta.PointerOf(c.names[:len(c.names)-1]...) {
			t.Errorf("parent of %q: %q, %v", c.text, parent, ok)
		}
	}
}

func TestL11_ParsePointerRefuses(t *testing.T) {
	for _, text := range []string{"a", "a/b", " /a", "#/a", "/~", "/a~", "/~2", "/~~0", "/a/~a", "/\xff", "/\xed\xa0\x80"} {
		if p, ok := delta.ParsePointer(text); ok || p != "" {
			t.Errorf("%q: %q", text, p)
		}
	}
}

// TestContains compares with the names: p contains q if its names begin q's.
func TestContains(t *testing.T) {
	var all []delta.Pointer
	names := []string{"", "a", "ab", "a/", "~"}
	for _, a := range names {
		all = append(all, delta.PointerOf(a))
		for _, b := range names {
			all = append(all, delta.PointerOf(a, b))
		}
	}
	all = append(all, "")
	for _, p := range all {
		for _, q := range all {
			n := len(p.Names())
			want := n <= len(q.Names()) && slices.Equal(p.Names(), q.Names()[:n])
			if got := p.Contains(q); got != want {
				t.Errorf("%q contains %q: %v, want %v", p, q, got, want)
			}
		}
	}
}

// FuzzPointer checks that there is one pointer to a place: what ParsePointer
// accepts is what Member builds of its names.
func FuzzPointer(f *testing.F) {
	for _, seed := range []string{"", "/", "/a/b", "/~0~1", "/~2", "a", "//", "/~01"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, ok := delta.ParsePointer(text)
		if again := delta.PointerOf(delta.Pointer(text).Names()...); ok && again != p {
			t.Fatalf("%q has names %q, which make %q", text, p.Names(), again)
		}
		if utf8.ValidString(text) {
			if names := delta.PointerOf(text, text).Names(); !slices.Equal(names, []string{text, text}) {
				t.Fatalf("%q twice has names %q", text, names)
			}
		}
	})
}
