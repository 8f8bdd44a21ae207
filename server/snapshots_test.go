package server_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/delta"
)

// TestL2_SnapshotsOverARestart: a server makes snapshots and starts from them; one
// that was damaged in between costs nothing but time.
func TestL2_SnapshotsOverARestart(t *testing.T) {
	store := startNATS(t)
	cfg := server.Config{NATS: store.url(), Documents: host.Config{SnapshotEvery: 10}}
	conn, err := nats.Connect(store.url())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	last := func() *jetstream.RawStreamMsg {
		t.Helper()
		s, err := js.Stream(t.Context(), "RV_SNAPSHOTS")
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.GetLastMsgForSubject(t.Context(), snapshot.Subject(board))
		if err != nil {
			return &jetstream.RawStreamMsg{}
		}
		return m
	}
	var before uint64
	for round := range 3 {
		srv := start(t, cfg)
		d := open(t, connect(t, srv.URL()), board)
		if got, want := string(d.Get()), fmt.Sprintf(`{"n":%d}`, round*10); round > 0 && got != want {
			t.Fatalf("after %d restarts the document is %s, want %s", round, got, want)
		}
		for n := range 10 {
			if _, err := d.Patch(t.Context(), delta.Trusted(fmt.Appendf(nil, `{"n":%d}`, round*10+n+1))); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "a snapshot is stored", func() bool { return last().Sequence > before })
		stopped := time.Now()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(stopped); took > 2*time.Second {
			t.Errorf("it took %s to stop", took)
		}
		m := last()
		before = m.Sequence
		if round == 1 {
			m.Data[len(m.Data)/2]++
			ack, err := js.Publish(t.Context(), m.Subject, m.Data)
			if err != nil {
				t.Fatal(err)
			}
			before = ack.Sequence
		}
	}
}
