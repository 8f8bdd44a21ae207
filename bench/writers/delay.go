package main

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// maxHeld bounds the pieces of at most pieceSize bytes that a direction of a connection
// holds back; then it reads no more until one has gone. It is 64 MB, so that the delay is
// not a bandwidth.
const (
	maxHeld   = 1024
	pieceSize = 64 << 10
)

// delay is a TCP proxy that adds a latency: half of it each way, and a round trip before
// the first byte of a client, which it would need to make the connection.
type delay struct {
	listener net.Listener
	target   string
	latency  time.Duration
	wg       sync.WaitGroup
	stop     chan struct{}

	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil when closed
}

// newDelay passes connections on to an HTTP server.
func newDelay(target string, latency time.Duration) (*delay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &delay{
		listener: l, target: strings.TrimPrefix(target, "http://"), latency: latency,
		stop: make(chan struct{}), conns: make(map[net.Conn]struct{}),
	}
	d.wg.Go(d.accept)
	return d, nil
}

func (d *delay) url() string { return "http://" + d.listener.Addr().String() }

// close ends all connections and waits for what passes them on.
func (d *delay) close() {
	d.listener.Close()
	close(d.stop)
	d.mu.Lock()
	for c := range d.conns {
		c.Close()
	}
	d.conns = nil
	d.mu.Unlock()
	d.wg.Wait()
}

func (d *delay) accept() {
	for {
		in, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.wg.Go(func() { d.serve(in) })
	}
}

func (d *delay) serve(in net.Conn) {
	accepted := time.Now()
	defer in.Close()
	out, err := net.Dial("tcp", d.target)
	if err != nil {
		return
	}
	defer out.Close()
	if !d.keep(in, out) {
		return
	}
	defer d.forget(in, out)
	var wg sync.WaitGroup
	wg.Go(func() { d.pass(out, in, accepted.Add(d.latency)) })
	wg.Go(func() { d.pass(in, out, accepted) })
	wg.Wait()
}

// keep notes connections to be closed by close.
func (d *delay) keep(conns ...net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range conns {
		if d.conns == nil {
			return false
		}
		d.conns[c] = struct{}{}
	}
	return true
}

func (d *delay) forget(conns ...net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range conns {
		delete(d.conns, c)
	}
}

// piece is what is to be passed on at a time.
type piece struct {
	due  time.Time
	data []byte
}

// pass passes on what comes, half the latency later; what comes before a time, as if it
// came then. When one side has ended the other one is told, as late.
func (d *delay) pass(to, from net.Conn, notBefore time.Time) {
	held := make(chan piece, maxHeld)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		defer to.Close()
		timer := time.NewTimer(0)
		defer timer.Stop()
		for p := range held {
			timer.Reset(time.Until(p.due))
			select {
			case <-timer.C:
			case <-d.stop:
				from.Close()
			}
			if _, err := to.Write(p.data); err != nil {
				from.Close() // so that the reader ends
			}
		}
	})
	defer close(held)
	buffer := make([]byte, pieceSize)
	for {
		n, err := from.Read(buffer)
		came := time.Now()
		if came.Before(notBefore) {
			came = notBefore
		}
		if n > 0 {
			held <- piece{due: came.Add(d.latency / 2), data: append([]byte(nil), buffer[:n]...)}
		}
		if errors.Is(err, io.EOF) {
			held <- piece{due: came.Add(d.latency / 2)}
		}
		if err != nil {
			return
		}
	}
}
