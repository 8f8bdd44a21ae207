package delta

// Compose returns one patch with exactly the effect of first and then second, on
// every document, and true; or false where there is none (law L12).
//
// There is none if and only if, at some path, first has null, a scalar or an array
// and second has an object: the object that results has none of the members that a
// document held there before, and a patch can name only so many to delete. An
// object in first is no such case, whatever it meets in a document.
//
// The composition is never longer than both patches together. Values are copied
// as they stand, numbers in their literal text; the members of objects that both
// patches have are sorted. It costs what the two patches are long.
func Compose(first, second Delta) (Delta, bool) {
	if len(first.data) == 0 {
		return second, true
	}
	if len(second.data) == 0 {
		return first, true
	}
	c := composer{out: make([]byte, 0, len(first.data)+len(second.data))}
	p, q := &c.first, &c.second
	p.all, p.open, q.all, q.open = c.room[0][:0], c.room[1][:0], c.room[2][:0], c.room[3][:0]
	q.read(second.data, guide{})
	p.read(first.data, guide{tree: q})
	if !c.object(p.root, q.root) {
		return Delta{}, false
	}
	return Delta{data: c.out}, true
}

type composer struct {
	first, second tree
	out           []byte
	room          [4][6]member // for small patches, which are most
}

// object appends the composition of two objects, and reports whether there is one.
func (c *composer) object(first, second members) bool {
	start := len(c.out)
	c.out = append(c.out, '{')
	m := merged{c.first.of(first), c.second.of(second)}
	for m.more() {
		p, q := m.next()
		switch {
		case q == nil:
			c.out = append(p.appendMember(c.out, start), p.value...)
		case p == nil || !q.isObject():
			c.out = append(q.appendMember(c.out, start), q.value...)
		case !p.isObject():
			return false
		default:
			c.out = p.appendMember(c.out, start)
			if !c.object(p.members, q.members) {
				return false
			}
		}
	}
	c.out = append(c.out, '}')
	return true
}
