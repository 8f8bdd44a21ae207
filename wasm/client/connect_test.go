//go:build !js

package client_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

var notes = record.Key{Space: "demo", ID: "notes"}

// waitStatus waits for a state of the connection. It has no event of its own
// that a test could wait for, so this looks again and again.
func waitStatus(t testing.TB, c *client.Client, want client.Status) {
	t.Helper()
	ctx := testContext(t)
	for c.State().Status != want {
		if ctx.Err() != nil {
			t.Fatalf("the state is %+v, want %s", c.State(), want)
		}
		time.Sleep(time.Millisecond)
	}
}

func wantConnectError(t testing.TB, err error, code wire.Code, detail string) {
	t.Helper()
	var connect *client.ConnectError
	if !errors.As(err, &connect) {
		t.Fatalf("the error is %T %v", err, err)
	}
	if connect.Code != code || !strings.Contains(connect.Error(), detail) {
		t.Errorf("code %s: %v; want %s, %q", connect.Code, connect, code, detail)
	}
}

// TestConnectToNothing: the text says where nothing answered and why.
func TestConnectToNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = client.Connect(ctx, client.Config{URL: url})
	wantConnectError(t, err, 0, "connection refused")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), url) {
		t.Errorf("the error is %v", err)
	}
}

// TestConnectToSomethingElse: there is a web server, but it is no Rivulet.
func TestConnectToSomethingElse(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := client.Connect(ctx, client.Config{URL: web.URL})
	wantConnectError(t, err, 0, "404")
}

// TestConnectToABadURL says how to write it.
func TestConnectToABadURL(t *testing.T) {
	for url, want := range map[string]string{
		"localhost:8080": "http://", "ftp://localhost": "http://", "": "http://", "http://": "no host", "http://a b": "URL", "%zz": "URL",
	} {
		if _, err := client.New(client.Config{URL: url}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// refusing is a server that greets every client with a fault.
func refusing(t *testing.T, code wire.Code) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow() //nolint:errcheck // the client closes, too
		if err := conn.Write(r.Context(), websocket.MessageBinary, fault(code)); err != nil {
			t.Error(err)
		}
		conn.Read(r.Context()) //nolint:errcheck // until the client has gone
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// TestServerRefusesForGood: whoever waits, and whoever comes later, is told why.
func TestServerRefusesForGood(t *testing.T) {
	url := refusing(t, wire.CodeBadVersion)
	_, err := client.Connect(testContext(t), client.Config{URL: url})
	wantConnectError(t, err, wire.CodeBadVersion, "bad_version: because")

	c, err := client.New(client.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Open(testContext(t), board)
	wantConnectError(t, err, wire.CodeBadVersion, url)
	waitStatus(t, c, client.Closed)
	_, err = c.Open(testContext(t), notes)
	wantConnectError(t, err, wire.CodeBadVersion, url)
	for _, err := range c.Log(testContext(t), board, 0) {
		wantConnectError(t, err, wire.CodeBadVersion, url)
	}
}

// TestServerRefusesForNow: the client goes on trying, and says why in the end.
func TestServerRefusesForNow(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := client.Connect(ctx, client.Config{URL: refusing(t, wire.CodeUnavailable)})
	wantConnectError(t, err, wire.CodeUnavailable, "unavailable: because")
}

// TestStates are told in order, and the client keeps its id.
func TestStates(t *testing.T) {
	b := startBackend(t)
	states := make(chan client.State, 100)
	c := b.connect(func(cfg *client.Config) { cfg.OnState = func(s client.State) { states <- s } })
	id := c.ID()
	b.stop()
	b.start()
	want := []client.Status{client.Connecting, client.Online, client.Waiting}
	for _, w := range want {
		s := <-states
		if s.Status != w {
			t.Fatalf("%s came, want %s", s.Status, w)
		}
		if w == client.Waiting && s.Code != wire.CodeDraining {
			t.Errorf("the server was stopped: %+v", s)
		}
	}
	waitStatus(t, c, client.Online)
	if c.ID() != id || id.IsZero() {
		t.Errorf("the id was %s and is %s", id, c.ID())
	}
	c.SetOffline(true)
	waitStatus(t, c, client.Offline)
	c.SetOffline(false)
	waitStatus(t, c, client.Online)
}
