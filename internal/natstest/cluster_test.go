package natstest

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"
)

// TestClusterWithoutAPort: a server whose port somebody else has says so at once, and
// the others are stopped; nobody waits for a leader.
func TestClusterWithoutAPort(t *testing.T) {
	ports := freePorts(t, 3)
	taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", ports[1]))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	began := time.Now()
	_, err = cluster(t, ports)
	if !errors.As(err, new(*listenError)) {
		t.Fatal(err)
	}
	if took := time.Since(began); took > within/2 {
		t.Errorf("it took %v", took)
	}
	again, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", ports[0]))
	if err != nil {
		t.Fatalf("a server still runs: %v", err)
	}
	again.Close()
}

// TestCluster: three servers elect a leader.
func TestCluster(t *testing.T) {
	leaders := 0
	for _, s := range Cluster(t) {
		if s.JetStreamIsLeader() {
			leaders++
		}
	}
	if leaders != 1 {
		t.Errorf("%d leaders", leaders)
	}
}
