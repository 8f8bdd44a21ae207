package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rivulet-sync/rivulet/jetstream/order"
	"github.com/rivulet-sync/rivulet/server"
)

func TestProgressBar(t *testing.T) {
	for _, c := range []struct {
		done, all uint64
		want      string
	}{
		{0, 0, "x [------------------------------] 0% 0 of 1"},
		{1, 2, "x [###############---------------] 50% 1 of 2"},
		{3, 2, "x [##############################] 100% 3 of 3"},
	} {
		if got := progressBar("x", c.done, c.all); got != c.want {
			t.Errorf("%d of %d: %q, want %q", c.done, c.all, got, c.want)
		}
	}
}

// A bar while a subscription is behind, one line when none is any more, and nothing when
// none was.
func TestShowCatchingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := 0
		states := []server.Status{
			{Name: "search", Stats: order.Stats{Discovered: 250}, Lag: 750},
			{Name: "search", Stats: order.Stats{Discovered: 900, Failed: 2}, Lag: 100},
			{Name: "search", Stats: order.Stats{Discovered: 1000, Failed: 2}, CaughtUp: true},
		}
		var out bytes.Buffer
		showCatchingUp(context.Background(), &out, func() []server.Status { at++; return states[at-1 : at] })
		text := strings.ReplaceAll(out.String(), "\r\x1b[K", "|")
		want := "|  catching up search [#######-----------------------] 25% 250 of 1000" +
			"|  catching up search [###########################---] 90% 900 of 1000, 2 documents wait" +
			"|  caught up 1000 events, 2 documents wait\n"
		if text != want {
			t.Errorf("drew %q, want %q", text, want)
		}
		out.Reset()
		showCatchingUp(context.Background(), &out, func() []server.Status { return states[2:] })
		if out.Len() > 0 {
			t.Errorf("drew %q with nothing to catch up", out.String())
		}
	})
}
