package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	startWithin = 30 * time.Second // a cold start on a busy machine
	stopWithin  = 10 * time.Second
)

// Options say how to start a server. The zero value is a fresh data directory
// and a free port of the loopback interface.
type Options struct {
	Data string   // data directory; one that ends with the test if empty
	Sync string   // --sync, the server's own default if empty
	Addr string   // --addr, a free loopback port if empty
	Args []string // further arguments of rivulet serve
	Env  []string // further environment, "NAME=value"
}

// Server is a running rivulet serve.
type Server struct {
	t    testing.TB
	bin  string
	opts Options
	logs logBuffer
	run  *process // nil when stopped
}

// StartServer starts the binary and returns when it answers on /healthz,
// whatever the answer: a server with a full disk has started too. It is killed
// when the test ends.
func StartServer(t testing.TB, opts Options) *Server {
	t.Helper()
	s := newServer(t, opts)
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("server log:\n%s", s.Logs())
		}
	})
	s.start()
	return s
}

// Refused runs a server that must not start, and returns what it wrote.
func Refused(t testing.TB, opts Options) string {
	t.Helper()
	s := newServer(t, opts)
	s.launch()
	defer s.Kill()
	select {
	case <-s.run.exited:
	case <-time.After(startWithin):
		t.Fatalf("a server that should refuse to start still runs after %v:\n%s", startWithin, s.Logs())
	}
	if s.run.err == nil {
		t.Errorf("a server that should refuse to start ended as if all were well")
	}
	return s.Logs()
}

func newServer(t testing.TB, opts Options) *Server {
	t.Helper()
	if opts.Data == "" {
		opts.Data = t.TempDir()
	}
	if opts.Addr == "" {
		opts.Addr = FreeAddr(t)
	}
	return &Server{t: t, bin: Build(t), opts: opts}
}

// FreeAddr returns a loopback address at which nothing listens. Its port is below
// those that systems give to outgoing connections: one of them could take it
// while a server that was killed is down.
func FreeAddr(t testing.TB) string {
	t.Helper()
	const first, last, tries = 15000, 30000, 100
	for range tries {
		addr := fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(last-first))
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	t.Fatalf("e2e: no free port found in %d tries", tries)
	return ""
}

// Addr is the host and port that the server listens on, the same for its life.
func (s *Server) Addr() string { return s.opts.Addr }

// URL is the address of the server without a slash at its end.
func (s *Server) URL() string { return "http://" + s.opts.Addr }

// DataDir is where the server keeps its log.
func (s *Server) DataDir() string { return s.opts.Data }

// Logs is everything that the server wrote, of all its lives.
func (s *Server) Logs() string { return s.logs.String() }

// Kill ends the server as a power cut would end its process: SIGKILL. It
// returns when the process is gone, at once if it was not running.
func (s *Server) Kill() {
	if s.run == nil {
		return
	}
	s.run.signal(syscall.SIGKILL)
	<-s.run.exited
	s.run = nil
}

// Restart starts a stopped server again, on its address and its data.
func (s *Server) Restart() {
	s.t.Helper()
	if s.run != nil {
		s.t.Fatal("e2e: Restart of a server that runs; Kill or Stop it first")
	}
	s.start()
}

// Stop asks the server to end with SIGTERM and returns how long it took.
func (s *Server) Stop() time.Duration {
	s.t.Helper()
	if s.run == nil {
		s.t.Fatal("e2e: Stop of a server that does not run")
	}
	begin := time.Now()
	s.run.signal(syscall.SIGTERM)
	select {
	case <-s.run.exited:
	case <-time.After(stopWithin):
		s.t.Errorf("server still runs %v after SIGTERM", stopWithin)
		s.Kill()
		return stopWithin
	}
	took := time.Since(begin)
	if s.run.err != nil {
		s.t.Errorf("server ended after SIGTERM with %v", s.run.err)
	}
	s.run = nil
	return took
}

// Health is an answer of /healthz.
type Health struct {
	Code   int    // the HTTP status
	Status string `json:"status"`
	Reason string `json:"reason"`
}

// Health asks the server how it is.
func (s *Server) Health() (Health, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", s.URL()+"/healthz", nil)
	if err != nil {
		return Health{}, err
	}
	res, err := loopback.Do(req)
	if err != nil {
		return Health{}, err
	}
	defer res.Body.Close()
	h := Health{Code: res.StatusCode}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<16)).Decode(&h); err != nil {
		return h, fmt.Errorf("/healthz answered %d with something other than JSON: %w", h.Code, err)
	}
	return h, nil
}

// loopback ignores the proxy of the environment and keeps no connection open
// over the death of a server.
var loopback = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// WaitHealth asks for the health of the server until ok says that it is the
// one to wait for.
func (s *Server) WaitHealth(ok func(Health) bool) Health {
	s.t.Helper()
	if s.run == nil {
		s.t.Fatal("e2e: WaitHealth of a server that does not run")
	}
	var last Health
	var err error
	for pause := range backoff(startWithin) {
		if last, err = s.Health(); err == nil && ok(last) {
			return last
		}
		select {
		case <-s.run.exited:
			s.t.Fatalf("server ended while its health was awaited: %v\n%s", s.run.err, s.Logs())
		case <-time.After(pause):
		}
	}
	s.t.Fatalf("health did not become what was awaited; last answer %+v, error %v", last, err)
	return last
}

func (s *Server) start() {
	s.t.Helper()
	s.launch()
	s.WaitHealth(func(Health) bool { return true })
}

func (s *Server) launch() {
	s.t.Helper()
	args := []string{"serve", "--addr", s.opts.Addr, "--data", s.opts.Data}
	if s.opts.Sync != "" {
		args = append(args, "--sync", s.opts.Sync)
	}
	cmd := exec.Command(s.bin, append(args, s.opts.Args...)...)
	cmd.Env = append(os.Environ(), s.opts.Env...)
	cmd.Stdout, cmd.Stderr = &s.logs, &s.logs
	run, err := startProcess(cmd)
	if err != nil {
		s.t.Fatalf("e2e: %v", err)
	}
	s.run = run
}

// backoff yields growing pauses until their sum passes the limit.
func backoff(limit time.Duration) func(yield func(time.Duration) bool) {
	return func(yield func(time.Duration) bool) {
		for pause, sum := 2*time.Millisecond, time.Duration(0); sum < limit && yield(pause); sum += pause {
			pause = min(2*pause, 100*time.Millisecond)
		}
	}
}

// process is a child with its one waiter.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is gone; err is set before
	err    error
}

// startProcess starts a child that does not outlive this process, where the
// system can promise that. Such a promise is tied to the thread that started
// the child, so one thread starts it and waits for it.
func startProcess(cmd *exec.Cmd) (*process, error) {
	dieWithParent(cmd)
	p := &process{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.exited)
		}
	}()
	return p, <-started
}

func (p *process) signal(sig os.Signal) {
	p.cmd.Process.Signal(sig) // the process may be gone already; exited tells
}

// logBuffer collects the output of a process that is still writing.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
