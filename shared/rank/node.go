package rank

import (
	"slices"

	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// Every node but the root has minEntries to maxEntries entries; a root that is a
// branch has at least two. minEntries is well below half, so that a node is not
// split and refilled to and fro.
const (
	maxEntries = 64
	minEntries = maxEntries / 4
)

// node is a leaf, whose entries are items, or a branch, whose entries are nodes.
// What is summed or searched lies together in arrays of its own.
type node[T any] struct {
	parent *node[T]
	slot   int // parent.children[slot] is this node
	latest int // of a leaf: about where it was changed last

	items    []*Item[T] // a leaf's items; for a branch the first item below each child
	weights  []int      // of the items; of all that is below each child
	counts   []int      // of a branch: the number of items below each child
	children []*node[T] // nil for a leaf
}

// insert puts an item into a leaf that has room. The ancestors are not told.
func (n *node[T]) insert(pos int, it *Item[T], weight int) {
	n.latest = pos
	n.items = sorts.Replace(n.items, pos, pos, it)
	n.weights = sorts.Replace(n.weights, pos, pos, weight)
}

func (n *node[T]) remove(pos int) {
	n.items = slices.Delete(n.items, pos, pos+1)
	n.weights = slices.Delete(n.weights, pos, pos+1)
}

// insertChild makes child an entry of a branch that has room. The ancestors are
// not told.
func (n *node[T]) insertChild(slot int, child *node[T], count, weight int) {
	n.insert(slot, child.items[0], weight)
	n.counts = sorts.Replace(n.counts, slot, slot, count)
	n.children = sorts.Replace(n.children, slot, slot, child)
	child.parent = n
	n.renumber(slot)
}

func (n *node[T]) removeChild(slot int) {
	n.remove(slot)
	n.counts = slices.Delete(n.counts, slot, slot+1)
	n.children = slices.Delete(n.children, slot, slot+1)
	n.renumber(slot)
}

// renumber tells the children from a slot on where they are.
func (n *node[T]) renumber(from int) {
	for i := from; i < len(n.children); i++ {
		n.children[i].slot = i
	}
}

// updateSums tells the ancestors that count items of that weight were added.
func (n *node[T]) updateSums(count, weight int) {
	for ; n.parent != nil; n = n.parent {
		n.parent.counts[n.slot] += count
		n.parent.weights[n.slot] += weight
	}
}

// updateFirst tells the ancestors about a new first item.
func (n *node[T]) updateFirst() {
	first := n.items[0]
	for ; n.parent != nil; n = n.parent {
		n.parent.items[n.slot] = first
		if n.slot > 0 {
			return
		}
	}
}

// after returns the first item behind all that is below n.
func (n *node[T]) after() *Item[T] {
	for ; n.parent != nil; n = n.parent {
		if n.slot+1 < len(n.parent.items) {
			return n.parent.items[n.slot+1]
		}
	}
	return nil
}

// before returns the last item before all that is below n.
func (n *node[T]) before() *Item[T] {
	for ; n.parent != nil; n = n.parent {
		if n.slot == 0 {
			continue
		}
		for n = n.parent.children[n.slot-1]; n.children != nil; {
			n = n.children[len(n.children)-1]
		}
		return n.items[len(n.items)-1]
	}
	return nil
}

func (n *node[T]) all(yield func(*Item[T]) bool) bool {
	if n.children == nil {
		for _, it := range n.items {
			if !yield(it) {
				return false
			}
		}
		return true
	}
	for _, child := range n.children {
		if !child.all(yield) {
			return false
		}
	}
	return true
}
