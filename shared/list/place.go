package list

import (
	"github.com/rivulet-sync/rivulet/shared/orderkey"
)

// gap is between two neighbours, well-formed items or nil at an end of the list.
// The moved item, which may be nil, is disregarded: next to it, it is not there.
type gap struct {
	left, right, moved *item
	key                string // what goes there sorts behind it; not less than left's, which may be gone
	continues          bool   // what goes there continues the run of key
}

// previous returns the item before another, nil if there is none.
func (g gap) previous(it *item) *item {
	if it = it.Prev(); it != nil && it == g.moved {
		it = it.Prev()
	}
	return it
}

// next returns the well-formed item behind another, nil if there is none.
func (g gap) next(it *item) *item {
	if it = it.Next(); it != nil && it == g.moved {
		it = it.Next()
	}
	return wellFormed(it)
}

func wellFormed(it *item) *item {
	if it == nil || it.Value.order == malformed {
		return nil
	}
	return it
}

// place describes the gap at an index.
func (l *List) place(index int, moved *item) Place {
	g := l.gapAt(index, moved)
	p := Place{Index: index, LeftKey: g.key}
	if g.left != nil {
		p.Left = g.left.Value.id
	}
	if g.right != nil {
		p.Right = g.right.Value.id
		p.Inside = g.left != nil && orderkey.InRun(orderOf(g.right), orderkey.Root(g.key))
	}
	return p
}

// placeOf describes where an item is.
func (l *List) placeOf(id string) Place {
	it := wellFormed(l.items[id])
	if it == nil {
		return Place{}
	}
	return l.place(l.order.Index(it), it)
}

// putBack puts an item that was deleted where it was, under its old order key if that
// is there still: its neighbours may have got other ones.
func (l *List) putBack(s Store, p Place, id, raw string) {
	e := parse(id, raw)
	if e.order == malformed || l.fits(s, p, e.order) {
		s.Set([]string{id}, raw)
		return
	}
	l.write(s, l.find(s, p, nil), []Item{{id, e.value}}, l.tag)
}

// moveBack puts an item that was moved where it was, under its old order key if that is
// there still. What was no order key, as JSON, is put back as it was.
func (l *List) moveBack(s Store, p Place, id, order, raw string) {
	if order == malformed || l.fits(s, p, order) {
		s.Set(orderPath(id), raw)
		return
	}
	g := l.find(s, p, l.items[id])
	s.Set(orderPath(id), quote(l.makeRoom(s, g, []string{id}, l.tag)[0]))
}

// fits reports whether an order key is between the neighbours of a place, as far as they
// are there, and no item has it.
func (l *List) fits(s Store, p Place, order string) bool {
	left, right := l.anchor(s, p.Left, nil), l.anchor(s, p.Right, nil)
	readOrder(s, left)
	readOrder(s, right)
	if left != nil && orderOf(left) >= order || right != nil && orderOf(right) <= order {
		return false
	}
	it := l.order.SeekFunc(func(e entry) int { return sign(e.order >= order) })
	return it == nil || it.Value.order != order
}

// gapAt returns the gap that has index well-formed items before it, or the nearest.
func (l *List) gapAt(index int, moved *item) gap {
	g := gap{moved: moved}
	right := l.order.At(min(max(index, 0), l.valid))
	if moved != nil && right != nil && l.order.Index(moved) <= index {
		right = right.Next()
	}
	return l.before(g, wellFormed(right))
}

// before returns the gap before an item, at the end if that is nil.
func (l *List) before(g gap, right *item) gap {
	g.right = right
	if right != nil {
		g.left = g.previous(right)
	} else if g.left = l.order.At(l.valid - 1); g.left != nil && g.left == g.moved {
		g.left = g.left.Prev()
	}
	g.key = max(g.key, orderOf(g.left))
	return g
}

// find returns the gap at a place in the list as it is now. It notes neighbours
// that are not there: those that are, are read when the gap is used.
func (l *List) find(s Store, p Place, moved *item) gap {
	g := gap{moved: moved, continues: p.Continues}
	left, right := l.anchor(s, p.Left, moved), l.anchor(s, p.Right, moved)
	switch {
	case left != nil && right != nil && g.next(left) == right:
		g.left, g.right, g.key = left, right, orderOf(left)
		return g
	case left != nil:
		g.key = orderOf(left)
	case right != nil && !(p.LeftKey < orderOf(right) && p.Continues):
		g.continues = false
		return l.before(g, right)
	case p.LeftKey != "":
		g.key = p.LeftKey
	default:
		return l.gapAt(p.Index, moved)
	}
	if right != nil && (orderOf(right) < g.key || left != nil && compare(left.Value, right.Value) > 0) {
		right = nil
	}
	end := g.key // of what is not behind the gap
	if !g.continues {
		end = endOfRun(g.key, right, p.Inside)
	}
	next := l.order.SeekFunc(func(e entry) int { return sign(e.order > end) })
	if next != nil && next == moved {
		next = next.Next()
	}
	next = wellFormed(next)
	if right != nil && (next == nil || compare(right.Value, next.Value) < 0) {
		next = right
	}
	return l.before(g, next)
}

// anchor returns a well-formed item that is not moved, else nil.
func (l *List) anchor(s Store, id string, moved *item) *item {
	if id == "" {
		return nil
	}
	it := l.items[id]
	if it == nil {
		s.ReadExists([]string{id})
	}
	if it == moved {
		return nil
	}
	return wellFormed(it)
}

// endOfRun returns a bound for the keys of the run that goes on behind key: the run
// that key is of, unless the place is inside that; then the one that begins with key.
func endOfRun(key string, right *item, inside bool) string {
	root := orderkey.Root(key)
	if right != nil {
		inside = orderkey.InRun(orderOf(right), root)
	}
	if inside {
		root = key
	}
	return root + "." // behind all that begins with root-, before all else that begins with root
}

func sign(positive bool) int {
	if positive {
		return 1
	}
	return -1
}
