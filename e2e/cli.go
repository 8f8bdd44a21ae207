package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"
)

const commandWithin = 60 * time.Second

// Run runs the binary with a command such as "get" against the server and
// returns what it wrote to standard output. A command that fails fails the test.
func (s *Server) Run(command string, args ...string) []byte {
	s.t.Helper()
	out, stderr, err := s.TryRun(command, args...)
	if err != nil {
		s.t.Fatalf("rivulet %s %q: %v\n%s", command, args, err, stderr)
	}
	return out
}

// TryRun is Run for a command that may fail: it returns both outputs and the
// error of the process.
func (s *Server) TryRun(command string, args ...string) (stdout, stderr []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.bin, append([]string{command, "--server", s.URL()}, args...)...)
	cmd.Env = append(os.Environ(), s.opts.Env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.Bytes(), errs.Bytes(), err
}

// Record is a line of rivulet log: one delta of a document's history.
type Record struct {
	Revision uint64          `json:"revision"`
	Time     time.Time       `json:"time"`
	Author   string          `json:"author"`
	Delta    json.RawMessage `json:"delta"`
}

// Log returns the history of a document as rivulet log prints it.
func (s *Server) Log(key string) []Record {
	s.t.Helper()
	return decodeLines[Record](s.t, s.Run("log", key))
}

// Get returns a document as rivulet get prints it: canonical JSON.
func (s *Server) Get(key string) []byte {
	s.t.Helper()
	return bytes.TrimSpace(s.Run("get", key))
}

func decodeLines[T any](t testing.TB, lines []byte) []T {
	t.Helper()
	var all []T
	for d := json.NewDecoder(bytes.NewReader(lines)); d.More(); {
		var one T
		if err := d.Decode(&one); err != nil {
			t.Fatalf("e2e: line %d of the output: %v", len(all)+1, err)
		}
		all = append(all, one)
	}
	return all
}
