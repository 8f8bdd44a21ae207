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

// from returns what happened after a version.
func (h *history) from(version int) []Splice {
	return h.splices[max(0, version-h.first):]
}

// keepLog keeps the history from now on and returns the present version.
func (t *Text) keepLog() int {
	if !t.log.kept {
		t.log.kept = true
		t.observe()
	}
	return t.log.version()
}
