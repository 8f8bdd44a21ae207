package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shell runs commands against one server.
type shell struct {
	t   *testing.T
	url string
}

func newShell(t *testing.T) shell {
	srv, err := server.Start(t.Context(), server.Config{
		Addr: "127.0.0.1:0", Data: t.TempDir(), Sync: natsd.Sync{Interval: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return shell{t: t, url: srv.URL()}
}

// do runs a command line and returns its status and what it wrote.
func (s shell) do(stdin string, args ...string) (code int, out, errs string) {
	s.t.Helper()
	s.t.Setenv("RIVULET_URL", s.url)
	var stdout, stderr bytes.Buffer
	code = run(s.t.Context(), args, strings.NewReader(stdin), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// want runs a command that must succeed and print this.
func (s shell) want(out string, args ...string) {
	s.t.Helper()
	code, got, errs := s.do("", args...)
	if code != exitOK || got != out || errs != "" {
		s.t.Errorf("rivulet %s: status %d, printed %q and %q; want %q", strings.Join(args, " "), code, got, errs, out)
	}
}

// refused runs a command that must fail with one line that contains the text.
func (s shell) refused(code int, text string, args ...string) {
	s.t.Helper()
	got, out, errs := s.do("", args...)
	if got != code || out != "" || !strings.Contains(errs, text) || strings.Count(errs, "\n") != 1 {
		s.t.Errorf("rivulet %s: status %d, printed %q and %q; want status %d and one line with %q",
			strings.Join(args, " "), got, out, errs, code, text)
	}
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDocument(t *testing.T) {
	s := newShell(t)
	file := write(t, "board.json", []byte(`{ "title": "Plans", "n": 1.50, "list": [null, 1], "o": {"b": 2, "a": 1} }`))
	s.want("demo/board is at revision 1\n", "put", "demo/board", file)
	s.want(`{"list":[null,1],"n":1.50,"o":{"a":1,"b":2},"title":"Plans"}`+"\n", "get", "demo/board")
	s.want("demo/board is at revision 2\n", "patch", "demo/board", `{"o":{"a":null},"x":true}`)
	s.want(`{"list":[null,1],"n":1.50,"o":{"b":2},"title":"Plans","x":true}`+"\n", "get", "demo/board")
	s.want(`{"list":[null,1],"n":1.50,"o":{"a":1,"b":2},"title":"Plans"}`+"\n", "get", "demo/board", "--rev", "1")

	s.want("demo/board is at revision 3\n", "patch", "demo/board", `{"y":1}`, "--if-rev", "2")
	s.refused(exitFailed, "is at revision 3, not 2", "patch", "demo/board", `{"y":2}`, "--if-rev", "2")

	// Putting what is there already is no edit; putting less deletes the rest.
	s.want("demo/board is at revision 4\n", "put", "demo/board", write(t, "small.json", []byte(`{"title":"Plans"}`)))
	s.want("demo/board is at revision 4\n", "put", "demo/board", write(t, "same.json", []byte(` {"title" : "Plans"} `)))
	s.want(`{"title":"Plans"}`+"\n", "get", "demo/board")
}

func TestPutReadsGzipAndStandardInput(t *testing.T) {
	s := newShell(t)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	io.WriteString(w, `{"zipped":true}`)
	w.Close()
	s.want("demo/zip is at revision 1\n", "put", "demo/zip", write(t, "doc.json.gz", packed.Bytes()))
	s.want(`{"zipped":true}`+"\n", "get", "demo/zip")

	if code, _, errs := s.do(`{"from":"stdin"}`, "put", "demo/stdin", "-"); code != exitOK {
		t.Fatal(errs)
	}
	s.want(`{"from":"stdin"}`+"\n", "get", "demo/stdin")
}

func TestLog(t *testing.T) {
	s := newShell(t)
	s.want("demo/a is at revision 1\n", "patch", "demo/a", `{"n":1}`)
	s.want("demo/a is at revision 2\n", "patch", "demo/a", `{"html":"<&>"}`)
	code, out, errs := s.do("", "log", "demo/a")
	if code != exitOK {
		t.Fatal(errs)
	}
	var changes []change
	for line := range strings.Lines(out) {
		var c change
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if at, err := time.Parse(time.RFC3339Nano, c.Time); err != nil || time.Since(at) > time.Minute {
			t.Errorf("time %q", c.Time)
		}
		if len(c.Author) != 32 {
			t.Errorf("author %q", c.Author)
		}
		changes = append(changes, c)
	}
	if len(changes) != 2 || changes[1].Revision != 2 || string(changes[1].Delta) != `{"html":"<&>"}` {
		t.Errorf("log: %s", out)
	}
	if _, out, _ := s.do("", "log", "demo/a", "--after", "1"); strings.Count(out, "\n") != 1 {
		t.Errorf("log after 1: %s", out)
	}
}

func TestWatchFollows(t *testing.T) {
	s := newShell(t)
	s.t.Setenv("RIVULET_URL", s.url)
	ctx, stop := context.WithCancel(t.Context())
	out, outWriter := io.Pipe()
	errs, errsWriter := io.Pipe()
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"watch", "demo/w"}, nil, outWriter, errsWriter) }()

	line := make([]byte, 4096)
	n, err := errs.Read(line) // it says so when it watches
	if err != nil || !strings.Contains(string(line[:n]), "watching demo/w from revision 0") {
		t.Fatalf("%q %v", line[:n], err)
	}
	s.want("demo/w is at revision 1\n", "patch", "demo/w", `{"n":1}`)
	if n, err = out.Read(line); err != nil || !strings.Contains(string(line[:n]), `"delta":{"n":1}`) {
		t.Fatalf("%q %v", line[:n], err)
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("an interrupted watch ended with status %d", code)
	}
}

func TestErrorsAreOneLineThatSaysWhatToDo(t *testing.T) {
	s := newShell(t)
	s.refused(exitFailed, "does not exist; create it with: rivulet put demo/none FILE", "get", "demo/none")
	s.refused(exitFailed, "does not exist", "log", "demo/none")
	s.refused(exitFailed, "write it as space/id", "get", "nonsense")
	s.refused(exitFailed, "an id has only letters", "get", "demo/a b")
	s.refused(exitFailed, "the patch is not a JSON object", "patch", "demo/a", `[1]`)
	s.refused(exitFailed, "json at byte 5", "patch", "demo/a", `{"a":}`)
	s.refused(exitFailed, "no such file", "put", "demo/a", "/nowhere/x.json")
	s.refused(exitFailed, "is not a document", "put", "demo/a", write(t, "x.json", []byte(`[]`)))
	s.refused(exitFailed, "cannot hold null", "put", "demo/a", write(t, "x.json", []byte(`{"a":null}`)))
	s.refused(exitFailed, "larger than the server accepts in one edit, 900 KiB; make it in parts, by several rivulet patch with some members each; a document of another server comes by rivulet export there and rivulet import", "put", "demo/a",
		write(t, "x.json", []byte(`{"a":"`+strings.Repeat("x", 1<<20)+`"}`)))
	s.refused(exitFailed, "start one with 'rivulet serve'", "get", "demo/a", "--server", "http://127.0.0.1:1", "--timeout", "200ms")
	s.refused(exitFailed, "begin it with http://", "get", "demo/a", "--server", "localhost:8080")
	s.refused(exitUsage, "see rivulet get --help", "get")
	s.refused(exitUsage, "there is no command frobnicate; see rivulet --help", "frobnicate")
	s.refused(exitFailed, "doc.json.gz is cut off", "put", "demo/a", write(t, "doc.json.gz", []byte("\x1f\x8b\x08")))
	s.refused(exitFailed, "standard input is not a document", "put", "demo/a", "-")
	file := write(t, "file", nil)
	s.refused(exitFailed, "choose another directory with --data", "serve", "--addr", "127.0.0.1:0", "--data", filepath.Join(file, "data"))
	s.refused(exitFailed, "is a NATS server with JetStream running there?", "serve", "--addr", "127.0.0.1:0", "--nats", "nats://127.0.0.1:1")
	s.refused(exitFailed, "there is no log to move", "move", "--data", filepath.Join(file, "data"), "--to", "nats://127.0.0.1:1")
	s.refused(exitFailed, "is a NATS server with JetStream running there?", "move", "--data", t.TempDir(), "--to", "nats://127.0.0.1:1")
	s.refused(exitFailed, "--insecure", "serve", "--addr", "0.0.0.0:0", "--data", t.TempDir())
	s.refused(exitFailed, "0 for no bound", "serve", "--per-address=-1", "--data", t.TempDir())
	s.refused(exitFailed, "sync", "serve", "--sync", "sometimes", "--data", t.TempDir())
	s.refused(exitFailed, "write it as host:port", "serve", "--addr", "8080", "--data", t.TempDir())
	s.refused(exitFailed, "choose another address with --addr", "serve", "--data", t.TempDir(),
		"--addr", strings.TrimPrefix(s.url, "http://"))
}

func TestHelpTeaches(t *testing.T) {
	s := shell{t: t}
	for _, args := range [][]string{{}, {"--help"}, {"help"}, {"serve", "--help"}, {"get", "--help"}, {"put", "--help"}, {"patch", "--help"}, {"watch", "--help"}, {"log", "--help"}, {"help", "rm"}, {"bench", "--help"}, {"help", "bench", "idle"}} {
		code, out, errs := s.do("", args...)
		if code != exitOK || errs != "" || !strings.Contains(out, "rivulet") {
			t.Errorf("rivulet %s: status %d, %q, %q", strings.Join(args, " "), code, out, errs)
		}
		if len(args) == 2 && args[1] == "--help" && args[0] != "log" && args[0] != "watch" && !strings.Contains(out, "  rivulet "+args[0]) {
			t.Errorf("rivulet %s has no example", strings.Join(args, " "))
		}
	}
}

func TestServeStopsWhenTold(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out, outWriter := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		defer outWriter.Close() // who reads must not wait for a server that does not start
		ended <- run(ctx, []string{"serve", "--addr", "127.0.0.1:0", "--data", t.TempDir()}, nil, outWriter, os.Stderr)
	}()
	line := make([]byte, 4096)
	n, err := out.Read(line)
	if err != nil || !strings.Contains(string(line[:n]), "http://127.0.0.1:") {
		t.Fatalf("%q %v", line[:n], err)
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("status %d", code)
	}
}
