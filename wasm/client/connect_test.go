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

// states is what a client says of its connection, in the order in which it does.
type states chan client.State

// listen makes a client tell its states.
func listen(cfg *client.Config) states {
	told := make(states, 1000) // more than a test's time is enough for
	cfg.OnState = func(s client.State) { told <- s }
	return told
}

// next waits for the next state.
func (s states) next(t testing.TB) client.State {
	t.Helper()
	select {
	case state := <-s:
		return state
	case <-time.After(within):
		t.Fatal("the connection stays as it is")
		return client.State{}
	}
}

// wait waits for a status that has not been told yet.
func (s states) wait(t testing.TB, want client.Status) {
	t.Helper()
	for s.next(t).Status != want {
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

	cfg := client.Config{URL: url}
	told := listen(&cfg)
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Open(testContext(t), board)
	wantConnectError(t, err, wire.CodeBadVersion, url)
	told.wait(t, client.Closed)
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
	var told states
	c := b.connect(func(cfg *client.Config) { told = listen(cfg) })
	id := c.ID()
	b.stop()
	b.start()
	want := []client.Status{client.Connecting, client.Online, client.Waiting}
	for _, w := range want {
		s := told.next(t)
		if s.Status != w {
			t.Fatalf("%s came, want %s", s.Status, w)
		}
		if w == client.Waiting && s.Code != wire.CodeDraining {
			t.Errorf("the server was stopped: %+v", s)
		}
	}
	told.wait(t, client.Online)
	if c.ID() != id || id.IsZero() {
		t.Errorf("the id was %s and is %s", id, c.ID())
	}
	c.SetOffline(true)
	told.wait(t, client.Offline)
	c.SetOffline(false)
	told.wait(t, client.Online)
}
