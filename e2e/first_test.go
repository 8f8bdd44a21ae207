package e2e_test

import (
	"testing"

	"github.com/rivulet-sync/rivulet/e2e"
)

// Who opens notes that nobody has begun has done nothing that could be undone: undo would
// take the text away under the hands of whoever types.
func TestUndoLeavesANewNoteAlone(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	ann := writers(t, srv, "ann")[0]
	ann.Click(e2e.TestID("note-body"))
	ann.Press("z", e2e.Ctrl)
	if !e2e.Eval[bool](ann.Page, `document.querySelector('#undo').disabled`) {
		t.Error("the button to undo is enabled before anything was done")
	}
	ann.Type("hello")
	for range 5 { // a step is what was typed without a pause, so there may be several
		ann.Press("z", e2e.Ctrl)
	}
	ann.shows("")
	ann.Type("hello again")
	ann.shows("hello again")
	sameText(t, srv, ann)
}

// Notes that are deleted under the hands of those who have them open can be written on.
func TestNotesGoOnAfterTheyWereDeleted(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	people := writers(t, srv, "ann", "bob")
	ann, bob := people[0], people[1]
	ann.Click(e2e.TestID("note-body"))
	ann.Type("before")
	ann.waitSent()
	bob.shows("before")
	srv.Run("rm", notesKey)
	ann.shows("")
	bob.shows("")
	ann.Type("after")
	bob.shows("after")
	bob.Click(e2e.TestID("todo-input"))
	bob.Type("one\n")
	ann.WaitFor(`document.querySelectorAll('[data-testid="todo"]').length === 1`)
	ann.Type("!")
	bob.shows("after!")
	sameText(t, srv, ann, bob)
}

// The table of languages has something to try it with, without a file from elsewhere.
func TestLanguagesBeginWithASample(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	ann := &person{Page: e2e.NewPage(t), name: "ann"}
	ann.Open(srv.URL() + "/languages")
	ann.waitOnline()
	ann.Click(e2e.TestID("sample"))
	ann.WaitFor(`document.querySelector('[data-testid="row-count"]').textContent === '20 rows'`)
	ann.waitSent()
	ann.waitEqual(srv.Get(languagesKey))
}
