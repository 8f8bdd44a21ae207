package e2e_test

import (
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/e2e"
)

// Somebody who has no mouse begins a board, adds, edits, moves and deletes cards,
// by keys alone; somebody else sees it.
func TestKeyboardAlone(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	ann, bob := arrive(t, "ann", srv.URL()), arrive(t, "bob", srv.URL())

	ann.WaitFor(focus(e2e.TestID("sample-board"))) // the one thing to do has the focus
	ann.Press(e2e.Enter)
	ann.Exists(e2e.TestID("card"))
	first, second := ann.columns()[0], ann.columns()[1]
	card := ann.cards()[0]
	onCard := func(id string) string { return focus(e2e.TestID("card", id)) }
	ann.walk(e2e.Tab, e2e.TestID("card", card))

	// Another card, in the column of the one that has the focus.
	ann.Press("n")
	ann.WaitFor(focus(e2e.TestID("column", first) + " " + e2e.TestID("card-input")))
	ann.Type("by keys\n")
	ann.Press(e2e.Escape)
	bob.WaitFor(`[...document.querySelectorAll('[data-testid="card-title"]')].some(e => e.textContent === 'by keys')`)
	added := e2e.Eval[string](ann.Page, `rivulet.doc.get(b => Object.entries(b.cards).find(([, c]) => c.title === 'by keys')[0])`)

	// Picked up, carried to the next column, put down.
	ann.Press(e2e.ArrowUp) // from the button below the cards to the last of them
	ann.WaitFor(onCard(added))
	ann.Press(" ")
	ann.Press(e2e.ArrowRight)
	ann.Press(" ")
	bob.Exists(e2e.TestID("column", second) + " " + e2e.TestID("card", added))

	// Edited where it is; Escape leaves it as it was.
	ann.WaitFor(onCard(added))
	ann.Press(e2e.Enter)
	ann.WaitFor(focus(e2e.TestID("card-input")))
	ann.Replace("renamed by keys\n")
	bob.WaitFor(`[...document.querySelectorAll('[data-testid="card-title"]')].some(e => e.textContent === 'renamed by keys')`)
	ann.WaitFor(onCard(added))
	ann.Press(e2e.Enter)
	ann.WaitFor(focus(e2e.TestID("card-input")))
	ann.Replace("never mind")
	ann.Press(e2e.Escape)
	ann.WaitFor(onCard(added))

	// Deleted; the focus goes to a neighbour.
	ann.Press(e2e.Delete)
	bob.Gone(e2e.TestID("card", added))
	ann.WaitFor(focus(e2e.TestID("card")))

	agree(t, srv, ann, bob)
	if slices.Contains(ann.titles(), "never mind") {
		t.Error("an edit that was cancelled is on the board")
	}
}

// walk presses a key until something has the focus.
func (p *person) walk(key, selector string) {
	const far = 40
	for range far {
		if p.focused(selector) {
			return
		}
		p.Press(key)
	}
	p.WaitFor(focus(selector)) // fails, and says what has the focus
}
