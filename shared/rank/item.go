package rank

// Item is the handle of one item in a [Tree].
type Item[T any] struct {
	// Value may be changed in ways that leave its place in the order the same.
	Value T

	leaf *node[T] // nil when it is in no tree
}

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

// position looks through one leaf: keeping each item's position up to date would
// cost a write to every item behind an insertion.
func (it *Item[T]) position() (*node[T], int) {
	if it.leaf != nil {
		for i, other := range it.leaf.items {
			if other == it {
				return it.leaf, i
			}
		}
	}
	panic("rank: item is not in the tree")
}
