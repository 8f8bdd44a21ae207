package doc

import (
	"errors"

	"github.com/rivulet-sync/rivulet/shared/delta"
)

// Errors of computed values.
var (
	// ErrCycle: a computed value depends on itself.
	ErrCycle = errors.New("doc: computed value depends on itself")
	// ErrInUpdate: a computed value was asked for within a transaction by a way
	// that would not note what it reads. Use [Computed.In].
	ErrInUpdate = errors.New("doc: computed value within an update")
)

// Computed is a value that a pure function makes of a document and of other
// computed values of it. It is made when somebody asks for it, kept, and made again
// only if something that the function read has changed (and somebody asks).
// While it is out of date it costs nothing.
type Computed[T any] struct {
	doc   *Doc
	fn    func(*Reader) (T, error)
	value T
	err   error
	state computedState
	self  dependent
	// Those who have read this one: computed values and watchers.
	users map[*dependent]struct{}
	uses  []func(*dependent) // take the value off the users of those that it read
}

type computedState uint8

const (
	outdated computedState = iota
	running
	failed // fn has panicked: run again, by watchers once something read has changed
	fresh
)

// Compute returns a value computed by fn, which must read the document by its
// [Reader] alone. It runs fn only when asked.
func Compute[T any](d *Doc, fn func(*Reader) (T, error)) *Computed[T] {
	c := &Computed[T]{doc: d, fn: fn, users: make(map[*dependent]struct{})}
	c.self.stale = c.outdate
	return c
}

// Get returns the value, or the error that the function returned. The error is
// [ErrCycle] where the function came to ask for itself.
func (c *Computed[T]) Get() (T, error) {
	var none T
	switch {
	case c.state == running:
		return none, ErrCycle
	case c.doc.busy:
		return none, ErrInUpdate
	case c.state == fresh:
		return c.value, c.err
	}
	c.forget()
	c.state = running
	defer func() {
		if c.state == running {
			c.state = failed
		}
	}()
	r := Reader{doc: c.doc}
	r.read = func(kind delta.ReadKind, p delta.Pointer) { c.self.depend(c.doc.watch(p), kind) }
	r.use = func(users map[*dependent]struct{}) {
		users[&c.self] = struct{}{}
		c.uses = append(c.uses, func(x *dependent) { delete(users, x) })
	}
	value, err := c.fn(&r)
	c.value, c.err, c.state = value, err, fresh
	return value, err
}

// In computes the value on the state that a transaction sees and notes what that
// reads as read by the transaction. Nothing is kept.
func (c *Computed[T]) In(tx *Tx) (T, error) {
	if c.state == running {
		var none T
		return none, ErrCycle
	}
	was := c.state
	c.state = running
	defer func() { c.state = was }()
	return c.fn(&Reader{doc: tx.doc, tx: tx, read: tx.read})
}

// Watch calls fn with the value whenever it has become another one, which equal
// decides; with nil for equal, whenever it was computed again. It computes the
// value at once. The function that it returns ends that. It must not be called
// within a transaction; it panics.
func (c *Computed[T]) Watch(equal func(a, b T) bool, fn func(T, error)) (end func()) {
	if c.doc.busy {
		panic("doc: Watch within Update")
	}
	last, lastErr := c.Get()
	w := c.doc.outbox.dependent()
	w.stale = func() { c.doc.outbox.add(w) }
	w.tell = func(Event) {
		c.users[w] = struct{}{}
		now, err := c.Get()
		same := equal != nil && (err == nil && lastErr == nil && equal(last, now) ||
			err != nil && lastErr != nil && err.Error() == lastErr.Error())
		if last, lastErr = now, err; !same {
			fn(now, err)
		}
	}
	c.users[w] = struct{}{}
	return func() {
		delete(c.users, w)
		w.tell = nil
	}
}

// outdate forgets what the value was made of, and tells those made of it.
func (c *Computed[T]) outdate() {
	if c.state == outdated {
		return
	}
	var none T
	c.value, c.err, c.state = none, nil, outdated
	c.forget()
	users := c.users
	c.users = make(map[*dependent]struct{}, len(users))
	for x := range users {
		x.stale()
	}
}

// Close forgets the value. A Computed that is not used any more should be
// closed, or the document holds on to it until something that it read changes.
func (c *Computed[T]) Close() { c.outdate() }

// forget ends the dependence on what was read.
func (c *Computed[T]) forget() {
	c.self.release()
	for _, leave := range c.uses {
		leave(&c.self)
	}
	clear(c.uses)
	c.uses = c.uses[:0]
}

// Reader is how the function of a computed value reads.
type Reader struct {
	doc  *Doc
	tx   *Tx // nil outside of transactions
	read func(delta.ReadKind, delta.Pointer)
	use  func(users map[*dependent]struct{})
}

// Value returns the value at p, no value if there is none.
func (r *Reader) Value(p delta.Pointer) Value {
	r.read(delta.ReadValue, p)
	return r.doc.Value(p)
}

// Get returns the canonical JSON of the value at p, and whether there is one.
func (r *Reader) Get(p delta.Pointer) ([]byte, bool) {
	r.read(delta.ReadValue, p)
	return r.doc.Get(p)
}

// IsObject reports whether there is an object at p.
func (r *Reader) IsObject(p delta.Pointer) bool {
	r.read(delta.ReadExists, p)
	return r.doc.Value(p).IsObject()
}

// Members returns the member names of the object at p in canonical order, nil
// when there is no object. The slice is the caller's.
func (r *Reader) Members(p delta.Pointer) []string {
	v := r.doc.Value(p)
	r.read(delta.ReadMembers, p)
	if !v.IsObject() {
		return nil
	}
	n := v.node()
	return append([]string(nil), n.names()...)
}

// Use returns another computed value within the function of one.
func Use[T any](r *Reader, c *Computed[T]) (T, error) {
	if r.tx != nil {
		return c.In(r.tx)
	}
	r.use(c.users) // also if it panics
	return c.Get()
}
