package doc_test

import (
	"bytes"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// observe returns what a read sees in a decoded document.
func observe(root any, r delta.Read) any {
	value, ok := lookup(root, r.Path)
	object, isObject := value.(map[string]any)
	switch r.Kind {
	case delta.ReadExists:
		return isObject
	case delta.ReadMembers:
		if !isObject {
			return nil
		}
		return slices.Sorted(maps.Keys(object))
	}
	return []any{value, ok}
}

func agree(a, b any, reads []delta.Read) bool {
	return !slices.ContainsFunc(reads, func(r delta.Read) bool { return !same(observe(a, r), observe(b, r)) })
}

// program is a transaction function whose steps depend on its seed and on what
// it has seen so far, and on nothing else. It returns what it has seen.
func program(t testing.TB, seed uint64, tx *doc.Tx) string {
	var seen strings.Builder
	for step := range 1 + seed%6 {
		h := fnv.New64a()
		h.Write([]byte(seen.String()))
		r := newRandom(seed ^ h.Sum64() + step)
		p := r.pointer()
		switch r.IntN(9) {
		case 0, 1, 2:
			if err := tx.Set(p, []byte(r.value(documentShape))); err != nil {
				seen.WriteString(err.Error())
			}
		case 3:
			if err := tx.Delete(p); err != nil {
				seen.WriteString(err.Error())
			}
		case 4:
			if err := tx.Merge(parseDelta(t, r.object(patchShape))); err != nil {
				t.Fatal(err)
			}
		case 5:
			value, _ := tx.Get(p)
			seen.Write(value)
		case 6:
			seen.WriteString(strings.Join(tx.Members(p), ","))
		case 7:
			if tx.IsObject(p) {
				seen.WriteString("object")
			}
		case 8:
			savepoint(t, tx, fate(r.IntN(3)), func(tx *doc.Tx) { seen.WriteString(program(t, r.Uint64(), tx)) })
		}
		seen.WriteByte(';')
	}
	return seen.String()
}

// rerun runs the program on the document and returns its state afterwards.
func rerun(t testing.TB, seed uint64, d *doc.Doc) (state []byte, seen string, change doc.Change) {
	t.Helper()
	change, err := d.Update(func(tx *doc.Tx) error { seen = program(t, seed, tx); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return d.Canonical(), seen, change
}

// TestL8_ReadsDecideTheOutcome is what makes the conflict test sound: on any
// other document on which all recorded reads see the same, the function sees
// the same, and the delta made here leads to the very state that the function
// leads to when it is run there.
func TestL8_ReadsDecideTheOutcome(t *testing.T) {
	r := newRandom(8)
	compared := 0
	for range 8000 {
		seed := r.Uint64()
		base := r.object(documentShape)
		_, seen, change := rerun(t, seed, parseDoc(t, base))
		if change.Empty() {
			continue // nothing is sent
		}
		for range 4 {
			other := parseDoc(t, base)
			for range 1 + r.IntN(2) {
				other.Apply(parseDelta(t, r.object(patchShape)))
			}
			head := other.Canonical()
			if !agree(decode(t, []byte(base)), decode(t, head), change.Reads) {
				continue
			}
			compared++
			other.Apply(change.Delta)
			again, seenAgain, _ := rerun(t, seed, parseDoc(t, string(head)))
			if seen != seenAgain || !bytes.Equal(other.Canonical(), again) {
				t.Fatalf("program %d at base %s: delta %s, reads %q\nat head %s the delta leads to %s\nthe program to %s\nseen %q then %q",
					seed, base, change.Delta.Bytes(), describe(change.Reads), head, other.Canonical(), again, seen, seenAgain)
			}
		}
	}
	t.Logf("%d pairs of base and head", compared)
	if compared < 1000 {
		t.Errorf("only %d pairs of base and head: the test shows nothing", compared)
	}
}

// TestL8_FastForward is the same as the server decides it, by what the records
// in between wrote.
func TestL8_FastForward(t *testing.T) {
	r := newRandom(88)
	forwarded, conflicts := 0, 0
	for range 8000 {
		seed := r.Uint64()
		base := r.object(documentShape)
		_, _, change := rerun(t, seed, parseDoc(t, base))
		head := parseDoc(t, base)
		var writes []delta.Write
		for range 1 + r.IntN(2) {
			writes = append(writes, head.Apply(parseDelta(t, r.object(patchShape))).Writes...)
		}
		if change.Empty() {
			continue
		}
		if delta.Conflicts(change.Reads, writes) {
			conflicts++
			continue
		}
		forwarded++
		again, _, _ := rerun(t, seed, clone(t, head))
		if head.Apply(change.Delta); !bytes.Equal(head.Canonical(), again) {
			t.Fatalf("program %d at base %s: delta %s, reads %q, writes since %v\nfast-forwarded to %s, run again it leads to %s",
				seed, base, change.Delta.Bytes(), describe(change.Reads), writes, head.Canonical(), again)
		}
	}
	t.Logf("%d fast-forwarded, %d conflicts", forwarded, conflicts)
	if forwarded < 1000 || conflicts < 1000 {
		t.Errorf("%d fast-forwarded, %d conflicts: the test shows nothing", forwarded, conflicts)
	}
}
