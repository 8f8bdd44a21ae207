//go:build !js

package client_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

var rewrite = flag.Bool("update", false, "write the tables in testdata again")

// recorded is a transport that writes down what is asked of it.
type recorded struct{ asked []string }

func (r *recorded) Dial()                    { r.asked = append(r.asked, "dial") }
func (r *recorded) Cut()                     { r.asked = append(r.asked, "cut") }
func (r *recorded) Wake(after time.Duration) { r.asked = append(r.asked, "wake in "+after.String()) }

func (r *recorded) Send(message []byte) {
	for len(message) > 0 {
		f, rest, err := wire.Decode(message)
		if err != nil {
			panic(err)
		}
		r.asked = append(r.asked, strings.ToLower(strings.TrimPrefix(fmt.Sprintf("send %T", f), "send *wire.")))
		message = rest
	}
}

// take returns what was asked since the last call.
func (r *recorded) take() string {
	asked := strings.Join(r.asked, ", ")
	r.asked = nil
	return asked
}

// scene is a link between a recorded transport and a played server.
type scene struct {
	*client.Link
	transport *recorded
	random    uint64
	states    []client.State
}

func newScene() *scene {
	s := &scene{transport: &recorded{}}
	s.Link = client.NewLink(replica.Config{Random: func() uint64 { return s.random }}, s.transport, func(now client.State) {
		s.states = append(s.states, now)
	})
	return s
}

func (s *scene) welcome() {
	s.Received(wire.Encode(&wire.Welcome{
		Protocol: wire.Protocol, Client: record.ClientID{1}, Heartbeat: 15_000,
		MaxMessage: wire.MaxMessage, MaxDelta: wire.MaxDelta,
	}))
}

func (s *scene) online() { s.Start(); s.Dialed(nil); s.welcome() }

func fault(code wire.Code) []byte { return wire.Encode(&wire.Fault{Code: code, Detail: "because"}) }

func text(s client.State) string {
	text := s.Status.String()
	switch {
	case s.Code != 0:
		text += fmt.Sprintf(" (%s: %s)", s.Code, s.Detail)
	case s.Detail != "":
		text += " (" + s.Detail + ")"
	}
	return text
}

// TestLinkTable is the whole state machine: what happens in every state, whatever
// the driver reports. The table is in testdata.
func TestLinkTable(t *testing.T) {
	states := []struct {
		name string
		play func(*scene)
	}{
		{"dialling", func(s *scene) { s.Start() }},
		{"greeting", func(s *scene) { s.Start(); s.Dialed(nil) }},
		{"online", (*scene).online},
		{"waiting", func(s *scene) { s.Start(); s.Dialed(errors.New("refused")) }},
		{"offline", func(s *scene) { s.online(); s.SetOffline(true) }},
		{"closed", func(s *scene) { s.online(); s.Close() }},
		{"closed by the server", func(s *scene) { s.online(); s.Received(fault(wire.CodeBadVersion)) }},
	}
	events := []struct {
		name string
		play func(*scene)
	}{
		{"dialed", func(s *scene) { s.Dialed(nil) }},
		{"dial failed", func(s *scene) { s.Dialed(errors.New("no route")) }},
		{"welcome", (*scene).welcome},
		{"pong", func(s *scene) { s.Received(wire.Encode(&wire.Pong{})) }},
		{"garbage", func(s *scene) { s.Received([]byte("garbage")) }},
		{"fault, later", func(s *scene) { s.Received(fault(wire.CodeSlow)) }},
		{"fault, never", func(s *scene) { s.Received(fault(wire.CodeBadFrame)) }},
		{"dropped", func(s *scene) { s.Dropped(-1, "reset") }},
		{"dropped, 1006", func(s *scene) { s.Dropped(1006, "") }},
		{"dropped, too big", func(s *scene) { s.Dropped(1009, "") }},
		{"dropped, idle", func(s *scene) { s.Dropped(wire.CodeIdle.CloseStatus(), "") }},
		{"dropped, bad client", func(s *scene) { s.Dropped(wire.CodeBadClient.CloseStatus(), "") }},
		{"dropped, unknown code", func(s *scene) { s.Dropped(4999, "") }},
		{"woke", (*scene).Woke},
		{"retry", (*scene).Retry},
		{"offline", func(s *scene) { s.SetOffline(true) }},
		{"not offline", func(s *scene) { s.SetOffline(false) }},
		{"close", (*scene).Close},
	}
	var table strings.Builder
	for _, from := range states {
		table.WriteString(from.name + "\n")
		for _, event := range events {
			s := newScene()
			from.play(s)
			s.transport.take()
			s.states = nil
			event.play(s)
			line := "  " + event.name + " -> "
			for _, state := range s.states {
				line += text(state) + " -> "
			}
			line = strings.TrimSuffix(line, "-> ")
			if asked := s.transport.take(); asked != "" {
				line += "[" + asked + "]"
			}
			table.WriteString(strings.TrimRight(line, " ") + "\n")
			if len(s.states) > 0 && s.State() != s.states[len(s.states)-1] {
				t.Errorf("%s, %s: the state is %+v, told was %+v", from.name, event.name, s.State(), s.states)
			}
		}
	}
	golden(t, "link.txt", table.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is different (-update writes it again):\n%s", path, got)
	}
}

// TestLinkBackoff: the wait doubles with each failure up to a bound, and is
// spread over its upper half. A connection that lasts resets it; one that ends at
// once does not.
func TestLinkBackoff(t *testing.T) {
	for name, spread := range map[string]uint64{"least": 0, "most": 1<<64 - 1} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			s.Start()
			limit := 100 * time.Millisecond
			fail := func() {
				t.Helper()
				low, high := limit/2, limit
				s.random = spread % uint64(high-low+1)
				want := low
				if spread != 0 {
					s.random, want = uint64(high-low), high
				}
				s.Dialed(errors.New("refused"))
				if got := s.State().RetryIn; got != want {
					t.Fatalf("waits %s, want %s", got, want)
				}
				s.Woke()
				limit = min(2*limit, 5*time.Second)
			}
			for range 100 {
				fail()
			}
			s.Dialed(nil)
			s.welcome()
			s.Dropped(-1, "at once")
			if got := s.State().RetryIn; got < 2*time.Second {
				t.Errorf("waits %s after a connection that ended at once", got)
			}
			s.Woke()
			s.Dialed(nil)
			s.welcome()
			s.Woke() // it has lasted
			s.Dropped(-1, "later")
			if got := s.State().RetryIn; got > 100*time.Millisecond {
				t.Errorf("waits %s after a connection that lasted", got)
			}
			s.Retry()
			limit = 100 * time.Millisecond
			fail()
		})
	}
}

// TestLinkDrain: the server says that it stops and how far the clients shall
// spread; the next time the usual wait counts again. L11: it cannot send a client
// away for ever.
func TestLinkDrain(t *testing.T) {
	for within, most := range map[uint32]time.Duration{2000: 2 * time.Second, 1<<32 - 1: time.Minute} {
		for random, spread := range map[time.Duration]time.Duration{0: 0, most: most, most + 1: 0} {
			s := newScene()
			s.online()
			s.Woke()
			s.random = uint64(random)
			s.Received(wire.Encode(&wire.Drain{Within: within}))
			s.Received(fault(wire.CodeDraining))
			if got := s.State(); got.Status != client.Waiting || got.RetryIn != spread || got.Code != wire.CodeDraining {
				t.Errorf("within %d: %+v, want a wait of %s", within, got, spread)
			}
			s.random = 0
			s.Woke()
			s.Dialed(errors.New("refused"))
			if got := s.State().RetryIn; got > 200*time.Millisecond {
				t.Errorf("waits %s the next time", got)
			}
		}
	}
}

// TestLinkSilence: a server that says nothing is asked, and then given up.
func TestLinkSilence(t *testing.T) {
	s := newScene()
	s.online()
	for n := 0; s.State().Status == client.Online; n++ {
		s.transport.take()
		s.Woke()
		if n > 10 {
			t.Fatal("silence is not noticed")
		}
	}
	if got := s.State(); got.Status != client.Waiting || got.Detail != "the server is silent" {
		t.Errorf("the state is %+v", got)
	}
	if asked := s.transport.take(); !strings.HasPrefix(asked, "cut, ") {
		t.Errorf("asked %s", asked)
	}
	s.Woke()
	s.Dialed(nil)
	s.welcome()
	for range 20 {
		s.Woke()
		s.Received(wire.Encode(&wire.Pong{}))
	}
	if s.State().Status != client.Online {
		t.Errorf("a server that answers was given up: %+v", s.State())
	}
}

// TestLinkHeartbeat: the engine is ticked often enough for the server's heartbeat,
// within bounds.
func TestLinkHeartbeat(t *testing.T) {
	for heartbeat, want := range map[uint32]string{
		15_000: "wake in 5s", 300: "wake in 100ms", 0: "wake in 100ms", 6000: "wake in 2s", 1<<32 - 1: "wake in 5s",
	} {
		s := newScene()
		s.Start()
		s.Dialed(nil)
		s.Received(wire.Encode(&wire.Welcome{
			Protocol: wire.Protocol, Client: record.ClientID{1}, Heartbeat: heartbeat, MaxMessage: 1, MaxDelta: 1,
		}))
		s.transport.take()
		s.Woke()
		if asked := s.transport.take(); !strings.HasSuffix(asked, want) {
			t.Errorf("heartbeat %d: asked %s, want %s", heartbeat, asked, want)
		}
	}
}
