package text

// grave is a piece of text that an own change has deleted. The change may be taken back,
// or off the view for a while: then it is known again who typed it.
type grave struct {
	text     string    // "" when it was found again
	passages []passage // from its beginning
	last     int       // where the last own edit ended, from its beginning; -1 if elsewhere
}

// maxGraves bounds how many are known.
const maxGraves = 32

// graves are the latest of them. Once they are so many, the next one takes the place,
// and the memory, of the oldest.
type graves struct {
	list []grave
	next int // its place
}

// dig returns a grave to be filled; what is in it is of no use.
func (gs *graves) dig() *grave {
	if gs.next == maxGraves {
		gs.next = 0
	}
	if gs.next == len(gs.list) {
		gs.list = append(gs.list, grave{})
	}
	gs.next++
	return &gs.list[gs.next-1]
}

// find returns the grave of a text, the latest if there are several, nil for none.
func (gs *graves) find(text string) *grave {
	n := len(gs.list)
	for i := range n {
		if g := &gs.list[(gs.next-1-i+n)%n]; g.text == text {
			return g
		}
	}
	return nil
}

// bury notes what a splice deletes.
func (s *State) bury(sp *Splice) {
	g := s.graves.dig()
	g.text, g.last, g.passages = sp.Was, s.last-sp.Pos, g.passages[:0]
	if g.last <= 0 || g.last > sp.Del {
		g.last = -1
	}
	g.take(s.own, sp)
	g.take(s.others, sp)
}

// take takes in what a splice deletes of passages.
func (g *grave) take(list passages, sp *Splice) {
	for i := range list {
		from, to := max(list[i].from-sp.Pos, 0), min(list[i].to-sp.Pos, sp.Del)
		if from < to {
			g.passages = append(g.passages, passage{from, to, list[i].by})
		}
	}
}

// exhume finds a text of n units that is there again, the one that was deleted last. It
// reports whether there is one.
func (s *State) exhume(pos, n int, text string) bool {
	g := s.graves.find(text)
	if g == nil {
		return false
	}
	s.own.divide(pos, n, Others, ownPassagesMax)
	s.others.divide(pos, n, Own, othersPassagesMax)
	for _, p := range g.passages {
		p.from, p.to = p.from+pos, p.to+pos
		if p.by == Own {
			s.own.add(p, ownPassagesMax)
		} else {
			s.others.add(p, othersPassagesMax)
		}
	}
	if g.last >= 0 {
		s.last = pos + g.last
	}
	g.text = ""
	return true
}
