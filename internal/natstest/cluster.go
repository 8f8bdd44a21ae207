package natstest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Cluster runs three servers on loopback until the test ends and returns them
// when they have elected a leader.
func Cluster(t testing.TB) []*server.Server {
	t.Helper()
	const tries = 3
	var err error
	for range tries {
		// A clustered JetStream must know its routes before it starts, so their ports are
		// chosen before somebody listens there.
		var servers []*server.Server
		if servers, err = cluster(t, freePorts(t, 3)); err == nil {
			return servers
		}
		t.Log(err)
		if !errors.As(err, new(*listenError)) {
			break
		}
	}
	t.Fatal("no cluster: ", err)
	return nil
}

// listenError says that a server cannot listen where it should.
type listenError struct{ reason string }

func (e *listenError) Error() string { return e.reason }

// cluster runs a server for each port, at which it takes routes, until the test ends
// or there is an error.
func cluster(t testing.TB, ports []int) (servers []*server.Server, err error) {
	t.Helper()
	dirs := make([]string, len(ports)) // which are to go after the servers
	for i := range dirs {
		dirs[i] = t.TempDir()
	}
	stop := sync.OnceFunc(func() {
		for _, s := range servers {
			Stop(s)
		}
	})
	t.Cleanup(stop)
	defer func() {
		if err != nil {
			stop()
		}
	}()
	var routes []string
	for _, port := range ports {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	said := &log{fatal: make(chan string, 1)}
	for i, port := range ports {
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprintf("n%d", i),
			Host:       "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true,
			JetStream: true, StoreDir: dirs[i], SyncInterval: time.Minute,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port},
			Routes:  server.RoutesFromStr(strings.Join(routes, ",")),
		})
		if err != nil {
			return nil, err
		}
		s.SetLogger(said, false, false)
		s.Start()
		servers = append(servers, s)
	}
	return servers, awaitLeader(servers, said)
}

// awaitLeader waits until the cluster has a meta leader which knows all members.
// The server offers no event for it.
func awaitLeader(servers []*server.Server, said *log) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(within)
	for {
		for _, s := range servers {
			if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == len(servers) && listening(servers) {
				return nil
			}
		}
		select {
		case reason := <-said.fatal:
			return &listenError{reason}
		case <-timeout:
			return fmt.Errorf("no leader after %v; the servers said:\n%s", within, said.text())
		case <-tick.C:
		}
	}
}

func listening(servers []*server.Server) bool {
	for _, s := range servers {
		if s.Addr() == nil || s.ClusterAddr() == nil {
			return false
		}
	}
	return true
}

// log keeps what servers say. They take a log that does not end the program for one
// that does: a server that cannot listen tells it, and does nothing more.
type log struct {
	fatal chan string // the first reason

	mu    sync.Mutex
	lines []string
}

// mostLines bounds what is kept.
const mostLines = 200

func (l *log) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	l.lines = l.lines[max(0, len(l.lines)-mostLines):]
}

func (l *log) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// Fatalf implements [server.Logger].
func (l *log) Fatalf(format string, args ...any) {
	l.add(format, args...)
	select {
	case l.fatal <- fmt.Sprintf(format, args...):
	default:
	}
}

// Noticef implements [server.Logger].
func (l *log) Noticef(format string, args ...any) { l.add(format, args...) }

// Warnf implements [server.Logger].
func (l *log) Warnf(format string, args ...any) { l.add(format, args...) }

// Errorf implements [server.Logger].
func (l *log) Errorf(format string, args ...any) { l.add(format, args...) }

// Debugf implements [server.Logger].
func (l *log) Debugf(string, ...any) {}

// Tracef implements [server.Logger].
func (l *log) Tracef(string, ...any) {}

// freePorts returns different ports of [FreePort].
func freePorts(t testing.TB, count int) (ports []int) {
	t.Helper()
	for len(ports) < count {
		if port := FreePort(t); !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return ports
}
