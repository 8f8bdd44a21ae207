package table

import (
	"slices"

	"github.com/rivulet-sync/rivulet/shared/rank"
)

// Counter is the live number of rows that a query's predicates want, moved by
// [Table.Flush] and by nothing else.
type Counter struct {
	t      *Table
	watch  watch
	n      int
	before int // what listeners know
	queued bool
	told   listeners[int]
	closed bool
}

// LiveCount starts a live [Query.Count].
func (q *Query) LiveCount() (*Counter, error) {
	if q.err != nil {
		return nil, q.err
	}
	c := &Counter{t: q.t}
	c.watch = watch{where: slices.Clone(q.where), sink: c}
	q.t.subscribe(&c.watch)
	for r := range q.plan().rows() {
		r.held = append(r.held, held{&c.watch, nil})
		c.n++
	}
	c.before = c.n
	return c, nil
}

// N returns the number.
func (c *Counter) N() int { return c.n }

// OnChange has fn called with the number after each batch that changed it. stop
// ends it.
func (c *Counter) OnChange(fn func(n int)) (stop func()) {
	c.notify()
	return c.told.add(fn)
}

// Close ends it: N is 0, and nobody is told of anything any more. It costs what
// the table holds.
func (c *Counter) Close() {
	if c.closed {
		return
	}
	c.closed = true
	c.t.unsubscribe(&c.watch)
	for _, r := range c.t.rows {
		r.drop(&c.watch)
	}
	c.n, c.before, c.told = 0, 0, listeners[int]{}
}

func (c *Counter) enter(*record) *rank.Item[entry] {
	c.n++
	return nil
}

func (c *Counter) leave(*record, *rank.Item[entry]) { c.n-- }

func (c *Counter) stay(*record, *rank.Item[entry]) *rank.Item[entry] { return nil }

func (c *Counter) settle() {
	if c.n != c.before && !c.queued {
		c.queued = true
		c.t.queue(c)
	}
}

func (c *Counter) notify() {
	c.queued = false
	if c.n != c.before {
		c.before = c.n
		c.told.call(c.n)
	}
}
