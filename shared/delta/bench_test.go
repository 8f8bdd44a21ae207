package delta_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
)

// BenchmarkConflictsFew is the hot case: a keystroke against what others did since.
func BenchmarkConflictsFew(b *testing.B) {
	reads, writes := fewReadsAndWrites()
	b.ReportAllocs()
	for b.Loop() {
		if delta.Conflicts(reads, writes) {
			b.Fatal("they conflict")
		}
	}
}

// BenchmarkConflictsMany is the worst that a client can ask for: a transaction that
// read as much as is allowed against many writes.
func BenchmarkConflictsMany(b *testing.B) {
	kinds := map[string]func(object delta.Pointer) delta.Read{
		"value": func(p delta.Pointer) delta.Read { return delta.Read{Kind: delta.ReadValue, Path: p.Member("x")} },
		"gap":   func(p delta.Pointer) delta.Read { return delta.Gap(p, "x", "y") },
		"gaps of one object": func(p delta.Pointer) delta.Read {
			parent, _ := p.Parent()
			names := p.Names()
			return delta.Gap(parent, names[1], names[1]+"a")
		},
	}
	for name, read := range kinds {
		b.Run(name, func(b *testing.B) {
			reads := make([]delta.Read, 4096)
			writes := make([]delta.Write, 4096)
			for i := range reads {
				reads[i] = read(delta.PointerOf("read", fmt.Sprint(i)))
				writes[i] = delta.Write{Kind: delta.WroteMember, Path: delta.PointerOf("written", fmt.Sprint(i), "x")}
			}
			b.ReportAllocs()
			for b.Loop() {
				if delta.Conflicts(reads, writes) {
					b.Fatal("they do not conflict")
				}
			}
		})
	}
}

// records returns a patch of as many records, each with two of five fields.
func records(b *testing.B, n int) delta.Delta {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, `,"r%05d":{"count":%d,"name":"record number %d"}`, i, i, i)
	}
	return parse(b, []byte(`{"records":{`+strings.TrimPrefix(s.String(), ",")+`}}`))
}

func BenchmarkCompose(b *testing.B) {
	small := parse(b, []byte(`{"board":{"cards":{"c7":{"title":"write it down","at":12.5}}}}`))
	other := parse(b, []byte(`{"board":{"cards":{"c7":{"done":true},"c8":null}}}`))
	for _, c := range []struct {
		name          string
		first, second delta.Delta
	}{
		{"small", small, other},
		{"1000 records", records(b, 1000), records(b, 1000)},
		{"one into 1000 records", records(b, 1000), records(b, 1)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(c.first.Len() + c.second.Len()))
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := delta.Compose(c.first, c.second); !ok {
					b.Fatal("refused")
				}
			}
		})
	}
}

// BenchmarkFold folds what a slow reader missed: a thousand small deltas.
func BenchmarkFold(b *testing.B) {
	deltas := make([]delta.Delta, 1000)
	for i := range deltas {
		deltas[i] = parse(b, fmt.Appendf(nil, `{"records":{"r%05d":{"count":%d}}}`, i%100, i))
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(delta.Fold(deltas)) != 1 {
			b.Fatal("more than one")
		}
	}
}

func BenchmarkDiff(b *testing.B) {
	before := records(b, 10000).Bytes()
	after := delta.Apply(before, parse(b, []byte(`{"records":{"r05000":{"count":0}}}`)))
	b.SetBytes(int64(len(before)))
	b.ReportAllocs()
	for b.Loop() {
		if d, err := delta.Diff(before, after); err != nil || d.Len() != len(`{"records":{"r05000":{"count":0}}}`) {
			b.Fatal(string(d.Bytes()), err)
		}
	}
}

func BenchmarkInvert(b *testing.B) {
	before := records(b, 10000).Bytes()
	d := parse(b, []byte(`{"records":{"r05000":{"count":0}}}`))
	b.SetBytes(int64(len(before)))
	b.ReportAllocs()
	for b.Loop() {
		delta.Invert(before, d)
	}
}
