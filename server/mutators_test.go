package server_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/mutator"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// addArgs adds its argument to a number.
func addArgs(tx *doc.Tx, args []byte) error {
	by, err := strconv.Atoi(string(args))
	if err != nil {
		return err
	}
	n := 0
	if raw, ok := tx.Get("/n"); ok {
		if n, err = strconv.Atoi(string(raw)); err != nil {
			return err
		}
	}
	return tx.Set("/n", strconv.AppendInt(nil, int64(n+by), 10))
}

func connectWith(t testing.TB, url string, mutators *mutator.Registry) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := client.Connect(ctx, client.Config{URL: url, Mutators: mutators})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestL3_L8_ManyInvokeOneCounter: 64 clients count one number at once, each with several
// counts under way. None is lost, none is there twice, and all replicas are the log.
func TestL3_L8_ManyInvokeOneCounter(t *testing.T) {
	const clients, pipelined, rounds = 64, 3, 5
	srv := start(t, server.Config{Mutators: counting()})
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	docs := make([]*client.Doc, clients)
	for i := range docs {
		docs[i] = open(t, connectWith(t, srv.URL(), counting()), board)
	}
	var wg sync.WaitGroup
	for i, d := range docs {
		for range pipelined {
			wg.Go(func() {
				for range rounds {
					if _, err := d.Invoke(ctx, "count", []byte("1")); err != nil {
						t.Errorf("client %d: %v", i, err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	wantLog(t, ctx, srv, docs, fmt.Sprintf(`{"end":true,"n":%d}`, clients*pipelined*rounds))
}

// wantLog waits until all replicas have read one last edit, and compares them with what
// another merge patch makes of the log.
func wantLog(t *testing.T, ctx context.Context, srv *server.Server, docs []*client.Doc, want string) {
	t.Helper()
	last, err := docs[0].Update(ctx, func(tx *doc.Tx) error { return tx.Set("/end", []byte("true")) })
	if err != nil {
		t.Fatal(err)
	}
	replayed, h := replay(t, ctx, connect(t, srv.URL()), board)
	if got := string(replayed); got != want {
		t.Errorf("the log is %s, want %s", got, want)
	}
	for i, d := range docs {
		waitFor(t, ctx, d, last)
		if got := string(d.Get()); got != string(replayed) {
			t.Errorf("replica %d has %s", i, got)
		}
	}
	t.Logf("%d mutations in %d records", h.mutations, h.records)
}

// TestL3_L4_InvokeStorm mixes named mutations with updates that read what those write,
// while connections are cut and the server is started again.
func TestL3_L4_InvokeStorm(t *testing.T) {
	const clients, edits = 6, 300
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	cfg := server.Config{Data: t.TempDir(), Mutators: counting()}
	srv := start(t, cfg)
	p := newProxy(t, srv.URL())
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	docs := make([]*client.Doc, clients)
	for i := range docs {
		docs[i] = open(t, connectWith(t, p.url(), counting()), board)
	}
	var writers sync.WaitGroup
	for i, d := range docs {
		for line := range 2 { // each with two edits under way
			writers.Go(func() {
				random := rand.New(rand.NewPCG(seed, uint64(2*i+line)))
				for range edits {
					var err error
					if random.IntN(2) == 0 {
						_, err = d.Invoke(ctx, "count", []byte("1"))
					} else {
						_, err = d.Update(ctx, func(tx *doc.Tx) error { return addArgs(tx, []byte("1")) })
					}
					if err != nil {
						t.Errorf("client %d: %v", i, err)
						return
					}
				}
			})
		}
	}
	done := make(chan struct{})
	var chaos sync.WaitGroup
	chaos.Go(func() {
		random := rand.New(rand.NewPCG(seed, 1000))
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for round := 1; ; round++ {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			p.cut(random.Float64())
			if round == 5 {
				if err := srv.Close(); err != nil {
					t.Error(err)
				}
				srv = start(t, cfg)
				p.retarget(srv.URL())
			}
		}
	})
	writers.Wait()
	close(done)
	chaos.Wait()
	if !t.Failed() {
		wantLog(t, ctx, srv, docs, fmt.Sprintf(`{"end":true,"n":%d}`, 2*clients*edits))
	}
}

// TestInvokeErrors: what a Go program is told.
func TestInvokeErrors(t *testing.T) {
	const space = "strict"
	srv := start(t, server.Config{Mutators: counting(), Policy: func(s string) server.Policy {
		if s == space {
			return server.Only
		}
		return server.Trust
	}})
	var own mutator.Registry
	own.Register("count", addArgs)
	own.Register("elsewhere", addArgs)
	own.Register("panics", func(*doc.Tx, []byte) error { panic("no") })
	strict := board
	strict.Space = space
	d := open(t, connectWith(t, srv.URL(), &own), strict)

	var unknown *mutator.UnknownError
	if _, err := d.Invoke(t.Context(), "nobody", []byte("1")); !errors.As(err, &unknown) || unknown.Name != "nobody" {
		t.Errorf("a name that is not registered: %v", err)
	}
	var panicked *mutator.PanicError
	if _, err := d.Invoke(t.Context(), "panics", []byte("1")); !errors.As(err, &panicked) {
		t.Errorf("a panic: %v", err)
	}
	if _, err := d.Invoke(t.Context(), "count", []byte(`"x"`)); !errors.Is(err, strconv.ErrSyntax) {
		t.Errorf("the function's own error: %v", err)
	}
	for name, c := range map[string]struct {
		code wire.Code
		do   func() error
	}{
		"a name that the server does not know": {wire.CodeUnknownMutator, func() error { _, err := d.Invoke(t.Context(), "elsewhere", []byte("1")); return err }},
		"a plain edit": {wire.CodeMutatorsOnly, func() error {
			_, err := d.Update(t.Context(), func(tx *doc.Tx) error { return tx.Set("/n", []byte("100")) })
			return err
		}},
	} {
		var rejected *replica.RejectedError
		if err := c.do(); !errors.As(err, &rejected) || rejected.Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.Invoke(t.Context(), "count", []byte("1")); err != nil {
		t.Error(err)
	}
	if got := string(d.Get()); got != `{"n":1}` {
		t.Errorf("the document is %s", got)
	}
}
