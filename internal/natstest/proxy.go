package natstest

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

// Frame is one operation of the NATS protocol: its line, without CRLF, and the
// payload of the four operations that have one.
type Frame struct {
	Line    string
	Payload []byte
}

// Op returns the name of the operation.
func (f Frame) Op() string { op, _, _ := strings.Cut(f.Line, " "); return strings.ToUpper(op) }

// Fields returns the words of the line.
func (f Frame) Fields() []string { return strings.Fields(f.Line) }

func readFrame(r *bufio.Reader) (Frame, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return Frame{}, err
	}
	f := Frame{Line: strings.TrimRight(line, "\r\n")}
	switch f.Op() {
	case "PUB", "HPUB", "MSG", "HMSG":
		fields := f.Fields()
		size, err := strconv.Atoi(fields[len(fields)-1])
		if err != nil {
			return Frame{}, err
		}
		f.Payload = make([]byte, size+2)
		if _, err := io.ReadFull(r, f.Payload); err != nil {
			return Frame{}, err
		}
		f.Payload = f.Payload[:size]
	}
	return f, nil
}

// Bytes returns the frame as it is on the wire.
func (f Frame) Bytes() []byte {
	b := append([]byte(f.Line), "\r\n"...)
	if f.Payload != nil {
		b = append(append(b, f.Payload...), "\r\n"...)
	}
	return b
}

// Action is what a [Proxy] does with a frame.
type Action int

const (
	// Pass forwards the frame.
	Pass Action = iota
	// Drop forgets it.
	Drop
	// Cut forwards it and mutes the connection: the client gets not another byte.
	Cut
)

// Proxy stands between clients and a real server and damages the traffic.
type Proxy struct {
	t        testing.TB
	listener net.Listener
	target   string
	done     sync.WaitGroup

	mu       sync.Mutex
	conns    map[net.Conn]bool // nil when closed
	severed  bool
	toServer func(p *Pipe, f Frame) Action
	toClient func(p *Pipe, f Frame) Action
}

// Pipe is one proxied connection.
type Pipe struct {
	client, server net.Conn

	mu   sync.Mutex // guards writes to client and what follows
	mute bool
	sids map[string]string // subject -> subscription id
}

// NewProxy listens on loopback, for the server at target, until the test ends.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{t: t, listener: ln, target: strings.TrimPrefix(target, "nats://"), conns: map[net.Conn]bool{}}
	p.done.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// URL is where clients connect to.
func (p *Proxy) URL() string { return "nats://" + p.listener.Addr().String() }

// Inspect sets what is called with each frame; nil passes all.
func (p *Proxy) Inspect(toServer, toClient func(*Pipe, Frame) Action) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.toServer, p.toClient = toServer, toClient
}

// Sever ends all connections, and lets no new one through until [Proxy.Mend].
func (p *Proxy) Sever() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.severed = true
	for c := range p.conns {
		c.Close()
	}
}

// Mend lets connections through again.
func (p *Proxy) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.severed = false
}

func (p *Proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	for c := range p.conns {
		c.Close()
	}
	p.conns = nil
	p.mu.Unlock()
	p.done.Wait()
}

func (p *Proxy) accept() {
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
		switch p.track(client, server) {
		case closed:
			return
		case refused:
			continue
		}
		x := &Pipe{client: client, server: server, sids: map[string]string{}}
		p.done.Go(func() { p.pump(x, client, true) })
		p.done.Go(func() { p.pump(x, server, false) })
	}
}

// Outcomes of [Proxy.track].
const (
	tracked = iota
	refused // severed
	closed
)

// track keeps connections, or closes them when they are not to be.
func (p *Proxy) track(conns ...net.Conn) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns != nil && !p.severed {
		for _, c := range conns {
			p.conns[c] = true
		}
		return tracked
	}
	for _, c := range conns {
		c.Close()
	}
	if p.conns == nil {
		return closed
	}
	return refused
}

func (p *Proxy) pump(x *Pipe, from net.Conn, up bool) {
	defer p.hangUp(x)
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
		if up && f.Op() == "SUB" {
			x.subscribe(f.Fields())
		}
		act := Pass
		if hook != nil {
			act = hook(x, f)
		}
		if act == Drop {
			continue
		}
		if act == Cut {
			x.silence()
		}
		if up {
			_, err = x.server.Write(f.Bytes())
		} else {
			err = x.toClient(f.Bytes())
		}
		if err != nil {
			return
		}
	}
}

func (p *Proxy) hangUp(x *Pipe) {
	x.client.Close()
	x.server.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, x.client)
	delete(p.conns, x.server)
}

func (x *Pipe) subscribe(fields []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sids[fields[1]] = fields[len(fields)-1]
}

func (x *Pipe) silence() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mute = true
}

func (x *Pipe) toClient(b []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.mute {
		return nil
	}
	_, err := x.client.Write(b)
	return err
}

// HangUp ends the connection.
func (x *Pipe) HangUp() { x.client.Close() }

// Muted reports whether the connection was [Cut].
func (x *Pipe) Muted() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.mute
}

// ToServer sends bytes to the server in the client's place.
func (x *Pipe) ToServer(b []byte) error {
	_, err := x.server.Write(b)
	return err
}

// Answer replies to a client's request in the server's place.
func (x *Pipe) Answer(t testing.TB, request Frame, header, body string) {
	fields := request.Fields()
	reply := fields[2]
	x.mu.Lock()
	sid, ok := x.sids[reply]
	if !ok {
		sid = x.sids[reply[:strings.LastIndexByte(reply, '.')]+".*"]
	}
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

// IsPublish reports whether a frame publishes to a subject.
func IsPublish(f Frame, subject string) bool {
	return strings.HasSuffix(f.Op(), "PUB") && f.Fields()[1] == subject
}

// Times runs hook for the first n frames that match, and passes the others.
func Times(n int, match func(Frame) bool, hook func(*Pipe, Frame) Action) func(*Pipe, Frame) Action {
	var mu sync.Mutex
	return func(x *Pipe, f Frame) Action {
		if !match(f) {
			return Pass
		}
		mu.Lock()
		n--
		hit := n >= 0
		mu.Unlock()
		if !hit {
			return Pass
		}
		return hook(x, f)
	}
}
