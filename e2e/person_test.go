package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/rivulet-sync/rivulet/e2e"
)

// boardKey is the document that the front page shows.
const boardKey = "demo/board"

// syncPath is where browsers connect.
const syncPath = "/v1/sync"

// recorder runs in a page of the demos and remembers what a person who never
// looks away would have seen: each state of the connection pill, and the titles
// of the cards at each moment at which nothing was unsent.
const recorder = `(() => {
	const pill = document.querySelector('[data-testid="connection-pill"]');
	const seen = globalThis.__seen = { statuses: [pill.dataset.status], settled: [], rejected: [], said: [] };
	rivulet.client.on('rejected', ({ error }) => seen.rejected.push(error.code + ': ' + error.detail));
	rivulet.client.on('diverged', ({ revision }) => seen.rejected.push('diverged at ' + revision));
	const look = () => {
		if (seen.statuses.at(-1) !== pill.dataset.status) seen.statuses.push(pill.dataset.status);
		if (rivulet.client.pending > 0) return;
		seen.settled = [...document.querySelectorAll('[data-testid="card-title"]')].map(e => e.textContent.trim());
	};
	const announcer = document.querySelector('#announcer');
	new MutationObserver(() => seen.said.push(announcer.textContent)).observe(announcer, { childList: true });
	new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-count', 'data-status'] });
	look();
	return true;
})()`

// person is someone with a page of the demos.
type person struct {
	*e2e.Page
	name  string
	typed []string // titles of cards that were added, each another one
}

// arrive opens a page and waits until it is live.
func arrive(t *testing.T, name, url string) *person {
	t.Helper()
	p := &person{Page: e2e.NewPage(t), name: name}
	p.Prefer("prefers-reduced-motion", "reduce") // nothing glides away from under the mouse
	p.Open(url)
	p.waitOnline()
	e2e.Eval[bool](p.Page, recorder)
	return p
}

// gather lets people arrive at a new board, which the first of them begins.
func gather(t *testing.T, srv *e2e.Server, names ...string) []*person {
	t.Helper()
	var people []*person
	for _, name := range names {
		people = append(people, arrive(t, name, srv.URL()))
	}
	people[0].begin()
	agree(t, srv, people...)
	return people
}

// begin fills an empty board with columns and a few cards.
func (p *person) begin() {
	p.Click(e2e.TestID("sample-board"))
	p.Exists(e2e.TestID("column"))
	p.Exists(e2e.TestID("card"))
}

func (p *person) waitOnline() { p.WaitAttr(e2e.TestID("connection-pill"), "data-status", "online") }

// waitSent waits until the page says that nothing is unsent.
func (p *person) waitSent() {
	p.WaitWithin(30*time.Second, "!("+unsent+")")
}

// waitEqual waits until the page's replica is the document.
func (p *person) waitEqual(canonical []byte) {
	want, _ := json.Marshal(string(canonical))
	p.WaitWithin(30*time.Second, `(c => typeof c === 'string' ? c : new TextDecoder().decode(c))(rivulet.doc.canonical()) === `+string(want))
}

// statuses are the different states that the connection pill went through.
func (p *person) statuses() []string { return e2e.Eval[[]string](p.Page, "__seen.statuses") }

// unsent says whether the page has edits that the server has not acknowledged.
const unsent = `Number(document.querySelector('[data-testid="pending-count"]').dataset.count) > 0`

// rejected says which edits the page was told to be lost, and why.
func (p *person) rejected() []string { return e2e.Eval[[]string](p.Page, "__seen.rejected") }

// said is what the page has announced.
func (p *person) said() []string { return e2e.Eval[[]string](p.Page, "__seen.said") }

// settled are the titles that stood on the board when last nothing was unsent.
func (p *person) settled() []string { return e2e.Eval[[]string](p.Page, "__seen.settled") }

// painted waits until everything that was asked of the page until now is on the screen.
func (p *person) painted() {
	e2e.Eval[bool](p.Page, `document.fonts.ready.then(() => new Promise(done =>
		requestAnimationFrame(() => requestAnimationFrame(() => done(true)))))`)
}

// columns are the ids of the board's columns.
func (p *person) columns() []string {
	return e2e.Eval[[]string](p.Page, `[...document.querySelectorAll('[data-testid="column"]')].map(e => e.dataset.id)`)
}

// cards are the ids of all cards, in the order of the page.
func (p *person) cards() []string {
	return e2e.Eval[[]string](p.Page, `[...document.querySelectorAll('[data-testid="card"]')].map(e => e.dataset.id)`)
}

// titles are the titles of all cards, in the order of the page.
func (p *person) titles() []string { return p.Texts(e2e.TestID("card-title")) }

// add writes a new card at the end of a column, with a title of its own.
func (p *person) add(column string) {
	title := fmt.Sprintf("%s %03d", p.name, len(p.typed))
	p.write(column, title)
	p.typed = append(p.typed, title)
}

// write adds a card with a title at the end of a column.
func (p *person) write(column, title string) {
	inside := e2e.TestID("column", column) + " "
	if composer := inside + e2e.TestID("card-input"); !p.focused(composer) {
		p.clickUntilFocused(inside+e2e.TestID("add-card"), composer)
	}
	p.Type(title + "\n")
}

// rename edits the title of a card in its place.
func (p *person) rename(card, title string) {
	p.stopAdding()
	element := e2e.TestID("card", card)
	p.clickUntilFocused(element, element+" "+e2e.TestID("card-input"))
	p.Replace(title + "\n")
	p.WaitFor("!(" + focus(e2e.TestID("card-input")) + ")")
}

// move drags a card into a column.
func (p *person) move(card, column string) {
	p.stopAdding()
	p.Drag(e2e.TestID("card", card), e2e.TestID("column", column))
}

// stopAdding leaves the field for new cards.
func (p *person) stopAdding() {
	if p.focused(e2e.TestID("card-input")) {
		p.Press(e2e.Escape)
	}
}

// clickUntilFocused clicks on one thing to get into another. Others move things
// about, so a click can hit what was not there a moment ago; a person then leaves
// that and tries again.
func (p *person) clickUntilFocused(target, field string) {
	for range 10 {
		p.Click(target)
		if p.SoonTrue(time.Second, focus(field)) {
			return
		}
		p.Press(e2e.Escape)
	}
	p.WaitFor(focus(field)) // fails, and says what has the focus
}

func (p *person) focused(selector string) bool { return e2e.Eval[bool](p.Page, focus(selector)) }

// focus is the expression for whether an element has the focus.
func focus(selector string) string {
	return "(document.activeElement?.matches(" + js(selector) + ") ?? false)"
}

// shown is the board as the DOM has it.
func (p *person) shown() string {
	return e2e.Eval[string](p.Page, `JSON.stringify([...document.querySelectorAll('[data-testid="column"]')].map(column => ({
		column: column.dataset.id,
		cards: [...column.querySelectorAll('[data-testid="card"]')].map(card => ({
			id: card.dataset.id,
			title: card.querySelector('[data-testid="card-title"]').textContent.trim(),
		})),
	})), null, 1)`)
}

func js(s string) string {
	b, _ := json.Marshal(s) // a string always marshals
	return string(b)
}

// replay applies a document's log from its beginning with an implementation of
// merge patches that is not ours.
func replay(t *testing.T, log []e2e.Record) []byte {
	t.Helper()
	doc := []byte("{}")
	var last uint64
	for i, r := range log {
		if r.Revision < last {
			t.Errorf("line %d of the log: revision %d after %d", i+1, r.Revision, last)
		}
		last = r.Revision
		var err error
		if doc, err = jsonpatch.MergePatch(doc, r.Delta); err != nil {
			t.Fatalf("replaying revision %d, %s: %v", r.Revision, r.Delta, err)
		}
	}
	return doc
}

// sameJSON compares two documents by their meaning.
func sameJSON(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if a, b := sorted(t, got), sorted(t, want); a != b {
		t.Errorf("%s differs:\n got %s\nwant %s", what, a, b)
	}
}

// sorted writes JSON with its members in the order of their names.
func sorted(t *testing.T, doc []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// agree waits until everybody has sent everything and holds the document of the
// server, then compares all that there is: documents, mirrors, DOMs, log.
func agree(t *testing.T, srv *e2e.Server, people ...*person) []e2e.Record {
	t.Helper()
	for _, p := range people {
		p.waitOnline()
		p.waitSent()
	}
	doc := srv.Get(boardKey)
	for _, p := range people {
		p.waitEqual(doc)
		sameJSON(t, p.name+"'s mirror", p.Mirror(), doc)
		if got, want := p.shown(), people[0].shown(); got != want {
			t.Errorf("%s sees\n%s\nbut %s sees\n%s", p.name, got, people[0].name, want)
		}
	}
	log := srv.Log(boardKey)
	sameJSON(t, "the replay of the log", replay(t, log), doc)
	return log
}

// once checks that each title is on the board once, and was added once in the log.
func once(t *testing.T, titles []string, board []string, log []e2e.Record) {
	t.Helper()
	shown, added := map[string]int{}, map[string]int{}
	for _, title := range board {
		shown[title]++
	}
	for _, r := range log {
		for _, s := range stringsIn(t, r.Delta) {
			added[s]++
		}
	}
	for _, title := range titles {
		if shown[title] != 1 || added[title] != 1 {
			t.Errorf("%q stands on the board %d times and in the log %d times, want once", title, shown[title], added[title])
		}
	}
}

// stringsIn returns every string value in a delta.
func stringsIn(t *testing.T, delta []byte) []string {
	t.Helper()
	var v any
	if err := json.Unmarshal(delta, &v); err != nil {
		t.Fatalf("%v in %s", err, delta)
	}
	var all []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			all = append(all, v)
		case map[string]any:
			for _, member := range v {
				walk(member)
			}
		case []any:
			for _, element := range v {
				walk(element)
			}
		}
	}
	walk(v)
	return all
}

// missing are the wanted strings that are not there.
func missing(want, have []string) []string {
	return slices.DeleteFunc(slices.Clone(want), func(s string) bool { return slices.Contains(have, s) })
}

// moment is something that happens once, for others to wait for.
type moment struct {
	come chan struct{}
	once sync.Once
}

func newMoment() *moment { return &moment{come: make(chan struct{})} }

// now says that it has happened. Who may fail before defers it, so that nobody waits in vain.
func (m *moment) now() { m.once.Do(func() { close(m.come) }) }

func (m *moment) wait() { <-m.come }
