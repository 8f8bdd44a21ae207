package table

import (
	"math"
	"slices"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/rank"
)

// Grouping describes the groups of a query's rows: one for each value that a
// field has. Offset, limit and order of the query are not looked at; groups are
// ordered by value. Like a [Query] it is never changed.
type Grouping struct {
	q  *Query
	by field
	of *field // the field whose numbers are summed up
}

// GroupBy groups the rows by a field.
func (q *Query) GroupBy(name string) *Grouping {
	next := *q
	by, err := parseField(name)
	if err != nil {
		next.fail(err)
	}
	return &Grouping{q: &next, by: by}
}

// Of also sums up the numbers that a field has in each group.
func (g *Grouping) Of(name string) *Grouping {
	next := *g.q
	of, err := parseField(name)
	if err != nil {
		next.fail(err)
	}
	return &Grouping{q: &next, by: g.by, of: &of}
}

// Group is the rows with one value.
type Group struct {
	// Key is the value as JSON text, the same for all texts of equal value: null
	// also for missing fields, {} for arrays and objects.
	Key string
	// Count is the number of rows, at least 1.
	Count int
	// Numbers is how many of them have a number in the field of [Grouping.Of].
	// Other rows are left out of what follows.
	Numbers int
	// Sum is the exact sum of the float64s nearest to the numbers, rounded once.
	Sum float64
	// Min and Max are the exact extremes as JSON text, empty without numbers.
	Min, Max string
}

func (g Group) equal(o Group) bool {
	sums := math.Float64bits(g.Sum) == math.Float64bits(o.Sum)
	g.Sum, o.Sum = 0, 0
	return sums && g == o
}

// GroupEvent is one step from an old list of groups to a new one. Index is where
// the group is added, removed or changed when the step is taken; groups do not
// move. Group is the group after the step; before it for Remove.
type GroupEvent struct {
	Kind  Kind
	Index int
	Group Group
}

// Groups is a live list of groups, moved by [Table.Flush] and by nothing else.
type Groups struct {
	t     *Table
	watch watch
	by    field
	of    *field

	groups  map[string]*group
	list    *rank.Tree[*group] // as told
	numbers *rank.Tree[entry]  // with of: rows by group and value
	touched []*group
	events  []GroupEvent
	told    listeners[[]GroupEvent]
	closed  bool
}

type group struct {
	key     string
	now     Group // but for Min and Max, as the rows are
	sum     *sum
	item    *rank.Item[*group] // nil while not in the list
	told    Group
	touched bool
}

// All returns the groups as they are now, unfinished transactions included.
func (g *Grouping) All() ([]Group, error) {
	v, err := g.start()
	if err != nil {
		return nil, err
	}
	for r := range g.q.plan().rows() {
		v.enter(r)
	}
	v.settle()
	return v.All(), nil
}

// Live starts a live list.
func (g *Grouping) Live() (*Groups, error) {
	v, err := g.start()
	if err != nil {
		return nil, err
	}
	v.t.subscribe(&v.watch)
	for r := range g.q.plan().rows() {
		r.held = append(r.held, held{&v.watch, v.enter(r)})
	}
	v.settle()
	return v, nil
}

func (g *Grouping) start() (*Groups, error) {
	if g.q.err != nil {
		return nil, g.q.err
	}
	v := &Groups{t: g.q.t, by: g.by, of: g.of, groups: make(map[string]*group)}
	v.watch = watch{where: slices.Clone(g.q.where), sink: v}
	v.list = rank.New(func(a, b *group) int { return strings.Compare(a.key, b.key) })
	if v.of != nil {
		v.numbers = rank.New(compareEntries)
	}
	return v, nil
}

// Len returns the number of groups.
func (v *Groups) Len() int { return v.list.Len() }

// At returns the group at an index, 0 <= i < Len.
func (v *Groups) At(i int) Group { return v.list.At(i).Value.told }

// All returns the groups in order.
func (v *Groups) All() []Group {
	all := make([]Group, 0, v.Len())
	for it := range v.list.All() {
		all = append(all, it.Value.told)
	}
	return all
}

// OnChange has fn called with the steps of each batch that changes the list. The
// slice may be kept but not changed. stop ends it.
func (v *Groups) OnChange(fn func([]GroupEvent)) (stop func()) {
	v.notify()
	return v.told.add(fn)
}

// Close ends it: the list is empty, and nobody is told of anything any more. It
// costs what the table holds.
func (v *Groups) Close() {
	if v.closed {
		return
	}
	v.closed = true
	v.t.unsubscribe(&v.watch)
	for _, r := range v.t.rows {
		r.drop(&v.watch)
	}
	v.groups, v.events, v.told = nil, nil, listeners[[]GroupEvent]{}
	v.list.Clear()
	if v.of != nil {
		v.numbers.Clear()
	}
}

// key is the key of the row's group, followed by that of its number, if any is
// wanted.
func (v *Groups) key(r *record) (key []byte, group int) {
	key = v.by.appendOf(v.t.key[:0], r.row)
	group = len(key)
	if v.of != nil {
		key = v.of.appendOf(key, r.row)
	}
	v.t.key = key
	return key, group
}

func (v *Groups) enter(r *record) *rank.Item[entry] {
	key, n := v.key(r)
	g := v.groups[string(key[:n])]
	if g == nil {
		g = &group{key: string(key[:n])}
		g.now.Key = literalOf(g.key)
		if v.of != nil {
			g.sum = new(sum)
		}
		v.groups[g.key] = g
	}
	v.touch(g)
	g.now.Count++
	if v.of == nil {
		return &rank.Item[entry]{Value: entry{g.key, r}} // in no tree: it only says which group
	}
	it := insert(v.numbers, string(key), r, 1)
	g.count(it.Value.key, 1)
	return it
}

func (v *Groups) leave(_ *record, it *rank.Item[entry]) {
	key := it.Value.key
	g := v.groups[key[:keyLen(key)]]
	v.touch(g)
	g.now.Count--
	if v.of != nil {
		g.count(key, -1)
		v.numbers.Delete(it)
	}
}

func (v *Groups) stay(r *record, it *rank.Item[entry]) *rank.Item[entry] {
	if key, _ := v.key(r); it.Value.key == string(key) {
		return it
	}
	v.leave(r, it)
	return v.enter(r)
}

// count adds the number of a row to its group, or takes it away.
func (g *group) count(key string, times int) {
	value := key[len(g.key):]
	if tagNegative <= value[0] && value[0] <= tagPositive {
		g.now.Numbers += times
		g.sum.add(literalOf(value), times)
	}
}

func (v *Groups) touch(g *group) {
	if !g.touched {
		g.touched = true
		v.touched = append(v.touched, g)
	}
}

func (v *Groups) settle() {
	for _, g := range v.touched {
		g.touched = false
		switch {
		case g.now.Count == 0:
			if g.item != nil {
				v.emit(GroupEvent{Remove, v.list.Index(g.item), g.told})
				v.list.Delete(g.item)
			}
			delete(v.groups, g.key)
		case g.item == nil:
			g.told = v.current(g)
			g.item = v.list.Insert(g, 1)
			v.emit(GroupEvent{Add, v.list.Index(g.item), g.told})
		default:
			if now := v.current(g); !now.equal(g.told) {
				g.told = now
				v.emit(GroupEvent{Change, v.list.Index(g.item), now})
			}
		}
	}
	v.touched = emptied(v.touched)
}

// current returns the group as its rows are.
func (v *Groups) current(g *group) Group {
	now := g.now
	if now.Numbers > 0 {
		now.Sum = g.sum.value()
		least := seek(v.numbers, g.key+string([]byte{tagNegative}))
		now.Min = literalOf(least.Value.key[len(g.key):])
		most := v.numbers.At(v.numbers.Index(least) + now.Numbers - 1)
		now.Max = literalOf(most.Value.key[len(g.key):])
	}
	return now
}

func (v *Groups) emit(e GroupEvent) {
	if len(v.told.list) == 0 {
		return
	}
	if len(v.events) == 0 {
		v.t.queue(v)
	}
	v.events = append(v.events, e)
}

func (v *Groups) notify() {
	if events := v.events; len(events) > 0 {
		v.events = nil
		v.told.call(events)
	}
}
