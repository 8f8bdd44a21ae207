//go:build !js

package client_test

import (
	"context"
	"errors"
	"testing"

	"github.com/rivulet-sync/rivulet/wasm/client"
)

// TestCloseReleasesEverybody: whoever waits for the server gets ErrClosed, and so
// does whoever comes later.
func TestCloseReleasesEverybody(t *testing.T) {
	b := startBackend(t)
	c := b.connect()
	d, err := c.Open(testContext(t), board)
	if err != nil {
		t.Fatal(err)
	}
	w := d.Watch()
	b.stop()
	calls := map[string]func(context.Context) error{
		"Update": func(ctx context.Context) error { _, err := d.Update(ctx, set("/a", "1")); return err },
		"Patch":  func(ctx context.Context) error { _, err := d.Patch(ctx, patch(t, `{"b":1}`)); return err },
		"Open":   func(ctx context.Context) error { _, err := c.Open(ctx, notes); return err },
		"Next":   func(ctx context.Context) error { _, err := w.Next(ctx); return err },
		"Log": func(ctx context.Context) error {
			for _, err := range c.Log(ctx, board, 0) {
				return err
			}
			return errors.New("an empty log")
		},
	}
	waiting := make(map[string]<-chan error)
	for name, call := range calls {
		waiting[name] = async(func() error { return call(testContext(t)) })
	}
	waitPending(t, d, 2)
	c.Close()
	for name, errs := range waiting {
		if err := settles(t, name, errs); !errors.Is(err, client.ErrClosed) {
			t.Errorf("%s that waited: %v", name, err)
		}
	}
	for name, call := range calls {
		if err := settles(t, name, async(func() error { return call(testContext(t)) })); !errors.Is(err, client.ErrClosed) {
			t.Errorf("%s afterwards: %v", name, err)
		}
	}
	if got := c.State().Status; got != client.Closed {
		t.Errorf("the state is %s", got)
	}
	if late := d.Watch(); late != nil {
		if _, err := late.Next(testContext(t)); !errors.Is(err, client.ErrClosed) {
			t.Errorf("a watch made afterwards: %v", err)
		}
		late.Close()
	}
	c.Close() // again is no error
}

// TestCloseInEveryState comes back, wherever the connection is.
func TestCloseInEveryState(t *testing.T) {
	b := startBackend(t)
	for name, play := range map[string]func(c *client.Client, told states){
		"dialling": func(*client.Client, states) {},
		"online":   func(_ *client.Client, told states) { told.wait(t, client.Online) },
		"offline":  func(c *client.Client, _ states) { c.SetOffline(true) },
		"waiting": func(_ *client.Client, told states) {
			told.wait(t, client.Online)
			b.stop()
			told.wait(t, client.Waiting)
			b.start()
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := client.Config{URL: b.URL()}
			told := listen(&cfg)
			c, err := client.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			play(c, told)
			if err := settles(t, "Close", async(func() error { c.Close(); return nil })); err != nil {
				t.Fatal(err)
			}
		})
	}
}
