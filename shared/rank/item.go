package rank

// Item is the handle of one item in a [Tree].
type Item[T any] struct {
	// Value may be changed in ways that leave its place in the order the same.
	Value T

	leaf *node[T] // nil when it is in no tree
}

// Placed reports whether it has not been deleted.
func (it *Item[T]) Placed() bool { return it.leaf != nil }

// Next returns the item after it, nil at the end.
func (it *Item[T]) Next() *Item[T] {
	leaf, pos := it.position()
	if pos++; pos < len(leaf.items) {
		return leaf.items[pos]
	}
	return leaf.after()
}

// Prev returns the item before it, nil at the beginning.
func (it *Item[T]) Prev() *Item[T] {
	leaf, pos := it.position()
	if pos > 0 {
		return leaf.items[pos-1]
	}
	return leaf.before()
}

// Weight returns the weight of the item.
func (it *Item[T]) Weight() int {
	leaf, pos := it.position()
	return leaf.weights[pos]
}

// position returns where the item is. What is asked for is mostly where its leaf was
// changed last.
func (it *Item[T]) position() (*node[T], int) {
	leaf := it.leaf
	if leaf != nil && leaf.latest < len(leaf.items) && leaf.items[leaf.latest] == it {
		return leaf, leaf.latest
	}
	return leaf, it.search()
}

// search looks through the leaf: keeping each item's position up to date would cost a
// write to every item behind an insertion.
func (it *Item[T]) search() int {
	if it.leaf != nil {
		items := it.leaf.items
		low := min(it.leaf.latest, len(items)) - 1
		for high := low + 1; low >= 0 || high < len(items); low, high = low-1, high+1 {
			if low >= 0 && items[low] == it {
				return low
			}
			if high < len(items) && items[high] == it {
				return high
			}
		}
	}
	panic("rank: item is not in the tree")
}
