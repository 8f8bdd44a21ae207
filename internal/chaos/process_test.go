package chaos_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/internal/natstest"
)

// process is a server that can be killed and started again.
type process struct {
	t    *testing.T
	name string
	role role
	logs buffer

	cmd    *exec.Cmd
	stdin  io.Writer
	exited chan struct{}
}

// launch starts a server at a free address, which is killed when the test ends.
func launch(t *testing.T, name string, r role) *process {
	t.Helper()
	p := &process{t: t, name: name, role: r}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s wrote:\n%s", name, p.logs.tail())
		}
	})
	const tries = 3
	for range tries {
		p.role.Addr = natstest.FreeAddr(t)
		err := p.begin()
		if err == nil {
			return p
		}
		t.Log(err) // somebody else may have taken the address meanwhile
		p.kill()
	}
	t.Fatalf("%s does not start", name)
	return nil
}

// start starts the server again, where it was.
func (p *process) start() {
	p.t.Helper()
	if err := p.begin(); err != nil {
		p.t.Fatal(err)
	}
}

// begin returns when the server is ready. A process does not outlive the thread that
// has started it, so one thread starts it and waits for it.
func (p *process) begin() error {
	text, err := json.Marshal(p.role)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleVariable+"="+string(text))
	cmd.Stderr = &p.logs
	dieWithParent(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	started, ready, exited := make(chan error), make(chan string, 1), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(exited)
		err := cmd.Start()
		if started <- err; err != nil {
			return
		}
		line := make([]byte, len(readyLine))
		n, _ := io.ReadFull(out, line) // it has ended if there is less
		ready <- string(line[:n])
		cmd.Wait() //nolint:errcheck // it is killed
	}()
	if err := <-started; err != nil {
		return err
	}
	p.cmd, p.stdin, p.exited = cmd, stdin, exited
	select {
	case line := <-ready:
		if line != readyLine {
			return fmt.Errorf("%s does not start: %s", p.name, p.logs.tail())
		}
		return nil
	case <-time.After(within):
		return fmt.Errorf("%s is not ready after %v: %s", p.name, within, p.logs.tail())
	}
}

// kill ends the process as if somebody had pulled the plug, and waits until it is gone.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	p.cmd.Process.Signal(syscall.SIGKILL) //nolint:errcheck // it may be gone already
	<-p.exited
	p.cmd = nil
}

// tell writes a line to the process.
func (p *process) tell(line string) {
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		p.t.Errorf("%s: %v", p.name, err)
	}
}

func (p *process) signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Errorf("%s: %v", p.name, err)
	}
}

// sound fails the test when the process has complained of itself.
func (p *process) sound() {
	for _, bad := range []string{"DATA RACE", "panic:", "fatal error:", "predecessor is missing"} {
		if text := p.logs.String(); strings.Contains(text, bad) {
			p.t.Errorf("%s wrote %q", p.name, bad)
		}
	}
}

// buffer collects what a process writes in all its lives.
type buffer struct {
	mu    sync.Mutex
	data  bytes.Buffer
	wrote chan struct{} // closed by the next line; nil when nobody waits for that
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wrote != nil {
		close(b.wrote)
		b.wrote = nil
	}
	return b.data.Write(p)
}

// next returns what is closed when more is written.
func (b *buffer) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wrote == nil {
		b.wrote = make(chan struct{})
	}
	return b.wrote
}

// count returns how often a text was written.
func (b *buffer) count(text string) int { return strings.Count(b.String(), text) }

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

// tail returns the last 8 KB.
func (b *buffer) tail() string {
	all := b.String()
	return all[max(0, len(all)-8<<10):]
}
