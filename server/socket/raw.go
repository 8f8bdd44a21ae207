package socket

import (
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"
)

// raw is the connection below a WebSocket. coder/websocket reads from it and writes control
// frames to it, each by one Write; messages go past that.
type raw struct {
	net.Conn
	early []byte // came behind the request; read first
	try   *trial // nil where a connection cannot say whether a write would wait

	mu     sync.Mutex // held from the first byte of a frame to its last
	broken error      // a frame was cut off: nothing can follow it
}

// newRaw wraps a connection of which some bytes were read already.
func newRaw(conn net.Conn, early []byte) *raw {
	r := &raw{Conn: conn, early: early}
	if has, ok := conn.(syscall.Conn); ok {
		if c, err := has.SyscallConn(); err == nil {
			r.try = newTrial(c)
		}
	}
	return r
}

// Read implements [net.Conn].
func (r *raw) Read(p []byte) (int, error) {
	if len(r.early) > 0 {
		n := copy(p, r.early)
		if r.early = r.early[n:]; len(r.early) == 0 {
			r.early = nil
		}
		return n, nil
	}
	return r.Conn.Read(p)
}

// Write implements [net.Conn], for control frames.
func (r *raw) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken != nil {
		return 0, r.broken
	}
	return r.Conn.Write(p)
}

// writeFrame writes the parts of a whole frame. Before it waits for the reader it calls wait;
// it does so for the given time at most, for every few bytes.
func (r *raw) writeFrame(within time.Duration, wait func(), parts ...[]byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, part := range parts {
		if r.broken == nil && len(part) > 0 {
			r.broken = r.writePart(within, wait, part)
		}
	}
	if r.broken != nil {
		return fmt.Errorf("socket: %w", r.broken)
	}
	return nil
}

func (r *raw) writePart(within time.Duration, wait func(), part []byte) error {
	if r.try != nil {
		n, err := r.try.write(part)
		if err != nil {
			return err
		}
		if part = part[n:]; len(part) == 0 {
			return nil
		}
	}
	wait()
	for len(part) > 0 {
		some := part[:min(len(part), patience)]
		if err := r.Conn.SetWriteDeadline(time.Now().Add(within)); err != nil {
			return err
		}
		if _, err := r.Conn.Write(some); err != nil {
			return err
		}
		part = part[len(some):]
	}
	return r.Conn.SetWriteDeadline(time.Time{})
}

// patience is how many bytes a reader has to take in the time that it is given: a large
// message may take as long as it takes, as long as it moves.
const patience = 64 << 10
