package delta_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// TestL8_Gap is the table of what invalidates the gap between "c" and "f" of /o.
func TestL8_Gap(t *testing.T) {
	type verdicts map[delta.WriteKind]bool
	all := verdicts{delta.WroteValue: true, delta.WroteMember: true}
	member := verdicts{delta.WroteMember: true}
	none := verdicts{}
	closed, toRight, toLeft := delta.Gap("/o", "c", "f"), delta.Gap("/o", "c", ""), delta.Gap("/o", "", "f")
	anything := delta.Gap("/o", "", "")
	escapes := delta.Gap("/o", "a/", "a~") // as tokens, a~1 and a~0
	for _, c := range []struct {
		read delta.Read
		at   delta.Pointer
		want verdicts
	}{
		{closed, "", all},
		{closed, "/o", all},
		{closed, "/o/b", none},
		{closed, "/o/bzz", none},
		{closed, "/o/c", member},
		{closed, "/o/ca", member},
		{closed, "/o/d", member},
		{closed, "/o/f", member},
		{closed, "/o/f\x00", none},
		{closed, "/o/fa", none},
		{closed, "/o/é", none},
		{closed, "/o/", none},
		{closed, "/o/d/x", none},
		{closed, "/o/c/f", none},
		{closed, "/o/c/d", none},
		{closed, "/o/c/f/x", none},
		{closed, "/oc", none},
		{closed, "/d", none},
		{closed, "/o2/d", none},
		{toRight, "/o/b", none},
		{toRight, "/o/c", member},
		{toRight, "/o/𝄞", member},
		{toLeft, "/o/", member},
		{toLeft, "/o/f", member},
		{toLeft, "/o/g", none},
		{anything, "/o/", member},
		{anything, "/o/x", member},
		{anything, "/o/x/y", none},
		{anything, "/o", all},
		{anything, "/p", none},
		{delta.Gap("/o", "d", "d"), "/o/d", member},
		{delta.Gap("/o", "d", "d"), "/o/d0", none},
		{delta.Gap("", "a", "b"), "/aa", member},
		{delta.Gap("", "a", "b"), "", all},
		{delta.Gap("", "a", "b"), "/a/b", none},
		{escapes, delta.PointerOf("o", "a/"), member},
		{escapes, delta.PointerOf("o", "a/b"), member},
		{escapes, delta.PointerOf("o", "a0"), member},
		{escapes, delta.PointerOf("o", "a~"), member},
		{escapes, delta.PointerOf("o", "a"), none},
		{escapes, delta.PointerOf("o", "a."), none},
		{escapes, delta.PointerOf("o", "a~~"), none},
		{escapes, delta.PointerOf("o", "a\x7f"), none},
	} {
		if !c.read.Valid() {
			t.Errorf("%q is not valid", c.read.Path)
		}
		for _, kind := range writeKinds {
			got := delta.Conflicts([]delta.Read{c.read}, []delta.Write{{Kind: kind, Path: c.at}})
			if got != c.want[kind] {
				t.Errorf("gap %q, write kind %d at %q: %v", c.read.Path, kind, c.at, got)
			}
		}
	}
}

// TestL8_GapSeesEveryChange looks at the names in a gap before and after random
// patches of one object. Conflicts must tell every difference.
func TestL8_GapSeesEveryChange(t *testing.T) {
	r := newRandom(t)
	names := append(slices.Clone(plainNames), oddNames...)
	changed, conflicts := 0, 0
	for range 20000 {
		before, after := object{}, object{}
		for _, name := range names {
			if r.IntN(2) == 0 {
				before[name] = 1
			}
			if r.IntN(8) > 0 == (before[name] != nil) {
				after[name] = r.IntN(2)
			}
		}
		var writes delta.Writes
		for _, name := range names {
			switch {
			case (before[name] == nil) != (after[name] == nil):
				writes.Add(delta.WroteMember, delta.PointerOf("o", name))
			case before[name] != after[name]:
				writes.Add(delta.WroteValue, delta.PointerOf("o", name))
			}
		}
		left, right := pick(r, names), pick(r, names)
		if right != "" && left > right {
			left, right = right, left
		}
		see := func(o object) (seen []string) {
			for _, name := range slices.Sorted(maps.Keys(o)) {
				if left <= name && (name <= right || right == "") {
					seen = append(seen, name)
				}
			}
			return seen
		}
		got := delta.Conflicts([]delta.Read{delta.Gap("/o", left, right)}, writes.List())
		if want := !slices.Equal(see(before), see(after)); got != want {
			t.Fatalf("gap from %q to %q of %q, which becomes %q: conflicts is %v", left, right, see(before), see(after), got)
		} else if want {
			changed++
		}
		if got {
			conflicts++
		}
	}
	if changed < 1000 || conflicts > 19000 {
		t.Errorf("%d changed, %d conflicts: the test shows nothing", changed, conflicts)
	}
}

func TestGapValid(t *testing.T) {
	deep := delta.Pointer(strings.Repeat("/a", jsontext.MaxDepth-1)) // the deepest object
	for _, c := range []struct {
		read delta.Read
		want bool
	}{
		{delta.Gap("", "", ""), true},
		{delta.Gap("", "a", "a"), true},
		{delta.Gap("/o", "b", ""), true},
		{delta.Gap("/o", "", "b"), true},
		{delta.Gap("/o", "b", "a"), false},
		{delta.Gap("/o", "a~", "a/"), false},
		{delta.Gap("/o", "a/", "a~"), true},
		{delta.Gap("/o", "\U00010000", "\uffff"), false}, // by bytes, not by UTF-16 units
		{delta.Gap(deep, "a", "b"), true},
		{delta.Gap(deep+"/a", "a", "b"), false},
		{delta.Gap("o", "a", "b"), false},
		{delta.Gap("/o", "\xff", ""), false},
		{delta.Read{Kind: delta.ReadGap}, false},
		{delta.Read{Kind: delta.ReadGap, Path: "/"}, false},
		{delta.Read{Kind: delta.ReadGap, Path: "/a"}, false},
		{delta.Read{Kind: delta.ReadGap, Path: "/a/b~"}, false},
		{delta.Read{Kind: delta.ReadGap, Path: "/a~/a~"}, false},
		{delta.Read{Kind: delta.ReadGap, Path: "/a/b"}, true},
	} {
		if got := c.read.Valid(); got != c.want {
			t.Errorf("%.20q: %v", c.read.Path, got)
		}
	}
	if got := delta.Gap("/o", "a/b", "~"); got.Path != "/o/a~1b/~0" || got.Kind != 'g' {
		t.Errorf("%c %q", got.Kind, got.Path)
	}
}
