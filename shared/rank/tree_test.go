package rank_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/rank"
)

// slice is the dumb version of a tree.
type slice []*entry

type entry struct {
	value, weight int
	it            *rank.Item[int]
}

func (s slice) seek(v int) int {
	return sort.Search(len(s), func(i int) bool { return s[i].value >= v })
}

func (s slice) weight() (sum int) {
	for _, e := range s {
		sum += e.weight
	}
	return sum
}

func (s slice) at(i int) *rank.Item[int] {
	if i < 0 || i >= len(s) {
		return nil
	}
	return s[i].it
}

func (s slice) atWeight(offset int) (*rank.Item[int], int) {
	for _, e := range s {
		if 0 <= offset && offset < e.weight {
			return e.it, offset
		}
		offset -= e.weight
	}
	return nil, 0
}

// workload says where the next value goes and how likely it is a deletion.
type workload struct {
	name   string
	seed   uint64
	steps  int
	delete func(step int) float64
	value  func(r *rand.Rand, s slice, step int) int
}

func workloads() []workload {
	const wide = 1 << 40
	anywhere := func(r *rand.Rand, _ slice, _ int) int { return r.IntN(wide) }
	// gap returns a value next to that at i.
	gap := func(s slice, i int) int {
		if len(s) == 0 {
			return wide / 2
		}
		low, high := s[i].value, wide
		if i+1 < len(s) {
			high = s[i+1].value
		}
		return low + (high-low)/2
	}
	return []workload{
		{"grow and shrink", 1, 12_000, func(step int) float64 { return 0.2 + 0.6*float64(step/3000%2) }, anywhere},
		{"grow, then empty", 2, 14_000, func(step int) float64 { return float64(step / 6000) }, anywhere},
		{"append", 3, 5000, func(int) float64 { return 0.01 }, func(_ *rand.Rand, _ slice, step int) int { return step }},
		{"prepend", 4, 5000, func(int) float64 { return 0.01 }, func(_ *rand.Rand, _ slice, step int) int { return wide - step }},
		{"runs", 5, 12_000, func(step int) float64 { return 0.45 * float64(step/4000%2) }, func(r *rand.Rand, s slice, step int) int {
			return gap(s, int(uint64(step/16)*7919%uint64(max(1, len(s)))))
		}},
	}
}

// TestAgainstSlice runs random operations on a tree and on a sorted slice.
func TestAgainstSlice(t *testing.T) {
	for _, w := range workloads() {
		t.Run(w.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(w.seed, 0))
			defer func() {
				if t.Failed() {
					t.Log("seed", w.seed)
				}
			}()
			tree := rank.New(cmp.Compare[int])
			var model slice
			for step := range w.steps {
				if len(model) > 0 && r.Float64() < w.delete(step) {
					i := r.IntN(len(model))
					it := model[i].it
					if !it.Placed() {
						t.Errorf("the item at %d is not placed", i)
					}
					if tree.Delete(it); it.Placed() {
						t.Errorf("the item that was at %d is still placed", i)
					}
					model = slices.Delete(model, i, i+1)
				} else if v := w.value(r, model, step); true {
					i := model.seek(v)
					if i < len(model) && model[i].value == v {
						continue
					}
					weight := r.IntN(4) * r.IntN(30)
					model = slices.Insert(model, i, &entry{v, weight, tree.Insert(v, weight)})
				}
				if len(model) > 0 && r.IntN(3) == 0 {
					e := model[r.IntN(len(model))]
					e.weight = r.IntN(50)
					tree.SetWeight(e.it, e.weight)
				}
				if step%37 == 0 {
					probe(t, r, tree, model)
				}
				if step%501 == 0 {
					compareAll(t, tree, model)
				}
				if t.Failed() {
					t.Fatalf("at step %d with %d items", step, len(model))
				}
			}
			compareAll(t, tree, model)
		})
	}
}

// probe compares lookups at a random place.
func probe(t *testing.T, r *rand.Rand, tree *rank.Tree[int], model slice) {
	t.Helper()
	if tree.Len() != len(model) || tree.Weight() != model.weight() {
		t.Errorf("Len, Weight = %d, %d, want %d, %d", tree.Len(), tree.Weight(), len(model), model.weight())
	}
	i := r.IntN(len(model)+3) - 1
	if got := tree.At(i); got != model.at(i) {
		t.Errorf("At(%d) = %v", i, got)
	}
	offset := r.IntN(model.weight()+3) - 1
	it, within := tree.AtWeight(offset)
	if wantIt, wantWithin := model.atWeight(offset); it != wantIt || within != wantWithin {
		t.Errorf("AtWeight(%d) = %v, %d, want %v, %d", offset, it, within, wantIt, wantWithin)
	}
	v := r.IntN(1 << 40)
	if e := model.at(i); e != nil {
		v = e.Value + r.IntN(3) - 1
	}
	if got := tree.Seek(v); got != model.at(model.seek(v)) {
		t.Errorf("Seek(%d) = %v", v, got)
	}
	if e := model.at(i); e != nil {
		if got := tree.Index(e); got != i {
			t.Errorf("Index of item %d = %d", i, got)
		}
		if got, want := tree.Offset(e), model[:i].weight(); got != want {
			t.Errorf("Offset of item %d = %d, want %d", i, got, want)
		}
		if got := e.Weight(); got != model[i].weight {
			t.Errorf("weight of item %d = %d, want %d", i, got, model[i].weight)
		}
		if e.Next() != model.at(i+1) || e.Prev() != model.at(i-1) {
			t.Errorf("item %d has other neighbours", i)
		}
	}
}

func compareAll(t *testing.T, tree *rank.Tree[int], model slice) {
	t.Helper()
	if err := tree.Check(); err != nil {
		t.Fatal(err)
	}
	if tree.First() != model.at(0) || tree.Last() != model.at(len(model)-1) {
		t.Error("another first or last item")
	}
	var got []*rank.Item[int]
	for it := range tree.All() {
		got = append(got, it)
	}
	if !slices.EqualFunc(got, model, func(it *rank.Item[int], e *entry) bool { return it == e.it && it.Value == e.value }) {
		t.Error("other items")
	}
	got = got[:0]
	for it := tree.First(); it != nil; it = it.Next() {
		got = append(got, it)
	}
	if !slices.EqualFunc(got, model, func(it *rank.Item[int], e *entry) bool { return it == e.it }) {
		t.Error("other items by Next")
	}
	i := len(model)
	for it := tree.Last(); it != nil; it = it.Prev() {
		if i--; it != model.at(i) {
			t.Fatal("other items by Prev")
		}
	}
	if i != 0 {
		t.Errorf("Prev ended at item %d", i)
	}
}

func TestEmpty(t *testing.T) {
	tree := rank.New(cmp.Compare[int])
	empty := func() {
		t.Helper()
		it, within := tree.AtWeight(0)
		if tree.Len() != 0 || tree.Weight() != 0 || tree.At(0) != nil || it != nil || within != 0 ||
			tree.Seek(0) != nil || tree.First() != nil || tree.Last() != nil {
			t.Error("the tree is not empty")
		}
	}
	empty()
	for i := range 5000 {
		tree.Insert(i, i)
	}
	tree.Clear()
	empty()
	if tree.Insert(1, 2); tree.Len() != 1 || tree.Weight() != 2 {
		t.Error("not usable after Clear")
	}
}

// TestZeroWeight: an item without weight holds no unit.
func TestZeroWeight(t *testing.T) {
	tree := rank.New(cmp.Compare[int])
	for i := range 1000 {
		tree.Insert(i, i%5/4)
	}
	for offset := range 200 {
		if it, within := tree.AtWeight(offset); it.Value != 5*offset+4 || within != 0 {
			t.Fatalf("AtWeight(%d) = %d, %d", offset, it.Value, within)
		}
	}
}

func TestAllStops(t *testing.T) {
	tree := rank.New(cmp.Compare[int])
	for i := range 1000 {
		tree.Insert(i, 1)
	}
	for _, stop := range []int{0, 1, 63, 64, 500, 999} {
		last := -1
		for it := range tree.All() {
			if last = it.Value; last == stop {
				break
			}
		}
		if last != stop {
			t.Errorf("stopped at %d, want %d", last, stop)
		}
	}
}

func TestMisusePanics(t *testing.T) {
	tree := rank.New(cmp.Compare[int])
	items := make([]*rank.Item[int], 500)
	for i := range items {
		items[i] = tree.Insert(i, 1)
	}
	gone := items[100]
	tree.Delete(gone)
	for name, misuse := range map[string]func(){
		"duplicate":          func() { tree.Insert(77, 1) },
		"duplicate of first": func() { tree.Insert(0, 1) },
		"duplicate of last":  func() { tree.Insert(499, 1) },
		"negative weight":    func() { tree.Insert(1000, -1) },
		"negative SetWeight": func() { tree.SetWeight(items[3], -1) },
		"deleted twice":      func() { tree.Delete(gone) },
		"rank of a deleted":  func() { tree.Index(gone) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			misuse()
		}()
		if err := tree.Check(); err != nil || tree.Len() != 499 {
			t.Errorf("%s: %d items left, %v", name, tree.Len(), err)
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	tree := rank.New(cmp.Compare[int])
	var items []*rank.Item[int]
	for i := range 10_000 {
		items = append(items, tree.Insert(i, 1))
	}
	r := rand.New(rand.NewPCG(9, 0))
	sum := 0
	if n := testing.AllocsPerRun(1000, func() {
		it := items[r.IntN(len(items))]
		tree.SetWeight(it, r.IntN(9))
		at, within := tree.AtWeight(tree.Offset(it))
		sum += at.Value + within + tree.At(tree.Index(it)).Value + tree.Seek(r.IntN(9000)).Value
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
