//go:build !js

package client_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var board = record.Key{Space: "demo", ID: "board"}

// within is how long a test waits for something that must happen.
const within = 20 * time.Second

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	t.Cleanup(cancel)
	return ctx
}

// backend is a real server that can be stopped and started again on the same
// data and address.
type backend struct {
	*server.Server
	t    testing.TB
	cfg  server.Config
	open bool
}

func startBackend(t testing.TB) *backend {
	t.Helper()
	b := &backend{t: t, cfg: server.Config{
		Addr: "127.0.0.1:0", Data: t.TempDir(), Sync: natsd.Sync{Interval: time.Minute},
	}}
	b.start()
	b.cfg.Addr = strings.TrimPrefix(b.URL(), "http://")
	t.Cleanup(b.stop)
	return b
}

func (b *backend) start() {
	b.t.Helper()
	srv, err := server.Start(context.Background(), b.cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Server, b.open = srv, true
}

func (b *backend) stop() {
	b.t.Helper()
	if !b.open {
		return
	}
	b.open = false
	if err := b.Close(); err != nil {
		b.t.Error(err)
	}
}

func (b *backend) connect(change ...func(*client.Config)) *client.Client {
	b.t.Helper()
	cfg := client.Config{URL: b.URL()}
	for _, c := range change {
		c(&cfg)
	}
	c, err := client.Connect(testContext(b.t), cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(c.Close)
	return c
}

func (b *backend) join() *client.Doc {
	b.t.Helper()
	d, err := b.connect().Open(testContext(b.t), board)
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

func set(path, value string) func(*doc.Tx) error {
	return func(tx *doc.Tx) error { return tx.Set(delta.Pointer(path), []byte(value)) }
}

func increment(path delta.Pointer) func(*doc.Tx) error {
	return func(tx *doc.Tx) error {
		n := 0
		if raw, ok := tx.Get(path); ok {
			var err error
			if n, err = strconv.Atoi(string(raw)); err != nil {
				return err
			}
		}
		return tx.Set(path, strconv.AppendInt(nil, int64(n+1), 10))
	}
}

func update(t testing.TB, d *client.Doc, fn func(*doc.Tx) error) record.Revision {
	t.Helper()
	rev, err := d.Update(testContext(t), fn)
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

func patch(t testing.TB, text string) delta.Delta {
	t.Helper()
	d, err := delta.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// settles waits for an error that must come.
func settles(t testing.TB, what string, errs <-chan error) error {
	t.Helper()
	select {
	case err := <-errs:
		return err
	case <-time.After(within):
		t.Fatalf("%s does not return", what)
		return nil
	}
}

// async runs fn and delivers what it returns.
func async(fn func() error) <-chan error {
	errs := make(chan error, 1)
	go func() { errs <- fn() }()
	return errs
}

// waitPending waits until so many edits wait for the server, while they are made. Whoever
// is subscribed to the document hears of an edit when it is pending.
func waitPending(t testing.TB, d *client.Doc, n int) {
	t.Helper()
	made := make(chan struct{}, 1)
	d.Read(func(view *doc.Doc) {
		end := view.Subscribe("", doc.Prefix, func(doc.Event) {
			select {
			case made <- struct{}{}:
			default:
			}
		})
		t.Cleanup(func() { d.Read(func(*doc.Doc) { end() }) })
	})
	for ctx := testContext(t); d.Pending() != n; {
		select {
		case <-made:
		case <-ctx.Done():
			t.Fatalf("%d edits are pending, want %d", d.Pending(), n)
		}
	}
}
