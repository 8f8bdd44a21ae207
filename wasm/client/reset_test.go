//go:build !js

package client_test

import (
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
