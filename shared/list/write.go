package list

import (
	"slices"

	"github.com/rivulet-sync/rivulet/shared/orderkey"
)

func (l *List) applyInsert(s Store, e Edit) bool {
	items := make([]Item, 0, len(e.Items))
	for _, it := range e.Items {
		if l.items[it.ID] == nil && it.ID != tagMember {
			items = append(items, it)
		}
	}
	if len(items) == 0 {
		return false
	}
	l.write(s, l.find(s, e.Place, nil), items, e.Tag)
	return true
}

func (l *List) applyMove(s Store, e Edit) bool {
	id := e.Items[0].ID
	s.ReadExists([]string{id})
	it := l.items[id]
	if it == nil {
		return false
	}
	g := l.find(s, e.Place, it)
	switch {
	case it.Value.order == malformed:
		l.write(s, g, []Item{{id, it.Value.value}}, e.Tag)
	case it.Prev() == g.left && wellFormed(it.Next()) == g.right: // it is there
		readOrder(s, it)
		readOrder(s, g.left)
		readOrder(s, g.right)
	default:
		s.Set(orderPath(id), quote(l.makeRoom(s, g, []string{id}, e.Tag)[0]))
	}
	return true
}

// write puts whole items into a gap.
func (l *List) write(s Store, g gap, items []Item, tag string) {
	for i, key := range l.makeRoom(s, g, idsOf(items), tag) {
		s.Set([]string{items[i].ID}, format(key, items[i].Value))
	}
}

// makeRoom returns order keys in a gap for items, notes what they depend on, and
// rebalances if it has to. The gap must not be used any more.
func (l *List) makeRoom(s Store, g gap, ids []string, tag string) []string {
	readOrder(s, g.left)
	readOrder(s, g.right)
	keys := l.unspent(g.key, orderOf(g.right), g.continues, ids, tag)
	if keys == nil {
		g.continues = g.continues && g.left != nil && orderOf(g.left) == g.key
		w := roomFor(g, len(ids), tag)
		w.rewrite(s)
		keys = newKeys(w.left, w.right, g.continues, len(ids), tag)
	}
	return keys
}

// maxSpent bounds the order keys that are remembered, and spentTries how many of them
// are passed by.
const (
	maxSpent   = 1024
	spentTries = 16
)

// spend notes that an item does not have its order key any more.
func (l *List) spend(e entry) {
	if len(l.spent) == maxSpent {
		clear(l.spent)
	}
	if l.spent == nil {
		l.spent = make(map[string]string)
	}
	l.spent[e.order] = e.id
}

// unspent is newKeys of such that no other item has had.
func (l *List) unspent(left, right string, continues bool, ids []string, tag string) (keys []string) {
	for range spentTries {
		keys = newKeys(left, right, continues, len(ids), tag)
		i := slices.IndexFunc(keys, func(key string) bool {
			id, spent := l.spent[key]
			return spent && !slices.Contains(ids, id)
		})
		if i < 0 {
			return keys
		}
		left = keys[i]
	}
	return keys
}

// newKeys returns n order keys between two, empty at an end of the list, or nil if
// there is no room for keys of at most orderkey.MaxLen bytes.
func newKeys(left, right string, continues bool, n int, tag string) []string {
	if right != "" && left >= right {
		return nil // equal keys come from outside only
	}
	keys := make([]string, n)
	for i := range keys {
		var key string
		var err error
		if continues || i > 0 {
			key, err = orderkey.Continue(left, right)
		} else {
			key, err = orderkey.Between(left, right, tag)
		}
		if err != nil {
			panic("list: " + err.Error()) // items' keys and tags are well-formed
		}
		if len(key) > orderkey.MaxLen {
			return nil
		}
		keys[i], left = key, key
	}
	return keys
}

func readOrder(s Store, it *item) {
	if it != nil {
		s.ReadValue(orderPath(it.Value.id))
	}
}

func orderOf(it *item) string {
	if it == nil {
		return ""
	}
	return it.Value.order
}

// quote returns an order key as JSON: none of its bytes is escaped.
func quote(key string) string { return `"` + key + `"` }
