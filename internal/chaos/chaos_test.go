package chaos_test

import (
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/internal/natstest"
)

// TestL1_L3_KilledInALoop: the server, with NATS inside, is killed and started again.
func TestL1_L3_KilledInALoop(t *testing.T) {
	s := alone(t)
	s.run(func(int) {
		s.nodes[0].kill()
		s.meanwhile()
		s.nodes[0].start()
	})
}

// TestL1_L3_NodesAndNATSKilledInALoop: one of two servers, or the NATS that both are on,
// is killed and started again.
func TestL1_L3_NodesAndNATSKilledInALoop(t *testing.T) {
	s := together(t, directly)
	s.run(func(round int) {
		victim := s.victims()[round%3]
		victim.kill()
		s.meanwhile()
		victim.start()
	})
}

// TestL3_PausedInALoop: the server, with NATS inside, stands still for a while.
func TestL3_PausedInALoop(t *testing.T) {
	s := alone(t)
	s.run(func(round int) { s.pause(s.nodes[0], s.length(round)) })
}

// TestL3_NodesAndNATSPausedInALoop: one of two servers, or the NATS that both are on,
// stands still for a while. What it was about to do it does then, though others have
// been on.
func TestL3_NodesAndNATSPausedInALoop(t *testing.T) {
	s := together(t, directly)
	s.run(func(round int) { s.pause(s.victims()[round%3], s.length(round)) })
}

// long is a pause after which others have long done without who stood still.
const long = 12 * time.Second

// length draws how long a pause is. One in four is longer than a server waits for an
// answer of NATS; every tenth is long.
func (s *scene) length(round int) time.Duration {
	length := time.Duration(50+s.rand.IntN(500)) * time.Millisecond
	switch {
	case round%10 == 9:
		return long
	case s.rand.IntN(4) == 0:
		length += 2 * time.Second
	}
	return length
}

// pause has a process stand still.
func (s *scene) pause(p *process, length time.Duration) {
	p.signal(syscall.SIGSTOP)
	defer p.signal(syscall.SIGCONT)
	over := time.After(length)
	s.meanwhile()
	<-over
}

// TestL3_AcknowledgementsLostInALoop: NATS stores what one of two servers appends, and
// the acknowledgement does not arrive, or breaks the connection.
func TestL3_AcknowledgementsLostInALoop(t *testing.T) {
	var ways []*natstest.Proxy
	s := together(t, func(url string) string {
		ways = append(ways, natstest.NewProxy(t, url))
		return ways[len(ways)-1].URL()
	})
	s.run(func(round int) {
		most, breaks := 30, false
		if round%2 == 1 {
			most, breaks = 3, true
		}
		loseAcks(t, ways[s.rand.IntN(len(ways))], 1+s.rand.IntN(most), breaks)
		s.meanwhile()
	})
}

// victims are all processes, NATS first.
func (s *scene) victims() []*process { return append(slices.Clone(s.nats), s.nodes...) }

// loseAcks returns when so many acknowledgements of appends were lost.
func loseAcks(t *testing.T, way *natstest.Proxy, count int, breaks bool) {
	t.Helper()
	var once sync.Once
	lost := make(chan struct{})
	left := count
	var mu sync.Mutex
	way.Inspect(nil, func(x *natstest.Pipe, f natstest.Frame) natstest.Action {
		if !isAck(f) {
			return natstest.Pass
		}
		mu.Lock()
		defer mu.Unlock()
		if left == 0 {
			once.Do(func() { close(lost) })
			return natstest.Pass
		}
		left--
		if breaks {
			x.HangUp()
		}
		return natstest.Drop
	})
	select {
	case <-lost:
	case <-time.After(within):
		t.Fatalf("no appends whose acknowledgement could be lost in %v", within)
	}
	way.Inspect(nil, nil)
}

func isAck(f natstest.Frame) bool {
	text := string(f.Payload)
	return strings.HasSuffix(f.Op(), "MSG") && strings.HasPrefix(text, `{"stream":`) && strings.Contains(text, `"seq":`)
}
