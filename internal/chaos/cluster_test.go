package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
)

// replicas is how many servers a cluster has, each with a copy of the log.
const replicas = 3

// TestL1_L3_ClusterInALoop: two nodes are on a NATS cluster, and one server of that after
// the other is killed and started again, or stands still. Half of the time it is the one
// that leads the log; some stand still for so long that another one takes its place, of
// which it hears when it goes on.
func TestL1_L3_ClusterInALoop(t *testing.T) {
	s := clustered(t)
	c := s.cluster
	s.run(func(round int) {
		victim := c.victim(s)
		if round%2 == 0 {
			victim.kill()
			s.meanwhile()
			victim.start()
		} else {
			length := s.length(round)
			if round%4 == 3 {
				length = long
			}
			s.pause(victim, length)
		}
		c.whole()
	})
}

// cluster is the NATS servers of a scene as somebody sees them who is connected.
type cluster struct {
	t    *testing.T
	ctx  context.Context
	node *natsd.Node
}

// clustered is two nodes on a cluster.
func clustered(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	s.few = 2 // it takes long to elect another leader
	var routes []string
	for range replicas {
		routes = append(routes, natstest.FreeAddr(t))
	}
	for n := range replicas {
		s.nats = append(s.nats, launch(t, fmt.Sprint("NATS ", n), role{Data: t.TempDir(), Routes: routes, Number: n}))
	}
	c := &cluster{t: t, ctx: context.Background()}
	s.cluster = c
	c.until("JetStream", func() (err error) {
		if c.node == nil { // it is not there until there is a leader
			c.node, err = natsd.Start(c.ctx, natsd.Config{URL: s.natsURL()})
		}
		return err
	})
	t.Cleanup(func() { c.node.Close() }) //nolint:errcheck // it was only read
	s.pair(role{Replicas: replicas}, directly)
	c.whole()
	return s
}

// until waits for what NATS has no event for.
func (c *cluster) until(what string, try func() error) {
	c.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); ; <-tick.C {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%s: not after %v: %v", what, within, err)
		}
	}
}

// log returns the stream with all documents.
func (c *cluster) log(opts ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(c.ctx, 2*time.Second)
	defer cancel()
	stream, err := c.node.JetStream().Stream(ctx, deltalog.Stream(keyOf(0)))
	if err != nil {
		return nil, err
	}
	return stream.Info(ctx, opts...)
}

// victim draws a server.
func (c *cluster) victim(s *scene) *process {
	victim := s.rand.IntN(replicas)
	if info, err := c.log(); err == nil && s.rand.IntN(2) == 0 {
		fmt.Sscanf(info.Cluster.Leader, "n%d", &victim) //nolint:errcheck // then it is the one that was drawn
	}
	return s.nats[victim]
}

// whole waits until every server has all of the log.
func (c *cluster) whole() {
	c.t.Helper()
	c.until("all replicas", func() error {
		info, err := c.log()
		switch {
		case err != nil:
			return err
		case info.Cluster == nil || info.Cluster.Leader == "" || len(info.Cluster.Replicas) < replicas-1:
			return fmt.Errorf("the cluster is %+v", info.Cluster)
		}
		for _, r := range info.Cluster.Replicas {
			if !r.Current || r.Offline {
				return fmt.Errorf("%s is %+v", r.Name, r)
			}
		}
		return nil
	})
}

// equal looks for servers whose copies differ. Nobody may write.
func (c *cluster) equal() {
	c.t.Helper()
	c.whole()
	var sums [replicas]string
	for n := range sums {
		c.lead(fmt.Sprintf("n%d", n))
		sums[n] = c.sum()
		if sums[n] != sums[0] {
			c.t.Errorf("server 0 has %s, and server %d %s", sums[0], n, sums[n])
		}
	}
}

// lead has a server lead the log.
func (c *cluster) lead(name string) {
	c.t.Helper()
	c.until(name+" leads", func() error {
		info, err := c.log()
		if err != nil || info.Cluster.Leader == name {
			return err
		}
		request := fmt.Sprintf(`{"placement":{"preferred":%q}}`, name)
		_, err = c.node.Conn().Request("$JS.API.STREAM.LEADER.STEPDOWN."+info.Config.Name, []byte(request), 2*time.Second)
		return errors.Join(fmt.Errorf("%s leads", info.Cluster.Leader), err)
	})
}

// sum says what the leader has.
func (c *cluster) sum() string {
	c.t.Helper()
	info, err := c.log()
	if err != nil {
		c.t.Fatal(err)
	}
	sums := make([]uint64, info.State.LastSeq+1)
	var readers sync.WaitGroup
	const atOnce = 16
	for first := range uint64(atOnce) {
		readers.Go(func() {
			for seq := first; seq <= info.State.LastSeq; seq += atOnce {
				answer, err := c.node.Conn().Request("$JS.API.STREAM.MSG.GET."+info.Config.Name, fmt.Appendf(nil, `{"seq":%d}`, seq), within)
				if err != nil {
					c.t.Error(err)
					return
				}
				h := fnv.New64a()
				h.Write(answer.Data)
				sums[seq] = h.Sum64()
			}
		})
	}
	readers.Wait()
	h := fnv.New64a()
	fmt.Fprint(h, sums)
	return fmt.Sprintf("%d messages up to %d with the sum %x", info.State.Msgs, info.State.LastSeq, h.Sum64())
}
