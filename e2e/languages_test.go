package e2e_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/rivulet-sync/rivulet/e2e"
)

const languagesKey = "demo/languages"

// Two people edit a real document of 7,910 records, different and the same ones.
func TestLanguagesOfTheWorld(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	srv.Run("put", languagesKey, e2e.Data(t, "languages.json.gz"))

	ann, bob := reader(t, "ann", srv.URL()), reader(t, "bob", srv.URL())
	e2e.Together(t,
		func() {
			ann.edit("deu", "name", "German, as Ann has it")
			ann.edit("zul", "name", "Zulu of Ann")
			ann.edit("fra", "inverted_name", "French, the")
		},
		func() {
			bob.edit("eng", "name", "English, as Bob has it")
			bob.edit("zul", "name", "Zulu of Bob")
			bob.choose("fra", "type", "Extinct", "E")
		},
	)
	ann.waitSent()
	bob.waitSent()
	doc := srv.Get(languagesKey)
	for _, p := range []*person{ann, bob} {
		p.waitEqual(doc)
		sameJSON(t, p.name+"'s mirror", p.Mirror(), doc)
	}
	sameJSON(t, "the replay of the log", replay(t, srv.Log(languagesKey)), doc)

	var got struct {
		Languages map[string]struct {
			Name, Type   string
			InvertedName string `json:"inverted_name"`
		}
	}
	if err := json.Unmarshal(doc, &got); err != nil {
		t.Fatal(err)
	}
	if n := len(got.Languages); n != 7910 {
		t.Errorf("%d languages, want 7910", n)
	}
	if l := got.Languages["deu"]; l.Name != "German, as Ann has it" {
		t.Errorf("deu is %+v", l)
	}
	if l := got.Languages["eng"]; l.Name != "English, as Bob has it" {
		t.Errorf("eng is %+v", l)
	}
	if l := got.Languages["fra"]; l.InvertedName != "French, the" || l.Type != "E" {
		t.Errorf("fra is %+v, want both edits of the one record", l)
	}
	zulu := got.Languages["zul"].Name
	if zulu != "Zulu of Ann" && zulu != "Zulu of Bob" {
		t.Errorf("zul is %q, want what one of the two wrote", zulu)
	}
	for _, p := range []*person{ann, bob} {
		p.look("zul")
		p.WaitFor(fmt.Sprintf("document.querySelector(%s).textContent.includes(%s)", js(cell("zul", "name")), js(zulu)))
	}
}

// reader opens the languages page.
func reader(t *testing.T, name, url string) *person {
	t.Helper()
	p := &person{Page: e2e.NewPage(t), name: name}
	p.Prefer("prefers-reduced-motion", "reduce")
	p.Open(url + "/languages")
	p.waitOnline()
	p.Exists(e2e.TestID("lang-row"))
	return p
}

func cell(id, field string) string {
	return e2e.TestID("lang-row", id) + " " + e2e.TestID("cell-"+field)
}

// look filters the table down to a record.
func (p *person) look(id string) {
	p.Click(e2e.TestID("lang-filter"))
	p.Replace(id)
	p.painted() // the table follows the filter with its next frame
	p.Exists(e2e.TestID("lang-row", id))
	p.rests(e2e.TestID("lang-row", id))
}

// rests waits until an element has not moved for a while: on a busy machine the table
// follows its filter later than the row is there, and a click would miss it.
func (p *person) rests(selector string) {
	p.WaitFor(`(() => {
		const top = document.querySelector(` + js(selector) + `)?.getBoundingClientRect().top;
		if (window.restsAt !== top) [window.restsAt, window.restsSince] = [top, performance.now()];
		return top !== undefined && performance.now() - window.restsSince > 200;
	})()`)
}

// edit types another value into a cell.
func (p *person) edit(id, field, value string) {
	p.open(id, field, "input")
	p.Replace(value + "\n")
}

// choose picks a value of a cell that has a choice of them, by typing what it is called.
func (p *person) choose(id, field, called, value string) {
	p.open(id, field, "select")
	p.Type(called)
	p.WaitFor("document.activeElement.value === " + js(value))
	p.Press(e2e.Enter)
}

// open begins to edit a cell.
func (p *person) open(id, field, element string) {
	p.look(id)
	p.DoubleClick(cell(id, field))
	p.WaitFor(focus(cell(id, field) + " " + element))
}
