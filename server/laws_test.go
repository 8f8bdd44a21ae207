package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// TestL3_L4_L8_Storm lets clients read and write one document while their
// connections are cut at random and the server is restarted on the same data.
// Afterwards every update that was acknowledged counts exactly once, and every
// replica equals what an independent merge-patch implementation makes of the log.
func TestL3_L4_L8_Storm(t *testing.T) {
	const clients, updates, restarts = 6, 60, 2
	seed := rand.Uint64()
	t.Logf("seed %d", seed)

	cfg := server.Config{Data: t.TempDir(), Documents: host.Config{ChecksumEvery: 3}}
	srv := start(t, cfg)
	p := newProxy(t, srv.URL())
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()

	connected := make([]*client.Client, clients)
	docs := make([]*client.Doc, clients)
	for i := range docs {
		connected[i] = connect(t, p.url())
		docs[i] = open(t, connected[i], board)
	}
	var writers sync.WaitGroup
	for i, d := range docs {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			for n := range updates {
				if err := step(ctx, d, i, n, random); err != nil {
					t.Errorf("client %d, update %d: %v", i, n, err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	var chaos sync.WaitGroup
	chaos.Go(func() {
		random := rand.New(rand.NewPCG(seed, 1000))
		tick := time.NewTicker(150 * time.Millisecond)
		defer tick.Stop()
		for round := 1; ; round++ {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			p.cut(random.Float64())
			if round%5 == 0 && round/5 <= restarts {
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
	if t.Failed() {
		return
	}

	// Everybody reads on to the revision of one last edit.
	last, err := docs[0].Update(ctx, func(tx *doc.Tx) error { return tx.Set("/end", []byte("true")) })
	if err != nil {
		t.Fatal(err)
	}
	replayed, history := replay(t, ctx, connect(t, p.url()), board)
	for i, d := range docs {
		waitFor(t, ctx, d, last)
		if got := d.Get(); !bytes.Equal(got, replayed) {
			t.Errorf("replica %d differs from the log:\n%s\n%s", i, got, replayed)
		}
		if n := connected[i].Diverged(); n > 0 {
			t.Errorf("client %d: %d checksums differed", i, n)
		}
	}
	var state struct {
		Total int
		Own   map[string]int
		Sum   map[string]int
	}
	if err := json.Unmarshal(replayed, &state); err != nil {
		t.Fatal(err)
	}
	if state.Total != clients*updates {
		t.Errorf("total is %d after %d increments, each acknowledged", state.Total, clients*updates)
	}
	for i := range clients {
		if own := state.Own[strconv.Itoa(i)]; own != updates {
			t.Errorf("client %d counted %d of its %d updates", i, own, updates)
		}
	}
	t.Logf("%d records, %d mutations", history.records, history.mutations)
}

// step is one transaction: it increments a shared counter, which conflicts with
// everybody, and one of its own, or checks an invariant over what others write.
func step(ctx context.Context, d *client.Doc, who, n int, random *rand.Rand) error {
	noise := random.IntN(5)
	_, err := d.Update(ctx, func(tx *doc.Tx) error {
		for _, object := range []string{"/own", "/sum", "/noise"} {
			if !tx.IsObject(pointer(object)) {
				if err := tx.Set(pointer(object), []byte("{}")); err != nil {
					return err
				}
			}
		}
		if err := increment(tx, "/total"); err != nil {
			return err
		}
		if err := increment(tx, "/own/"+strconv.Itoa(who)); err != nil {
			return err
		}
		return tx.Set(pointer("/noise/"+strconv.Itoa(noise)), fmt.Appendf(nil, `{"by":%d,"n":%d}`, who, n))
	})
	return err
}

func increment(tx *doc.Tx, path string) error {
	n := 0
	if raw, ok := tx.Get(pointer(path)); ok {
		var err error
		if n, err = strconv.Atoi(string(raw)); err != nil {
			return err
		}
	}
	return tx.Set(pointer(path), strconv.AppendInt(nil, int64(n+1), 10))
}

type history struct{ records, mutations int }

// replay applies the log of a document with an implementation that is not ours,
// and checks that no mutation is in it twice.
func replay(t *testing.T, ctx context.Context, c *client.Client, key record.Key) ([]byte, history) {
	t.Helper()
	state := []byte("{}")
	type id struct {
		author record.ClientID
		number uint64
	}
	seen := make(map[id]bool)
	var h history
	var last record.Revision
	for e, err := range c.Log(ctx, key, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Position.Revision != last {
			last = e.Position.Revision
			h.records++
		}
		h.mutations++
		if m := (id{e.Author, e.ID.Number}); seen[m] {
			t.Errorf("mutation %d of client %s is in the log twice", m.number, m.author)
		} else {
			seen[m] = true
		}
		if state, err = jsonpatch.MergePatch(state, e.Delta); err != nil {
			t.Fatal(err)
		}
	}
	canonical, err := doc.Parse(state)
	if err != nil {
		t.Fatal(err)
	}
	return canonical.Canonical(), h
}

// waitFor waits until a replica has read the log up to a revision and has
// nothing pending.
func waitFor(t *testing.T, ctx context.Context, d *client.Doc, rev record.Revision) {
	t.Helper()
	w := d.Watch()
	defer w.Close()
	for d.Position().Revision < rev || d.Pending() > 0 {
		if _, err := w.Next(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
