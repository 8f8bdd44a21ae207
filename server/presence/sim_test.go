package presence

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

var (
	simSeed = flag.Uint64("presence.seed", 1, "first seed of the simulation")
	simRuns = flag.Uint64("presence.runs", 60, "seeds of the simulation")
)

const (
	simWithin = time.Second
	simStep   = 5 * time.Millisecond
	simChaos  = 12 * time.Second
	// simCalm is how long the network works before all have to agree: what two halves need
	// that took each other for dead, and then a beat, a question and its answer.
	simCalm = 2*simWithin + simWithin/3 + simWithin/15 + time.Second
)

// TestL9_L11_ServersAgree: servers open and leave a document, are killed, held up and cut
// off; clients come, move and go; messages are lost, late and doubled. None sends states
// more often than it may. When the network works again, all see of each client the state
// of its newest connection, and have told exactly that.
func TestL9_L11_ServersAgree(t *testing.T) {
	for seed := *simSeed; seed < *simSeed+*simRuns; seed++ {
		s := newSim(t, seed)
		for s.now.Sub(s.began) < simChaos {
			s.step(true)
		}
		s.heal()
		for healed := s.now; s.now.Sub(healed) < simCalm; {
			s.step(false)
		}
		s.compare()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// sim is servers of one document on a bad network.
type sim struct {
	*rand.Rand
	t          *testing.T
	began, now time.Time
	nodes      []*simNode
	wire       []simMessage
	moved      map[record.ClientID]time.Time
	states     int
	number     int // of the last state
}

type simNode struct {
	sim    *sim
	talk   *talk
	skew   time.Duration
	seen   map[record.ClientID]string // as it was told
	stuck  time.Time                  // does nothing until then
	cut    time.Time                  // hears nothing until then, and is not heard
	stated time.Time
	conns  map[record.ClientID]*simConn
	newest map[int]int // state that was told of each connection
}

// simConn is a client's connection to a server.
type simConn struct {
	since  time.Time
	number int // of its first state
}

type simMessage struct {
	at   time.Time
	to   *simNode
	data []byte
}

func newSim(t *testing.T, seed uint64) *sim {
	s := &sim{Rand: rand.New(rand.NewPCG(seed, 9)), t: t, began: time.UnixMilli(1e12), moved: make(map[record.ClientID]time.Time)}
	s.now = s.began
	for range 4 {
		n := &simNode{sim: s, skew: time.Duration(s.IntN(20)) * time.Millisecond}
		n.reset()
		s.nodes = append(s.nodes, n)
	}
	return s
}

// reset is what a killed server is when it comes back.
func (n *simNode) reset() {
	n.seen, n.conns, n.newest = make(map[record.ClientID]string), make(map[record.ClientID]*simConn), make(map[int]int)
	fresh := newTalk(simWithin, func(client record.ClientID, state []byte) {
		if len(state) == 0 {
			if _, ok := n.seen[client]; !ok {
				n.sim.t.Errorf("%s has gone who was never there", client)
			}
			delete(n.seen, client)
			return
		}
		n.seen[client] = string(state)
		var conn, number int
		if _, err := fmt.Sscanf(string(state), `{"c":%d,"n":%d}`, &conn, &number); err != nil {
			n.sim.t.Error(err)
		}
		if number < n.newest[conn] {
			n.sim.t.Errorf("%s comes after %d", state, n.newest[conn])
		}
		n.newest[conn] = number
	})
	n.talk, n.stated = &fresh, time.Time{}
}

func (n *simNode) open() bool { return n.talk.self != 0 }

func (s *sim) step(chaos bool) {
	s.now = s.now.Add(simStep)
	if chaos {
		s.act()
	}
	s.deliver()
	for _, n := range s.nodes {
		if n.stuck.After(s.now) || !n.open() {
			continue
		}
		if due := n.talk.due(); !due.After(s.now) {
			n.talk.expire(s.now)
			n.say()
		}
	}
}

// say checks that states are not said more often than they may be.
func (n *simNode) say() {
	s := n.sim
	all := n.talk.say(s.now)
	states := false
	for _, m := range all {
		states = states || m.Kind >= kindChange
		n.publish(m)
	}
	if states {
		if s.now.Sub(n.stated) < interval {
			s.t.Errorf("states left a server %s after others", s.now.Sub(n.stated))
		}
		n.stated = s.now
		s.states++
	}
}

func (n *simNode) publish(m *message) {
	s := n.sim
	data, err := m.encode()
	if err != nil {
		s.t.Fatal(err)
	}
	if len(data) > maxMessage {
		s.t.Errorf("a message has %d bytes", len(data))
	}
	for _, to := range s.nodes {
		if n.cut.After(s.now) || to.cut.After(s.now) && to != n {
			continue
		}
		copies, late := 1, time.Duration(0)
		if s.moved != nil { // the network is bad
			switch s.IntN(20) {
			case 0, 1:
				copies = 0
			case 2:
				copies = 2
			case 3, 4:
				late = time.Duration(s.IntN(300)) * time.Millisecond
			}
		}
		for range copies {
			s.wire = append(s.wire, simMessage{s.now.Add(late + time.Duration(s.IntN(3))*time.Millisecond), to, data})
		}
	}
}

func (s *sim) deliver() {
	wire := s.wire
	s.wire = nil
	for _, m := range wire {
		switch {
		case m.at.After(s.now), m.to.stuck.After(s.now):
			s.wire = append(s.wire, m)
		case m.to.open():
			said, err := decode(m.data)
			if err != nil {
				s.t.Fatal(err)
			}
			m.to.talk.hear(said, s.now)
			m.to.say()
		}
	}
}

// act does something to somebody.
func (s *sim) act() {
	n := s.nodes[s.IntN(len(s.nodes))]
	if n.stuck.After(s.now) {
		return
	}
	client := record.ClientID{byte(1 + s.IntN(12))}
	switch k := s.IntN(200); {
	case !n.open():
		if k < 20 {
			n.newest = make(map[int]int)
			n.talk.enter(s.Uint64()>>1|1, s.now)
			n.say()
		}
	case k < 60: // a client says something where it is, or comes
		c := n.conns[client]
		s.number++
		if c == nil {
			if s.now.Sub(s.moved[client]) < 100*time.Millisecond {
				return // sooner than a client reconnects
			}
			c = &simConn{since: s.now, number: s.number}
			n.conns[client] = c
			s.moved[client] = s.now
		}
		n.talk.set(c, client, fmt.Appendf(nil, `{"c":%d,"n":%d}`, c.number, s.number), s.now.Add(n.skew).UnixMilli())
		n.say()
	case k < 80: // a connection ends, the client's newest or not
		if c := n.conns[client]; c != nil {
			n.talk.unset(c, client)
			delete(n.conns, client)
			n.say()
		}
	case k < 82: // everybody leaves
		n.leave()
	case k == 82: // it is killed
		n.reset()
	case k == 83:
		n.stuck = s.now.Add(time.Duration(s.IntN(3000)) * time.Millisecond)
	case k == 84:
		n.cut = s.now.Add(time.Duration(s.IntN(4000)) * time.Millisecond)
	case k == 85:
		n.talk.restored()
		n.say()
	}
}

func (n *simNode) leave() {
	for client, c := range n.conns {
		n.talk.unset(c, client)
	}
	if bye := n.talk.leave(); bye != nil {
		n.publish(bye)
	}
	clear(n.conns)
	clear(n.seen) // nobody is there who was told
}

// heal ends all trouble.
func (s *sim) heal() {
	s.moved = nil
	for _, n := range s.nodes {
		n.stuck, n.cut = time.Time{}, time.Time{}
	}
}

func (s *sim) compare() {
	want := make(map[record.ClientID]string)
	newest := make(map[record.ClientID]time.Time)
	for _, n := range s.nodes {
		for client, c := range n.conns {
			if !newest[client].After(c.since) {
				newest[client], want[client] = c.since, string(n.talk.here[client].state)
			}
		}
	}
	for i, n := range s.nodes {
		if !n.open() {
			continue
		}
		each := make(map[record.ClientID]string)
		n.talk.each(func(client record.ClientID, state []byte) { each[client] = string(state) })
		if !maps.Equal(each, n.seen) {
			s.t.Errorf("server %d has told %v, and knows %v", i, n.seen, each)
		}
		if !maps.Equal(each, want) {
			s.t.Errorf("server %d sees\n%v, want\n%v", i, sorted(each), sorted(want))
		}
		away := 0
		for _, o := range n.talk.others {
			away += len(o.clients)
		}
		if away != n.talk.away {
			s.t.Errorf("server %d counts %d clients away, and has %d", i, n.talk.away, away)
		}
	}
	if s.states == 0 {
		s.t.Error("nothing was said")
	}
}

func sorted(m map[record.ClientID]string) (all []string) {
	for client, state := range m {
		all = append(all, fmt.Sprintf("%d %s", client[0], state))
	}
	slices.Sort(all)
	return all
}
