package server_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// TestL3_L7_L8_ClientsTransfer: clients move units between documents in transactions, over
// connections that are cut again and again, beside edits of their own and transactions of
// the server. Each that is said to be done has happened once, and the sum is what it was,
// in the log and for everybody who looks on.
func TestL3_L7_L8_ClientsTransfer(t *testing.T) {
	srv := start(t, server.Config{})
	const accounts, clients, each = 4, 4, 15
	key := func(i int) record.Key { return record.Key{Space: "bank", ID: fmt.Sprint("a", i)} }
	move := func(n int64) func([]*doc.Tx) error {
		return func(txs []*doc.Tx) error {
			if _, err := txs[0].Add("/n", -n); err != nil {
				return err
			}
			_, err := txs[1].Add("/n", n)
			return err
		}
	}
	var wg sync.WaitGroup
	all := make([][]*client.Doc, clients)
	for i := range clients {
		c := connect(t, srv.URL())
		for a := range accounts {
			all[i] = append(all[i], open(t, c, key(a)))
		}
		random := rand.New(rand.NewPCG(5, uint64(i)))
		pick := func() (int, int) {
			from := random.IntN(accounts)
			return from, (from + 1 + random.IntN(accounts-1)) % accounts
		}
		wg.Go(func() {
			for n := range each {
				from, to := pick()
				if err := c.Transact(t.Context(), []*client.Doc{all[i][from], all[i][to]}, move(1)); err != nil {
					t.Error(err)
				}
				if n%5 == i {
					c.SetOffline(true)
					c.SetOffline(false)
				}
				if _, err := all[i][to].Update(t.Context(), func(tx *doc.Tx) error { _, err := tx.Add("/edits", 1); return err }); err != nil {
					t.Error(err)
				}
				if _, err := srv.Transact(t.Context(), []record.Key{key(to), key(from)}, move(2)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	sum, edits := 0, 0
	for a := range accounts {
		state, err := srv.Doc(key(a)).Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var n, e int
		if _, err := fmt.Sscanf(string(state.JSON), `{"edits":%d,"n":%d}`, &e, &n); err != nil {
			t.Fatalf("%s: %v", state.JSON, err)
		}
		sum, edits = sum+n, edits+e
		for i := range all {
			eventually(t, fmt.Sprintf("client %d sees document %d", i, a), func() bool { return string(all[i][a].Get()) == string(state.JSON) })
		}
	}
	if sum != 0 || edits != clients*each {
		t.Errorf("the sum is %d, there are %d edits of %d", sum, edits, clients*each)
	}
}

// TestTransactEnds: with its context, with its client, or with what its function says.
func TestTransactEnds(t *testing.T) {
	srv := start(t, server.Config{})
	c := connect(t, srv.URL())
	docs := []*client.Doc{open(t, c, board), open(t, c, record.Key{Space: board.Space, ID: "other"})}
	unwanted := errors.New("unwanted")
	if err := c.Transact(t.Context(), docs, func([]*doc.Tx) error { return unwanted }); !errors.Is(err, unwanted) {
		t.Errorf("what its function says: %v", err)
	}
	c.SetOffline(true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Transact(ctx, docs, func([]*doc.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("its context: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Transact(t.Context(), docs, func([]*doc.Tx) error { return nil }) }()
	c.Close()
	if err := <-done; !errors.Is(err, client.ErrClosed) {
		t.Errorf("its client: %v", err)
	}
	if err := c.Transact(t.Context(), docs[:1], func([]*doc.Tx) error { return nil }); !errors.Is(err, client.ErrClosed) {
		t.Errorf("a closed client: %v", err)
	}
}
