package doc

import "github.com/rivulet-sync/rivulet/shared/delta"

// touch is a place that a transaction wrote in, in a tree of such places, with
// what was there when the transaction began. Places that were not written cost
// nothing. The journal says it all; the tree is made of it when it is needed.
type touch struct {
	name string
	// kept is set where the value itself was replaced; before is what it was, if
	// existed is set. Whatever else happens below such a place happens in a value
	// that is the transaction's own. What had happened before is in the children,
	// which are about before, then.
	kept, existed bool
	before        node
	now           *node // what is there at the end, nil for nothing
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

// covers reports whether the place at p, from t on, was written, or one above it.
func (t *touch) covers(p delta.Pointer) bool {
	for !t.kept {
		if p == "" {
			return false
		}
		var name string
		name, p = cut(p)
		if t = t.find(name); t == nil {
			return false
		}
	}
	return true
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
