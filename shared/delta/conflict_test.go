package delta_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// TestReadSetAgreesWithItsIndex compares the test read by read, which small sets
// use, with the index that large ones use: one read at a time against all.
func TestReadSetAgreesWithItsIndex(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	path := func() delta.Pointer {
		var p delta.Pointer
		for range random.IntN(4) {
			p = p.Member(string(rune('a' + random.IntN(4))))
		}
		return p
	}
	for range 300 {
		reads := make([]delta.Read, 1+random.IntN(12))
		for i := range reads {
			reads[i] = delta.Read{
				Kind: []delta.ReadKind{delta.ReadValue, delta.ReadExists, delta.ReadMembers}[random.IntN(3)],
				Path: path(),
			}
		}
		indexed := delta.NewReadSet(reads)
		for range 2000 / len(reads) { // past the bound after which the index is made
			indexed.ConflictsWith([]delta.Write{{Kind: delta.WroteNothing}})
		}
		for range 50 {
			w := []delta.Write{{
				Kind: []delta.WriteKind{delta.WroteValue, delta.WroteMember, delta.WroteNothing}[random.IntN(3)],
				Path: path(),
			}}
			want := false
			for _, r := range reads {
				want = want || delta.Conflicts([]delta.Read{r}, w)
			}
			if got := indexed.ConflictsWith(w); got != want {
				t.Fatalf("seed %d: reads %v, write %v: index says %v, one by one %v", seed, reads, w, got, want)
			}
		}
	}
}

// BenchmarkConflicts is the worst that a client can ask for: a transaction that
// read as much as is allowed against many writes.
func BenchmarkConflicts(b *testing.B) {
	reads := make([]delta.Read, 4096)
	writes := make([]delta.Write, 4096)
	for i := range reads {
		reads[i] = delta.Read{Kind: delta.ReadValue, Path: delta.PointerOf("read", fmt.Sprint(i), "x")}
		writes[i] = delta.Write{Kind: delta.WroteValue, Path: delta.PointerOf("written", fmt.Sprint(i), "x")}
	}
	for b.Loop() {
		if delta.Conflicts(reads, writes) {
			b.Fatal("they do not conflict")
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
