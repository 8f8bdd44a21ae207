package list_test

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/list"
)

// build returns a list of n items, inserted one by one at random places.
func build(n int) *keyStore {
	r := rand.New(rand.NewPCG(1, 2))
	id := 0
	s := &keyStore{}
	s.list = list.New("x7b", func() string { id++; return strconv.Itoa(id) })
	for range n {
		s.list.Insert(s, r.IntN(s.list.Len()+1), "null")
	}
	return s
}

// The benchmarks are of a list of 100,000 items. The store does nothing but tell
// the list what it wrote.

// BenchmarkInsert inserts at a random place and deletes again.
func BenchmarkInsert(b *testing.B) {
	s := build(100_000)
	r := rand.New(rand.NewPCG(3, 4))
	b.ReportAllocs()
	for b.Loop() {
		ids := s.list.Insert(s, r.IntN(s.list.Len()+1), "null")
		s.list.Delete(s, ids[0])
	}
}

// BenchmarkType inserts each item behind the one before.
func BenchmarkType(b *testing.B) {
	s := build(100_000)
	at := 50_000
	b.ReportAllocs()
	for b.Loop() {
		s.list.Insert(s, at, "null")
		if at++; at == 60_000 {
			at = 50_000
		}
	}
}

// BenchmarkMove moves a random item to a random place.
func BenchmarkMove(b *testing.B) {
	s := build(100_000)
	r := rand.New(rand.NewPCG(3, 4))
	b.ReportAllocs()
	for b.Loop() {
		id, _ := s.list.At(r.IntN(s.list.Len()))
		s.list.Move(s, id, r.IntN(s.list.Len()))
	}
}

// BenchmarkChanged is a remote change of a random item's value.
func BenchmarkChanged(b *testing.B) {
	s := build(100_000)
	var ids, raws []string
	for id := range s.list.All() {
		ids = append(ids, id)
		raws = append(raws, `{"o":"`+s.list.InsertEdit(len(ids), "1").LeftKey+`","v":{"done":true}}`)
	}
	r := rand.New(rand.NewPCG(3, 4))
	b.ReportAllocs()
	for b.Loop() {
		i := r.IntN(len(ids))
		s.list.Changed(ids[i], raws[i], true)
	}
}

// BenchmarkReset opens the list.
func BenchmarkReset(b *testing.B) {
	s := build(100_000)
	type member struct{ id, raw string }
	var members []member
	for id := range s.list.All() {
		members = append(members, member{id, `{"o":"` + s.list.InsertEdit(len(members)+1, "1").LeftKey + `","v":{"done":true}}`})
	}
	b.ReportAllocs()
	for b.Loop() {
		s.list.Reset(func(yield func(string, string) bool) {
			for _, m := range members {
				if !yield(m.id, m.raw) {
					return
				}
			}
		})
	}
}
