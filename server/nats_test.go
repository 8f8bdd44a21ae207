package server_test

import (
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// store is a NATS server of its own that can be stopped and started again on the
// same data and port.
type store struct {
	t      testing.TB
	config natsserver.Options
	server *natsserver.Server
}

func startNATS(t testing.TB) *store {
	t.Helper()
	s := &store{t: t, config: natsserver.Options{
		Host: "127.0.0.1", Port: natstest.FreePort(t), NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: t.TempDir(), SyncInterval: time.Minute,
	}}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *store) start() {
	s.t.Helper()
	config := s.config // the server keeps and changes what it is given
	srv, err := natsserver.NewServer(&config)
	if err != nil {
		s.t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		s.t.Fatal("NATS does not start")
	}
	s.server = srv
}

func (s *store) stop() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}

func (s *store) url() string { return s.server.ClientURL() }

// publish puts bytes into a document's log.
func (s *store) publish(t testing.TB, key record.Key, data []byte) {
	t.Helper()
	conn, err := nats.Connect(s.url())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Request(deltalog.Subject(key), data, 10*time.Second); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for what has no event of its own.
func eventually(t testing.TB, what string, reached func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !reached() {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to pass that %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
