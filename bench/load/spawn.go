package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Server is a server that was started to be measured: a process of its own, which ends with
// this one.
type Server struct {
	URL string

	command *exec.Cmd
	log     strings.Builder
}

// stopWithin bounds how long a server may take to stop.
const stopWithin = 5 * time.Second

// Spawn starts a program that prints the URL that it serves, as `rivulet serve` does. With
// pin it has one processor, GOMAXPROCS=1, and the calling process has the others, if there
// are any; not every operating system can do that, and then nobody is bound to anything.
func Spawn(ctx context.Context, pin bool, program string, args ...string) (*Server, error) {
	s := &Server{command: exec.Command(program, args...)}
	s.command.Stderr = &s.log
	s.command.Env = os.Environ()
	out, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	start := s.command.Start
	if pin && runtime.NumCPU() > 1 {
		s.command.Env = append(s.command.Env, "GOMAXPROCS=1")
		start = func() error { return startOnFirst(s.command) }
	}
	if err := start(); err != nil {
		return nil, err
	}
	said := make(chan string, 1)
	go func() {
		defer close(said)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if at := strings.Index(lines.Text(), "http://"); at >= 0 {
				said <- strings.TrimSpace(lines.Text()[at:])
				break
			}
		}
		io.Copy(io.Discard, out) //nolint:errcheck // until it ends
	}()
	select {
	case url, ok := <-said:
		if !ok {
			s.Stop()
			return nil, fmt.Errorf("%s has not started: %s", program, strings.TrimSpace(s.log.String()))
		}
		s.URL = url
		return s, nil
	case <-ctx.Done():
		s.Stop()
		return nil, ctx.Err()
	}
}

// Stop ends the server.
func (s *Server) Stop() {
	kill := time.AfterFunc(stopWithin, func() { s.command.Process.Kill() }) //nolint:errcheck // it has ended
	defer kill.Stop()
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.command.Process.Kill() //nolint:errcheck // it has ended
	}
	s.command.Wait() //nolint:errcheck // it was told to
}
