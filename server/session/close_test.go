package session_test

import (
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/session"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestClose tells every client to come back later, and why, and does not wait
// for those that do not listen.
func TestClose(t *testing.T) {
	const clients, mute, deaf = 100, 5, 5
	w := newWorld(t)
	var peers []*peer
	for range clients {
		p := w.greet()
		p.open(board)
		peers = append(peers, p)
	}
	for range mute {
		w.dialMute()
	}
	for range deaf {
		w.dialDeaf()
	}
	w.waitSessions(clients + mute + deaf)
	before := time.Now()
	var wg sync.WaitGroup
	wg.Go(w.close)
	for _, p := range peers {
		if drain := expect[*wire.Drain](p); drain.Within != 2000 {
			t.Errorf("advised to come back within %d ms", drain.Within)
		}
		p.wantEnd(wire.CodeDraining)
	}
	wg.Wait()
	if took := time.Since(before); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
	if n := w.group.Len(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	late := w.dial() // a connection that was accepted too late
	expect[*wire.Drain](late)
	late.wantEnd(wire.CodeDraining)
}

// waitSessions waits until so many connections are served. Nothing tells, so
// this looks again and again.
func (w *world) waitSessions(n int) {
	w.t.Helper()
	deadline := time.Now().Add(within)
	for w.group.Len() != n {
		if time.Now().After(deadline) {
			w.t.Fatalf("%d sessions, want %d", w.group.Len(), n)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestL9_CloseWhileADocumentIsFull: the log takes nothing, the document's queue
// is full, and its clients go on pushing, one of them without listening. The
// server can be stopped all the same.
func TestL9_CloseWhileADocumentIsFull(t *testing.T) {
	w := newWorld(t, func(_ *session.Config, c *host.Config) { c.MaxQueue, c.Patience = 4, time.Hour })
	release := w.log.hold(board)
	defer release()
	p, deaf := w.greet(), w.dialDeaf()
	deaf.number[board] = p.open(board).Doc // documents have the same number for all
	deaf.send(hello, deaf.ask(board.String()))
	p.flood(func() wire.Frame { return p.push(board, `{"a":1}`) })
	deaf.flood(func() wire.Frame { return deaf.push(board, `{"a":1}`) })
	before := time.Now()
	w.close()
	if took := time.Since(before); took > 2500*time.Millisecond {
		t.Errorf("it took %s", took)
	}
	p.wantEnd(wire.CodeDraining)
}

// TestClientThatGoesAway ends its session and its presence, however it goes.
func TestClientThatGoesAway(t *testing.T) {
	w := newWorld(t)
	b := w.greet()
	b.open(board)
	for name, goAway := range map[string]func(*websocket.Conn) error{
		"says so":  func(c *websocket.Conn) error { return c.Close(websocket.StatusGoingAway, "") },
		"vanishes": (*websocket.Conn).CloseNow,
	} {
		t.Run(name, func(t *testing.T) {
			p := w.greet()
			p.open(board)
			p.send(&wire.SetPresence{Doc: p.number[board], State: []byte(`{"x":1}`)})
			if f := expect[*wire.Peer](b); f.Client != p.id || string(f.State) != `{"x":1}` {
				t.Errorf("%+v", f)
			}
			goAway(p.conn) //nolint:errcheck // both ends may be the first to close
			if f := expect[*wire.Peer](b); f.Client != p.id || len(f.State) != 0 {
				t.Errorf("%+v", f)
			}
			w.waitSessions(1)
		})
	}
}
