package socket

import (
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

// writeFrame writes a whole frame. Before it waits for the reader it calls wait; it does so
// for the given time at most, for each part.
func (r *raw) writeFrame(frame []byte, within time.Duration, wait func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken != nil {
		return r.broken
	}
	if r.try != nil {
		n, err := r.try.write(frame)
		if err != nil {
			r.broken = err
			return err
		}
		if frame = frame[n:]; len(frame) == 0 {
			return nil
		}
	}
	wait()
	for len(frame) > 0 && r.broken == nil {
		part := frame[:min(len(frame), patience)]
		if r.broken = r.Conn.SetWriteDeadline(time.Now().Add(within)); r.broken == nil {
			_, r.broken = r.Conn.Write(part)
		}
		frame = frame[len(part):]
	}
	if r.broken == nil {
		r.broken = r.Conn.SetWriteDeadline(time.Time{})
	}
	return r.broken
}

// patience is how many bytes a reader has to take in the time that it is given: a large
// message may take as long as it takes, as long as it moves.
const patience = 64 << 10
