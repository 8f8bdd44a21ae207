package doc

import (
	"cmp"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// Scope says what of a place a subscription is about.
type Scope uint8

const (
	// Place is the value at the path being put, replaced or removed. What changes
	// within an object does not count.
	Place Scope = iota + 1
	// Prefix is the value at the path with everything below it.
	Prefix
)

// Event tells a subscriber what has changed, once for each transaction, delta or
// batch.
type Event struct {
	// Paths are the places that were written: at or below the path of the
	// subscription, or above it where that was replaced. A path may occur again.
	// The slice must not be kept.
	Paths []delta.Pointer
}

// Subscribe calls fn after every change at p. A change costs no more for
// subscribers that it does not concern, however many they are. The function that
// it returns ends the subscription; then fn is not called any more.
//
// Subscribers are called in the order in which they subscribed. fn may change the
// document; what that leads to is told when fn has returned. If fn panics, the
// others are told before the panic goes on; the change stands.
func (d *Doc) Subscribe(p delta.Pointer, scope Scope, fn func(Event)) (end func()) {
	s := d.outbox.dependent()
	s.tell = fn
	kind := delta.ReadExists
	if scope == Prefix {
		kind = delta.ReadValue
	}
	s.depend(d.watch(p), kind)
	return s.release
}

// Batch runs fn, which may change the document many times, and tells subscribers
// of all of it at once.
func (d *Doc) Batch(fn func()) {
	d.outbox.held++
	defer func() {
		if d.outbox.held--; d.outbox.held == 0 {
			d.outbox.deliver()
		}
	}()
	fn()
}

// dependent is who depends on places of the document: a subscription, or a
// computed value.
type dependent struct {
	on      []dependence
	tell    func(Event) // of a subscription
	stale   func()      // of a computed value: called at once, and once
	changed []delta.Pointer
	queued  bool
	number  uint64 // in the order of telling
}

type dependence struct {
	w    *watched
	kind delta.ReadKind
}

// set returns the dependents of a kind, to be changed.
func (w *watched) set(kind delta.ReadKind) *map[*dependent]struct{} {
	switch kind {
	case delta.ReadExists:
		return &w.exists
	case delta.ReadMembers:
		return &w.members
	}
	return &w.value
}

func (x *dependent) depend(w *watched, kind delta.ReadKind) {
	set := w.set(kind)
	if _, already := (*set)[x]; already {
		return
	}
	if *set == nil {
		*set = make(map[*dependent]struct{}, 1)
	}
	(*set)[x] = struct{}{}
	w.dependents(1)
	x.on = append(x.on, dependence{w, kind})
}

func (x *dependent) release() {
	for _, on := range x.on {
		delete(*on.w.set(on.kind), x)
		on.w.dependents(-1)
		on.w.prune()
	}
	x.on, x.tell = x.on[:0], nil
}

// outbox holds the subscribers that are to be told.
type outbox struct {
	queue      []*dependent
	next       int // in the queue
	flush      []*attached
	unordered  bool // the queue has to be sorted
	held       int
	delivering bool
	last       uint64 // number that was given
}

func (o *outbox) dependent() *dependent {
	o.last++
	return &dependent{number: o.last}
}

func (o *outbox) wrote(x *dependent, at delta.Pointer) {
	if x.stale != nil {
		x.stale()
		return
	}
	x.changed = append(x.changed, at)
	o.add(x)
}

func (o *outbox) add(x *dependent) {
	if !x.queued {
		x.queued = true
		o.unordered = o.unordered || o.next < len(o.queue)
		o.queue = append(o.queue, x)
	}
}

// deliver tells everybody in the queue, those included who join it meanwhile.
func (o *outbox) deliver() {
	if o.delivering || o.held > 0 || o.next == len(o.queue) && len(o.flush) == 0 {
		return
	}
	o.delivering = true
	defer func() {
		if o.delivering = false; o.next < len(o.queue) || len(o.flush) > 0 {
			o.deliver() // to those behind one who has panicked
		}
	}()
	for o.next < len(o.queue) || len(o.flush) > 0 {
		if n := len(o.flush) - 1; n >= 0 {
			x := o.flush[n]
			o.flush[n] = nil
			o.flush = o.flush[:n]
			if x.dirty = false; !x.ended {
				x.flusher.Flush()
			}
			continue
		}
		if o.unordered {
			o.unordered = false
			sorts.Func(o.queue[o.next:], func(a, b *dependent) int { return cmp.Compare(a.number, b.number) })
		}
		x := o.queue[o.next]
		o.queue[o.next] = nil
		o.next++
		event := Event{Paths: x.changed}
		x.changed, x.queued = nil, false
		if x.tell != nil {
			x.tell(event)
		}
		if x.changed == nil && cap(event.Paths) <= maxKeptPaths {
			clear(event.Paths)
			x.changed = event.Paths[:0]
		}
	}
	o.queue, o.next = o.queue[:0], 0
}

// maxKeptPaths bounds the memory that a subscription keeps for its next event.
const maxKeptPaths = 16

// notify finds who depends on what was written. It costs the length of the paths
// and what depends on them.
func (d *Doc) notify(writes []delta.Write) {
	if d.watched == nil {
		return
	}
	if d.watched.depending == 0 {
		writes = nil
	}
	for _, write := range writes {
		if write.Kind != delta.WroteNothing {
			d.wrote(write)
		}
	}
	d.outbox.deliver()
}

func (d *Doc) wrote(write delta.Write) {
	w := d.watched
	for rest := write.Path; rest != ""; {
		var name string
		name, rest = cut(rest)
		for x := range w.value {
			d.outbox.wrote(x, write.Path)
		}
		if rest == "" && write.Kind == delta.WroteMember {
			for x := range w.members {
				d.outbox.wrote(x, write.Path)
			}
		}
		if w = w.child(name); w == nil || w.depending == 0 {
			return
		}
	}
	d.wroteAll(w, write.Path)
}

// wroteAll is for a place whose value was replaced with all that is below it.
func (d *Doc) wroteAll(w *watched, at delta.Pointer) {
	for _, set := range [...]map[*dependent]struct{}{w.value, w.exists, w.members} {
		for x := range set {
			d.outbox.wrote(x, at)
		}
	}
	for _, child := range w.children {
		d.wroteAll(child, at)
	}
}
