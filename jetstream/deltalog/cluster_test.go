package deltalog_test

import (
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// startCluster runs three servers on loopback and returns their URLs.
func startCluster(t testing.TB) string {
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
		t.Cleanup(func() { stopServer(s) })
		servers = append(servers, s)
	}
	for _, s := range servers {
		if !s.ReadyForConnections(within) {
			t.Fatal("a server of the cluster does not start")
		}
	}
	awaitCluster(t, servers)
	return servers[0].ClientURL() + "," + servers[1].ClientURL() + "," + servers[2].ClientURL()
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

// awaitCluster waits until the cluster has a meta leader which knows all three
// members. The server offers no event for it.
func awaitCluster(t testing.TB, servers []*server.Server) {
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

// TestL3_ClusterStepDown has two writers append to one document on three
// replicas while the stream's leader steps down again and again.
func TestL3_ClusterStepDown(t *testing.T) {
	n := startNode(t, natsd.Config{URL: startCluster(t)})
	var stalled atomic.Int64
	count := func(c *deltalog.Config) {
		c.Replicas = 3
		c.OnStall = func(record.Key, error) { stalled.Add(1) }
	}
	const each = 150
	progress := make(chan struct{}, 2*each)
	var wg sync.WaitGroup
	for w := range 2 {
		l := openLog(t, n, count)
		wg.Go(func() {
			write(t, l, board, fmt.Sprintf("w%d", w), each, progress)
		})
	}
	writers := make(chan struct{})
	defer func() { <-writers }()
	go func() { wg.Wait(); close(writers) }()
	stepDowns := 0
	for done := 0; done < 2*each; {
		select {
		case <-progress:
			if done++; done%75 == 50 {
				stepDown(t, n.Conn(), deltalog.Stream(board))
				stepDowns++
			}
		case <-writers:
			done = 2 * each
		}
	}
	if t.Failed() {
		return
	}
	deltas, _ := read(t, openLog(t, n, count), board)
	checkOnce(t, deltas, each, "w0", "w1")
	t.Logf("%d step-downs, %d stalled attempts", stepDowns, stalled.Load())
}

func stepDown(t testing.TB, c *nats.Conn, stream string) {
	t.Helper()
	reply, err := c.RequestWithContext(testContext(t), "$JS.API.STREAM.LEADER.STEPDOWN."+stream, nil)
	if err != nil {
		t.Error(err)
		return
	}
	var answer struct {
		Success bool            `json:"success"`
		Error   json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(reply.Data, &answer); err != nil || !answer.Success {
		t.Errorf("step down: %v %s", err, reply.Data)
	}
}
