// Package natstest runs real NATS servers for tests, alone or as a cluster, and a
// proxy that damages what a client and a server say to each other.
package natstest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// within is how long a test waits for servers to be ready. On a busy machine three of
// them may need several elections, of up to nine seconds each.
const within = time.Minute

// Start runs a server with JetStream that listens on loopback, on a port of its
// choice when port is [server.RANDOM_PORT], until the test ends.
func Start(t testing.TB, dir string, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: dir, SyncInterval: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(within) {
		t.Fatal("the server does not start")
	}
	t.Cleanup(func() { Stop(s) })
	return s
}

// Stop ends a server and waits for it.
func Stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// Cluster runs three servers on loopback until the test ends and returns them
// when they have elected a leader.
func Cluster(t testing.TB) []*server.Server {
	t.Helper()
	// A clustered JetStream must know its routes before it starts.
	ports := freePorts(t, 3)
	routes := fmt.Sprintf("nats://127.0.0.1:%d,nats://127.0.0.1:%d,nats://127.0.0.1:%d", ports[0], ports[1], ports[2])
	var servers []*server.Server
	for i := range 3 {
		opts := &server.Options{
			ServerName: fmt.Sprintf("n%d", i),
			Host:       "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), SyncInterval: time.Minute,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[i]},
			Routes:  server.RoutesFromStr(routes),
		}
		s, err := server.NewServer(opts)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { Stop(s) })
		servers = append(servers, s)
	}
	for _, s := range servers {
		if !s.ReadyForConnections(within) {
			t.Fatal("a server of the cluster does not start")
		}
	}
	awaitLeader(t, servers)
	return servers
}

// URLs returns the servers' client URLs, comma-separated.
func URLs(servers []*server.Server) string {
	var urls string
	for i, s := range servers {
		if i > 0 {
			urls += ","
		}
		urls += s.ClientURL()
	}
	return urls
}

// FreeAddr returns a loopback address at which nothing listens. Its port is below those
// that systems give to outgoing connections: one of them could take it while a server
// that is started again and again is down.
func FreeAddr(t testing.TB) string {
	t.Helper()
	const first, last, tries = 15000, 30000, 100
	for range tries {
		addr := fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(last-first))
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close()
			return addr
		}
	}
	t.Fatalf("no free port in %d tries", tries)
	return ""
}

func freePorts(t testing.TB, count int) []int {
	t.Helper()
	ports := make([]int, count)
	for i := range ports {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		if _, err := fmt.Sscanf(ln.Addr().String(), "127.0.0.1:%d", &ports[i]); err != nil {
			t.Fatal(err)
		}
	}
	return ports
}

// awaitLeader waits until the cluster has a meta leader which knows all members.
// The server offers no event for it.
func awaitLeader(t testing.TB, servers []*server.Server) {
	t.Helper()
	deadline := time.Now().Add(within)
	for time.Now().Before(deadline) {
		for _, s := range servers {
			if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == len(servers) {
				return
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the cluster elects no leader")
}

// StepDown makes the leader of a stream step down. It reports false when the
// stream has no leader to do so at the moment.
func StepDown(c *nats.Conn, stream string) bool {
	reply, err := c.Request("$JS.API.STREAM.LEADER.STEPDOWN."+stream, nil, 2*time.Second)
	if err != nil {
		return false
	}
	var answer struct {
		Success bool `json:"success"`
	}
	return json.Unmarshal(reply.Data, &answer) == nil && answer.Success
}
