package session

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/server/socket"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Group is the sessions of a server.
type Group struct {
	cfg     Config
	flusher *flusher

	mu         sync.Mutex
	sessions   map[*Session]bool // whether the client has been greeted
	principals map[string]int    // connections of each
	storage    []byte            // the Storage frame to greet with, nil while all is well
	closed     bool
	running    int           // sessions, those that came too late included
	none       chan struct{} // closed when there are none, if somebody waits for that
	watching   sync.WaitGroup
	stopWatch  chan struct{}
}

// NewGroup returns an empty group.
func NewGroup(cfg Config) *Group {
	g := &Group{
		cfg: cfg.withDefaults(), flusher: newFlusher(), sessions: make(map[*Session]bool),
		principals: make(map[string]int), stopWatch: make(chan struct{}),
	}
	g.watching.Go(g.watch)
	return g
}

// Serve runs a session on a WebSocket that was accepted, on a goroutine of its own, until it
// has ended and the connection is closed. The principal is who is bounded by
// [Config.MaxPerPrincipal]; nobody if it is empty.
func (g *Group) Serve(conn *socket.Conn, principal string) {
	s := newSession(g, conn, principal)
	if refused := g.add(s); refused != nil {
		s.end(refused)
	}
	go func() {
		defer g.remove(s)
		s.serve()
	}()
}

// add returns why a session cannot be, nil if it can.
func (g *Group) add(s *Session) *closing {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running++
	if g.closed {
		return &closing{code: wire.CodeDraining, detail: "the server is stopping", before: wire.Encode(&wire.Drain{})}
	}
	g.sessions[s] = false
	if s.principal == "" || g.cfg.MaxPerPrincipal < 0 {
		return nil
	}
	if g.principals[s.principal]++; g.principals[s.principal] > g.cfg.MaxPerPrincipal {
		return &closing{code: wire.CodeCrowded, detail: fmt.Sprintf("at most %d connections from %s", g.cfg.MaxPerPrincipal, s.principal)}
	}
	return nil
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
	if g.running--; g.running == 0 && g.none != nil {
		close(g.none)
		g.none = nil
	}
	if _, ok := g.sessions[s]; !ok {
		return
	}
	delete(g.sessions, s)
	if g.principals[s.principal]--; g.principals[s.principal] <= 0 {
		delete(g.principals, s.principal)
	}
}

// Len returns how many sessions there are.
func (g *Group) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.sessions)
}

// Stats are what a group has done since it was made.
type Stats struct {
	// Messages were written to clients, with so many bytes before compression; Shared of them were made for
	// another one before.
	Messages, Bytes, Shared uint64
	// Waited is how often a client had to be waited for, CutOff how often one was cut off
	// from a document that it did not read fast enough.
	Waited, CutOff uint64
}

// Stats returns what the group has done.
func (g *Group) Stats() Stats {
	c := &g.flusher.counts
	return Stats{
		Messages: c.messages.Load(), Bytes: c.bytes.Load(), Shared: c.shared.Load(),
		Waited: c.waited.Load(), CutOff: c.cut.Load(),
	}
}

// watch ends the sessions of clients that are silent, or slow, for too long: one look at all
// of them now and then costs less than a timer for each.
func (g *Group) watch() {
	tick := time.NewTicker(min(g.cfg.Heartbeat/4, g.cfg.SlowFor/4, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-g.stopWatch:
			return
		case now := <-tick.C:
			g.mu.Lock()
			for s, welcomed := range g.sessions {
				within := 2 * g.cfg.Heartbeat
				if !welcomed {
					within = helloTimeout
				}
				switch {
				case now.Sub(s.begun)-time.Duration(s.heard.Load()) > within:
					s.end(&closing{code: wire.CodeIdle, detail: "silent for too long"})
				case s.out.crowdedFor(now) > g.cfg.SlowFor:
					s.end(&closing{code: wire.CodeSlow, detail: "the client reads too slowly"})
				}
			}
			g.mu.Unlock()
		}
	}
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
// ends their sessions and waits until ctx ends or all are closed. Those that are served
// later are told the same; called again, Close waits for them.
func (g *Group) Close(ctx context.Context, reconnectWithin time.Duration) {
	g.mu.Lock()
	if !g.closed {
		close(g.stopWatch)
	}
	g.closed = true
	for s := range g.sessions {
		s.shutdown(reconnectWithin)
	}
	if g.none == nil && g.running > 0 {
		g.none = make(chan struct{})
	}
	none := g.none
	g.mu.Unlock()
	g.watching.Wait()
	if none != nil {
		select {
		case <-none:
		case <-ctx.Done():
			g.mu.Lock()
			for s := range g.sessions {
				go s.conn.Cut() // it may wait for the session
			}
			g.mu.Unlock()
			<-none
		}
	}
	g.flusher.wait()
}
