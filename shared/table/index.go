package table

import (
	"slices"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/rank"
)

// index orders all rows by the keys of some fields. It is built when a query
// first could use it, and kept from then on.
type index struct {
	number int
	name   string
	fields []Order
	tree   *rank.Tree[entry] // nil until built
}

func newIndex(number int, fields []Order) (*index, error) {
	if len(fields) == 0 || len(fields) > MaxIndexFields {
		return nil, &Error{Fault: FaultIndex, Reason: "an index has too few or too many fields"}
	}
	if err := checkOrders(fields); err != nil {
		return nil, err
	}
	return &index{number: number, name: orderText(fields), fields: slices.Clone(fields)}, nil
}

func orderText(orders []Order) string {
	names := make([]string, len(orders))
	for i := range orders {
		names[i] = orders[i].String()
	}
	return strings.Join(names, ", ")
}

// sync brings the indexes that are built up to date.
func (t *Table) sync() {
	if len(t.stale) == 0 {
		return
	}
	for _, x := range t.indexes {
		if x.tree != nil {
			t.update(x, t.stale)
		}
	}
	for _, r := range t.stale {
		r.stale = false
	}
	t.stale = emptied(t.stale)
}

// build makes an index of all rows. Those that are stale come in as they are now;
// sync will find nothing to do for them.
func (t *Table) build(x *index) {
	if x.tree != nil {
		return
	}
	x.tree = rank.New(compareEntries)
	entries := make([]entry, 0, len(t.rows))
	for _, r := range t.rows {
		if r.row != nil {
			t.key = appendOrders(t.key[:0], x.fields, r.row)
			entries = append(entries, entry{string(t.key), r})
		}
	}
	slices.SortFunc(entries, compareEntries)
	for i, e := range entries {
		if i > 0 && entries[i-1].key == e.key {
			e.key = entries[i-1].key
			entries[i].key = e.key
		}
		e.rec.setItem(x.number, x.tree.Insert(e, 1))
	}
}

func (t *Table) update(x *index, records []*record) {
	for _, r := range records {
		it := r.item(x.number)
		if r.row == nil {
			if it != nil {
				x.tree.Delete(it)
				r.setItem(x.number, nil)
			}
			continue
		}
		t.key = appendOrders(t.key[:0], x.fields, r.row)
		switch {
		case it == nil:
			r.setItem(x.number, insert(x.tree, string(t.key), r, 1))
		case it.Value.key != string(t.key):
			r.setItem(x.number, move(x.tree, it, string(t.key), 1))
		}
	}
}

func (r *record) item(number int) *rank.Item[entry] {
	if number < len(r.items) {
		return r.items[number]
	}
	return nil
}

func (r *record) setItem(number int, it *rank.Item[entry]) {
	if number >= len(r.items) {
		r.items = append(slices.Clip(r.items), make([]*rank.Item[entry], number+1-len(r.items))...)
	}
	r.items[number] = it
}

// insert puts a row into an order. Equal keys side by side share their bytes.
func insert(tree *rank.Tree[entry], key string, r *record, weight int) *rank.Item[entry] {
	it := tree.Insert(entry{key, r}, weight)
	if other := it.Prev(); other != nil && other.Value.key == key {
		it.Value.key = other.Value.key
	} else if other := it.Next(); other != nil && other.Value.key == key {
		it.Value.key = other.Value.key
	}
	return it
}

// move gives a row another key in an order, and returns its item from then on:
// the same one if the row keeps its place.
func move(tree *rank.Tree[entry], it *rank.Item[entry], key string, weight int) *rank.Item[entry] {
	if stays(it, key) {
		it.Value.key = key
		return it
	}
	tree.Delete(it)
	return insert(tree, key, it.Value.rec, weight)
}

// stays reports whether a row would keep its place with another key. Only the
// neighbour on the side that it goes to can be in the way.
func stays(it *rank.Item[entry], key string) bool {
	e := entry{key, it.Value.rec}
	if key < it.Value.key {
		p := it.Prev()
		return p == nil || compareEntries(p.Value, e) < 0
	}
	n := it.Next()
	return n == nil || compareEntries(e, n.Value) < 0
}

// emptied returns the slice without elements, for use again unless it was large.
func emptied[T any](s []T) []T {
	if cap(s) > 1024 {
		return nil
	}
	clear(s)
	return s[:0]
}
