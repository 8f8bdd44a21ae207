package session_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/session"
	"github.com/rivulet-sync/rivulet/server/socket"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	board = record.Key{Space: "demo", ID: "board"}
	notes = record.Key{Space: "demo", ID: "notes"}
)

// within is how long a test waits for something that must happen.
const within = 20 * time.Second

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	t.Cleanup(cancel)
	return ctx
}

// gate is a log whose appends to held documents wait.
type gate struct {
	*deltalog.Log

	mu   sync.Mutex
	held map[record.Key]chan struct{}
}

// hold makes appends to a document wait until release is called.
func (g *gate) hold(key record.Key) (release func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	held := make(chan struct{})
	g.held[key] = held
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.held, key)
		close(held)
	})
}

func (g *gate) Append(ctx context.Context, key record.Key, tail deltalog.Tail, data []byte) (deltalog.Tail, error) {
	g.mu.Lock()
	held := g.held[key]
	g.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			return tail, &deltalog.UncertainError{Key: key, Err: ctx.Err()}
		}
	}
	return g.Log.Append(ctx, key, tail, data)
}

// world is a group of sessions on a real log, reached over in-memory pipes: what
// nobody reads is not written either.
type world struct {
	t        testing.TB
	node     *natsd.Node
	log      *gate
	registry *host.Registry
	group    *session.Group
	dialer   *http.Client
	pipes    *pipes

	documents host.Config
	sessions  session.Config
	mu        sync.Mutex // guards group while the world is restarted
}

func newWorld(t testing.TB, change ...func(*session.Config, *host.Config)) *world {
	t.Helper()
	node, err := natsd.Start(testContext(t), natsd.Config{Dir: t.TempDir(), Sync: natsd.Sync{Interval: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	log, err := deltalog.Open(testContext(t), deltalog.Config{Conn: node.Conn(), JetStream: node.JetStream()})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, node: node, log: &gate{Log: log, held: make(map[record.Key]chan struct{})}}
	documents := host.Config{Log: w.log, Horizon: 100 * 365 * 24 * time.Hour} // the clients were born in 1970
	sessions := session.Config{History: log, Version: "test", NewClient: newClient()}
	for _, c := range change {
		c(&sessions, &documents)
	}
	w.documents, w.sessions = documents, sessions
	w.begin()
	t.Cleanup(func() {
		w.close()
		w.registry.Close()
	})
	w.serve()
	return w
}

// begin makes the registry and the group.
func (w *world) begin() {
	w.registry = host.NewRegistry(w.documents)
	w.sessions.Documents = w.registry
	w.mu.Lock()
	defer w.mu.Unlock()
	w.group = session.NewGroup(w.sessions)
}

// restart ends all sessions and documents, and begins anew on the same log.
func (w *world) restart() {
	w.close()
	w.registry.Close()
	w.begin()
}

// newClient issues ids that are easy to tell apart.
func newClient() func() record.ClientID {
	var mu sync.Mutex
	var n byte
	return func() record.ClientID {
		mu.Lock()
		defer mu.Unlock()
		n++
		return record.ClientID{5: 1, 6: n}
	}
}

// close ends all sessions as a server does that stops.
func (w *world) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	w.group.Close(ctx, 2*time.Second)
}

// serve accepts WebSockets over pipes until the test ends.
func (w *world) serve() {
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		conn, err := socket.Accept(rw, r, nil)
		if err != nil {
			w.t.Error(err)
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.group.Serve(conn, r.Header.Get("Principal"))
	})}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			w.t.Error(err)
		}
	})
	w.pipes = l
	transport := &http.Transport{DialContext: l.dial, DisableKeepAlives: true}
	w.dialer = &http.Client{Transport: transport}
	w.t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			w.t.Error(err)
		}
		wg.Wait()
	})
}

// pipes is a listener whose connections are in-memory pipes.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu   sync.Mutex
	last net.Conn // the client's end of the last one
}

func (l *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.last = near
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "pipe"} }

// peer is a client that speaks in frames.
type peer struct {
	t       testing.TB
	conn    *websocket.Conn
	id      record.ClientID
	number  map[record.Key]uint32
	request uint32
	last    record.MutationID
	frames  chan wire.Frame
	over    chan error // how the connection ended, once frames is closed
	wg      sync.WaitGroup
}

// dial connects, without a word.
func (w *world) dial() *peer {
	w.t.Helper()
	p := w.dialMute()
	p.wg.Go(p.read)
	return p
}

// dialMute connects a peer that does not read.
func (w *world) dialMute() *peer {
	w.t.Helper()
	conn, _, err := websocket.Dial(testContext(w.t), "ws://memory/", &websocket.DialOptions{HTTPClient: w.dialer})
	if err != nil {
		w.t.Fatal(err)
	}
	conn.SetReadLimit(64 << 20)
	p := &peer{
		t: w.t, conn: conn, number: make(map[record.Key]uint32),
		frames: make(chan wire.Frame, 100_000), over: make(chan error, 1),
	}
	w.t.Cleanup(func() {
		conn.CloseNow() //nolint:errcheck // closed already in most cases
		p.wg.Wait()
	})
	return p
}

// dialDeaf connects a peer that takes the bytes, but does not look at them: it
// does not answer when the server closes the connection either.
func (w *world) dialDeaf() *peer {
	w.t.Helper()
	p := w.dialMute()
	w.pipes.mu.Lock()
	defer w.pipes.mu.Unlock()
	raw := w.pipes.last
	p.wg.Go(func() { io.Copy(io.Discard, raw) }) //nolint:errcheck // until it is closed
	return p
}

// greet connects a client and says hello.
func (w *world) greet() *peer {
	w.t.Helper()
	p := w.dial()
	p.send(&wire.Hello{Protocol: wire.Protocol})
	p.id = expect[*wire.Welcome](p).Client
	return p
}

func (p *peer) read() {
	defer close(p.frames)
	for {
		if err := p.readOne(); err != nil {
			p.over <- err
			return
		}
	}
}

// readOne reads the next message.
func (p *peer) readOne() error {
	_, message, err := p.conn.Read(context.Background())
	if err != nil {
		return err
	}
	for len(message) > 0 {
		var f wire.Frame
		if f, message, err = wire.Decode(message); err != nil {
			return fmt.Errorf("the server sent no frame: %w", err)
		}
		if _, ok := f.(*wire.Checksum); !ok { // those are for the tests of hosts
			p.frames <- f
		}
	}
	return nil
}

func (p *peer) send(frames ...wire.Frame) {
	p.t.Helper()
	var message []byte
	for _, f := range frames {
		message = wire.Append(message, f)
	}
	p.sendBytes(message)
}

func (p *peer) sendBytes(message []byte) {
	p.t.Helper()
	if err := p.conn.Write(testContext(p.t), websocket.MessageBinary, message); err != nil {
		p.t.Fatal(err)
	}
}

// flood sends frames for as long as the connection lasts, whether or not they
// are read.
func (p *peer) flood(next func() wire.Frame) {
	p.wg.Go(func() {
		for p.conn.Write(context.Background(), websocket.MessageBinary, wire.Encode(next())) == nil {
		}
	})
}

// next returns the next frame, nil when the connection has ended.
func (p *peer) next() wire.Frame {
	p.t.Helper()
	select {
	case f := <-p.frames:
		return f
	case <-time.After(within):
		p.t.Fatal("no frame came")
		return nil
	}
}

// expect returns the next frame, which is of type F.
func expect[F wire.Frame](p *peer) F {
	p.t.Helper()
	f := p.next()
	want, ok := f.(F)
	if !ok {
		p.t.Fatalf("%T %+v came, want %T", f, f, want)
	}
	return want
}

// open opens a document from the beginning and returns its snapshot.
func (p *peer) open(key record.Key) *wire.Opened {
	p.t.Helper()
	p.send(p.ask(key.String()))
	o := expect[*wire.Opened](p)
	if o.Request != p.request {
		p.t.Fatalf("the answer to request %d came, want %d", o.Request, p.request)
	}
	p.number[key] = o.Doc
	p.last = o.Last
	return o
}

// ask returns a request to open a document from the beginning.
func (p *peer) ask(key string) *wire.Open {
	p.request++
	return &wire.Open{Request: p.request, Key: key}
}

// push returns a push of a blind write that follows the last one.
func (p *peer) push(key record.Key, patch string, reads ...delta.Read) *wire.Push {
	f := &wire.Push{
		Doc: p.number[key], ID: record.MutationID{Number: p.last.Number + 1, Nonce: 7}, Follows: p.last,
		Reads: reads, Delta: []byte(patch),
	}
	p.last = f.ID
	return f
}

// ended waits for the end of the connection and returns what the server gave as
// its reason: the last Fault, and the close status.
func (p *peer) ended() (fault *wire.Fault, status websocket.StatusCode) {
	p.t.Helper()
	for {
		f := p.next()
		if f == nil {
			return fault, websocket.CloseStatus(<-p.over)
		}
		if last, ok := f.(*wire.Fault); ok {
			fault = last
		}
	}
}

// wantEnd waits for the end of the connection, for a reason.
func (p *peer) wantEnd(code wire.Code) {
	p.t.Helper()
	fault, status := p.ended()
	if fault == nil || fault.Code != code || fault.Key != "" || fault.Request != 0 {
		p.t.Errorf("the fault is %+v, want %s", fault, code)
	}
	if int(status) != code.CloseStatus() {
		p.t.Errorf("closed with %d, want %d (%s)", status, code.CloseStatus(), code)
	}
}
