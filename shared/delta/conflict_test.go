package delta_test

import (
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

var writeKinds = []delta.WriteKind{delta.WroteValue, delta.WroteMember, delta.WroteNothing}

// TestL8_ReadSetAgreesWithItsIndex compares the test read by read, which small sets
// use, with the index that large ones use: one read at a time against all.
func TestL8_ReadSetAgreesWithItsIndex(t *testing.T) {
	random := newRandom(t)
	names := []string{"", "a", "b", "c", "d", "b~", "b/", "b0"}
	path := func() delta.Pointer {
		var p delta.Pointer
		for range random.IntN(4) {
			p = p.Member(pick(random, names))
		}
		return p
	}
	read := func() delta.Read {
		if random.IntN(2) == 0 {
			left, right := pick(random, names), pick(random, names)
			if right != "" && left > right {
				left, right = right, left
			}
			return delta.Gap(path(), left, right)
		}
		return delta.Read{Kind: pick(random, []delta.ReadKind{delta.ReadValue, delta.ReadExists, delta.ReadMembers}), Path: path()}
	}
	conflicts := 0
	for range 600 {
		reads := make([]delta.Read, 1+random.IntN(12))
		for i := range reads {
			if reads[i] = read(); !reads[i].Valid() {
				t.Fatalf("%q is not valid", reads[i].Path)
			}
		}
		indexed := delta.NewReadSet(reads)
		for range 2000 / len(reads) { // past the bound after which the index is made
			indexed.ConflictsWith([]delta.Write{{Kind: delta.WroteNothing}})
		}
		for range 50 {
			w := []delta.Write{{Kind: pick(random, writeKinds), Path: path()}}
			want := false
			for _, r := range reads {
				want = want || delta.Conflicts([]delta.Read{r}, w)
			}
			if got := indexed.ConflictsWith(w); got != want {
				t.Fatalf("reads %v, write %v: index says %v, one by one %v", reads, w, got, want)
			}
			if want {
				conflicts++
			}
		}
	}
	if conflicts < 3000 || conflicts > 27000 {
		t.Errorf("%d conflicts of 30000: the test shows nothing", conflicts)
	}
}

// fewReadsAndWrites is what a keystroke reads, against others that do not touch it.
func fewReadsAndWrites() ([]delta.Read, []delta.Write) {
	text := delta.PointerOf("notes", "n17", "text")
	return []delta.Read{
			{Kind: delta.ReadExists, Path: text},
			{Kind: delta.ReadValue, Path: text.Member("V3a")},
			delta.Gap(text, "V3a", "V3b"),
			{Kind: delta.ReadMembers, Path: delta.PointerOf("notes", "n17", "marks")},
		}, []delta.Write{
			{Kind: delta.WroteMember, Path: text.Member("V4~/x")},
			{Kind: delta.WroteValue, Path: text.Member("V3b")},
			{Kind: delta.WroteMember, Path: delta.PointerOf("notes", "n18")},
			{Kind: delta.WroteNothing, Path: text},
		}
}

// TestL6_FewReadsAndWritesAllocateNothing, for every number of each.
func TestL6_FewReadsAndWritesAllocateNothing(t *testing.T) {
	reads, writes := fewReadsAndWrites()
	for i := range reads {
		for j := range writes {
			reads, writes := reads[:i+1], writes[:j+1]
			conflicts := false
			if n := testing.AllocsPerRun(100, func() { conflicts = conflicts || delta.Conflicts(reads, writes) }); n != 0 {
				t.Errorf("%d reads, %d writes: %v allocations", len(reads), len(writes), n)
			}
			if conflicts {
				t.Errorf("%d reads, %d writes: they conflict", len(reads), len(writes))
			}
		}
	}
}

// TestL9_DeepReads: a pointer deeper than any document is no read. The conflict
// test walks up every pointer.
func TestL9_DeepReads(t *testing.T) {
	deep := func(n int) delta.Read {
		return delta.Read{Kind: delta.ReadValue, Path: delta.Pointer(strings.Repeat("/a", n))}
	}
	if !deep(jsontext.MaxDepth).Valid() {
		t.Error("a read as deep as a document can be is refused")
	}
	if deep(jsontext.MaxDepth + 1).Valid() {
		t.Error("a read deeper than any document is accepted")
	}
}

// TestL9_LongPathsBecomeOneWrite: many short leaves below long names would take
// many times the memory of their delta.
func TestL9_LongPathsBecomeOneWrite(t *testing.T) {
	var writes delta.Writes
	long := delta.PointerOf(strings.Repeat("n", jsontext.MaxName))
	for range 300 {
		writes.Add(delta.WroteValue, long)
	}
	if list := writes.List(); len(list) != 1 || list[0].Path != "" {
		t.Errorf("%d writes, the first at %.20q", len(list), list[0].Path)
	}
}
