//go:build !js

package client_test

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// TestResetIsWhereTheSnapshotIs: who watches a document is told with a snapshot where that is.
func TestResetIsWhereTheSnapshotIs(t *testing.T) {
	b := startBackend(t)
	other := b.join()
	c := b.connect()
	away, err := c.Open(testContext(t), board)
	if err != nil {
		t.Fatal(err)
	}
	w := away.Watch()
	defer w.Close()
	c.SetOffline(true)
	for n := range 30 {
		update(t, other, set("/a", `"`+strings.Repeat(strconv.Itoa(n%10), 1000)+`"`))
	}
	c.SetOffline(false)
	for {
		e, err := w.Next(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		if e.Reset {
			if e.Position != away.Position() {
				t.Errorf("reset at %s, the document is at %s", e.Position, away.Position())
			}
			return
		}
	}
}

// TestFoldedIsWhereItLeads: who watches a document is told with all of it where the client is
// that was sent in one what it has missed, and nothing of what is pending.
func TestFoldedIsWhereItLeads(t *testing.T) {
	b := startBackend(t)
	other := b.join()
	update(t, other, set("/filler", `"`+strings.Repeat("x", 100_000)+`"`))
	c := b.connect()
	away, err := c.Open(testContext(t), board)
	if err != nil {
		t.Fatal(err)
	}
	w := away.Watch()
	defer w.Close()
	c.SetOffline(true)
	pending := make(chan error, 1)
	go func() {
		_, err := away.Update(testContext(t), set("/mine", "1"))
		pending <- err
	}()
	for n := range 100 {
		update(t, other, set("/a", `"`+strings.Repeat(strconv.Itoa(n%10), 300)+`"`))
	}
	for away.Pending() == 0 {
		runtime.Gosched()
	}
	missed := away.Position()
	c.SetOffline(false)
	e, err := w.Next(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if !e.Reset || e.Position.Revision != missed.Revision+100 || !strings.HasPrefix(string(e.Delta), `{"a":"999`) || strings.Contains(string(e.Delta), "mine") {
		t.Errorf("reset %t, at %s after %s: %.40s", e.Reset, e.Position, missed, e.Delta)
	}
	if err := settles(t, "the pending edit", pending); err != nil {
		t.Error(err)
	}
	if e, err := w.Next(testContext(t)); err != nil || e.Reset || string(e.Delta) != `{"mine":1}` {
		t.Errorf("then %s, %v", e.Delta, err)
	}
}
