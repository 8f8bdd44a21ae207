package text

// grave is a piece of text that an own change has deleted. The change may be taken back,
// or off the view for a while: then it is known again who typed it.
type grave struct {
	text     string
	passages []passage // from its beginning
	last     int       // where the last own edit ended, from its beginning; -1 if elsewhere
}

// maxGraves bounds how many are known.
const maxGraves = 32

// bury notes what a splice deletes.
func (s *State) bury(sp *Splice) {
	var g grave
	if len(s.graves) < maxGraves {
		s.graves = append(s.graves, g)
	} else {
		g.passages = s.graves[0].passages[:0]
		copy(s.graves, s.graves[1:])
	}
	g.text, g.last = sp.Was, s.last-sp.Pos
	if g.last <= 0 || g.last > sp.Del {
		g.last = -1
	}
	for _, list := range [...]passages{s.own, s.others} {
		for _, p := range list {
			p.from, p.to = max(p.from-sp.Pos, 0), min(p.to-sp.Pos, sp.Del)
			if p.from < p.to {
				g.passages = append(g.passages, p)
			}
		}
	}
	s.graves[len(s.graves)-1] = g
}

// exhume finds a text of n units that is there again, the one that was deleted last. It
// reports whether there is one.
func (s *State) exhume(pos, n int, text string) bool {
	for i := len(s.graves) - 1; i >= 0; i-- {
		g := s.graves[i]
		if g.text != text {
			continue
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
		copy(s.graves[i:], s.graves[i+1:])
		s.graves = s.graves[:len(s.graves)-1]
		return true
	}
	return false
}
