package orderkey

import "strings"

// gap is where new keys go: they are prefix, a segment between left and right,
// and nothing more. That is the innermost run that both bounds are of, and in it
// neither of the runs that the bounds are of themselves.
type gap struct {
	prefix      string // ends in '-' unless it is empty
	left, right string // segments, each empty for an open end
}

// gapOf returns the gap between two keys that passed validateBounds.
func gapOf(left, right string) gap {
	if right == "" {
		return gap{left: segmentAt(left, 0)}
	}
	start := 0
	for start < len(left) {
		l, r := segmentAt(left, start), segmentAt(right, start)
		if l != r {
			return gap{right[:start], l, r}
		}
		start += len(l) + len("-")
	}
	return gap{right[:start], "", segmentAt(right, start)}
}

func segmentAt(key string, start int) string {
	if i := strings.IndexByte(key[start:], '-'); i >= 0 {
		return key[start : start+i]
	}
	return key[start:]
}

// key returns the key for a segment of the gap. Inside a run it must not be taken
// for one of that run's own keys, which are numbers.
func (g gap) key(segment, tag string) string {
	if g.prefix != "" && len(segment)+len(tag) == numberLen(segment[0]) {
		segment += "V"
	}
	return g.prefix + segment + tag
}

// width is the set of all segments of len digits in a gap that do not end in 0.
type width struct {
	left  string
	len   int
	first int // of the numbers 1, 2, ... which are no multiples of base, the index of that just before the set
	count int
}

// narrowest returns the least width that has room for n.
func narrowest(left, right string, n int) width {
	size := 0 // the difference of the bounds, both cut or filled up to i+1 digits
	for i := 0; ; i++ {
		l := digitAt(left, i)
		size = size*base + digitAt(right, i) - l
		if right == "" && i == 0 {
			size += base
		}
		first := l - l/base
		if count := nonMultiples(l+size-1) - first; count >= n {
			return width{left, i + 1, first, count}
		}
	}
}

func digitAt(segment string, i int) int {
	if i < len(segment) {
		return int(value[segment[i]])
	}
	return 0
}

// nonMultiples returns how many of 1..n are no multiples of base.
func nonMultiples(n int) int { return n - n/base }

// at returns the i-th segment of the set.
func (w width) at(i int) string {
	i += w.first
	add := i + i/(base-1) + 1 // the i-th number that is no multiple, i from 0
	add -= digitAt(w.left, w.len-1)
	segment := make([]byte, w.len)
	for j := w.len - 1; j >= 0; j-- {
		add += digitAt(w.left, j)
		segment[j] = digits[add%base]
		add /= base
	}
	return string(segment)
}
