package server_test

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/move"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// TestL3_L4_MoveToACluster: a server with its own JetStream is stopped, its log is copied
// to a cluster, and a server on that takes its place. Clients go on by one reconnect from
// where they were; what they edit meanwhile is stored once.
func TestL3_L4_MoveToACluster(t *testing.T) {
	t.Parallel()
	cfg := server.Config{Addr: freeAddr(t), Data: t.TempDir(), Sync: natsd.Sync{Interval: time.Minute}}
	before := start(t, cfg)
	var docs []*client.Doc
	for range 3 {
		docs = append(docs, open(t, connect(t, before.URL()), board))
	}
	for n := range 30 {
		if _, err := docs[n%3].Patch(t.Context(), delta.Trusted(fmt.Appendf(nil, `{"w%d":%d}`, n%3, n))); err != nil {
			t.Fatal(err)
		}
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	// They write on while nobody serves them.
	results := make(chan error, 3)
	for i, d := range docs {
		go func() {
			_, err := d.Update(t.Context(), count)
			results <- errors.Join(err, nil)
		}()
		eventually(t, fmt.Sprint("client ", i, " has a pending edit"), func() bool { return d.Pending() == 1 })
	}
	from, err := natsd.Start(t.Context(), natsd.Config{Dir: cfg.Data})
	if err != nil {
		t.Fatal(err)
	}
	url := natstest.Cluster(t)[0].ClientURL()
	to, err := natsd.Start(t.Context(), natsd.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := move.All(t.Context(), move.Config{From: from.JetStream(), To: to.JetStream(), Replicas: 3}); err != nil || n.Records < 30 {
		t.Fatal(n, err)
	}
	if err := errors.Join(from.Close(), to.Close()); err != nil {
		t.Fatal(err)
	}
	was := docs[0].Position()
	after := start(t, server.Config{Addr: cfg.Addr, NATS: url, Replicas: 3})
	for range docs {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	state := wantState(t, after.Doc(board), `{"n":3,"w0":27,"w1":28,"w2":29}`)
	if state.At.Epoch != was.Epoch {
		t.Error("it is another log")
	}
	for i, d := range docs {
		eventually(t, fmt.Sprint("client ", i, " sees all"), func() bool { return string(d.Get()) == string(state.JSON) })
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
