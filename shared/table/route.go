package table

import (
	"slices"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/rank"
)

// watch is a live result as the table sees it: who to tell about which rows.
type watch struct {
	where []Predicate
	sink  sink
	route *route   // nil: in Table.general
	keys  []string // where it is in the route
	round uint64   // when it last was told about a row
	fresh bool     // it began with unfinished changes: see Table.fresh
	woken bool     // in Table.woken
}

// sink keeps the rows of a live result. It is called by Flush only, at most once
// for a row, then settle once.
type sink interface {
	// enter takes in a row and returns its item.
	enter(r *record) *rank.Item[entry]
	// leave drops a row, which may be gone.
	leave(r *record, it *rank.Item[entry])
	// stay takes note that a row was written and returns its item from then on.
	stay(r *record, it *rank.Item[entry]) *rank.Item[entry]
	settle()
}

// held is a live result that holds a row.
type held struct {
	watch *watch
	item  *rank.Item[entry]
}

// route leads from the values of some fields to the live results that demand
// exactly them. Results that demand values of the same fields share one.
type route struct {
	name    string
	fields  []field
	watches map[string][]*watch
}

// maxRouted bounds under how many values of one In a live result is routed.
const maxRouted = 256

// subscribe tells the watch about rows from the next Flush on.
func (t *Table) subscribe(w *watch) {
	if len(t.touched) > 0 {
		w.fresh = true
		t.fresh = append(t.fresh, w)
	}
	fields, keys := demanded(w.where)
	if len(fields) == 0 {
		t.general = append(t.general, w)
		return
	}
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].name
	}
	name := strings.Join(names, "\x00")
	i := slices.IndexFunc(t.routes, func(r *route) bool { return r.name == name })
	if i < 0 {
		i = len(t.routes)
		t.routes = append(t.routes, &route{name: name, fields: fields, watches: make(map[string][]*watch)})
	}
	w.route, w.keys = t.routes[i], keys
	for _, key := range keys {
		w.route.watches[key] = append(w.route.watches[key], w)
	}
}

// unsubscribe forgets the watch, but not that rows are held by it.
func (t *Table) unsubscribe(w *watch) {
	t.fresh = without(t.fresh, w)
	if w.route == nil {
		t.general = without(t.general, w)
		return
	}
	for _, key := range w.keys {
		if rest := without(w.route.watches[key], w); len(rest) > 0 {
			w.route.watches[key] = rest
		} else {
			delete(w.route.watches, key)
		}
	}
	if len(w.route.watches) == 0 {
		t.routes = without(t.routes, w.route)
	}
}

func without[T comparable](s []T, v T) []T {
	if i := slices.Index(s, v); i >= 0 {
		return slices.Delete(s, i, i+1)
	}
	return s
}

// demanded returns the fields that predicates demand to be equal, by name, and
// the keys that their values may have, joined: one, or as many as an In has.
func demanded(where []Predicate) (fields []field, keys []string) {
	var equal []*Predicate
	for i := range where {
		p := &where[i]
		if p.op == opEq && !slices.ContainsFunc(equal, func(o *Predicate) bool { return o.field.name == p.field.name }) {
			equal = append(equal, p)
		}
	}
	if len(equal) == 0 {
		i := slices.IndexFunc(where, func(p Predicate) bool { return p.op == opIn && len(p.keys) <= maxRouted })
		if i < 0 {
			return nil, nil
		}
		return []field{where[i].field}, where[i].keys
	}
	slices.SortFunc(equal, func(a, b *Predicate) int { return strings.Compare(a.field.name, b.field.name) })
	var key strings.Builder
	for _, p := range equal {
		fields = append(fields, p.field)
		key.WriteString(p.keys[0])
	}
	return fields, []string{key.String()}
}

// drop forgets that the watch holds the row.
func (r *record) drop(w *watch) {
	for i := range r.held {
		if r.held[i].watch == w {
			r.dropAt(i)
			return
		}
	}
}

func (r *record) dropAt(i int) {
	last := len(r.held) - 1
	r.held[i] = r.held[last]
	r.held[last] = held{}
	if r.held = r.held[:last]; last == 0 {
		r.held = nil
	}
}
