package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evanw/esbuild/pkg/api"
	"go.uber.org/goleak"

	"github.com/rivulet-sync/rivulet/examples/mutators/shop"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var shelf = record.Key{Space: "shop", ID: "tea"}

func start(t *testing.T) *server.Server {
	t.Helper()
	srv, err := server.Start(t.Context(), server.Config{
		Addr: "127.0.0.1:0", Data: t.TempDir(), Sync: natsd.Sync{Interval: time.Minute},
		Mutators: shop.Mutators(), Policy: policy,
	})
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

func open(t *testing.T, ctx context.Context, srv *server.Server) *client.Doc {
	t.Helper()
	c, err := client.Connect(ctx, client.Config{URL: srv.URL(), Mutators: shop.Mutators()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	d, err := c.Open(ctx, shelf)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// wantShelf checks what is left and what was sold.
func wantShelf(t *testing.T, srv *server.Server, stock, sold int) {
	t.Helper()
	state, err := srv.Doc(shelf).Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Stock, Sold map[string]int }
	if err := json.Unmarshal(state.JSON, &got); err != nil {
		t.Fatal(err)
	}
	if got.Stock["tea"] != stock || got.Sold["tea"] != sold {
		t.Errorf("%s, want %d left and %d sold", state.JSON, stock, sold)
	}
}

// TestL8_NothingIsSoldTwice: two clients buy all that there is, and more, as fast as they
// can. Whoever is told that the purchase is stored has got one.
func TestL8_NothingIsSoldTwice(t *testing.T) {
	const stock = 40
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	srv := start(t)
	clients := []*client.Doc{open(t, ctx, srv), open(t, ctx, srv)}
	if _, err := clients[0].Invoke(ctx, "fill", []byte(`{"sku":"tea","n":40}`)); err != nil {
		t.Fatal(err)
	}
	var bought atomic.Int64
	var buyers sync.WaitGroup
	for _, d := range clients {
		for range 5 { // several purchases under way
			buyers.Go(func() {
				for {
					_, err := d.Invoke(ctx, "buy", []byte(`{"sku":"tea","n":1}`))
					var rejected *replica.RejectedError
					switch {
					case err == nil:
						bought.Add(1)
					case errors.Is(err, shop.ErrSoldOut), errors.As(err, &rejected) && rejected.Code == wire.CodeMutator && rejected.Detail == "sold out":
						if state := string(d.Get()); strings.Contains(state, `"stock":{"tea":0}`) {
							return // else it has not heard of the filling yet
						}
					default:
						t.Error(err)
						return
					}
				}
			})
		}
	}
	buyers.Wait()
	if n := bought.Load(); n != stock {
		t.Errorf("%d were bought", n)
	}
	wantShelf(t, srv, 0, stock)

	var rejected *replica.RejectedError
	_, err := clients[1].Update(ctx, func(tx *doc.Tx) error { return tx.Set("/stock", []byte(`{"tea":100}`)) })
	if !errors.As(err, &rejected) || rejected.Code != wire.CodeMutatorsOnly {
		t.Errorf("writing without a mutation: %v", err)
	}
}

// TestPage runs a page's script under Node, on the shop's own module, against the server.
func TestPage(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("the test of the page needs Node 20 or newer in PATH")
	}
	dir := t.TempDir()
	module := filepath.Join(dir, "shop.wasm")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", module, "../wasm")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "page.mjs")
	result := api.Build(api.BuildOptions{
		EntryPoints: []string{"testdata/page.ts"}, Outfile: script, Bundle: true, Write: true,
		Format: api.FormatESModule, Platform: api.PlatformNode, Target: api.ES2022,
		Alias: map[string]string{"wasm_exec": filepath.Join(string(bytes.TrimSpace(goroot)), "lib", "wasm", "wasm_exec.js")},
	})
	if len(result.Errors) > 0 {
		t.Fatal(result.Errors)
	}
	srv := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	page := exec.CommandContext(ctx, node, "--experimental-websocket", script, srv.URL(), module)
	page.Env = append(os.Environ(), "NODE_OPTIONS=")
	if out, err := page.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantShelf(t, srv, 1, 2)
}
