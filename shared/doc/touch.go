package doc

// touch is a place that a transaction wrote in, in a tree of such places, with
// what was there when the transaction began. Places that were not written cost
// nothing.
type touch struct {
	name string
	// kept is set where the value itself was replaced; before is what it was, if
	// existed is set. Whatever else happens below such a place happens in a value
	// that is the transaction's own. What had happened before is in the children,
	// which are about before, then.
	kept, existed bool
	before        node
	cell          *node // where the value is now, nil if there is none; of a written place
	children      []*touch
	index         map[string]*touch // of children, when they are many
}

const fewTouches = 8

func (t *touch) find(name string) *touch {
	if t.index != nil {
		return t.index[name]
	}
	for _, c := range t.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (t *touch) add(c *touch) {
	t.children = append(t.children, c)
	if t.index == nil && len(t.children) > fewTouches {
		t.index = make(map[string]*touch, 4*fewTouches)
		for _, c := range t.children {
			t.index[c.name] = c
		}
	} else if t.index != nil {
		t.index[c.name] = c
	}
}

// restore puts what was there when the transaction began back into n, an object
// that is not in the tree any more.
func (t *touch) restore(n *node) {
	for _, c := range t.children {
		o := n.expand()
		if c.kept {
			c.restoreBefore()
			if now := o.members[c.name]; !c.existed {
				o.remove(c.name)
			} else if now != nil {
				*now = c.before
			} else {
				o.put(c.name, &node{raw: c.before.raw, obj: c.before.obj})
			}
		} else {
			c.restore(o.members[c.name])
		}
	}
}

// restoreBefore makes before what it was: parts of it may have been changed until
// it was replaced.
func (t *touch) restoreBefore() {
	if len(t.children) > 0 {
		t.restore(&t.before)
		t.children, t.index = nil, nil
	}
}

// journal is what has to be taken back, last first, to undo a transaction, or a
// part of one.
type journal []undo

// undo is one write, at a place that was found like this.
type undo struct {
	object *object
	name   string
	cell   *node // of the member, before or after
	before node  // what was in the cell, if existed
	existed,
	removed bool // the member ceased to be
	place *touch // of the member, nil where all is the transaction's
	first bool   // the place was not kept before
	w     *watched
	above *upper
}

// add returns the next entry, which is empty.
func (j *journal) add() *undo {
	if n := len(*j); n < cap(*j) {
		*j = (*j)[:n+1]
	} else {
		*j = append(*j, undo{})
	}
	return &(*j)[len(*j)-1]
}

// take undoes everything after the mark. Derived state is told of each step: it
// sees the same states again, in the opposite order.
func (j *journal) take(mark int) {
	for i := len(*j) - 1; i >= mark; i-- {
		u := &(*j)[i]
		u.take()
		*u = undo{}
	}
	*j = (*j)[:mark]
}

func (u *undo) take() {
	switch {
	case !u.existed && u.removed: // there was nothing, and there is nothing
	case !u.existed:
		u.object.remove(u.name)
	case u.removed:
		*u.cell = u.before
		u.object.put(u.name, u.cell)
	default:
		*u.cell = u.before
	}
	now := u.object.members[u.name]
	if u.place != nil {
		u.place.cell = now
	}
	if u.first {
		u.place.kept, u.place.existed, u.place.before = false, false, node{}
	}
	tell(u.w, u.above, u.name, now)
}

// tell tells derived state of a write in the object at w, with those above it.
func tell(w *watched, above *upper, name string, now *node) {
	if w != nil {
		w.child(name).replaced(now)
		w.memberChanged(name, now)
	}
	for a := above; a != nil; a = a.next {
		a.w.memberChanged(a.name, a.cell)
	}
}
