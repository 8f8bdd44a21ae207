package text

import "slices"

// passages are the stretches of text that somebody has typed in this session, one's
// own or others', as far as they are known; the latest last.
type passages []passage

type passage struct {
	from, to int
	by       Origin
}

// How many passages are known, of one's own and of others'.
const (
	ownPassagesMax    = 8
	othersPassagesMax = 32
)

// reach reports whether the text right before pos is in a passage that an author may
// have typed, as far as authors are known. What the author inserts at pos goes on with
// it.
func (ps passages) reach(pos int, by Origin) bool {
	for _, p := range ps {
		if (p.by == by || p.by == Others || by == Others) && p.from < pos && pos <= p.to {
			return true
		}
	}
	return false
}

// delete notes that n units at pos are gone.
func (ps *passages) delete(pos, n int) {
	gone := false
	for i := range *ps {
		p := &(*ps)[i]
		p.from, p.to = without(p.from, pos, n), without(p.to, pos, n)
		gone = gone || p.from == p.to
	}
	if gone {
		*ps = slices.DeleteFunc(*ps, func(p passage) bool { return p.from == p.to })
	}
}

func without(at, pos, n int) int { return at - min(n, max(0, at-pos)) }

// insert notes that an author has inserted n units at pos. Within a passage, or at the
// end of one, of the author's own it belongs to that; another one's is divided.
func (ps *passages) insert(pos, n int, by Origin, most int) {
	if !ps.divide(pos, n, by, most) {
		ps.add(passage{pos, pos + n, by}, most)
	}
}

// divide notes that n units were inserted at pos. A passage by the author who did it
// is not divided by that; divide reports whether there is one there.
func (ps *passages) divide(pos, n int, by Origin, most int) (within bool) {
	var rest passage
	for i := range *ps {
		switch p := &(*ps)[i]; {
		case pos <= p.from:
			p.from, p.to = p.from+n, p.to+n
		case pos <= p.to && p.by == by:
			p.to += n
			within = true
		case pos < p.to:
			rest = passage{pos + n, p.to + n, p.by}
			p.to = pos
		}
	}
	if rest.to > 0 {
		ps.add(rest, most)
	}
	return within
}

// add adds the latest passage, or to what it goes on with. If they are too many, the
// oldest is forgotten.
func (ps *passages) add(p passage, most int) {
	for i := range *ps {
		if at := &(*ps)[i]; at.by == p.by && (at.to == p.from || at.from == p.to) {
			at.from, at.to = min(at.from, p.from), max(at.to, p.to)
			return
		}
	}
	if len(*ps) == most {
		*ps = slices.Delete(*ps, 0, 1)
	}
	*ps = append(*ps, p)
}
