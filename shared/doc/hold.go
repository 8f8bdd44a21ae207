package doc

import (
	"maps"
	"slices"
)

// Hold returns a change, which was made just now, with edits that have been asked for
// their inverses already. What is made later within the rebase moves these, and when
// it is over they are [Kept] from there: so the change can be taken back when it is not
// the latest one any more. Its edits are good for nothing else.
func (r *Rebase) Hold(c Change) Change {
	held := make([]Edit, len(c.Edits))
	var movers []Mover
	for i, e := range slices.Backward(c.Edits) {
		h := &heldEdit{e, e.Inverse()}
		if m, ok := h.inverse.(Mover); ok {
			movers = append(movers, m)
		}
		held[i] = h
	}
	if hold(movers, true); movers != nil {
		if len(r.held) == maxHeld {
			hold(r.held[0], false)
			r.held = r.held[1:]
		}
		r.held = append(r.held, movers)
	}
	c.Edits = held
	return c
}

// maxHeld bounds how many changes are held in a rebase, each of which is moved over all
// that follow: the latest, as many as an undo stack holds. What was held before may miss
// its place, but never the text.
const maxHeld = 1000

type heldEdit struct {
	Edit
	inverse Edit
}

func (e *heldEdit) Inverse() Edit { return e.inverse }

// over moves what is held over what was made.
func (r *Rebase) over(made *Below) {
	if len(made.of) == 0 {
		return
	}
	for _, movers := range r.held {
		b := Below{of: maps.Clone(made.of)}
		for _, m := range movers {
			m.Move(&b)
		}
	}
}

// rest says that what is held is where the rebase has led.
func (r *Rebase) rest() {
	for _, movers := range r.held {
		hold(movers, false)
	}
}

func hold(movers []Mover, held bool) {
	for _, m := range movers {
		if kept, ok := m.(Kept); ok {
			kept.Held(held)
		}
	}
}
