package rank

import "fmt"

// Check returns what is wrong with the shape of the tree.
func (t *Tree[T]) Check() error {
	if t.root.parent != nil {
		return fmt.Errorf("the root has a parent")
	}
	if t.root.children != nil && len(t.root.children) < 2 {
		return fmt.Errorf("a root with %d children", len(t.root.children))
	}
	depth := -1
	count, weight, err := t.root.check(0, &depth)
	if err == nil && (count != t.len || weight != t.weight) {
		return fmt.Errorf("%d items that weigh %d, not %d and %d", count, weight, t.len, t.weight)
	}
	return err
}

func (n *node[T]) check(level int, depth *int) (count, weight int, err error) {
	size := len(n.items)
	if size > maxEntries || n.parent != nil && size < minEntries {
		return 0, 0, fmt.Errorf("a node of %d entries", size)
	}
	if len(n.weights) != size {
		return 0, 0, fmt.Errorf("%d weights of %d entries", len(n.weights), size)
	}
	for _, w := range n.weights {
		weight += w
	}
	for _, it := range n.items[size:cap(n.items)] {
		if it != nil {
			return 0, 0, fmt.Errorf("an item is held behind the end")
		}
	}
	if n.children == nil {
		if *depth >= 0 && *depth != level {
			return 0, 0, fmt.Errorf("leaves at levels %d and %d", *depth, level)
		}
		*depth = level
		for _, it := range n.items {
			if it.leaf != n {
				return 0, 0, fmt.Errorf("an item with another leaf")
			}
		}
		return size, weight, nil
	}
	if len(n.counts) != size || len(n.children) != size {
		return 0, 0, fmt.Errorf("%d counts and %d children of %d entries", len(n.counts), len(n.children), size)
	}
	for _, child := range n.children[size:cap(n.children)] {
		if child != nil {
			return 0, 0, fmt.Errorf("a node is held behind the end")
		}
	}
	for i, child := range n.children {
		if child.parent != n || child.slot != i {
			return 0, 0, fmt.Errorf("child %d believes to be elsewhere", i)
		}
		c, w, err := child.check(level+1, depth)
		if err != nil {
			return 0, 0, err
		}
		if c != n.counts[i] || w != n.weights[i] {
			return 0, 0, fmt.Errorf("child %d has %d items that weigh %d, not %d and %d", i, c, w, n.counts[i], n.weights[i])
		}
		if child.items[0] != n.items[i] {
			return 0, 0, fmt.Errorf("child %d begins with another item", i)
		}
		count += c
	}
	return count, weight, nil
}
