package rank_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/rank"
)

// bench runs fn on trees of several sizes, filled in random order, with a number
// below the size that is different each time.
func bench(b *testing.B, fn func(tree *rank.Tree[int], items []*rank.Item[int], i int)) {
	for _, size := range []int{1000, 2000, 100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			tree := rank.New(cmp.Compare[int])
			items := make([]*rank.Item[int], size)
			for _, i := range r.Perm(size) {
				items[i] = tree.Insert(2*i, 1)
			}
			picks := make([]int, 1<<14)
			for i := range picks {
				picks[i] = r.IntN(size)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				fn(tree, items, picks[i%len(picks)])
			}
		})
	}
}

func BenchmarkInsertDelete(b *testing.B) {
	bench(b, func(tree *rank.Tree[int], items []*rank.Item[int], i int) { tree.Delete(tree.Insert(2*i+1, 1)) })
}

func BenchmarkSetWeight(b *testing.B) {
	bench(b, func(tree *rank.Tree[int], items []*rank.Item[int], i int) { tree.SetWeight(items[i], i&1) })
}

func BenchmarkAt(b *testing.B) {
	bench(b, func(tree *rank.Tree[int], items []*rank.Item[int], i int) { tree.At(i) })
}

func BenchmarkAtWeight(b *testing.B) {
	bench(b, func(tree *rank.Tree[int], items []*rank.Item[int], i int) { tree.AtWeight(i) })
}

func BenchmarkOffset(b *testing.B) {
	bench(b, func(tree *rank.Tree[int], items []*rank.Item[int], i int) { tree.Offset(items[i]) })
}

func BenchmarkSeek(b *testing.B) {
	bench(b, func(tree *rank.Tree[int], items []*rank.Item[int], i int) { tree.Seek(2 * i) })
}

func BenchmarkNext(b *testing.B) {
	bench(b, func(tree *rank.Tree[int], items []*rank.Item[int], i int) { items[i].Next() })
}

// BenchmarkAppend builds a tree of 100,000 items in order; one operation is all
// of it.
func BenchmarkAppend(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		tree := rank.New(cmp.Compare[int])
		for i := range 100_000 {
			tree.Insert(i, 1)
		}
	}
}
