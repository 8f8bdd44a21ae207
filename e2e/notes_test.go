package e2e_test

import (
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/e2e"
)

const (
	notesKey = "demo/notes"
	noteBody = `document.querySelector('[data-testid="note-body"]')`
)

// writers opens the notes for each of the names, and waits until the first has begun them.
func writers(t *testing.T, srv *e2e.Server, names ...string) []*person {
	t.Helper()
	var people []*person
	for _, name := range names {
		p := &person{Page: e2e.NewPage(t), name: name}
		p.Open(srv.URL() + "/notes?name=" + name)
		p.waitOnline()
		p.WaitFor(`!` + noteBody + `.disabled`)
		p.waitSent()
		people = append(people, p)
	}
	return people
}

// shows waits until the text area shows a text.
func (p *person) shows(text string) { p.WaitFor(noteBody + ".value === " + js(text)) }

// at puts the caret at a position of the text area.
func (p *person) at(pos string) {
	e2e.Eval[bool](p.Page, `(() => { const body = `+noteBody+`; body.focus(); body.setSelectionRange(`+pos+`, `+pos+`); return true; })()`)
}

// caret is where the selection of the text area begins and ends.
func (p *person) caret() []int {
	return e2e.Eval[[]int](p.Page, `[`+noteBody+`.selectionStart, `+noteBody+`.selectionEnd]`)
}

// Two people type into one text area at the same time, at two places of it. Both
// see the same text, with what each of them typed in one piece; undoing one's own
// leaves the other's.
func TestL4_TwoPeopleTypeIntoOneTextarea(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	people := writers(t, srv, "ann", "bob")
	ann, bob := people[0], people[1]

	ann.Click(e2e.TestID("note-body"))
	ann.Type("Dear all,\n\nBye")
	bob.shows("Dear all,\n\nBye")
	ann.waitSent()

	first := strings.Repeat("ann writes here. ", 4)
	second := strings.Repeat("Bob is at the end. ", 4)
	ann.at("10")
	bob.at("14")
	e2e.Together(t, func() { ann.Type(first) }, func() { bob.Type(second) })
	both := "Dear all,\n" + first + "\nBye" + second
	for _, p := range people {
		p.shows(both)
		if at, want := p.caret(), map[string]int{"ann": 10 + len(first), "bob": len(both)}[p.name]; at[0] != want || at[1] != want {
			t.Errorf("%s's caret is at %v, want %d", p.name, at, want)
		}
		p.waitSent()
	}
	sameText(t, srv, ann, bob)

	// The keys of undo, where an update of the page would have taken all of the element's own history.
	for range 20 {
		if e2e.Eval[bool](bob.Page, noteBody+`.value === `+js("Dear all,\n"+first+"\nBye")) {
			break
		}
		bob.Press("z", e2e.Ctrl)
	}
	bob.shows("Dear all,\n" + first + "\nBye")
	ann.shows("Dear all,\n" + first + "\nBye")
	for range 20 {
		if !e2e.Eval[bool](bob.Page, `rivulet.doc.canRedo`) {
			break
		}
		bob.Press("z", e2e.Ctrl, e2e.Shift)
	}
	bob.shows(both)
	ann.shows(both)
	sameText(t, srv, ann, bob)
}

// A selection and others' carets stay with their text when somebody writes before them.
func TestCaretsStayWithTheirText(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	people := writers(t, srv, "ann", "bob")
	ann, bob := people[0], people[1]
	ann.Click(e2e.TestID("note-body"))
	ann.Type("one two three")
	bob.shows("one two three")
	bob.at("7")
	ann.WaitFor(`document.querySelector('[data-testid="caret"]')?.dataset.at === '7'`)
	ann.at("0")
	ann.Type("zero 😀 ")
	bob.shows("zero 😀 one two three")
	if at := bob.caret(); at[0] != 15 || at[1] != 15 {
		t.Errorf("bob's caret is at %v, want 15", at)
	}
	ann.WaitFor(`document.querySelector('[data-testid="caret"]')?.dataset.at === '15'`)
	bob.Type("!")
	ann.shows("zero 😀 one two! three")
}

// An input method composes in peace: what others write comes in when it is done.
func TestComposingIsLeftAlone(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	people := writers(t, srv, "ann", "bob")
	ann, bob := people[0], people[1]
	ann.Click(e2e.TestID("note-body"))
	ann.Type("say: .")
	bob.shows("say: .")
	bob.at("5")
	compose := func(event, value string, caret string) {
		e2e.Eval[bool](bob.Page, `(() => {
			const body = `+noteBody+`;
			if (`+js(value)+` !== '') body.value = `+js(value)+`;
			body.setSelectionRange(`+caret+`, `+caret+`);
			body.dispatchEvent(new CompositionEvent(`+js(event)+`));
			if (`+js(event)+` !== 'compositionstart') body.dispatchEvent(new InputEvent('input', { inputType: 'insertCompositionText' }));
			return true;
		})()`)
	}
	compose("compositionstart", "", "5")
	compose("compositionupdate", "say: に.", "6")
	ann.at("0")
	ann.Type("Please ")
	ann.waitSent()
	bob.WaitFor(`rivulet.doc.get(note => note.body).startsWith('Please ')`)
	if shown := e2e.Eval[string](bob.Page, noteBody+".value"); shown != "say: に." {
		t.Errorf("while composing the element shows %q", shown)
	}
	compose("compositionend", "say: 日本.", "7")
	bob.shows("Please say: 日本.")
	ann.shows("Please say: 日本.")
	if at := bob.caret(); at[0] != 14 {
		t.Errorf("the caret is at %v, want 14", at)
	}
	sameText(t, srv, ann, bob)
}

// A text may have line breaks of two units, which an element shows as one: what is
// typed behind them goes where it was typed.
func TestTextsWithCarriageReturns(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	people := writers(t, srv, "ann", "bob")
	ann, bob := people[0], people[1]
	e2e.Eval[bool](ann.Page, `rivulet.doc.text(note => note.body).insert(0, 'one\r\ntwo\r\nthree').then(() => true)`)
	bob.shows("one\ntwo\nthree")
	bob.at("7")
	bob.Type("! and")
	ann.shows("one\ntwo! and\nthree")
	ann.at("4")
	ann.Press(e2e.Backspace)
	for _, p := range people {
		p.shows("onetwo! and\nthree")
		p.waitSent()
	}
	if got := e2e.Eval[string](bob.Page, `rivulet.doc.get(note => note.body)`); got != "onetwo! and\r\nthree" {
		t.Errorf("the text is %q", got)
	}
	if at := bob.caret(); at[0] != 11 {
		t.Errorf("bob's caret is at %v, want 11", at)
	}
	sameText(t, srv, ann, bob)
}

// Entries of the list can be written, moved and deleted by two people.
func TestTodosOfTwo(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	people := writers(t, srv, "ann", "bob")
	ann, bob := people[0], people[1]
	for _, title := range []string{"one", "two", "three"} {
		ann.Click(e2e.TestID("todo-input"))
		ann.Type(title + "\n")
	}
	titles := func(p *person, want string) {
		p.WaitFor(`[...document.querySelectorAll('[data-testid="todo-title"]')].map(e => e.value).join() === ` + js(want))
	}
	titles(bob, "one,two,three")
	ids := e2e.Eval[[]string](bob.Page, `rivulet.doc.keys(note => note.todos)`)
	e2e.Together(t,
		func() { ann.Click(e2e.TestID("todo", ids[2]) + " " + e2e.TestID("todo-up")) },
		func() {
			bob.Click(e2e.TestID("todo", ids[2]) + " " + e2e.TestID("todo-title"))
			bob.Type("!")
		},
	)
	for _, p := range people {
		titles(p, "one,three!,two")
	}
	bob.Click(e2e.TestID("todo", ids[0]) + " " + e2e.TestID("todo-delete"))
	titles(ann, "three!,two")
	bob.Click(e2e.TestID("undo"))
	titles(ann, "one,three!,two")
	e2e.Together(t, func() { ann.Click(e2e.TestID("like")) }, func() { bob.Click(e2e.TestID("like")) })
	for _, p := range people {
		p.WaitFor(`document.querySelector('#likes').textContent === '2'`)
		p.waitSent()
	}
	sameText(t, srv, ann, bob)
}

// sameText compares the documents of people with the server's.
func sameText(t *testing.T, srv *e2e.Server, people ...*person) {
	t.Helper()
	for _, p := range people {
		p.waitSent()
	}
	doc := srv.Get(notesKey)
	for _, p := range people {
		p.waitEqual(doc)
	}
}
