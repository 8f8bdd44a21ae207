// Package sorts sorts slices, and replaces parts of them, at little weight: every type that
// slices.SortFunc sorts costs the browser's module 20 KB of code, and slices.Replace six;
// here it is less than one.
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

// Replace is slices.Replace, for what does not point into the slice.
func Replace[T any](s []T, i, j int, with ...T) []T {
	n := len(s)
	if grow := len(with) - (j - i); grow > 0 {
		s = append(s, with[:grow]...) // whatever: there has to be room
	}
	end := n + len(with) - (j - i)
	copy(s[i+len(with):end], s[j:n])
	copy(s[i:], with)
	if end < n {
		clear(s[end:n])
	}
	return s[:end]
}
