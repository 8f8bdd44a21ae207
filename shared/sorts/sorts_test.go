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
