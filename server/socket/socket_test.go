package socket_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/rivulet-sync/rivulet/server/payload"
	"github.com/rivulet-sync/rivulet/server/socket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const within = 20 * time.Second

// pair connects a client of coder/websocket to a socket.
func pair(t testing.TB, options *websocket.DialOptions) (*socket.Conn, *websocket.Conn) {
	t.Helper()
	accepted := make(chan *socket.Conn, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := socket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
		}
		accepted <- conn
	}))
	t.Cleanup(srv.Close)
	client, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(srv.URL, "http"), options)
	if err != nil {
		t.Fatal(err)
	}
	client.SetReadLimit(64 << 20)
	conn := <-accepted
	t.Cleanup(conn.Cut)
	t.Cleanup(func() { client.CloseNow() }) //nolint:errcheck // it has ended
	return conn, client
}

func read(t *testing.T, client *websocket.Conn) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	kind, data, err := client.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if kind != websocket.MessageBinary {
		t.Fatalf("a message of type %v", kind)
	}
	return data
}

func unexpected(t testing.TB) func() { return func() { t.Helper(); t.Error("the write would wait") } }

// TestMessages: another implementation reads our messages, of every length of the header.
func TestMessages(t *testing.T) {
	conn, client := pair(t, nil)
	var buf []byte
	for _, size := range []int{0, 1, 125, 126, 127, 65535, 65536, 1 << 20} {
		data := make([]byte, size)
		rand.Read(data) //nolint:errcheck // never fails
		var m socket.Message
		m, buf = socket.Append(buf, data[:size/3], data[size/3:])
		done := make(chan error, 1)
		go func() { done <- conn.Write(m, within, func() {}) }()
		if got := read(t, client); !bytes.Equal(got, data) {
			t.Errorf("%d bytes: %d came", size, len(got))
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnswers: they are read by who has asked for compressed messages, and by who has not,
// between others.
func TestAnswers(t *testing.T) {
	for mode, extensions := range map[websocket.CompressionMode]bool{
		websocket.CompressionDisabled: false, websocket.CompressionNoContextTakeover: true, websocket.CompressionContextTakeover: true,
	} {
		counting := &counter{}
		conn, client := pair(t, &websocket.DialOptions{CompressionMode: mode, HTTPClient: &http.Client{Transport: &http.Transport{DialContext: counting.dial}}})
		for _, size := range []int{0, 10, 1 << 10, 200_000} {
			shared := payload.NewShared(bytes.Repeat([]byte(`{"title":"do it"}`), size/17+1)[:size])
			for i := range 3 {
				a := &payload.Answer{Before: []byte{byte(i)}, Shared: shared, After: []byte("end")}
				plain, _ := socket.Append(nil, []byte("plain"))
				before := counting.read.Load()
				done := make(chan error, 1)
				go func() {
					done <- errors.Join(conn.WriteAnswer(a, within, func() {}), conn.Write(plain, within, func() {}))
				}()
				if got := read(t, client); !bytes.Equal(got, a.Bytes()) {
					t.Errorf("%d bytes came, want %d", len(got), a.Len())
				}
				if got := read(t, client); string(got) != "plain" {
					t.Errorf("%q came", got)
				}
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				if n := int(counting.read.Load() - before); size > 1000 && (n < size/5) != extensions {
					t.Errorf("mode %d: %d bytes became %d", mode, size, n)
				}
			}
		}
		if !extensions {
			continue
		}
		// What the client compresses is read.
		text := bytes.Repeat([]byte("abc"), 1000)
		if err := client.Write(t.Context(), websocket.MessageBinary, text); err != nil {
			t.Fatal(err)
		}
		if got, err := conn.Read(); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
}

// counter counts what a client reads.
type counter struct {
	net.Conn
	read atomic.Int64
}

func (c *counter) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	c.Conn = conn
	return c, err
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

// TestWriteSaysThatItWaits: not before the client's buffers are full, and then once; the
// time-out is for as long as nothing moves, and breaks the connection.
func TestWriteSaysThatItWaits(t *testing.T) {
	conn, client := pair(t, nil)
	m, _ := socket.Append(nil, make([]byte, 1<<20))
	waits, sent := 0, 0
	full := make(chan struct{})
	go func() { // the client reads when the server waits
		<-full
		for {
			if _, _, err := client.Read(context.Background()); err != nil {
				return // it is cut at the end
			}
		}
	}()
	for ; waits == 0; sent++ {
		if err := conn.Write(m, within, func() { waits++; close(full) }); err != nil {
			t.Fatal(err)
		}
	}
	if waits != 1 {
		t.Errorf("a message was said to wait %d times", waits)
	}
	if small, _ := socket.Append(nil, []byte("a")); conn.Write(small, within, func() {}) != nil {
		t.Error("nothing can be written any more")
	}
	mute, _ := pair(t, nil)
	var err error
	for err == nil {
		err = mute.Write(m, 50*time.Millisecond, func() {})
	}
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("the error is %v", err)
	}
	if err := mute.Write(m, within, func() {}); err == nil {
		t.Error("a message was written behind one that was cut off")
	}
}

// TestPingsWhileWriting: what coder/websocket writes never comes in the middle of a message.
func TestPingsWhileWriting(t *testing.T) {
	conn, client := pair(t, nil)
	go func() {
		for {
			if _, err := conn.Read(); err != nil {
				return
			}
		}
	}()
	const messages = 200
	data := make([]byte, 100_000)
	rand.Read(data) //nolint:errcheck // never fails
	m, _ := socket.Append(nil, data)
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() {
		for range messages {
			if err := conn.Write(m, within, func() {}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	pings := 0
	wg.Go(func() {
		for ctx.Err() == nil {
			if client.Ping(ctx) == nil {
				pings++
			}
		}
	})
	for range messages {
		if got := read(t, client); !bytes.Equal(got, data) {
			t.Fatalf("%d bytes came", len(got))
		}
	}
	cancel()
	wg.Wait()
	t.Log(pings, "pings")
}

// TestEarlyBytes: what a client sends at once with its request is not lost.
func TestEarlyBytes(t *testing.T) {
	got := make(chan []byte, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := socket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Cut()
		data, err := conn.Read()
		if err != nil {
			t.Error(err)
		}
		got <- data
	}))
	defer srv.Close()
	raw, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close() //nolint:errcheck // the test is over
	text := strings.Repeat("x", 100)
	frame := append([]byte{0x82, 0x80 | 100, 0, 0, 0, 0}, text...) // masked with zeros
	fmt.Fprintf(raw, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n%s", frame)
	if status, err := bufio.NewReader(raw).ReadString('\n'); err != nil || !strings.Contains(status, "101") {
		t.Fatal(status, err)
	}
	if data := <-got; string(data) != text {
		t.Errorf("%q came", data)
	}
}

// TestTextIsNoMessage, and the connection goes on.
func TestTextIsNoMessage(t *testing.T) {
	conn, client := pair(t, nil)
	for kind, want := range map[websocket.MessageType]error{websocket.MessageText: socket.ErrText, websocket.MessageBinary: nil} {
		if err := client.Write(t.Context(), kind, []byte("a")); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(); !errors.Is(err, want) {
			t.Errorf("%v: %v", kind, err)
		}
	}
}

// TestL5_WriteAllocatesNothing: a message costs a connection a system call and nothing else.
func TestL5_WriteAllocatesNothing(t *testing.T) {
	conn, _ := pair(t, nil) // what nobody reads has room in the network
	frames := [][]byte{make([]byte, 60), make([]byte, 60)}
	_, buf := socket.Append(nil, frames...)
	wait := unexpected(t)
	var m socket.Message
	var err error
	mean := testing.AllocsPerRun(50, func() {
		m, buf = socket.Append(buf, frames...)
		err = errors.Join(err, conn.Write(m, within, wait))
	})
	if err != nil {
		t.Fatal(err)
	}
	if mean > 0 {
		t.Errorf("%.0f allocations a message", mean)
	}
}
