package chaos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// scene is servers with a crowd.
type scene struct {
	t     *testing.T
	rand  *rand.Rand
	nats  *process // nil when it is within the node
	nodes []*process
	crowd *crowd
}

// alone is one node with NATS inside.
func alone(t *testing.T) *scene {
	t.Helper()
	t.Parallel()
	s := &scene{t: t, rand: dice(t)}
	s.node("node", role{Data: t.TempDir()})
	s.invite()
	return s
}

// together is two nodes on an external NATS, which each reaches by a way of its own.
func together(t *testing.T, way func(url string) string) *scene {
	t.Helper()
	t.Parallel()
	s := &scene{t: t, rand: dice(t)}
	s.nats = launch(t, "NATS", role{Data: t.TempDir()})
	for _, name := range []string{"node A", "node B"} {
		s.node(name, role{NATS: way(s.natsURL())})
	}
	s.invite()
	return s
}

func directly(url string) string { return url }

func (s *scene) natsURL() string { return "nats://" + s.nats.role.Addr }

func (s *scene) node(name string, r role) {
	s.t.Helper()
	r.Node = true
	s.nodes = append(s.nodes, launch(s.t, name, r))
}

func (s *scene) urls() (all []string) {
	for _, n := range s.nodes {
		all = append(all, "http://"+n.role.Addr)
	}
	return all
}

func (s *scene) invite() { s.crowd = newCrowd(s.t, s.urls()...) }

// run has a fault happen again and again, after as many acknowledgements as the dice
// say.
func (s *scene) run(fault func(round int)) {
	s.t.Helper()
	for round := range *rounds {
		if s.rand.IntN(5) > 0 { // else the servers have hardly begun
			s.crowd.acknowledge(s.rand.IntN(maxAcknowledged))
		}
		fault(round)
	}
	s.crowd.acknowledge(s.rand.IntN(maxAcknowledged))
	s.finish()
}

// meanwhile is called in the middle of a fault. As the dice say, a client loses its
// connection and comes back with what it has not heard of, or is closed and another one
// takes its seat.
func (s *scene) meanwhile() {
	seat := s.rand.IntN(seats)
	switch s.rand.IntN(4) {
	case 0:
		s.crowd.leave(seat)
		s.crowd.sit(seat)
	case 1, 2:
		s.crowd.lives[seat].client.SetOffline(true)
		s.crowd.lives[seat].client.SetOffline(false)
	}
}

// maxAcknowledged is how many acknowledgements there are between two faults at most,
// beside those that it takes until every client has had one.
const maxAcknowledged = 300

// finish holds against the log what clients know and have: those that were there all
// the time, and one at each server that was started again.
func (s *scene) finish() {
	s.t.Helper()
	s.crowd.settle()
	for seat := range seats {
		s.crowd.leave(seat) // which reads to the end what it was shown
	}
	for _, n := range s.nodes {
		n.kill()
	}
	cfg := natsd.Config{Dir: s.nodes[0].role.Data}
	if s.nats != nil {
		cfg = natsd.Config{URL: s.natsURL()}
	}
	ends := s.crowd.auditAll(cfg)
	for seat, l := range s.crowd.lives {
		for n, d := range l.docs {
			compare(s.t, fmt.Sprintf("client %d", seat), d, ends[n])
		}
	}
	for _, n := range s.nodes {
		n.start()
	}
	for _, url := range s.urls() {
		s.compareAnew(url, ends)
	}
	for _, p := range append(s.nodes, s.nats) {
		if p != nil {
			p.sound()
		}
	}
}

// compareAnew opens all documents at a server that has none in memory.
func (s *scene) compareAnew(url string, ends [documents]end) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.crowd.ctx, within)
	defer cancel()
	c, err := client.Connect(ctx, client.Config{URL: url})
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	for n := range documents {
		d, err := c.Open(ctx, keyOf(n))
		if err != nil {
			s.t.Fatal(err)
		}
		compare(s.t, "a new client", d, ends[n])
	}
}
