package table

import "slices"

// Query describes rows of a table: where, in which order, which part of them. It
// is never changed; every method returns another one. A mistake is kept and
// returned when the query is run.
type Query struct {
	t      *Table
	where  []Predicate // all of them, none an opAnd
	order  []Order
	offset int
	limit  int // unlimited: no limit
	err    error
}

const unlimited = -1

// Record is a row in a result. Row is the row as it is now, which is nil when it
// was deleted since.
type Record struct {
	ID  string
	Row Row
}

// Where returns the query for the rows that all the predicates want.
func (t *Table) Where(predicates ...Predicate) *Query {
	return (&Query{t: t, limit: unlimited}).Where(predicates...)
}

// OrderBy returns the query for all rows in an order.
func (t *Table) OrderBy(orders ...Order) *Query { return t.Where().OrderBy(orders...) }

// GroupBy groups all rows by a field.
func (t *Table) GroupBy(name string) *Grouping { return t.Where().GroupBy(name) }

// Where wants the predicates too.
func (q *Query) Where(predicates ...Predicate) *Query {
	next := *q
	next.where = slices.Clip(q.where)
	for i := range predicates {
		next.add(&predicates[i])
	}
	return &next
}

func (q *Query) add(p *Predicate) {
	if err := p.check(); err != nil {
		q.fail(err)
		return
	}
	if p.op != opAnd {
		q.where = append(q.where, *p)
		return
	}
	for i := range p.parts {
		q.add(&p.parts[i])
	}
}

// OrderBy adds to the order: by these fields where what was said before leaves
// rows equal. In the end rows are ordered by id.
func (q *Query) OrderBy(orders ...Order) *Query {
	next := *q
	next.order = append(slices.Clip(q.order), orders...)
	if err := checkOrders(next.order); err != nil {
		next.fail(err)
	}
	return &next
}

// Offset leaves out the first n rows.
func (q *Query) Offset(n int) *Query {
	next := *q
	next.offset = n
	if n < 0 {
		next.fail(&Error{Fault: FaultWindow, Reason: "negative offset"})
	}
	return &next
}

// Limit wants at most n rows.
func (q *Query) Limit(n int) *Query {
	next := *q
	next.limit = n
	if n < 0 {
		next.fail(&Error{Fault: FaultWindow, Reason: "negative limit"})
	}
	return &next
}

func (q *Query) fail(err error) {
	if q.err == nil {
		q.err = err
	}
}

// Err returns the first mistake, an [*Error], or nil.
func (q *Query) Err() error { return q.err }

// window returns which of n rows the query wants: from start up to end.
func (q *Query) window(n int) (start, end int) {
	start, end = min(q.offset, n), n
	if q.limit != unlimited {
		end = min(n, start+min(q.limit, n))
	}
	return start, end
}

// All returns the rows as they are now, unfinished transactions included.
func (q *Query) All() ([]Record, error) {
	if q.err != nil {
		return nil, q.err
	}
	start, end := q.window(q.t.len)
	if start == end {
		return nil, nil
	}
	p := q.plan()
	var records []Record
	if p.ordered {
		for r := range p.rows() {
			if start--; start >= 0 {
				continue
			}
			records = append(records, Record{r.id, r.row})
			if q.limit != unlimited && len(records) == q.limit {
				break
			}
		}
		return records, nil
	}
	entries := p.sorted()
	start, end = q.window(len(entries))
	for _, e := range entries[start:end] {
		records = append(records, Record{e.rec.id, e.rec.row})
	}
	return records, nil
}

// IDs returns the ids of [Query.All].
func (q *Query) IDs() ([]string, error) {
	records, err := q.All()
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	return ids, err
}

// Count returns how many rows the predicates want now, whatever offset and limit
// are.
func (q *Query) Count() (int, error) {
	if q.err != nil {
		return 0, q.err
	}
	p := q.plan()
	if len(p.filter) == 0 {
		return p.count, nil
	}
	n := 0
	for range p.rows() {
		n++
	}
	return n, nil
}

// sorted returns the rows of a plan in the query's order.
func (p *plan) sorted() []entry {
	var entries []entry
	for r := range p.rows() {
		p.t.key = appendOrders(p.t.key[:0], p.order, r.row)
		entries = append(entries, entry{string(p.t.key), r})
	}
	slices.SortFunc(entries, compareEntries)
	return entries
}
