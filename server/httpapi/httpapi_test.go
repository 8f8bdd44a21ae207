package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/rivulet-sync/rivulet/server/httpapi"
	"github.com/rivulet-sync/rivulet/server/socket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo serves a WebSocket by sending back what comes, once.
type echo struct{}

func (echo) Len() int { return 3 }

func (echo) Serve(conn *socket.Conn, _ string) {
	defer conn.Cut()
	message, err := conn.Read()
	if err != nil {
		return
	}
	reply, _ := socket.Append(nil, message)
	conn.Write(reply, time.Second, func() {}) //nolint:errcheck // the test finds out
	conn.Close(int(websocket.StatusNormalClosure), "", time.Second)
}

func start(t *testing.T, change ...func(*httpapi.Config)) string {
	t.Helper()
	return serve(t, handler(change...))
}

// serve starts a server for a test and returns its URL.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	return srv.URL
}

func handler(change ...func(*httpapi.Config)) http.Handler {
	cfg := httpapi.Config{
		Sessions: echo{}, Health: func() error { return nil }, Documents: func() int { return 7 }, Version: "v1",
		Web:    http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "page "+r.URL.Path) }), //nolint:errcheck // the test finds out
		Logger: slog.New(slog.DiscardHandler), LocalOnly: true,
	}
	for _, c := range change {
		c(&cfg)
	}
	return httpapi.New(cfg)
}

// request sends a request with some headers and returns status and body.
func request(t *testing.T, method, url string, header map[string]string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		if name == "Host" {
			r.Host = value
		}
		r.Header.Set(name, value)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(body)
}

// upgrade asks for the WebSocket, uses it if it may, and returns the status.
func upgrade(t *testing.T, url, origin, host string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	options := &websocket.DialOptions{HTTPHeader: http.Header{}, Host: host, HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	if origin != "" {
		options.HTTPHeader.Set("Origin", origin)
	}
	conn, response, err := websocket.Dial(ctx, url+"/v1/sync", options)
	if err == nil {
		defer conn.CloseNow() //nolint:errcheck // the server closes, too
		if err := conn.Write(ctx, websocket.MessageBinary, []byte("hi")); err != nil {
			t.Error(err)
		}
		if _, message, err := conn.Read(ctx); err != nil || string(message) != "hi" {
			t.Errorf("read %q, %v", message, err)
		}
	}
	if response == nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

// TestForeignOriginIsRefused: a page of somewhere else cannot use the WebSocket.
// Programs send no origin.
func TestForeignOriginIsRefused(t *testing.T) {
	url := start(t, func(c *httpapi.Config) { c.Origins = []string{"app.example.com", "*.trusted.example"} })
	host := strings.TrimPrefix(url, "http://")
	for origin, want := range map[string]int{
		"":                                http.StatusSwitchingProtocols,
		"http://" + host:                  http.StatusSwitchingProtocols,
		"https://app.example.com":         http.StatusSwitchingProtocols,
		"https://a.trusted.example":       http.StatusSwitchingProtocols,
		"https://evil.example":            http.StatusForbidden,
		"https://app.example.com.evil.me": http.StatusForbidden,
		"http://localhost:1":              http.StatusForbidden,
		"http://" + host + ".evil.me":     http.StatusForbidden,
		"null":                            http.StatusForbidden,
		"file://":                         http.StatusForbidden,
		"https://a.trusted.example.evil":  http.StatusForbidden,
	} {
		if got := upgrade(t, url, origin, ""); got != want {
			t.Errorf("origin %q: status %d, want %d", origin, got, want)
		}
	}
}

// TestForeignHostIsRefused: while the server is for the local host only, a DNS
// name that somebody points at it does not get through, for the WebSocket and for
// everything else.
func TestForeignHostIsRefused(t *testing.T) {
	local, open := start(t), start(t, func(c *httpapi.Config) { c.LocalOnly = false })
	for host, good := range map[string]bool{
		"localhost": true, "localhost:8080": true, "127.0.0.1": true, "127.0.0.1:1": true, "127.1.2.3": true, "[::1]": true, "[::1]:80": true,
		"evil.example": false, "localhost.evil.example": false, "127.0.0.1.evil.example:80": false, "10.0.0.1": false, "0.0.0.0": false,
		"[::]:80": false, "::1:80": false, "[fe80::1]": false,
	} {
		for _, path := range []string{"/", "/healthz", "/v1/sync"} {
			status, _, _ := request(t, http.MethodGet, local+path, map[string]string{"Host": host})
			if refused := status == http.StatusMisdirectedRequest; refused == good {
				t.Errorf("host %s, %s: status %d", host, path, status)
			}
			if status, _, _ := request(t, http.MethodGet, open+path, map[string]string{"Host": host}); status == http.StatusMisdirectedRequest {
				t.Errorf("host %s, %s, of a server for everybody: status %d", host, path, status)
			}
		}
	}
	// A page of the foreign name is of the same origin as its requests.
	if got := upgrade(t, local, "http://evil.example", "evil.example"); got != http.StatusMisdirectedRequest {
		t.Errorf("the WebSocket: status %d", got)
	}
}

// TestHealth says how the server is.
func TestHealth(t *testing.T) {
	var health error
	url := start(t, func(c *httpapi.Config) { c.Health = func() error { return health } })
	check := func(status int, want map[string]any) {
		t.Helper()
		got, header, body := request(t, http.MethodGet, url+"/healthz", nil)
		var fields map[string]any
		if err := json.Unmarshal([]byte(body), &fields); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		for name, value := range want {
			if fields[name] != value {
				t.Errorf("%s is %v, want %v", name, fields[name], value)
			}
		}
		if got != status || header.Get("Cache-Control") != "no-store" || header.Get("Content-Type") != "application/json" {
			t.Errorf("status %d, header %v", got, header)
		}
	}
	check(http.StatusOK, map[string]any{"status": "ok", "version": "v1", "clients": 3.0, "documents": 7.0, "reason": nil})
	health = errors.New("the disk is full")
	check(http.StatusServiceUnavailable, map[string]any{"status": "unavailable", "reason": "the disk is full"})
}

// TestRoutes: pages, and nothing but GET.
func TestRoutes(t *testing.T) {
	url := start(t)
	if status, _, body := request(t, http.MethodGet, url+"/some/page", nil); status != http.StatusOK || body != "page /some/page" {
		t.Errorf("status %d, %q", status, body)
	}
	for _, path := range []string{"/", "/healthz", "/v1/sync"} {
		if status, _, _ := request(t, http.MethodPost, url+path, nil); status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: status %d", path, status)
		}
	}
	if status, _, _ := request(t, http.MethodGet, url+"/v1/sync", nil); status != http.StatusUpgradeRequired {
		t.Errorf("the WebSocket without an upgrade: status %d", status)
	}
}

// TestPrincipals: connections of this machine count for nobody, others for their address,
// whatever their port.
func TestPrincipals(t *testing.T) {
	for remote, want := range map[string]string{
		"127.0.0.1:5000": "", "127.9.9.9:5000": "", "[::1]:5000": "", "@": "", "": "",
		"10.0.0.1:5000": "10.0.0.1", "10.0.0.1:5001": "10.0.0.1", "[2001:db8::1]:5000": "2001:db8::1",
	} {
		if got := httpapi.PrincipalOf(remote); got != want {
			t.Errorf("%q counts for %q, want %q", remote, got, want)
		}
	}
}
