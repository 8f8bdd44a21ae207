//go:build !js

package client

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// maxInbound bounds a message of the server, in bytes. The largest is the
// snapshot of a document.
const maxInbound = 64 << 20

// socket is the [Transport] of a [Client]. Its methods are called with the
// client locked; it reports back with the client locked, and only of the present
// connection.
type socket struct {
	client   *Client
	endpoint string
	wg       sync.WaitGroup

	// guarded by client.mu
	current *connection
	timer   *time.Timer
}

// connection is one attempt to connect and what came of it.
type connection struct {
	cancel context.CancelFunc
	out    [][]byte
	wake   chan struct{}
}

func newSocket(c *Client, endpoint string) *socket { return &socket{client: c, endpoint: endpoint} }

// Dial implements [Transport].
func (s *socket) Dial() {
	s.Cut()
	ctx, cancel := context.WithCancel(context.Background())
	conn := &connection{cancel: cancel, wake: make(chan struct{}, 1)}
	s.current = conn
	s.wg.Go(func() {
		defer cancel()
		s.run(ctx, conn)
	})
}

// Send implements [Transport].
func (s *socket) Send(message []byte) {
	if s.current == nil {
		return
	}
	s.current.out = append(s.current.out, message)
	select {
	case s.current.wake <- struct{}{}:
	default:
	}
}

// Cut implements [Transport].
func (s *socket) Cut() {
	if s.current != nil {
		s.current.cancel()
		s.current = nil
	}
}

// Wake implements [Transport].
func (s *socket) Wake(after time.Duration) {
	if s.timer != nil {
		s.timer.Stop()
	}
	var timer *time.Timer
	timer = time.AfterFunc(after, func() {
		s.client.do(func() {
			if s.timer == timer {
				s.client.link.Woke()
			}
		})
	})
	s.timer = timer
}

// wait returns when all goroutines have ended, after Cut.
func (s *socket) wait() {
	s.client.mu.Lock()
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	s.client.mu.Unlock()
	s.wg.Wait()
}

// report calls fn with the client locked if the connection is the present one.
func (s *socket) report(conn *connection, fn func(*Link)) {
	s.client.do(func() {
		if s.current == conn {
			fn(s.client.link)
		}
	})
}

// run makes a connection and serves it until it ends.
func (s *socket) run(ctx context.Context, conn *connection) {
	ws, response, err := websocket.Dial(ctx, s.endpoint, nil)
	if err != nil {
		var network *net.OpError
		switch {
		case response != nil:
			err = &statusError{status: response.Status}
		case errors.As(err, &network):
			err = network // without the story of who called whom
		}
		s.report(conn, func(l *Link) { l.Dialed(err) })
		return
	}
	defer ws.CloseNow() //nolint:errcheck // closed already in most cases
	ws.SetReadLimit(maxInbound)
	s.report(conn, func(l *Link) { l.Dialed(nil) })

	s.wg.Go(func() { s.write(ctx, conn, ws) })
	for {
		_, message, err := ws.Read(ctx)
		if err != nil {
			s.report(conn, func(l *Link) { l.Dropped(int(websocket.CloseStatus(err)), err.Error()) })
			return
		}
		s.report(conn, func(l *Link) { l.Received(message) })
	}
}

func (s *socket) write(ctx context.Context, conn *connection, ws *websocket.Conn) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-conn.wake:
		}
		s.client.mu.Lock()
		out := conn.out
		conn.out = nil
		s.client.mu.Unlock()
		for _, message := range out {
			if err := ws.Write(ctx, websocket.MessageBinary, message); err != nil {
				return // the reader reports it
			}
		}
	}
}

// statusError is the answer of something that is no Rivulet server.
type statusError struct{ status string }

func (e *statusError) Error() string { return "the answer to the WebSocket request was " + e.status }
