package server_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// refused starts a server that must not start, and returns why.
func refused(t *testing.T, cfg server.Config) error {
	t.Helper()
	if cfg.Data == "" {
		cfg.Data = t.TempDir()
	}
	srv, err := server.Start(context.Background(), cfg)
	if err == nil {
		srv.Close() //nolint:errcheck // the test has failed already
		t.Fatalf("a server was started on %s", srv.URL())
	}
	return err
}

// TestExposedAddressIsRefused: without authentication only the local machine may
// reach the server, unless it is said that all may.
func TestExposedAddressIsRefused(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0"} {
		if err := refused(t, server.Config{Addr: addr}); !strings.Contains(err.Error(), "--insecure") {
			t.Errorf("%s: %v", addr, err)
		}
	}
	for _, addr := range []string{"localhost", "8080", "127.0.0.1"} {
		if err := refused(t, server.Config{Addr: addr}); !strings.Contains(err.Error(), "host:port") {
			t.Errorf("%s: %v", addr, err)
		}
	}
	srv := start(t, server.Config{Addr: "0.0.0.0:0", Insecure: true})
	_, port, err := net.SplitHostPort(strings.TrimPrefix(srv.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	connect(t, "http://127.0.0.1:"+port)
	start(t, server.Config{Addr: "localhost:0"})
}

// TestSecondServerOnTheSameData is refused and says who has it; the first one
// goes on, and when it has stopped another may start.
func TestSecondServerOnTheSameData(t *testing.T) {
	data := t.TempDir()
	first := start(t, server.Config{Data: data})
	d := open(t, connect(t, first.URL()), board)
	err := refused(t, server.Config{Addr: "127.0.0.1:0", Data: data})
	var locked *natsd.LockedError
	if !errors.As(err, &locked) || !strings.Contains(err.Error(), data) {
		t.Errorf("the error is %v", err)
	}
	if _, err := d.Update(t.Context(), func(tx *doc.Tx) error { return tx.Set("/a", []byte("1")) }); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := start(t, server.Config{Data: data})
	if got := string(open(t, connect(t, second.URL()), board).Get()); got != `{"a":1}` {
		t.Errorf("the document is %s", got)
	}
}

// TestAddressInUse is refused with what to do, and leaves nothing behind: the
// data can be used at once.
func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	data := t.TempDir()
	err = refused(t, server.Config{Addr: l.Addr().String(), Data: data})
	if !strings.Contains(err.Error(), l.Addr().String()) || !strings.Contains(err.Error(), "--addr") {
		t.Errorf("the error is %v", err)
	}
	start(t, server.Config{Data: data})
}

// TestStartWithACancelledContext starts nothing.
func TestStartWithACancelledContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	srv, err := server.Start(ctx, server.Config{Addr: "127.0.0.1:0", Data: t.TempDir()})
	if err == nil {
		srv.Close() //nolint:errcheck // the test has failed already
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

// TestL11_OversizedMessageOverTCP: nobody else notices.
func TestL11_OversizedMessageOverTCP(t *testing.T) {
	srv := start(t, server.Config{})
	d := open(t, connect(t, srv.URL()), board)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, srv.URL()+"/v1/sync", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow() //nolint:errcheck // the server closes, too
	message := append(wire.Encode(&wire.Hello{Protocol: wire.Protocol}), make([]byte, wire.MaxMessage)...)
	if err := conn.Write(ctx, websocket.MessageBinary, message); err != nil {
		t.Log(err) // closed while it was written
	}
	if _, _, err := conn.Read(ctx); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("the connection ended with %v", err)
	}
	if _, err := d.Update(ctx, func(tx *doc.Tx) error { return tx.Set("/a", []byte("1")) }); err != nil {
		t.Fatal(err)
	}
}
