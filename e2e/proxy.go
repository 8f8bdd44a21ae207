package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy is a wire between pages and a server that a test can cut. Bytes pass
// unchanged.
type Proxy struct {
	listener net.Listener
	target   string
	passing  sync.WaitGroup

	mu     sync.Mutex
	cut    bool
	closed bool
	open   map[net.Conn]bool
}

// NewProxy starts a proxy to a host and port, such as [Server.Addr].
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("e2e: %v", err)
	}
	x := &Proxy{listener: l, target: target, open: map[net.Conn]bool{}}
	x.passing.Go(x.accept)
	t.Cleanup(func() {
		x.mu.Lock()
		x.closed = true
		x.mu.Unlock()
		l.Close()
		x.Cut()
		x.passing.Wait()
	})
	return x
}

// URL is the address of the server seen through the proxy.
func (x *Proxy) URL() string { return "http://" + x.listener.Addr().String() }

// Cut resets every connection and every one that is tried, until Mend.
func (x *Proxy) Cut() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cut = true
	for c := range x.open {
		reset(c)
	}
}

// Mend lets new connections through again.
func (x *Proxy) Mend() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cut = x.closed
}

func (x *Proxy) accept() {
	for {
		c, err := x.listener.Accept()
		if err != nil {
			return // closed
		}
		if !x.keep(c) {
			reset(c)
			continue
		}
		x.passing.Go(func() { x.pass(c) })
	}
}

// pass copies both ways until one side ends, then ends the other.
func (x *Proxy) pass(c net.Conn) {
	defer x.forget(c)
	s, err := net.Dial("tcp", x.target)
	if err != nil {
		return
	}
	if !x.keep(s) {
		reset(s)
		return
	}
	defer x.forget(s)
	x.passing.Go(func() {
		io.Copy(s, c)
		s.Close()
	})
	io.Copy(c, s)
}

func (x *Proxy) keep(c net.Conn) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cut {
		return false
	}
	x.open[c] = true
	return true
}

func (x *Proxy) forget(c net.Conn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.open, c)
	c.Close()
}

// reset closes with an RST, as a cut wire looks in the end.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}
