package text

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

// since returns what happened after a version. A rebase that is under way takes changes
// off, and puts some of them on again: what is left of all that is what counts.
func (t *Text) since(version int) []Splice {
	splices := t.log.from(version)
	switch {
	case !t.holding:
		return splices
	case t.depth == 0:
		return join(splices, t.sum)
	}
	series := []any{splices}
	for _, b := range t.state.batches {
		series = append(series, b.done)
	}
	return condense(series, false)
}

// version is that of the text as it is, which the history has when all is over.
func (t *Text) version() int {
	if t.holding {
		return t.log.version() + len(t.sum)
	}
	return t.log.version()
}

// keep keeps the history from now on. It returns what keeps an edit about the text as it
// is.
func (t *Text) keep() keeping {
	if !t.log.kept {
		t.log.kept = true
		t.observe()
	}
	return keeping{text: t, since: t.log.version()}
}
