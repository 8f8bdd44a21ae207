package server

import "github.com/nats-io/nats.go/jetstream"

// JetStream is what the server's log works with.
func (s *Server) JetStream() jetstream.JetStream { return s.nats.JetStream() }

// StalledDocuments returns how many documents have an append that is being tried
// again.
func (s *Server) StalledDocuments() int {
	s.storage.mu.Lock()
	defer s.storage.mu.Unlock()
	return len(s.storage.stalls)
}
