package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
)

// running is a command that goes on.
type running struct {
	t     *testing.T
	stop  context.CancelFunc
	out   chan string // its lines
	errs  chan string
	ended chan int
}

// begin starts a command that goes on until it is stopped.
func (s shell) begin(args ...string) *running {
	s.t.Helper()
	s.t.Setenv("RIVULET_URL", s.url)
	ctx, stop := context.WithCancel(s.t.Context())
	r := &running{t: s.t, stop: stop, ended: make(chan int, 1)}
	out, outWriter := io.Pipe()
	errs, errsWriter := io.Pipe()
	r.out, r.errs = lines(out), lines(errs)
	go func() {
		defer outWriter.Close()
		defer errsWriter.Close()
		r.ended <- run(ctx, args, nil, outWriter, errsWriter)
	}()
	s.t.Cleanup(stop)
	return r
}

// lines delivers what is written, line by line, and then closes.
func lines(from io.Reader) chan string {
	all := make(chan string, 1000)
	go func() {
		defer close(all)
		for scan := bufio.NewScanner(from); scan.Scan(); {
			all <- scan.Text()
		}
	}()
	return all
}

// next waits for a line that contains the text, which must be the next one.
func next(t *testing.T, from chan string, text string) string {
	t.Helper()
	select {
	case line, ok := <-from:
		if !ok || !strings.Contains(line, text) {
			t.Fatalf("printed %q, want %q", line, text)
		}
		return line
	case <-time.After(30 * time.Second):
		t.Fatalf("nothing is printed; want %q", text)
	}
	return ""
}

// nextJSON waits for a line of JSON, which must be the next one, with that event and key.
func nextJSON(t *testing.T, from chan string, want string) {
	t.Helper()
	line := next(t, from, "{")
	var l listLine
	if err := json.Unmarshal([]byte(line), &l); err != nil || l.Event+" "+l.Key != want {
		t.Fatalf("printed %q, want %s", line, want)
	}
}

// TestListWatch prints what is there, then what becomes of it, also of what happens
// while the server is not there.
func TestListWatch(t *testing.T) {
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
	s.do("", "patch", "demo/b", `{"n":1}`)
	s.do("", "patch", "other/c", `{"n":1}`)
	r := s.begin("ls", "demo", "--watch")
	j := s.begin("ls", "demo", "--watch", "--json")
	e := s.begin("ls", "empty", "--watch")
	// Each is heard out before the next thing happens: one that has not begun yet, or has
	// not come back, is told of two changes of a document as one.
	both := func(text, json string) {
		t.Helper()
		next(t, r.out, text)
		nextJSON(t, j.out, json)
	}
	next(t, r.out, "revision  records")
	both("demo/a", "listed demo/a")
	both("demo/b", "listed demo/b")
	next(t, e.errs, "watching empty")
	next(t, r.errs, "watching demo; stop with Ctrl-C")
	next(t, j.errs, "watching demo; stop with Ctrl-C")
	s.do("", "patch", "demo/d", `{"n":1}`)
	both("created  demo/d  revision 3  ", "created demo/d")
	s.do("", "patch", "demo/a", `{"n":2}`)
	both("changed  demo/a  revision 4  ", "changed demo/a")
	s.do("", "rm", "demo/b")
	both("deleted  demo/b  revision 5  ", "deleted demo/b")

	// While the command cannot reach the server, one document is changed, one deleted and
	// one made; the others stay.
	addr := strings.TrimPrefix(srv.URL(), "http://")
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	next(t, r.errs, "lost the server at "+s.url)
	next(t, j.errs, "lost the server at "+s.url)
	elsewhere := serve("127.0.0.1:0")
	away := shell{t: t, url: elsewhere.URL()}
	away.do("", "patch", "demo/a", `{"n":3}`)
	away.do("", "rm", "demo/d")
	away.do("", "patch", "demo/e", `{"n":1}`)
	away.do("", "patch", "demo/f", `{"n":1}`)
	if err := elsewhere.Close(); err != nil {
		t.Fatal(err)
	}
	serve(addr)
	next(t, r.errs, "watching demo again")
	next(t, j.errs, "watching demo again")
	both("deleted  demo/d", "deleted demo/d")
	both("changed  demo/a  revision 6  ", "changed demo/a")
	both("created  demo/e  revision 8  ", "created demo/e")
	both("created  demo/f  revision 9  ", "created demo/f")
	s.do("", "patch", "demo/e", `{"n":2}`)
	both("changed  demo/e  revision 10  ", "changed demo/e")

	for _, r := range []*running{r, j, e} {
		r.stop()
		if code := <-r.ended; code != exitOK {
			t.Errorf("an interrupted listing ended with status %d", code)
		}
	}
	if line, ok := <-e.out; ok {
		t.Errorf("of an empty space it printed %q", line)
	}
}

// TestListWatchErrors: what is wrong from the beginning ends the command.
func TestListWatchErrors(t *testing.T) {
	s := newShell(t)
	s.refused(exitFailed, "is not a space", "ls", "a/b", "--watch")
	none := shell{t: t, url: "http://127.0.0.1:1"}
	none.refused(exitFailed, "rivulet serve", "ls", "demo", "--watch")
	// Something takes the request and never answers it.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	silent := shell{t: t, url: "http://" + l.Addr().String()}
	silent.refused(exitFailed, "did not answer in time", "ls", "demo", "--watch", "--timeout", "100ms")
}

// TestListShowsDamage: a document that cannot be read has no time.
func TestListShowsDamage(t *testing.T) {
	var out strings.Builder
	if err := printList(&out, []listLine{{Key: "demo/a", Revision: 17, Records: 2, Damaged: true}}); err != nil {
		t.Fatal(err)
	}
	if want := "  revision  records  modified key\n        17        2   damaged demo/a\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}
