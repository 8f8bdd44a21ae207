package table

import (
	"iter"
	"math"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/rank"
)

// View is the live result of a query: rows in order, moved by [Table.Flush] and by
// nothing else. Which rows it has, and where, is as of the last Flush; a [Row] is
// always as it is now. Close it when it is no longer needed.
type View struct {
	t     *Table
	watch watch
	order []Order
	// start and end are the query's window in all rows that it wants.
	start, end int
	// tree holds all rows that the query wants. Those in the window weigh 1, so an
	// item's offset is its index in the view: also in the middle of a batch.
	tree *rank.Tree[entry]

	shifts  []shift             // rows of the view whose place changed
	entered []*rank.Item[entry] // rows that may come into the window
	changed []*rank.Item[entry] // rows of the view that kept their place
	events  []Event
	told    listeners[[]Event]
	closed  bool
}

// Live starts a live result. Within a transaction that is not finished it begins
// with what the transaction wrote; the next Flush may then tell of changes of these
// rows that the view has already.
func (q *Query) Live() (*View, error) {
	if q.err != nil {
		return nil, q.err
	}
	v := &View{t: q.t, order: slices.Clone(q.order), start: q.offset, end: math.MaxInt, tree: rank.New(compareEntries)}
	if q.limit < math.MaxInt-q.offset && q.limit != unlimited {
		v.end = q.offset + q.limit
	}
	v.watch = watch{where: slices.Clone(q.where), sink: v}
	q.t.subscribe(&v.watch)
	for i, e := range q.plan().sorted() {
		weight := 0
		if v.start <= i && i < v.end {
			weight = 1
			v.t.shown(e.rec)
		}
		e.rec.held = append(e.rec.held, held{&v.watch, v.tree.Insert(e, weight)})
	}
	return v, nil
}

// Len returns the number of rows in the view.
func (v *View) Len() int { return v.tree.Weight() }

// Total returns the number of rows that the query would have without offset and
// limit.
func (v *View) Total() int { return v.tree.Len() }

// At returns the row at an index, 0 <= i < Len.
func (v *View) At(i int) Record {
	it, _ := v.tree.AtWeight(i)
	if it == nil {
		panic("table: index out of range")
	}
	return Record{it.Value.rec.id, it.Value.rec.row}
}

// All iterates over the rows in order. There must be no Flush meanwhile.
func (v *View) All() iter.Seq2[string, Row] {
	return func(yield func(string, Row) bool) {
		it, _ := v.tree.AtWeight(0)
		for n := v.Len(); n > 0; n-- {
			if r := it.Value.rec; !yield(r.id, r.row) {
				return
			}
			it = it.Next()
		}
	}
}

// IDs returns the ids of the rows in order.
func (v *View) IDs() []string {
	ids := make([]string, 0, v.Len())
	for id := range v.All() {
		ids = append(ids, id)
	}
	return ids
}

// OnChange has fn called with the steps of each batch that changes the view, when
// the view has taken them. The slice may be kept but not changed. stop ends it.
func (v *View) OnChange(fn func([]Event)) (stop func()) {
	v.notify() // what is due is for those who knew the result before it
	return v.told.add(fn)
}

// Close ends the view: it is empty, and nobody is told of anything any more. It
// costs what the view holds.
func (v *View) Close() {
	if v.closed {
		return
	}
	v.closed = true
	v.t.unsubscribe(&v.watch)
	for it := range v.tree.All() {
		it.Value.rec.drop(&v.watch)
	}
	v.tree.Clear()
	v.events, v.told = nil, listeners[[]Event]{}
}

func (v *View) windowed() bool { return v.start > 0 || v.end < math.MaxInt }

func (v *View) key(r *record) []byte {
	v.t.key = appendOrders(v.t.key[:0], v.order, r.row)
	return v.t.key
}

func (v *View) enter(r *record) *rank.Item[entry] {
	if !v.windowed() {
		it := insert(v.tree, string(v.key(r)), r, 1)
		v.added(it)
		return it
	}
	it := insert(v.tree, string(v.key(r)), r, 0)
	v.entered = append(v.entered, it)
	return it
}

func (v *View) leave(_ *record, it *rank.Item[entry]) {
	if it.Weight() > 0 {
		v.emit(Event{Kind: Remove, From: v.tree.Offset(it)}, it)
	}
	v.tree.Delete(it)
}

func (v *View) stay(r *record, it *rank.Item[entry]) *rank.Item[entry] {
	key := it.Value.key
	if now := v.key(r); key != string(now) {
		key = string(now)
	}
	if key == it.Value.key || stays(it, key) {
		it.Value.key = key
		if it.Weight() > 0 {
			v.changed = append(v.changed, it)
		}
		return it
	}
	if it.Weight() == 0 {
		v.tree.Delete(it)
		return v.enter(r)
	}
	s := shift{old: it, next: insert(v.tree, key, r, 0)}
	if v.windowed() {
		v.shifts = append(v.shifts, s)
	} else {
		v.shift(s)
	}
	return s.next
}

// show takes an item into the view.
func (v *View) show(it *rank.Item[entry]) {
	v.tree.SetWeight(it, 1)
	v.added(it)
}

func (v *View) added(it *rank.Item[entry]) {
	v.t.shown(it.Value.rec)
	v.emit(Event{Kind: Add, To: v.tree.Offset(it)}, it)
}

// hide takes an item off the view, but not out of the tree.
func (v *View) hide(it *rank.Item[entry]) {
	v.emit(Event{Kind: Remove, From: v.tree.Offset(it)}, it)
	v.tree.SetWeight(it, 0)
}

// shift moves a row within the view.
func (v *View) shift(s shift) {
	from := v.tree.Offset(s.old)
	v.tree.Delete(s.old)
	v.tree.SetWeight(s.next, 1)
	e := Event{Kind: Move, From: from, To: v.tree.Offset(s.next)}
	if e.From == e.To {
		e.Kind, e.From = Change, 0
	}
	v.emit(e, s.next)
}

func (v *View) emit(e Event, it *rank.Item[entry]) {
	if len(v.told.list) == 0 {
		return
	}
	r := it.Value.rec
	if e.ID = r.id; e.Kind != Remove {
		e.Row = r.row
	}
	if len(v.events) == 0 {
		v.t.queue(v)
	}
	v.events = append(v.events, e)
}

func (v *View) notify() {
	if events := v.events; len(events) > 0 {
		v.events = nil
		v.told.call(events)
	}
}
