package text

import "slices"

// history is what has happened to a text since somebody began to ask, so that an
// old edit can be taken back where it is now.
type history struct {
	kept    bool
	splices []Splice
	first   int // the version before splices[0]
}

// maxHistory bounds it, in splices. An edit that is older is moved over what is
// left: it may then miss its place, but never the text.
const maxHistory = 100_000

func (h *history) add(splices []Splice) {
	if !h.kept {
		return
	}
	h.splices = append(h.splices, splices...)
	if over := len(h.splices) - maxHistory; over > maxHistory/4 {
		h.splices = append(h.splices[:0:0], h.splices[over:]...)
		h.first += over
	}
}

func (h *history) version() int { return h.first + len(h.splices) }

// from returns what happened after a version, as far as it is over.
func (h *history) from(version int) []Splice {
	return h.splices[min(max(0, version-h.first), len(h.splices)):]
}

// point is a moment in a history, of a text as it was then.
type point struct {
	holding bool // the batch that it is in is held still
	done    int  // the splices of the batch before the point
	sum     int  // and those of what the batch amounts to; -1 if that is not known

	rest    []Splice // once the batch is over: what followed in it
	raw     bool     // that has changes in it which were taken off again
	version int      // of the history, behind that
}

// behind returns what followed in the batch of a point, which is over.
func (p *point) behind() []Splice {
	if p.raw {
		p.rest, p.raw = condense([]any{p.rest}, false), false
	}
	return p.rest
}

// now returns the point at which the text is.
func (t *Text) now() *point {
	if !t.holding {
		return &point{version: t.log.version()}
	}
	sum := len(t.sum)
	if t.depth > 0 || t.vague {
		sum = -1
	}
	return t.point(t.state.made(), sum)
}

// point returns a point in the batch that is held.
func (t *Text) point(done, sum int) *point {
	if n := len(t.points); n > 0 && t.points[n-1].done == done && t.points[n-1].sum == sum {
		return t.points[n-1]
	}
	p := &point{holding: true, done: done, sum: sum}
	t.points = append(t.points, p)
	return p
}

// since returns what happened after a point. A rebase that is under way takes changes
// off, and puts some of them on again: what is left of all that is what counts.
func (t *Text) since(p *point) []Splice {
	known := t.depth == 0 && !t.vague // what the batch that is held amounts to
	switch {
	case p.holding && known && p.sum >= 0:
		return t.sum[p.sum:]
	case p.holding:
		return condense([]any{t.state.done()[p.done:]}, false)
	}
	splices := t.log.from(p.version)
	switch rest := p.behind(); {
	case t.holding && !known:
		return condense([]any{rest, splices, t.state.done()}, false)
	case t.holding:
		return join(join(rest, splices), t.sum)
	case len(rest) > 0:
		return join(rest, splices)
	}
	return splices
}

// note adds the batch that is held, and is over, to the history: its sum if that is known,
// else what all that was done in it comes to.
func (t *Text) note(known bool) {
	vague := func(p *point) bool { return !known || p.sum < 0 }
	var done []Splice
	if !known || slices.ContainsFunc(t.points, vague) {
		done = t.state.done()
	}
	if known {
		t.log.add(t.sum)
	} else {
		t.log.add(condense([]any{done}, false))
	}
	for _, p := range t.points {
		if p.raw = vague(p); p.raw {
			p.rest = done[p.done:]
		} else if p.sum < len(t.sum) {
			p.rest = t.sum[p.sum:]
		}
		p.version, p.holding = t.log.version(), false
	}
	clear(t.points)
	t.points = t.points[:0]
}

// keep keeps the history from now on. It returns what keeps an edit about the text as it
// is.
func (t *Text) keep() keeping {
	if !t.log.kept {
		t.log.kept = true
		t.observe()
	}
	return keeping{text: t, since: t.now()}
}
