package session

// Ending returns how many sessions are to end and have not yet.
func (g *Group) Ending() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for s := range g.sessions {
		s.out.mu.Lock()
		if s.out.err != nil {
			n++
		}
		s.out.mu.Unlock()
	}
	return n
}
