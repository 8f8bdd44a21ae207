// Package sorts sorts slices at little weight: every type that slices.SortFunc sorts costs
// the browser's download 20 KB of code, every one that is sorted here less than one.
package sorts

import "sort"

// short is how long a slice is that is sorted by insertion, which needs no calls but of
// the comparison.
const short = 12

// Func sorts a slice as slices.SortFunc does: elements that are equal may end in any order.
func Func[T any](s []T, compare func(a, b T) int) {
	if len(s) > short {
		sort.Sort(sorter{
			n:    len(s),
			less: func(i, j int) bool { return compare(s[i], s[j]) < 0 },
			swap: func(i, j int) { s[i], s[j] = s[j], s[i] },
		})
		return
	}
	for i := 1; i < len(s); i++ {
		for j := i; j > 0 && compare(s[j], s[j-1]) < 0; j-- {
			s[j], s[j-1] = s[j-1], s[j]
		}
	}
}

// sorter is a slice for package sort.
type sorter struct {
	n    int
	less func(i, j int) bool
	swap func(i, j int)
}

func (s sorter) Len() int           { return s.n }
func (s sorter) Less(i, j int) bool { return s.less(i, j) }
func (s sorter) Swap(i, j int)      { s.swap(i, j) }
