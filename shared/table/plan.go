package table

import (
	"iter"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/rank"
)

// plan is how a query finds its rows: by ranges of an index, or by looking at all
// rows.
type plan struct {
	t       *Table
	order   []Order
	index   *index // nil: all rows
	spans   []span
	used    []*Predicate // what the spans stand for
	filter  []Predicate  // what is left to test on each row
	count   int          // rows to look at
	ordered bool         // rows come in the query's order
	reverse bool         // when the spans are read backwards
}

// span is a range of an index: keys from low on and below high.
type span struct {
	low  string
	high string
	open bool // no high end
}

// plan chooses the way that looks at the fewest rows: what an index would cost is
// known exactly, its tree counts its entries. Ways of equal cost: the one that
// needs no sorting, then the index that was declared first.
func (q *Query) plan() *plan {
	t := q.t
	t.sync()
	best := &plan{t: t, order: q.order, filter: q.where, count: t.len}
	cost := t.len
	for _, x := range t.indexes {
		p := q.planIndex(x)
		if p == nil {
			continue
		}
		c := p.count
		if p.ordered && len(p.filter) == 0 {
			_, end := q.window(c)
			c = end
		}
		if c < cost || c == cost && p.ordered && !best.ordered {
			best, cost = p, c
		}
	}
	return best
}

// planIndex returns how an index would serve the query, nil if not at all.
func (q *Query) planIndex(x *index) *plan {
	p := &plan{t: q.t, order: q.order, index: x}
	used := make([]bool, len(q.where))
	use := func(i int) *Predicate {
		used[i] = true
		p.used = append(p.used, &q.where[i])
		return &q.where[i]
	}
	var prefix []byte
	n := 0
	for ; n < len(x.fields); n++ {
		i := q.find(opEq, x.fields[n].field.name)
		if i < 0 {
			break
		}
		prefix = appendDirected(prefix, use(i).keys[0], x.fields[n].desc)
	}
	p.ordered, p.reverse = served(q.order, x.fields[:n], x.fields[n:])
	if n == len(x.fields) {
		p.spans = []span{makeSpan(prefix, "", "", false)}
	} else {
		name, desc := x.fields[n].field.name, x.fields[n].desc
		low, high := "", ""
		for i := range q.where {
			if r := &q.where[i]; r.high != "" && r.field.name == name {
				use(i)
				if low = max(low, r.low); high == "" || r.high < high {
					high = r.high
				}
			}
		}
		if i := q.find(opIn, name); high == "" && i >= 0 {
			for _, key := range use(i).keys {
				p.spans = append(p.spans, makeSpan(appendDirected(slices.Clip(prefix), key, desc), "", "", false))
			}
			p.ordered = p.ordered && len(p.spans) == 1
		} else {
			p.spans = []span{makeSpan(prefix, low, high, desc)}
		}
	}
	if len(p.used) == 0 && !p.ordered {
		return nil
	}
	for i := range q.where {
		if !used[i] {
			p.filter = append(p.filter, q.where[i])
		}
	}
	p.t.build(x)
	for _, s := range p.spans {
		start, end := x.find(s)
		p.count += end - start
	}
	return p
}

// find returns the number of the first predicate of that kind on a field, or -1.
func (q *Query) find(op operator, name string) int {
	for i := range q.where {
		if q.where[i].op == op && q.where[i].field.name == name {
			return i
		}
	}
	return -1
}

// served reports whether an index whose first fields are fixed has its rows in an
// order, or, read backwards, in it. Fixed fields order nothing.
func served(order, fixed, rest []Order) (ordered, reverse bool) {
	n := 0
next:
	for i := range order {
		for j := range fixed {
			if order[i].field.name == fixed[j].field.name {
				continue next
			}
		}
		if n == len(rest) || order[i].field.name != rest[n].field.name {
			return false, false
		}
		backwards := order[i].desc != rest[n].desc
		if n > 0 && backwards != reverse {
			return false, false
		}
		reverse = backwards
		n++
	}
	return n == len(rest), reverse && n == len(rest)
}

func appendDirected(dst []byte, key string, desc bool) []byte {
	start := len(dst)
	dst = append(dst, key...)
	if desc {
		invert(dst[start:])
	}
	return dst
}

// makeSpan returns the range of keys that begin with prefix and go on with a
// directed element from low on and below high; with anything if high is empty.
func makeSpan(prefix []byte, low, high string, desc bool) span {
	if high == "" {
		end := after(slices.Clone(prefix))
		return span{low: string(prefix), high: string(end), open: end == nil}
	}
	prefix = slices.Clip(prefix)
	if !desc {
		return span{low: string(append(prefix, low...)), high: string(append(prefix, high...))}
	}
	// Where k begins with low it is in the range, so what begins with low inverted
	// is: the bounds are just behind what they invert to.
	start := after(appendDirected(prefix, high, true))
	end := after(appendDirected(prefix, low, true))
	return span{low: string(start), high: string(end)}
}

// find returns which of the index's entries are in a span.
func (x *index) find(s span) (start, end int) {
	start, end = x.position(s.low), x.tree.Len()
	if !s.open {
		end = max(start, x.position(s.high))
	}
	return start, end
}

// position returns how many entries have keys below key.
func (x *index) position(key string) int {
	it := seek(x.tree, key)
	if it == nil {
		return x.tree.Len()
	}
	return x.tree.Index(it)
}

// seek returns the first entry whose key is not below key.
func seek(tree *rank.Tree[entry], key string) *rank.Item[entry] {
	return tree.SeekFunc(func(e entry) int {
		if e.key < key {
			return -1
		}
		return 1
	})
}

// rows iterates over the rows that the query wants.
func (p *plan) rows() iter.Seq[*record] {
	return func(yield func(*record) bool) {
		visit := func(r *record) bool {
			p.t.work.read++
			return !matchesAll(p.filter, r.row, &p.t.key) || yield(r)
		}
		if p.index == nil {
			for _, r := range p.t.rows {
				if r.row != nil && !visit(r) {
					return
				}
			}
			return
		}
		for _, s := range p.spans {
			start, end := p.index.find(s)
			walk := forwards
			if p.reverse {
				walk = backwards
			}
			if !walk(p.index.tree, start, end, visit) {
				return
			}
		}
	}
}

func forwards(tree *rank.Tree[entry], start, end int, visit func(*record) bool) bool {
	it := tree.At(start)
	for n := end - start; n > 0; n-- {
		if !visit(it.Value.rec) {
			return false
		}
		it = it.Next()
	}
	return true
}

// backwards visits the greatest keys first, but rows of one key by ascending id.
func backwards(tree *rank.Tree[entry], start, end int, visit func(*record) bool) bool {
	for end > start {
		last := tree.At(end - 1)
		first := seek(tree, last.Value.key)
		from := max(start, tree.Index(first))
		if !forwards(tree, from, end, visit) {
			return false
		}
		end = from
	}
	return true
}
