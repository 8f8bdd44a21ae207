package natsd_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
)

func listen(t *testing.T, opts server.Options) *server.Server {
	t.Helper()
	opts.Host, opts.NoSigs, opts.NoLog = "127.0.0.1", true, true
	s, err := server.NewServer(&opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	t.Cleanup(func() { halt(s) })
	return s
}

func halt(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func TestExternalReconnects(t *testing.T) {
	opts := server.Options{
		Port: natstest.FreePort(t), JetStream: true, StoreDir: t.TempDir(),
		Username: "rivulet", Password: "secret",
	}
	s := listen(t, opts)
	n := start(t, natsd.Config{URL: strings.Replace(s.ClientURL(), "nats://", "nats://rivulet:secret@", 1)})
	if err := n.Health(); err != nil {
		t.Fatal(err)
	}
	lost := n.Conn().StatusChanged(nats.RECONNECTING)
	back := n.Conn().StatusChanged(nats.CONNECTED)
	addr := s.Addr().String()
	halt(s)
	await(t, lost)
	err := n.Health()
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), addr) {
		t.Fatal(err)
	}
	if err := n.Conn().Publish("words.late", nil); err == nil {
		t.Error("a publish is kept for later")
	}
	listen(t, opts)
	await(t, back)
	if err := n.Health(); err != nil {
		t.Fatal(err)
	}
}

func TestExternalWithoutJetStream(t *testing.T) {
	s := listen(t, server.Options{Port: server.RANDOM_PORT})
	_, err := natsd.Start(t.Context(), natsd.Config{URL: s.ClientURL()})
	if err == nil || !strings.Contains(err.Error(), s.Addr().String()) {
		t.Fatal(err)
	}
}

func await(t *testing.T, events <-chan nats.Status) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	select {
	case <-events:
	case <-ctx.Done():
		t.Fatal("the connection's state does not change")
	}
}
