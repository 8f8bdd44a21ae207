package orderkey

import (
	"slices"
	"strings"
)

// Between returns a key that sorts after left and before right and ends in tag.
// Empty bounds are open ends; the tag may be empty.
//
// The key is never inside a run that not both bounds are of: it sorts after all
// of the runs that left is of or may be the root of, their unseen keys included,
// and before the roots of those that right is of.
//
// A thousand keys added one by one at the end have at most 2 digits before their
// tag, 13,000 at most 3, 259,000 at most 4, and a trillion 8. At the beginning
// it is 350, 8,000, 254,000 and a trillion. Between fixed bounds it is one digit
// for 5 or 6 keys.
//
// The error is an [*Error] or an [*OrderError].
func Between(left, right, tag string) (string, error) {
	if err := validateBounds(left, right); err != nil {
		return "", err
	}
	if err := ValidateTag(tag); err != nil {
		return "", err
	}
	return gapOf(left, right).one(tag), nil
}

// Spread returns n keys in order between left and right, each of which Between
// might have returned. Between two keys they are as short as n keys can be (but
// for the tag) and evenly spaced; at an open end they are in close order, so that
// more can be added there.
//
// The error is an [*Error] or an [*OrderError].
func Spread(left, right string, n int, tag string) ([]string, error) {
	if err := validateBounds(left, right); err != nil {
		return nil, err
	}
	if err := ValidateTag(tag); err != nil {
		return nil, err
	}
	return gapOf(left, right).many(max(n, 0), tag), nil
}

// SpreadApart returns before+after keys in order between left and right, the former
// close to left and the latter close to right, so that thousands could go between
// them that are no longer. At an open end it is like [Spread].
//
// The error is an [*Error] or an [*OrderError].
func SpreadApart(left, right string, before, after int) ([]string, error) {
	if err := validateBounds(left, right); err != nil {
		return nil, err
	}
	return gapOf(left, right).apart(max(before, 0), max(after, 0)), nil
}

// Continue returns the next key of the run that previous is of, or of the run
// that it is the root of. It sorts after previous and before right, which is
// empty for an open end. A run is continued by its author only.
//
// If what follows in the run is behind right, as where somebody has inserted
// inside the run, the new key is of a run inside it. A run of 27 has 1 digit after
// its root and '-', one of 1,300 at most 2, 13,000 at most 3, 259,000 at most 4,
// and a trillion 8.
//
// The error is an [*Error] or an [*OrderError].
func Continue(previous, right string) (string, error) {
	if err := Validate(previous); err != nil {
		return "", err
	}
	if err := validateBounds(previous, right); err != nil {
		return "", err
	}
	start := strings.LastIndexByte(previous, '-') + 1
	if start > 0 && isNumber(previous[start:]) {
		if number, ok := numberAfter(previous[start:]); ok {
			if key := previous[:start] + number; right == "" || key < right {
				return key, nil
			}
		}
	}
	if key := previous + "-" + firstNumber; right == "" || key < right {
		return key, nil
	}
	return gapOf(previous, right).one(author(previous)), nil
}

// author returns a tag for a key that goes into the run of another: as much of the
// end of its root as a tag can be.
func author(key string) string {
	root := Root(key)
	segment := root[strings.LastIndexByte(root, '-')+1:]
	return segment[max(0, len(segment)-MaxTag):]
}

func (g gap) one(tag string) string {
	segment, ok := middleNumber, true
	switch {
	case g.left != "" && g.right != "":
		ok = false
	case g.left != "":
		segment, ok = numberAfter(g.left)
	case g.right != "":
		segment, ok = numberBefore(g.right)
	}
	if !ok {
		w := narrowest(g.left, g.right, 1)
		segment = w.at(w.count / 2)
	}
	return g.key(segment, tag)
}

func (g gap) many(n int, tag string) []string {
	keys := make([]string, 0, n)
	if n == 0 {
		return keys
	}
	left, right := g.left, g.right
	switch {
	case right == "":
		for len(keys) < n {
			segment, ok := middleNumber, true
			if left != "" {
				segment, ok = numberAfter(left)
			}
			if !ok {
				break
			}
			keys = append(keys, g.key(segment, tag))
			left = segment + tag
		}
		return append(keys, g.even(left, "", n-len(keys), tag)...)
	case left == "":
		for len(keys) < n {
			segment, ok := numberBefore(right)
			if !ok {
				break
			}
			keys = append(keys, g.key(segment, tag))
			right = segment
		}
		slices.Reverse(keys)
		return append(g.even("", right, n-len(keys), tag), keys...)
	}
	return g.even(left, right, n, tag)
}

// even returns n keys evenly spaced in a part of the gap.
func (g gap) even(left, right string, n int, tag string) []string {
	if n == 0 {
		return nil
	}
	keys := make([]string, n)
	w := narrowest(left, right, n)
	for i := range keys {
		keys[i] = g.key(w.at((2*i+1)*w.count/(2*n)), tag)
	}
	return keys
}

func (g gap) apart(before, after int) []string {
	n := before + after
	if g.left == "" && g.prefix == "" || g.right == "" {
		return g.many(n, "")
	}
	const step, room = 8, 8192
	keys := make([]string, n)
	w := narrowest(g.left, g.right, step*n+room)
	for i := range keys {
		at := step * i
		if i >= before {
			at = w.count - step*(n-i)
		}
		keys[i] = g.key(w.at(at+step/2), "")
	}
	return keys
}
