package e2e_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/e2e"
)

// The data directory is wiped under open pages. They take the new, empty log
// for what it is, bring what they had not sent, and agree.
func TestL4_WipedUnderOpenPages(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	people := gather(t, srv, "ann", "bob")
	ann, bob := people[0], people[1]
	for _, p := range people {
		p.Allow(refused)
		p.add(p.columns()[0])
	}
	agree(t, srv, people...)

	srv.Kill()
	ann.Click(e2e.TestID("board-title"))
	ann.Replace("The board after the flood\n")
	ann.WaitFor(unsent)
	wipe(t, srv.DataDir())
	srv.Restart()

	agree(t, srv, people...)
	sameJSON(t, "the document after the wipe", srv.Get(boardKey), []byte(`{"title":"The board after the flood"}`))
	begin := len(bob.typed)
	bob.begin()
	bob.add(bob.columns()[0])
	log := agree(t, srv, people...)
	once(t, bob.typed[begin:], ann.titles(), log)
}

func wipe(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

// A page of another origin gets no connection.
func TestForeignOriginIsRefused(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	ann := arrive(t, "ann", srv.URL())
	ws := "ws://" + srv.Addr() + syncPath

	opens := func(p *e2e.Page) string {
		return e2e.Eval[string](p, `new Promise(done => {
			const ws = new WebSocket(`+js(ws)+`);
			ws.onopen = () => { done('open'); ws.close(); };
			ws.onerror = () => done('refused');
		})`)
	}
	if got := opens(ann.Page); got != "open" {
		t.Fatalf("a socket of the server's own page is %s", got)
	}
	stranger := e2e.NewPage(t)
	stranger.Allow("WebSocket connection to")
	stranger.Open(serve(t, "a page of somebody else"))
	if got := opens(stranger); got != "refused" {
		t.Errorf("a socket of a foreign page is %s", got)
	}
}

// A DNS name that somebody points at the loopback address does not get through.
func TestForeignHostIsRefused(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	for _, path := range []string{"/", "/healthz", syncPath} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "rebound.example"
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("GET %s with a foreign Host: %s", path, res.Status)
		}
	}
}

// Without being told otherwise, the server is reachable from this machine only.
func TestBindsToLoopback(t *testing.T) {
	_, port, _ := strings.Cut(e2e.FreeAddr(t), ":")
	for _, addr := range []string{"0.0.0.0:" + port, ":" + port, "[::]:" + port} {
		said := e2e.Refused(t, e2e.Options{Addr: addr})
		if !strings.Contains(said, "--insecure") {
			t.Errorf("--addr %s is refused without naming the flag that allows it: %q", addr, said)
		}
	}
}

// members are the names of an object's members.
func members(t *testing.T, object []byte) []string {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal(object, &m); err != nil {
		t.Fatal(err)
	}
	return slices.Collect(maps.Keys(m))
}
