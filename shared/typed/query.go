package typed

import (
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/table"
)

// Query describes records of a table; see [table.Query]. It is never changed; every
// method returns another one. A mistake, a [*table.Error], is returned when the
// query is run.
type Query[T any] struct {
	query *table.Query
	at    delta.Pointer
	codec *codec[T]
}

func (t *Table[T]) query(q *table.Query) *Query[T] { return &Query[T]{q, t.at, t.codec} }

func (q *Query[T]) next(query *table.Query) *Query[T] { return &Query[T]{query, q.at, q.codec} }

// Where wants the predicates too.
func (q *Query[T]) Where(predicates ...table.Predicate) *Query[T] {
	return q.next(q.query.Where(predicates...))
}

// OrderBy adds to the order; in the end records are ordered by id.
func (q *Query[T]) OrderBy(orders ...table.Order) *Query[T] {
	return q.next(q.query.OrderBy(orders...))
}

// Offset leaves out the first n records.
func (q *Query[T]) Offset(n int) *Query[T] { return q.next(q.query.Offset(n)) }

// Limit wants at most n records.
func (q *Query[T]) Limit(n int) *Query[T] { return q.next(q.query.Limit(n)) }

// All returns the records as they are now. Malformed ones are among them, with Err.
func (q *Query[T]) All() ([]Entry[T], error) {
	records, err := q.query.All()
	if err != nil {
		return nil, err
	}
	entries := make([]Entry[T], len(records))
	for i, r := range records {
		entries[i] = q.entry(r.ID, r.Row)
	}
	return entries, nil
}

// IDs returns the ids of All.
func (q *Query[T]) IDs() ([]string, error) { return q.query.IDs() }

// Count returns how many records the predicates want, malformed ones included.
func (q *Query[T]) Count() (int, error) { return q.query.Count() }

// LiveCount starts a live Count.
func (q *Query[T]) LiveCount() (*table.Counter, error) { return q.query.LiveCount() }

// GroupBy groups the records by a field.
func (q *Query[T]) GroupBy(name string) *table.Grouping { return q.query.GroupBy(name) }

// Explain says how the query would be run; see [table.Query.Explain].
func (q *Query[T]) Explain() string { return q.query.Explain() }

// Live starts a live result.
func (q *Query[T]) Live() (*View[T], error) {
	v, err := q.query.Live()
	if err != nil {
		return nil, err
	}
	return &View[T]{v, q}, nil
}

// entry decodes a row; nil is one that is gone.
func (q *Query[T]) entry(id string, row table.Row) Entry[T] {
	if row == nil {
		return Entry[T]{ID: id, Err: ErrAbsent}
	}
	value, err := q.codec.decode(row.Raw())
	if err != nil {
		err = &DecodeError{Path: q.at.Member(id), Type: q.codec.typ, Err: err}
	}
	return Entry[T]{id, value, err}
}
