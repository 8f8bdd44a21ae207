package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
)

// TestFeed prints what was committed, what is, and goes on over a restart and from a cursor.
func TestFeed(t *testing.T) {
	data := t.TempDir()
	serve := func(addr string) *server.Server {
		t.Helper()
		srv, err := server.Start(t.Context(), server.Config{Addr: addr, Data: data, Sync: natsd.Sync{Interval: time.Minute}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { srv.Close() })
		return srv
	}
	srv := serve("127.0.0.1:0")
	s := shell{t: t, url: srv.URL()}
	s.do("", "patch", "demo/a", `{"n":1}`)
	s.do("", "patch", "other/b", `{"n":1}`)
	s.do("", "patch", "demo/b", `{"n":1}`)
	type line struct {
		Event, Cursor, Doc string
		Mutations          []struct{ Delta json.RawMessage }
	}
	read := func(text string) (l line) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return l
	}
	r := s.begin("feed", "demo")
	next(t, r.out, `"doc":"demo/a"`)
	at := read(next(t, r.out, `"doc":"demo/b"`))
	if at.Event != "change" || len(at.Mutations) != 1 || string(at.Mutations[0].Delta) != `{"n":1}` {
		t.Errorf("a line is %+v", at)
	}
	s.do("", "patch", "demo/a", `{"n":2}`)
	next(t, r.out, `{"n":2}`)
	addr := strings.TrimPrefix(srv.URL(), "http://")
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	next(t, r.errs, "lost the server at "+s.url)
	serve(addr)
	s.do("", "rm", "demo/b")
	next(t, r.out, `{"event":"delete"`)
	r.stop()

	code, out, errs := s.do("", "feed", "demo", "--once", "--cursor", at.Cursor)
	if lines := strings.Split(strings.TrimSpace(out), "\n"); code != exitOK || len(lines) != 2 || read(lines[0]).Doc != "demo/a" || read(lines[1]).Event != "delete" {
		t.Errorf("from a cursor on: status %d, %s%s", code, out, errs)
	}
	for _, args := range [][]string{{"feed", "a/b"}, {"feed", "demo", "--cursor", "x"}} {
		if code, _, errs := s.do("", args...); code != exitFailed || errs == "" {
			t.Errorf("%v: status %d, %q", args, code, errs)
		}
	}
}

// TestFeedOfAnotherServer says so, and does not ask again and again.
func TestFeedOfAnotherServer(t *testing.T) {
	for _, c := range []struct{ name, kind, text, want string }{
		{"a page", "text/html; charset=utf-8", "<!doctype html>\n<p>hello", `it sends "text/html; charset=utf-8", and no events`},
		{"JSON", "application/json", `{"status":"ok"}`, `it sends "application/json", and no events`},
		{"nothing", "", "", "no events"},
		{"events that are no JSON", "text/event-stream", "id: 1-1\nevent: change\ndata: hello\n\n", "an event that it sends cannot be read"},
		{"events of another kind", "text/event-stream", "data: [1]\n\n", "an event that it sends cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.kind)
				io.WriteString(w, c.text) //nolint:errcheck // the client finds out
			}))
			defer other.Close()
			s := shell{t: t, url: other.URL}
			for _, args := range [][]string{{"feed", "demo"}, {"feed", "demo", "--once"}} {
				r := s.begin(args...)
				next(t, r.errs, "rivulet: what answers at "+other.URL+" is no Rivulet server of this version: ")
				if code := <-r.ended; code != exitFailed {
					t.Errorf("status %d", code)
				}
			}
			s.refused(exitFailed, c.want, "feed", "demo")
		})
	}
}
