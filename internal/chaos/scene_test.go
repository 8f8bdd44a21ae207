package chaos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// scene is servers with a crowd.
type scene struct {
	t     *testing.T
	rand  *rand.Rand
	few   int        // faults when nobody has asked for more
	nats  []*process // none when it is within the node
	nodes []*process
	crowd *crowd
	// witness reads the log while it is compacted; nil when it is not.
	witness *witness
	// cluster is what is known of several NATS servers; nil when there is one.
	cluster *cluster
}

func newScene(t *testing.T) *scene {
	t.Parallel()
	return &scene{t: t, rand: dice(t), few: 4}
}

// alone is one node with NATS inside.
func alone(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	s.node("node", role{Data: t.TempDir()})
	s.invite()
	return s
}

// together is two nodes on an external NATS, which each reaches by a way of its own.
func together(t *testing.T, way func(url string) string) *scene {
	t.Helper()
	s := newScene(t)
	s.nats = []*process{launch(t, "NATS", role{Data: t.TempDir()})}
	s.pair(role{}, way)
	return s
}

// pair adds two nodes and the crowd.
func (s *scene) pair(r role, way func(url string) string) {
	s.t.Helper()
	for _, name := range []string{"node A", "node B"} {
		r.NATS = way(s.natsURL())
		s.node(name, r)
	}
	s.invite()
}

func directly(url string) string { return url }

func (s *scene) natsURL() string {
	var urls []string
	for _, p := range s.nats {
		urls = append(urls, "nats://"+p.role.Addr)
	}
	return strings.Join(urls, ",")
}

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
	for round := range s.rounds() {
		if s.rand.IntN(5) > 0 { // else the servers have hardly begun
			s.crowd.acknowledge(s.rand.IntN(maxAcknowledged))
		}
		fault(round)
	}
	s.crowd.acknowledge(s.rand.IntN(maxAcknowledged))
	s.finish()
}

func (s *scene) rounds() int {
	if *rounds > 0 {
		return *rounds
	}
	return s.few
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
	if s.witness != nil {
		s.outlive()
	}
	for _, n := range s.nodes {
		n.kill()
	}
	ends := s.audit()
	for seat, l := range s.crowd.lives {
		for n, d := range l.docs {
			compare(s.t, fmt.Sprintf("client %d", seat), d, ends[n])
		}
	}
	if s.witness != nil {
		s.witness.wipe()
	}
	for _, n := range s.nodes {
		n.start()
	}
	for _, url := range s.urls() {
		s.compareAnew(url, ends)
	}
	for _, p := range append(s.nodes, s.nats...) {
		p.sound()
	}
}

// audit holds the log against what the clients know.
func (s *scene) audit() [documents]end {
	s.t.Helper()
	if s.cluster != nil {
		s.cluster.equal()
	}
	if w := s.witness; w != nil {
		w.read()
		w.nothingIsEmpty()
		return s.crowd.auditAll(s.crowd.ctx, w.replay)
	}
	cfg := natsd.Config{URL: s.natsURL()}
	if len(s.nats) == 0 {
		cfg = natsd.Config{Dir: s.nodes[0].role.Data}
	}
	ctx, cancel := context.WithTimeout(s.crowd.ctx, within)
	defer cancel()
	node, log := openLog(ctx, s.t, cfg)
	defer node.Close() //nolint:errcheck // it was only read
	return s.crowd.auditAll(ctx, func(ctx context.Context, key record.Key, fn func(deltalog.Entry) error) error {
		_, err := log.Replay(ctx, key, deltalog.Tail{}, fn)
		return err
	})
}

// openLog opens the log that is in a directory, or on an external NATS.
func openLog(ctx context.Context, t *testing.T, cfg natsd.Config) (*natsd.Node, *deltalog.Log) {
	t.Helper()
	node, err := natsd.Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	log, err := deltalog.Open(ctx, deltalog.Config{
		Conn: node.Conn(), JetStream: node.JetStream(),
		OnVoid: func(key record.Key, v deltalog.Void) {
			t.Logf("%s: the record at %d, which follows %d, is void", key, v.Sequence, v.Record.Prev)
		},
	})
	if err != nil {
		node.Close() //nolint:errcheck // the test ends
		t.Fatal(err)
	}
	return node, log
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
