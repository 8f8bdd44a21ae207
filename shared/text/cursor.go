package text

// Bias is the side to which a cursor keeps when text is inserted right there.
type Bias int8

const (
	// Left keeps to the text before: an insertion leaves the cursor where it is.
	Left Bias = -1
	// Right keeps to the text behind: an insertion moves the cursor along.
	Right Bias = 1
)

// Cursor is a position that stays with the text around it through all changes.
type Cursor struct {
	state *State
	pos   int
	bias  Bias
}

// Cursor returns a cursor at pos, which is brought within the text and before a
// surrogate pair that it would divide. It costs a little with every change until
// it is released.
func (s *State) Cursor(pos int, bias Bias) *Cursor {
	pos, _ = s.widen(min(max(pos, 0), s.Len()), 0)
	c := &Cursor{state: s, pos: pos, bias: bias}
	s.cursors[c] = struct{}{}
	return c
}

// Pos returns where the cursor is. Within a batch it is where it was before.
func (c *Cursor) Pos() int { return c.pos }

// Release ends the cursor: it does not move any more.
func (c *Cursor) Release() { delete(c.state.cursors, c) }

// Watch has fn called after every own edit and at the end of every outermost
// batch of other changes, with the splices that it amounts to, each on the text
// that the one before it left. nil ends it.
func (s *State) Watch(fn func([]Splice)) { s.watch = fn }

func (s *State) observed() bool { return s.watch != nil || len(s.cursors) > 0 }

func (s *State) publish(splices []Splice) {
	if len(splices) == 0 {
		return
	}
	for c := range s.cursors {
		for _, sp := range splices {
			c.pos = sp.move(c.pos, c.bias)
		}
	}
	if s.watch != nil {
		s.watch(splices)
	}
}

// Move returns where a position is after a splice.
func (sp Splice) Move(pos int, bias Bias) int { return sp.move(pos, bias) }

func (sp *Splice) move(pos int, bias Bias) int {
	switch {
	case pos < sp.Pos:
		return pos
	case pos > sp.Pos+sp.Del:
		return pos - sp.Del + Units(sp.Ins)
	case bias == Right:
		return sp.Pos + Units(sp.Ins)
	}
	return sp.Pos
}
