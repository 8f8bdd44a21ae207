package session

import (
	"context"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Group is the sessions of a server.
type Group struct {
	cfg Config

	mu       sync.Mutex
	sessions map[*Session]bool // whether the client has been greeted
	storage  []byte            // the Storage frame to greet with, nil while all is well
	closed   bool
	wg       sync.WaitGroup
}

// NewGroup returns an empty group.
func NewGroup(cfg Config) *Group {
	return &Group{cfg: cfg.withDefaults(), sessions: make(map[*Session]bool)}
}

// Serve runs a session on a WebSocket that was accepted and returns when it has
// ended and the connection is closed.
func (g *Group) Serve(conn *websocket.Conn) {
	s := newSession(g.cfg, conn, g.welcomed)
	if g.add(s) {
		defer g.remove(s)
	} else {
		s.shutdown(0)
	}
	s.serve()
}

func (g *Group) add(s *Session) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.sessions[s] = false
	g.wg.Add(1)
	return true
}

// welcomed lets a session hear of the storage: not earlier, since nothing may
// come to a client before the welcome.
func (g *Group) welcomed(s *Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.sessions[s]; !ok {
		return
	}
	g.sessions[s] = true
	if g.storage != nil {
		s.Send(g.storage)
	}
}

func (g *Group) remove(s *Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.sessions, s)
	g.wg.Done()
}

// Len returns how many sessions there are.
func (g *Group) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.sessions)
}

// SetStorage tells all clients, and those to come, whether the log takes
// appends.
func (g *Group) SetStorage(available bool, detail string) {
	frame := wire.Encode(&wire.Storage{Available: available, Detail: detail})
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.storage = nil; !available {
		g.storage = frame
	}
	for s, welcomed := range g.sessions {
		if welcomed {
			s.Send(frame)
		}
	}
}

// Close tells all clients to connect anew at a random time within the given one,
// ends their sessions and waits until ctx ends or all are closed.
func (g *Group) Close(ctx context.Context, reconnectWithin time.Duration) {
	g.mu.Lock()
	g.closed = true
	for s := range g.sessions {
		s.shutdown(reconnectWithin)
	}
	g.mu.Unlock()
	done := make(chan struct{})
	go func() {
		g.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		g.mu.Lock()
		for s := range g.sessions {
			go s.conn.CloseNow() //nolint:errcheck // it may wait for the session
		}
		g.mu.Unlock()
		<-done
	}
}
