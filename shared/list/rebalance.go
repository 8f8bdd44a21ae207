package list

import (
	"slices"

	"github.com/rivulet-sync/rivulet/shared/orderkey"
)

// The size of the smallest window, in items, and how long its new keys may be at
// most, in bytes. Twice the size has to do better by a byte: what is dearer to
// rewrite has to be rewritten less often.
const (
	windowSize = 8
	windowKey  = 14
)

// window is a neighbourhood of a gap whose items get new order keys.
type window struct {
	before, after []*item // on both sides of the gap, the nearest first
	start, end    *item   // next to the window; nil at an end of the list
	keys          []string
	left, right   string // the keys on both sides of the gap, from now on
}

// roomFor returns the smallest neighbourhood of a gap where new keys become short
// and leave room for n keys in the gap.
func roomFor(g gap, n int, tag string) window {
	w := window{start: g.left, end: g.right}
	for size, limit := windowSize, windowKey; ; size, limit = 2*size, limit-1 {
		for len(w.before)+len(w.after) < size && (w.start != nil || w.end != nil) {
			if w.end == nil || w.start != nil && len(w.before) <= len(w.after) {
				w.before = append(w.before, w.start)
				w.start = g.previous(w.start)
			} else {
				w.after = append(w.after, w.end)
				w.end = g.next(w.end)
			}
		}
		whole := w.start == nil && w.end == nil
		if w.spread() && (whole || w.longest() <= limit) && newKeys(w.left, w.right, g.continues, n, tag) != nil {
			return w
		}
		if whole {
			panic("list: no room for order keys") // 63 to the power of 8 items
		}
	}
}

// spread finds the new keys and reports whether there are any: what is around the
// window may have equal keys. Most of the room goes to the gap: where somebody has
// inserted so much, he is likely to go on.
func (w *window) spread() bool {
	before, after := len(w.before), len(w.after)
	keys, err := orderkey.SpreadApart(orderOf(w.start), orderOf(w.end), before, after)
	if err != nil {
		return false
	}
	w.keys, w.left, w.right = keys, orderOf(w.start), orderOf(w.end)
	if before > 0 {
		w.left = w.keys[before-1]
	}
	if after > 0 {
		w.right = w.keys[before]
	}
	return true
}

func (w *window) longest() int {
	longest := 0
	for _, key := range w.keys {
		longest = max(longest, len(key))
	}
	return longest
}

// rewrite gives the items their new keys.
func (w *window) rewrite(s Store) {
	s.ReadMembers(nil)
	readOrder(s, w.start)
	readOrder(s, w.end)
	slices.Reverse(w.before)
	for i, it := range append(w.before, w.after...) {
		readOrder(s, it)
		if it.Value.order != w.keys[i] {
			s.Set(orderPath(it.Value.id), quote(w.keys[i]))
		}
	}
}
