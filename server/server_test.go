package server_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

var board = record.Key{Space: "demo", ID: "board"}

func start(t testing.TB, cfg server.Config) *server.Server {
	t.Helper()
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.Data == "" {
		cfg.Data = t.TempDir()
	}
	cfg.Sync = natsd.Sync{Interval: time.Minute}
	srv, err := server.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return srv
}

func connect(t testing.TB, url string) *client.Client {
	t.Helper()
	c, err := client.Connect(t.Context(), client.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func open(t testing.TB, c *client.Client, key record.Key) *client.Doc {
	t.Helper()
	d, err := c.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSmoke(t *testing.T) {
	srv := start(t, server.Config{})
	a, b := connect(t, srv.URL()), connect(t, srv.URL())
	da, db := open(t, a, board), open(t, b, board)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for i := range 50 {
		if _, err := da.Update(ctx, func(tx *doc.Tx) error { return tx.Set("/a", fmt.Appendf(nil, "%d", i)) }); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Update(ctx, func(tx *doc.Tx) error {
			n, _ := tx.Get("/n")
			var v int
			fmt.Sscan(string(n), &v)
			return tx.Set("/n", fmt.Appendf(nil, "%d", v+1))
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []*client.Doc{da, db} {
		fmt.Println(string(d.Get()), d.Position())
	}
	n := 0
	for e, err := range a.Log(ctx, board, 0) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if n < 4 {
			fmt.Println(e.Position, e.Author, string(e.Delta))
		}
	}
	fmt.Println(n)
}
