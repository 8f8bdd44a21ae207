package rank

import (
	"slices"

	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// makeRoom splits a full leaf before an insertion at pos and returns where that
// is now.
func (t *Tree[T]) makeRoom(leaf *node[T], pos int) (*node[T], int) {
	at := cut(pos)
	right := t.split(leaf, at)
	if pos > at || pos == maxEntries {
		return right, pos - at
	}
	return leaf, pos
}

// cut says where to split a full node that is to grow at pos. Where it grows at
// an end, it is likely to do so again: that end is given the room.
func cut(pos int) int {
	switch pos {
	case 0:
		return minEntries
	case maxEntries:
		return maxEntries - minEntries
	}
	return maxEntries / 2
}

// split moves the entries of a full node from at on to a new node on its right,
// which it returns.
func (t *Tree[T]) split(n *node[T], at int) *node[T] {
	if n.parent == nil {
		t.root = newNode[T](true)
		t.root.insertChild(0, n, t.len, t.weight)
	} else if len(n.parent.items) == maxEntries {
		t.split(n.parent, cut(n.slot+1)) // may give n another parent
	}
	right := newNode[T](n.children != nil)
	count, weight := n.give(right, 0, at, len(n.items))
	p := n.parent
	p.counts[n.slot] -= count
	p.weights[n.slot] -= weight
	p.insertChild(n.slot+1, right, count, weight)
	return right
}

func newNode[T any](branch bool) *node[T] {
	n := &node[T]{
		items:   make([]*Item[T], 0, maxEntries),
		weights: make([]int, 0, maxEntries),
	}
	if branch {
		n.counts = make([]int, 0, maxEntries)
		n.children = make([]*node[T], 0, maxEntries)
	}
	return n
}

// refill gives a node that has become too small the entries of a sibling, or
// shares them with it.
func (t *Tree[T]) refill(n *node[T]) {
	p := n.parent
	slot := max(n.slot-1, 0)
	left, right := p.children[slot], p.children[slot+1]
	total := len(left.items) + len(right.items)
	var count, weight int // that went from right to left
	switch half := total / 2; {
	case total <= maxEntries:
		count, weight = right.give(left, len(left.items), 0, len(right.items))
	case len(left.items) < half:
		count, weight = right.give(left, len(left.items), 0, half-len(left.items))
	default:
		count, weight = left.give(right, 0, half, len(left.items))
		count, weight = -count, -weight
	}
	p.counts[slot] += count
	p.weights[slot] += weight
	if len(right.items) > 0 {
		p.counts[slot+1] -= count
		p.weights[slot+1] -= weight
		p.items[slot+1] = right.items[0]
		return
	}
	p.removeChild(slot + 1)
	switch {
	case p.parent != nil && len(p.items) < minEntries:
		t.refill(p)
	case p.parent == nil && len(p.items) == 1:
		t.root, left.parent, left.slot = left, nil, 0
	}
}

// give moves the entries from..to to another node of the same level, where they
// begin at pos, and returns how many items they are and what these weigh. The
// ancestors are not told.
func (n *node[T]) give(other *node[T], pos, from, to int) (count, weight int) {
	for _, w := range n.weights[from:to] {
		weight += w
	}
	if n.children == nil {
		count = to - from
		for _, it := range n.items[from:to] {
			it.leaf = other
		}
	} else {
		for i, child := range n.children[from:to] {
			count += n.counts[from+i]
			child.parent = other
		}
		other.counts = sorts.Replace(other.counts, pos, pos, n.counts[from:to]...)
		other.children = sorts.Replace(other.children, pos, pos, n.children[from:to]...)
		n.counts = slices.Delete(n.counts, from, to)
		n.children = slices.Delete(n.children, from, to)
	}
	other.items = sorts.Replace(other.items, pos, pos, n.items[from:to]...)
	other.weights = sorts.Replace(other.weights, pos, pos, n.weights[from:to]...)
	n.items = slices.Delete(n.items, from, to)
	n.weights = slices.Delete(n.weights, from, to)
	n.renumber(from)
	other.renumber(pos)
	return count, weight
}
