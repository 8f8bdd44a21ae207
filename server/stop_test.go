package server_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// TestCloseWithManySessions takes less than two seconds; every client hears that
// the server drains.
func TestCloseWithManySessions(t *testing.T) {
	const clients = 100
	srv := start(t, server.Config{})
	drained := make(chan client.State, clients)
	for range clients {
		var once sync.Once
		c, err := client.New(client.Config{URL: srv.URL(), OnState: func(s client.State) {
			if s.Status == client.Waiting {
				once.Do(func() { drained <- s })
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open(t, c, board)
	}
	before := time.Now()
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(before); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
	for range clients {
		if s := <-drained; s.Code != wire.CodeDraining {
			t.Errorf("a client heard %+v", s)
		}
	}
	if err := srv.Close(); err != nil {
		t.Errorf("again: %v", err)
	}
}

// TestL9_CloseWhileNothingCanBeStored: NATS is gone and clients have more edits
// than a document takes. The server stops in time, and all is stored later, once.
func TestL9_CloseWhileNothingCanBeStored(t *testing.T) {
	const edits = 300
	store := startNATS(t)
	small := host.Config{MaxQueue: 10}
	srv := start(t, server.Config{NATS: store.url(), Documents: small})
	p := newProxy(t, srv.URL())
	c := connect(t, p.url())
	d := open(t, c, board)
	store.stop()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for n := range edits {
		wg.Go(func() {
			if _, err := d.Update(ctx, func(tx *doc.Tx) error { return increment(tx, "/n") }); err != nil {
				t.Errorf("edit %d: %v", n, err)
			}
		})
	}
	eventually(t, "all edits are pending", func() bool { return d.Pending() == edits })
	before := time.Now()
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(before); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	store.start()
	again := start(t, server.Config{NATS: store.url(), Documents: small})
	p.retarget(again.URL())
	wg.Wait()
	if got, want := string(d.Get()), fmt.Sprintf(`{"n":%d}`, edits); got != want {
		t.Errorf("the document is %s, want %s", got, want)
	}
}

// TestHealthFollowsTheStore: when NATS goes away the server says so, to operators
// and to clients, and acknowledges nothing. When it is back, what was pending is
// stored.
func TestHealthFollowsTheStore(t *testing.T) {
	store := startNATS(t)
	srv := start(t, server.Config{NATS: store.url()})
	told := make(chan bool, 100)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	c, err := client.Connect(ctx, client.Config{URL: srv.URL(), OnStorage: func(available bool, _ string) { told <- available }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d := open(t, c, board)
	if err := srv.Health(); err != nil {
		t.Errorf("at first: %v", err)
	}
	store.stop()
	if <-told {
		t.Error("told that all is well")
	}
	if srv.Health() == nil {
		t.Error("healthy without a store")
	}
	stored := make(chan error, 1)
	go func() {
		_, err := d.Update(ctx, func(tx *doc.Tx) error { return tx.Set("/a", []byte("1")) })
		stored <- err
	}()
	late := connect(t, srv.URL()) // can connect, and hears at once
	eventually(t, "the edit is pending", func() bool { return d.Pending() == 1 })
	select {
	case err := <-stored:
		t.Errorf("acknowledged without a store: %v", err)
	default:
	}
	store.start()
	if !<-told {
		t.Error("told again that it is gone")
	}
	if err := <-stored; err != nil {
		t.Error(err)
	}
	if err := srv.Health(); err != nil {
		t.Errorf("in the end: %v", err)
	}
	if got := string(open(t, late, board).Get()); got != `{"a":1}` {
		t.Errorf("the document is %s", got)
	}
}

// TestHealthAfterAStalledDocumentWasLeft: an edit stalls, its author goes away,
// and nobody opens the document again. When the store is back the server is well:
// the edit's outcome does not stay unknown for ever.
func TestHealthAfterAStalledDocumentWasLeft(t *testing.T) {
	store := startNATS(t)
	srv := start(t, server.Config{NATS: store.url(), Documents: host.Config{IdleAfter: 50 * time.Millisecond}})
	c := connect(t, srv.URL())
	d := open(t, c, board)
	store.stop()
	ctx, cancel := context.WithCancel(t.Context())
	updated := make(chan error, 1)
	go func() {
		_, err := d.Update(ctx, func(tx *doc.Tx) error { return tx.Set("/a", []byte("1")) })
		updated <- err
	}()
	eventually(t, "the server is unwell", func() bool { return srv.Health() != nil })
	eventually(t, "the append has stalled", func() bool { return srv.StalledDocuments() == 1 })
	c.Close()
	cancel()
	if err := <-updated; !errors.Is(err, client.ErrClosed) {
		t.Errorf("the update: %v", err)
	}
	store.start()
	eventually(t, "the server is well", func() bool { return srv.Health() == nil && srv.StalledDocuments() == 0 })
	if got := string(open(t, connect(t, srv.URL()), board).Get()); got != `{"a":1}` {
		t.Errorf("the document is %s", got)
	}
}

// TestDamagedDocumentOverTheWire: the client hears the reason, and only of that
// document.
func TestDamagedDocumentOverTheWire(t *testing.T) {
	store := startNATS(t)
	srv := start(t, server.Config{NATS: store.url()})
	store.publish(t, board, []byte("garbage"))
	c := connect(t, srv.URL())
	var bad *client.DocError
	if _, err := c.Open(t.Context(), board); !errors.As(err, &bad) || bad.Code != wire.CodeDamaged {
		t.Errorf("the error is %v", err)
	}
	other := open(t, c, record.Key{Space: "demo", ID: "other"})
	if _, err := other.Update(t.Context(), func(tx *doc.Tx) error { return tx.Set("/a", []byte("1")) }); err != nil {
		t.Error(err)
	}
}
