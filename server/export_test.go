package server

// StalledDocuments returns how many documents have an append that is being tried
// again.
func (s *Server) StalledDocuments() int {
	s.storage.mu.Lock()
	defer s.storage.mu.Unlock()
	return len(s.storage.stalls)
}
