package deltalog_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// frame is one operation of the NATS protocol: its line, without CRLF, and the
// payload of the four operations that have one.
type frame struct {
	line    string
	payload []byte
}

func (f frame) op() string { op, _, _ := strings.Cut(f.line, " "); return strings.ToUpper(op) }

func (f frame) fields() []string { return strings.Fields(f.line) }

func readFrame(r *bufio.Reader) (frame, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return frame{}, err
	}
	f := frame{line: strings.TrimRight(line, "\r\n")}
	switch f.op() {
	case "PUB", "HPUB", "MSG", "HMSG":
		fields := f.fields()
		size, err := strconv.Atoi(fields[len(fields)-1])
		if err != nil {
			return frame{}, err
		}
		f.payload = make([]byte, size+2)
		if _, err := io.ReadFull(r, f.payload); err != nil {
			return frame{}, err
		}
		f.payload = f.payload[:size]
	}
	return f, nil
}

func (f frame) bytes() []byte {
	b := append([]byte(f.line), "\r\n"...)
	if f.payload != nil {
		b = append(append(b, f.payload...), "\r\n"...)
	}
	return b
}

// action is what the proxy does with a frame.
type action int

const (
	pass action = iota
	drop
	// cut forwards the frame and ends the connection without another byte
	// to the client.
	cut
)

// proxy stands between a client and a real server and damages the traffic.
type proxy struct {
	t        testing.TB
	listener net.Listener
	target   string
	done     sync.WaitGroup

	mu       sync.Mutex
	conns    map[net.Conn]bool
	toServer func(p *pipe, f frame) action
	toClient func(p *pipe, f frame) action
}

// pipe is one proxied connection.
type pipe struct {
	client, server net.Conn

	mu   sync.Mutex // guards writes to client and what follows
	mute bool
	sids map[string]string // subject -> subscription id
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, listener: ln, target: strings.TrimPrefix(target, "nats://"), conns: map[net.Conn]bool{}}
	p.done.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

// inspect sets what is called with each frame; nil passes all.
func (p *proxy) inspect(toServer, toClient func(*pipe, frame) action) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.toServer, p.toClient = toServer, toClient
}

func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	for c := range p.conns {
		c.Close()
	}
	p.conns = nil
	p.mu.Unlock()
	p.done.Wait()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		if !p.track(client, server) {
			return
		}
		x := &pipe{client: client, server: server, sids: map[string]string{}}
		p.done.Go(func() { p.pump(x, client, true) })
		p.done.Go(func() { p.pump(x, server, false) })
	}
}

// track keeps connections for close, or closes them when it has been called.
func (p *proxy) track(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.conns == nil {
			c.Close()
			continue
		}
		p.conns[c] = true
	}
	return p.conns != nil
}

func (p *proxy) pump(x *pipe, from net.Conn, up bool) {
	defer x.client.Close()
	defer x.server.Close()
	r := bufio.NewReader(from)
	for {
		f, err := readFrame(r)
		if err != nil {
			return
		}
		p.mu.Lock()
		hook := p.toClient
		if up {
			hook = p.toServer
		}
		p.mu.Unlock()
		if up && f.op() == "SUB" {
			x.subscribe(f.fields())
		}
		act := pass
		if hook != nil {
			act = hook(x, f)
		}
		if act == drop {
			continue
		}
		if act == cut {
			x.silence()
		}
		if up {
			_, err = x.server.Write(f.bytes())
		} else {
			err = x.toClient(f.bytes())
		}
		if err != nil {
			return
		}
	}
}

func (x *pipe) subscribe(fields []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sids[fields[1]] = fields[len(fields)-1]
}

func (x *pipe) silence() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mute = true
}

func (x *pipe) toClient(b []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.mute {
		return nil
	}
	_, err := x.client.Write(b)
	return err
}

// hangUp ends the connection of a pipe.
func (x *pipe) hangUp() { x.client.Close() }

// answer replies to a client's request in the server's place.
func (x *pipe) answer(t testing.TB, request frame, header, body string) {
	fields := request.fields()
	reply := fields[2]
	x.mu.Lock()
	sid := x.sids[reply[:strings.LastIndexByte(reply, '.')]+".*"]
	x.mu.Unlock()
	if sid == "" {
		t.Errorf("no subscription for %s", reply)
		return
	}
	var b bytes.Buffer
	if header == "" {
		fmt.Fprintf(&b, "MSG %s %s %d\r\n%s\r\n", reply, sid, len(body), body)
	} else {
		fmt.Fprintf(&b, "HMSG %s %s %d %d\r\n%s%s\r\n", reply, sid, len(header), len(header)+len(body), header, body)
	}
	if err := x.toClient(b.Bytes()); err != nil {
		t.Error(err)
	}
}

// isPublish reports whether a frame publishes to a subject.
func isPublish(f frame, subject string) bool {
	return strings.HasSuffix(f.op(), "PUB") && f.fields()[1] == subject
}

// times runs hook for the first n frames that match, and passes the others.
func times(n int, match func(frame) bool, hook func(*pipe, frame) action) func(*pipe, frame) action {
	var mu sync.Mutex
	return func(x *pipe, f frame) action {
		if !match(f) {
			return pass
		}
		mu.Lock()
		n--
		hit := n >= 0
		mu.Unlock()
		if !hit {
			return pass
		}
		return hook(x, f)
	}
}
