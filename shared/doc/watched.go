package doc

import (
	"iter"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/delta"
)

// watched is a place that somebody watches, or that is above one: a tree beside
// the document's, of the same shape, as large as what is watched. All methods
// can be called on nil, which is a place that nobody watches.
type watched struct {
	parent   *watched
	name     string
	children map[string]*watched
	derived  []*attached
	below    int // Derived here and below
	// Those who depend on the value here with all that is in it, on whether there
	// is an object, or on the names of its members.
	value, exists, members map[*dependent]struct{}
	depending              int // of those, here and below
}

func (w *watched) dependents(more int) {
	for ; w != nil; w = w.parent {
		w.depending += more
	}
}

// Derived is state that is kept beside an object of the document and must be
// right at any time, within transactions too: an index, an order, positions. It
// is told of every write, those of a revert included, and reads the document
// only by what it is given. It must not change the document.
type Derived interface {
	// Reset: the object was replaced, came to be or ceased to be. members is what is
	// in it now, nothing if there is no object.
	Reset(members iter.Seq2[string, Value])
	// Changed: a member of the object was written, at whatever depth; now it is
	// this, or no value. It may be told of a member that is as it was.
	Changed(name string, now Value)
}

// Flusher is Derived that tells others in its turn. Flush is called once changes
// are over, before subscribers are told. After a transaction that was reverted it
// is called too: then everything is as it was.
type Flusher interface {
	Derived
	Flush()
}

// attached is derived state at its place.
type attached struct {
	Derived
	flusher Flusher // the same, if it is one
	outbox  *outbox
	dirty   bool // it was told of something since it was flushed
	ended   bool
}

func (x *attached) touch() Derived {
	if !x.dirty && x.flusher != nil {
		x.dirty = true
		x.outbox.flush = append(x.outbox.flush, x)
	}
	return x.Derived
}

// Derive keeps x in step with the object at p, beginning with a Reset. The
// function that it returns ends that. x may be a [Positioned] or a [Flusher].
//
// Within an expanded object a write costs what x does. It must not be called
// within a transaction or from x; it panics.
func (d *Doc) Derive(p delta.Pointer, x Derived) (end func()) {
	if d.busy {
		panic("doc: Derive within Update")
	}
	w := d.watch(p)
	a := &attached{Derived: x, outbox: &d.outbox}
	a.flusher, _ = x.(Flusher)
	w.derived = append(w.derived, a)
	for at := w; at != nil; at = at.parent {
		at.below++
	}
	if x, ok := x.(Positioned); ok {
		d.positioned = append(d.positioned, x)
	}
	x.Reset(d.cellOf(p).membersOf())
	return func() { d.detach(w, a) }
}

func (d *Doc) detach(w *watched, x *attached) {
	i := slices.Index(w.derived, x)
	if i < 0 {
		return
	}
	x.ended = true
	w.derived = append(w.derived[:i:i], w.derived[i+1:]...) // not in place: it may be under iteration
	if x, ok := x.Derived.(Positioned); ok {
		d.positioned = slices.DeleteFunc(slices.Clone(d.positioned), func(other Positioned) bool { return other == x })
	}
	for at := w; at != nil; at = at.parent {
		at.below--
	}
	w.prune()
}

// watch returns the watched place at p, made if need be.
func (d *Doc) watch(p delta.Pointer) *watched {
	if d.watched == nil {
		d.watched = &watched{}
		d.forgetSite()
	}
	w := d.watched
	for p != "" {
		var name string
		name, p = cut(p)
		next := w.children[name]
		if next == nil {
			d.forgetSite()
			next = &watched{parent: w, name: name}
			if w.children == nil {
				w.children = make(map[string]*watched)
			}
			w.children[name] = next
		}
		w = next
	}
	return w
}

// prune removes the place, and those above it, if nobody watches them.
func (w *watched) prune() {
	for w.parent != nil && len(w.children)+len(w.derived)+len(w.value)+len(w.exists)+len(w.members) == 0 {
		delete(w.parent.children, w.name)
		w = w.parent
	}
}

func (w *watched) child(name string) *watched {
	if w == nil {
		return nil
	}
	return w.children[name]
}

func (w *watched) hasDerived() bool { return w != nil && w.below > 0 }

// memberChanged tells the derived state of an object of a write in a member,
// which is now this; nil for gone.
func (w *watched) memberChanged(name string, now *node) {
	if w == nil {
		return
	}
	for _, x := range w.derived {
		x.touch().Changed(name, Value{cell: now})
	}
}

// replaced tells the derived state at the place and below that the value was
// replaced as a whole; nil for gone.
func (w *watched) replaced(now *node) {
	if !w.hasDerived() {
		return
	}
	for _, x := range w.derived {
		x.touch().Reset(now.membersOf())
	}
	for name, child := range w.children {
		if child.hasDerived() {
			child.replaced(now.expandedCell(name))
		}
	}
}

// expandedCell is cell for an object of any size.
func (n *node) expandedCell(name string) *node {
	if !n.isObject() {
		return nil
	}
	return n.expand().members[name]
}

// membersOf iterates over the members of an object, of none otherwise.
func (n *node) membersOf() iter.Seq2[string, Value] { return Value{cell: n}.Members() }
