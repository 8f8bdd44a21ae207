package e2e_test

import (
	"testing"

	"github.com/rivulet-sync/rivulet/e2e"
)

// An update that calls the engine when it runs again, after others were first, is
// dropped and says why. The page lives on.
func TestUpdateThatCallsTheEngineWhenItRunsAgain(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	people := gather(t, srv, "ann", "bob")
	ann, bob := people[0], people[1]

	e2e.Eval[bool](ann.Page, `(() => {
		rivulet.client.test.goOffline();
		globalThis.__fate = rivulet.doc.update(board => {
			if (board.title === 'by bob') rivulet.doc.canonical();
			board.title = 'after ' + board.title;
		}).then(() => 'taken', error => error.code + ', ' + error.cause?.name);
		return true;
	})()`)
	e2e.Eval[bool](bob.Page, `rivulet.doc.update(board => { board.title = 'by bob'; }).then(() => true)`)
	e2e.Eval[bool](ann.Page, `(rivulet.client.test.goOnline(), true)`)
	if fate := e2e.Eval[string](ann.Page, `__fate`); fate != "dropped, TypeError" {
		t.Errorf("the update ended as %q", fate)
	}

	e2e.Eval[bool](ann.Page, `rivulet.doc.update(board => { board.title += ' and ann'; }).then(() => true)`)
	bob.WaitFor(`rivulet.doc.get().title === 'by bob and ann'`)
	agree(t, srv, ann, bob)
}
