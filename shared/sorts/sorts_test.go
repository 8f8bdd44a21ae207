package sorts_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// TestFunc compares with the library, at lengths around the bound of insertion.
func TestFunc(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		list := make([]int, n%40)
		for i := range list {
			list[i] = random.IntN(1 + n/3)
		}
		want := slices.Sorted(slices.Values(list))
		if sorts.Func(list, cmp.Compare[int]); !slices.Equal(list, want) {
			t.Fatalf("%v, want %v", list, want)
		}
	}
}

// TestReplace compares with the library.
func TestReplace(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		list := make([]int, random.IntN(12), 12+random.IntN(12))
		for i := range list {
			list[i] = random.Int()
		}
		i := random.IntN(len(list) + 1)
		j := i + random.IntN(len(list)-i+1)
		with := make([]int, random.IntN(8))
		for k := range with {
			with[k] = -k
		}
		want := slices.Replace(slices.Clone(list), i, j, with...)
		if got := sorts.Replace(list, i, j, with...); !slices.Equal(got, want) {
			t.Fatalf("%d:%d of %v by %v: %v, want %v", i, j, list, with, got, want)
		}
	}
}
