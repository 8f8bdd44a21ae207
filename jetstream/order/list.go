package order

// item is an event on its way, with the page that is not done before it is. It is in one
// list at a time, and each is allocated alone: one that waits for long keeps no others in
// memory.
type item[I comparable, P any] struct {
	event Event[I, P]
	page  *pending
	line  *line[I, P]
	next  *item[I, P]
}

// list is items in an order. The zero value has none.
type list[I comparable, P any] struct {
	first, last *item[I, P]
	n           int
	bytes       int // by Event.Size
}

func (q *list[I, P]) push(it *item[I, P]) {
	it.next = nil
	if q.last == nil {
		q.first = it
	} else {
		q.last.next = it
	}
	q.last = it
	q.n++
	q.bytes += it.event.Size
}

// pop removes the first item, of which there must be one.
func (q *list[I, P]) pop() *item[I, P] {
	it := q.first
	if q.first = it.next; q.first == nil {
		q.last = nil
	}
	it.next = nil
	q.n--
	q.bytes -= it.event.Size
	return it
}

// join puts the items of another list, which is used no more, behind its own.
func (q *list[I, P]) join(other list[I, P]) {
	switch {
	case other.n == 0:
	case q.n == 0:
		*q = other
	default:
		q.last.next, q.last = other.first, other.last
		q.n += other.n
		q.bytes += other.bytes
	}
}

// cut removes the first items, at most n and no more than have so many bytes together, and
// returns them.
func (q *list[I, P]) cut(n, bytes int) list[I, P] {
	if q.n <= n && q.bytes <= bytes {
		all := *q
		*q = list[I, P]{}
		return all
	}
	var head list[I, P]
	for q.n > 0 && head.n < n && head.bytes+q.first.event.Size <= bytes {
		head.push(q.pop())
	}
	return head
}
