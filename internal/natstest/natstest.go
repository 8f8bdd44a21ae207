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
// them may need several elections: one in six clusters has no leader at once there, and
// each further election takes up to nine seconds.
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

// FreeAddr returns a loopback address at which nothing listens, with a [FreePort].
func FreeAddr(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", FreePort(t))
}

// FreePort returns a loopback port at which nothing listens. It is below those that
// systems give to outgoing connections: one of them could take it while a server that is
// started again and again is down.
func FreePort(t testing.TB) int {
	t.Helper()
	const first, last, tries = 15000, 30000, 100
	for range tries {
		port := first + rand.IntN(last-first)
		if ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			ln.Close()
			return port
		}
	}
	t.Fatalf("no free port in %d tries", tries)
	return 0
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
