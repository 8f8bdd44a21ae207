package rank

import "iter"

// Tree is an ordered sequence of items. The zero value is not usable: see [New].
type Tree[T any] struct {
	compare func(a, b T) int
	root    *node[T]
	len     int
	weight  int
	latest  *node[T] // the leaf that was changed last; it may be empty and gone
}

// New returns an empty tree. compare is a strict total order over all that is in
// the tree at one time: it gives 0 for no two of its items.
func New[T any](compare func(a, b T) int) *Tree[T] {
	return &Tree[T]{compare: compare, root: new(node[T])}
}

// Len returns the number of items.
func (t *Tree[T]) Len() int { return t.len }

// Weight returns the weight of all items together.
func (t *Tree[T]) Weight() int { return t.weight }

// Clear removes all items. Their handles must not be used any more.
func (t *Tree[T]) Clear() { t.root, t.len, t.weight, t.latest = new(node[T]), 0, 0, nil }

// Insert puts v at its place and returns its handle. It panics if the tree has
// an item that compares equal.
func (t *Tree[T]) Insert(v T, weight int) *Item[T] {
	if weight < 0 {
		panic("rank: negative weight")
	}
	leaf, pos := t.place(v)
	if len(leaf.items) == maxEntries {
		leaf, pos = t.makeRoom(leaf, pos)
	}
	it := &Item[T]{Value: v, leaf: leaf}
	leaf.insert(pos, it, weight)
	t.latest = leaf
	if pos == 0 {
		leaf.updateFirst()
	}
	leaf.updateSums(1, weight)
	t.len++
	t.weight += weight
	return it
}

// Delete removes an item. Its handle is good for nothing more than [Item.Placed].
func (t *Tree[T]) Delete(it *Item[T]) {
	leaf, pos := it.position()
	weight := leaf.weights[pos]
	leaf.remove(pos)
	leaf.latest, t.latest = max(pos-1, 0), leaf
	it.leaf = nil
	if pos == 0 && len(leaf.items) > 0 {
		leaf.updateFirst()
	}
	leaf.updateSums(-1, -weight)
	t.len--
	t.weight -= weight
	if len(leaf.items) < minEntries && leaf.parent != nil {
		t.refill(leaf)
	}
}

// SetWeight changes the weight of an item.
func (t *Tree[T]) SetWeight(it *Item[T], weight int) {
	if weight < 0 {
		panic("rank: negative weight")
	}
	leaf, pos := it.position()
	by := weight - leaf.weights[pos]
	leaf.weights[pos], leaf.latest = weight, pos
	if t.latest != leaf {
		t.latest = leaf
	}
	t.weight += by
	for n := leaf; n.parent != nil; n = n.parent {
		n.parent.weights[n.slot] += by
	}
}

// Seek returns the first item that is not less than v, nil if there is none.
func (t *Tree[T]) Seek(v T) *Item[T] {
	return t.SeekFunc(func(item T) int { return t.compare(item, v) })
}

// SeekFunc returns the first item for which cmp is not negative, nil if there is
// none. cmp must not decrease along the sequence.
func (t *Tree[T]) SeekFunc(cmp func(T) int) *Item[T] {
	n := t.root
	for {
		// Entries below low are before the place that is sought, those from high
		// on are not.
		low, high := 0, len(n.items)
		for low < high {
			if mid := int(uint(low+high) / 2); cmp(n.items[mid].Value) < 0 {
				low = mid + 1
			} else {
				high = mid
			}
		}
		if n.children == nil {
			if low < len(n.items) {
				return n.items[low]
			}
			return n.after()
		}
		n = n.children[max(low-1, 0)]
	}
}

// place returns where v is to be inserted.
func (t *Tree[T]) place(v T) (*node[T], int) {
	if n := t.latest; n != nil && n.latest+1 < len(n.items) { // what is inserted is mostly there
		if i := n.latest; t.compare(n.items[i].Value, v) < 0 && t.compare(v, n.items[i+1].Value) < 0 {
			return n, i + 1
		}
	}
	n, end := t.root, true // end: nothing is behind n
	for n.children != nil {
		low, high := 0, len(n.items)
		if end && t.compare(n.items[high-1].Value, v) <= 0 { // what grows, grows at its end
			low = high
		}
		for low < high {
			if mid := int(uint(low+high) / 2); t.compare(n.items[mid].Value, v) <= 0 {
				low = mid + 1
			} else {
				high = mid
			}
		}
		end = end && low == len(n.items)
		n = n.children[max(low-1, 0)]
	}
	low, high := 0, len(n.items)
	if end && high > 0 && t.compare(n.items[high-1].Value, v) < 0 {
		return n, high
	}
	for low < high {
		mid := int(uint(low+high) / 2)
		switch c := t.compare(n.items[mid].Value, v); {
		case c == 0:
			panic("rank: duplicate item")
		case c < 0:
			low = mid + 1
		default:
			high = mid
		}
	}
	return n, low
}

// At returns the item that has index others before it, nil out of range.
func (t *Tree[T]) At(index int) *Item[T] {
	if index < 0 || index >= t.len {
		return nil
	}
	n := t.root
	for n.children != nil {
		i := 0
		for index >= n.counts[i] {
			index -= n.counts[i]
			i++
		}
		n = n.children[i]
	}
	return n.items[index]
}

// AtWeight returns the item that holds the unit of weight at offset and which of
// its units that is: the items before it weigh offset-within, and within is less
// than its own weight. It gives nil and 0 out of range, of which t.Weight() is
// the first.
func (t *Tree[T]) AtWeight(offset int) (it *Item[T], within int) {
	if offset < 0 || offset >= t.weight {
		return nil, 0
	}
	n := t.root
	for {
		i := 0
		for offset >= n.weights[i] {
			offset -= n.weights[i]
			i++
		}
		if n.children == nil {
			return n.items[i], offset
		}
		n = n.children[i]
	}
}

// Index returns the number of items before it.
func (t *Tree[T]) Index(it *Item[T]) int {
	n, index := it.position()
	for ; n.parent != nil; n = n.parent {
		for _, count := range n.parent.counts[:n.slot] {
			index += count
		}
	}
	return index
}

// Offset returns the weight of the items before it.
func (t *Tree[T]) Offset(it *Item[T]) int {
	n, pos := it.position()
	offset := 0
	for {
		for _, weight := range n.weights[:pos] {
			offset += weight
		}
		if n.parent == nil {
			return offset
		}
		n, pos = n.parent, n.slot
	}
}

// First returns the first item, nil if there is none.
func (t *Tree[T]) First() *Item[T] { return t.At(0) }

// Last returns the last item, nil if there is none.
func (t *Tree[T]) Last() *Item[T] {
	n := t.root
	for n.children != nil {
		n = n.children[len(n.children)-1]
	}
	if len(n.items) == 0 {
		return nil
	}
	return n.items[len(n.items)-1]
}

// All iterates over the items in order, faster than [Item.Next]. The tree must
// not be changed meanwhile.
func (t *Tree[T]) All() iter.Seq[*Item[T]] {
	return func(yield func(*Item[T]) bool) { t.root.all(yield) }
}
