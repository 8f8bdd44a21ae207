package e2e_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rivulet-sync/rivulet/e2e"
)

// The states of the pages that docs/ shows. make screenshots writes the
// pictures there; without it the test shows that each state can be reached.
func TestScreens(t *testing.T) {
	dir := os.Getenv("RIVULET_SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	shoot := func(p *person, name string) {
		t.Helper()
		p.painted()
		p.Screenshot(filepath.Join(dir, name+".png"))
	}
	desk := func(p *person) *person { p.Resize(1280, 800, 1); return p }
	srv := e2e.StartServer(t, e2e.Options{})

	slow := &person{Page: e2e.NewPage(t), name: "slow"}
	slow.Prefer("prefers-reduced-motion", "reduce")
	desk(slow).SlowNetwork(0, 40<<10)
	slow.Begin(srv.URL())
	slow.WaitAttr(e2e.TestID("connection-pill"), "data-status", "loading")
	slow.WaitFor("document.readyState !== 'loading' && document.styleSheets.length > 0")
	shoot(slow, "loading")
	slow.SlowNetwork(0, 0)
	slow.waitOnline()

	wire := e2e.NewProxy(t, srv.Addr())
	ann, bob := desk(arrive(t, "Ann", srv.URL())), desk(arrive(t, "Bob", wire.URL()))
	bob.Allow(refused)
	shoot(ann, "empty")

	ann.begin()
	columns := ann.columns()
	for i, titles := range [][]string{
		{"Rotate the signing keys", "Write the release notes", "Ask Mia about the new logo", "Offline mode: what do people expect?"},
		{"Live cursors on the board", "Faster cold start"},
		{"One binary, no set-up", "Snapshots in the background", "Dark mode"},
	} {
		for _, title := range titles {
			ann.write(columns[min(i, len(columns)-1)], title)
		}
		ann.stopAdding()
	}
	e2e.Eval[any](ann.Page, "document.activeElement.blur()")
	ann.waitSent()
	cards := ann.cards()
	bob.Exists(e2e.TestID("card", cards[len(cards)-1]))
	bob.Hover(e2e.TestID("card", cards[len(cards)-2]))
	ann.Exists(e2e.TestID("cursor"))
	shoot(ann, "full")
	ann.Resize(1280, 800, 2)
	shoot(ann, "board")
	desk(ann).Prefer("prefers-color-scheme", "dark")
	shoot(ann, "dark")
	ann.Resize(390, 844, 2)
	shoot(ann, "narrow")
	desk(ann)

	wire.Cut()
	bob.WaitFor(`document.querySelector('[data-testid="connection-pill"]').dataset.status === 'waiting'`)
	bob.rename(cards[0], "Open this page on a phone")
	bob.write(columns[0], "Call the venue")
	bob.stopAdding()
	e2e.Eval[any](bob.Page, "document.activeElement.blur()")
	bob.WaitFor(unsent)
	shoot(bob, "offline")

	ann.Click(e2e.TestID("card", cards[0]))
	ann.Click(e2e.TestID("card", cards[0]) + ` [aria-label="Delete the card"]`)
	ann.Gone(e2e.TestID("card", cards[0]))
	ann.waitSent()
	wire.Mend()
	bob.waitOnline()
	bob.waitSent()
	bob.Exists(e2e.TestID("toast"))
	shoot(bob, "conflict")

	notes := writers(t, srv, "Ann", "Bob")
	ann, bob = desk(notes[0]), desk(notes[1])
	ann.Click(e2e.TestID("note-title"))
	ann.Type("Launch week")
	ann.Click(e2e.TestID("note-body"))
	ann.Type("Dear all,\n\nwe ship on Friday.\n")
	for _, title := range []string{"Pick a date", "Screenshots", "Tell everybody"} {
		bob.Click(e2e.TestID("todo-input"))
		bob.Type(title + "\n")
	}
	bob.Click(e2e.TestID("todo-done"))
	bob.shows("Dear all,\n\nwe ship on Friday.\n")
	bob.at("14")
	ann.Exists(`[data-testid="caret"][data-at="14"]`)
	ann.Click(e2e.TestID("note-body"))
	shoot(ann, "notes")

	none := &person{Page: e2e.NewPage(t), name: "Eve"}
	desk(none).Open(srv.URL() + "/languages?name=Eve")
	none.waitOnline()
	none.Exists(e2e.TestID("sample"))
	shoot(none, "languages-empty")
	srv.Run("put", languagesKey, e2e.Data(t, "languages.json.gz"))
	eve := desk(reader(t, "Eve", srv.URL()))
	shoot(eve, "languages")
}
