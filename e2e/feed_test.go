package e2e_test

import (
	"fmt"
	"testing"

	"github.com/rivulet-sync/rivulet/e2e"
)

// A page reads the feed by EventSource, while the server is killed again and again. The
// browser connects anew by itself and says what it had last: every revision comes once, in
// order.
func TestL2_EventSourceAcrossKills(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	page := e2e.NewPage(t)
	page.Allow(refused + "|net::ERR|EventSource")
	page.Open(srv.URL() + "/")
	e2e.Eval[bool](page, `(() => {
		globalThis.__got = [];
		const feed = new EventSource('/v1/feed?space=feed');
		for (const kind of ['change', 'delete', 'reset'])
			feed.addEventListener(kind, (e) => { const d = JSON.parse(e.data); __got.push([kind, d.doc, d.mutations[0].delta.n ?? 0, d.revision]); });
		return true;
	})()`)
	n := 0
	for range 4 {
		for range 3 {
			n++
			srv.Run("patch", "feed/a", fmt.Sprintf(`{"n":%d}`, n))
		}
		page.WaitFor(fmt.Sprintf(`__got.length >= %d`, n))
		srv.Kill()
		srv.Restart()
	}
	n++
	srv.Run("rm", "feed/a")
	page.WaitFor(fmt.Sprintf(`__got.length >= %d`, n))
	got := e2e.Eval[[][]any](page, `__got`)
	last := 0.0
	for i, e := range got {
		kind, value := "change", float64(i+1)
		if i == n-1 {
			kind, value = "delete", 0
		}
		if e[0] != kind || e[1] != "feed/a" || e[2] != value || e[3].(float64) <= last {
			t.Errorf("event %d is %v", i, e)
		}
		last = e[3].(float64)
	}
	if len(got) != n {
		t.Errorf("%d events, want %d: %v", len(got), n, got)
	}
}
