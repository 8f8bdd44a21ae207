package typed_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/table"
	"github.com/rivulet-sync/rivulet/shared/text"
	"github.com/rivulet-sync/rivulet/shared/typed"
)

type shared struct {
	typed.Document
	Name  typed.Field[string] `doc:"name"`
	Cards typed.Table[Card]   `doc:"cards" index:"lane,-rank;rank"`
	Todo  typed.List[Card]    `doc:"todo"`
	Notes typed.Text          `doc:"notes"`
	Votes typed.Counter       `doc:"votes"`
}

// Two documents exchange deltas; what is bound to each follows, however malformed
// what a third one writes.
func TestL4_BoundStructsFollowDeltas(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 3))
		docs := []*doc.Doc{doc.New(), doc.New()}
		var sides []*shared
		var views []*typed.View[Card]
		replayed := make([][]typed.Entry[Card], 2)
		for i, d := range docs {
			side, err := typed.Bind[shared](d, options(string(rune('a'+i))))
			if err != nil {
				t.Fatal(err)
			}
			view, err := side.Cards.Where(table.Eq("lane", "todo")).OrderBy(table.Desc("rank")).Limit(6).Live()
			if err != nil {
				t.Fatal(err)
			}
			view.OnChange(func(events []typed.Event[Card]) { replayed[i] = replayEntries(replayed[i], events) })
			sides, views = append(sides, side), append(views, view)
		}
		for step := range 60 {
			me := r.IntN(2)
			s := sides[me]
			var sent delta.Delta
			if r.IntN(6) == 0 {
				id := fmt.Sprint("c", r.IntN(10))
				sent = patch(t, fmt.Sprintf(`{"cards":{%q:%s}}`, id, []string{`{"lane":"todo","rank":"high"}`, `7`, `null`, `{"lane":"todo","rank":null,"title":[]}`}[r.IntN(4)]))
				docs[me].Apply(sent)
			} else {
				change, err := s.Update(func(tx *doc.Tx) error { return s.random(r, tx) })
				if err != nil {
					t.Fatalf("seed %d, step %d: %v", seed, step, err)
				}
				sent = change.Delta
			}
			docs[1-me].Apply(sent)
			if a, b := docs[0].Canonical(), docs[1].Canonical(); string(a) != string(b) {
				t.Fatalf("seed %d, step %d: one document is\n%s\nthe other\n%s", seed, step, a, b)
			}
			if sides[0].Notes.String() != sides[1].Notes.String() {
				t.Fatalf("seed %d, step %d: texts %q and %q", seed, step, sides[0].Notes.String(), sides[1].Notes.String())
			}
			todo := slices.Collect(sides[0].Todo.Entries())
			if other := slices.Collect(sides[1].Todo.Entries()); !reflect.DeepEqual(todo, other) {
				t.Fatalf("seed %d, step %d: lists %v and %v", seed, step, todo, other)
			}
			for i, view := range views {
				want := scanCards(t, docs[i])
				if got := slices.Collect(view.Entries()); !sameEntries(got, want) || !sameEntries(replayed[i], want) {
					t.Fatalf("seed %d, step %d: the view has\n%v\nits events add up to\n%v\nthe document says\n%v", seed, step, got, replayed[i], want)
				}
				fit := 0
				for id, card := range view.All() {
					if got, ok := sides[i].Cards.Get(id); !ok || got != card {
						t.Fatalf("seed %d, step %d: the view has %v, Get returns %v, %v", seed, step, card, got, ok)
					}
					fit++
				}
				for _, e := range want {
					if e.Err == nil {
						fit--
					}
				}
				if fit != 0 {
					t.Fatalf("seed %d, step %d: All has %d rows too many", seed, step, fit)
				}
			}
		}
	}
}

// random writes something; errors of what is not there, or malformed, are nobody's.
func (s *shared) random(r *rand.Rand, tx *doc.Tx) error {
	id := fmt.Sprint("c", r.IntN(10))
	card := Card{Title: "x", Lane: []string{"todo", "done"}[r.IntN(2)], Rank: r.IntN(5)}
	item, some := "", s.Todo.Len() > 0
	if some {
		item = s.Todo.Item(r.IntN(s.Todo.Len())).ID
	}
	try := func(fn func() error) error {
		err := tx.Update(s.Checked(func(*doc.Tx) error { return fn() }))
		var decode *typed.DecodeError
		if errors.Is(err, typed.ErrAbsent) || errors.As(err, &decode) {
			return nil
		}
		return err
	}
	switch r.IntN(10) {
	case 0:
		s.Name.Set(tx, card.Lane)
		return s.Votes.Add(tx, int64(r.IntN(5)-2))
	case 1:
		return s.Cards.Delete(tx, id)
	case 2, 3:
		return try(func() error { return s.Cards.Edit(tx, id, func(c *Card) { c.Rank++ }) })
	case 4:
		return try(func() error { return s.Cards.SetMember(tx, id, "lane", "todo") })
	case 5:
		_, err := s.Todo.Insert(tx, r.IntN(5), card, card)
		return err
	case 6:
		if some {
			s.Todo.Move(tx, item, r.IntN(s.Todo.Len()))
			return try(func() error { return s.Todo.Edit(tx, item, func(c *Card) { c.Title += "y" }) })
		}
	case 7:
		if some {
			return s.Todo.Delete(tx, item)
		}
	case 8:
		return s.Notes.Splice(tx, r.IntN(s.Notes.Len()+1), 0, "word ")
	}
	return s.Cards.Put(tx, id, card)
}

func replayEntries(rows []typed.Entry[Card], events []typed.Event[Card]) []typed.Entry[Card] {
	for _, e := range events {
		switch e.Kind {
		case table.Add:
			rows = slices.Insert(rows, e.To, e.Entry)
		case table.Remove:
			rows = slices.Delete(rows, e.From, e.From+1)
		case table.Move:
			rows = slices.Insert(slices.Delete(rows, e.From, e.From+1), e.To, e.Entry)
		case table.Change:
			rows[e.To] = e.Entry
		}
	}
	return rows
}

func sameEntries(a, b []typed.Entry[Card]) bool {
	return slices.EqualFunc(a, b, func(a, b typed.Entry[Card]) bool {
		return a.ID == b.ID && a.Value == b.Value && fmt.Sprint(a.Err) == fmt.Sprint(b.Err)
	})
}

// scanCards is the query of the test, by a table of its own.
func scanCards(t *testing.T, d *doc.Doc) []typed.Entry[Card] {
	t.Helper()
	fresh := bind[shared](t, parse(t, string(d.Canonical())))
	entries, err := fresh.Cards.Where(table.Eq("lane", "todo")).OrderBy(table.Desc("rank")).Limit(6).All()
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// Two edits of different members at once, each made without the other, merge.
func TestConcurrentEditsMerge(t *testing.T) {
	start := `{"cards":{"c":{"lane":"todo","rank":1,"title":"a"}},"todo":{"$":"list","i":{"o":"V","v":{"lane":"x","rank":1,"title":"b"}}}}`
	one, two := parse(t, start), parse(t, start)
	a, b := bind[shared](t, one), bind[shared](t, two)
	mine := update(t, one, a.Checked(func(tx *doc.Tx) error {
		a.Todo.Edit(tx, "i", func(c *Card) { c.Rank = 5 })
		return a.Cards.Edit(tx, "c", func(c *Card) { c.Lane = "done" })
	}))
	theirs := update(t, two, b.Checked(func(tx *doc.Tx) error {
		b.Todo.Edit(tx, "i", func(c *Card) { c.Lane = "y" })
		return b.Cards.SetMember(tx, "c", "title", "A")
	}))
	one.Apply(theirs.Delta)
	two.Apply(mine.Delta)
	for _, s := range []*shared{a, b} {
		if card, _ := s.Cards.Get("c"); card != (Card{"A", "done", 1}) {
			t.Errorf("the card is %v", card)
		}
		if item, ok := s.Todo.Get("i"); !ok || item != (Card{"b", "y", 5}) {
			t.Errorf("the item is %v", item)
		}
	}
}

func TestLists(t *testing.T) {
	d := doc.New()
	var changes int
	e := bind[everything](t, d)
	e.In.Todo.Watch(func() { changes++ })
	var ids []string
	update(t, d, func(tx *doc.Tx) (err error) { ids, err = e.In.Todo.Append(tx, "a", "c"); return err })
	update(t, d, e.Checked(func(tx *doc.Tx) error {
		e.In.Todo.Insert(tx, 1, "b")
		e.In.Todo.Set(tx, ids[1], "d")
		e.In.Todo.Edit(tx, ids[0], func(s *string) { *s = "z" })
		return e.In.Todo.Move(tx, ids[0], 2)
	}))
	d.Apply(patch(t, `{"in":{"todo":{"x":{"o":"0001","v":7},"y":{"o":"0002"},"z":"~"}}}`))
	var got []string
	for _, value := range e.In.Todo.All() {
		got = append(got, value)
	}
	if want := []string{"b", "d", "z", "~"}; !slices.Equal(got, want) || e.In.Todo.Len() != 6 || changes != 3 {
		t.Errorf("values %v, want %v; %d items, %d changes", got, want, e.In.Todo.Len(), changes)
	}
	entries, err := e.In.Todo.Read(d)
	if err != nil || len(entries) != 6 || entries[0].ID != "x" || entries[0] != e.In.Todo.Item(0) && entries[0].Err == nil {
		t.Errorf("entries %v, error %v", entries, err)
	}
	for i, at := range []delta.Pointer{"/in/todo/x/v", "/in/todo/y/v"} { // a number, and null
		var decode *typed.DecodeError
		if !errors.As(entries[i].Err, &decode) || decode.Path != at {
			t.Errorf("entry %d: %v", i, entries[i].Err)
		}
	}
	if _, ok := e.In.Todo.Get("x"); ok || e.In.Todo.IndexOf(ids[0]) != 4 {
		t.Errorf("a malformed item fits, or %s is at %d", ids[0], e.In.Todo.IndexOf(ids[0]))
	}
	before := string(d.Canonical())
	var encode *typed.EncodeError
	if _, err := e.Update(func(tx *doc.Tx) error {
		e.In.Todo.Append(tx, "good", "bad \xff")
		return nil
	}); !errors.As(err, &encode) {
		t.Errorf("error %v", err)
	}
	wantDoc(t, d, before)
}

type nullable struct {
	typed.Document
	Items typed.List[*int] `doc:"items"`
}

// An item may be null where the type has it.
func TestNullItems(t *testing.T) {
	d := doc.New()
	b := bind[nullable](t, d)
	update(t, d, func(tx *doc.Tx) error { _, err := b.Items.Append(tx, nil, new(int)); return err })
	if e := b.Items.Item(0); e.Err != nil || e.Value != nil {
		t.Errorf("null is %v, error %v", e.Value, e.Err)
	}
	if e := b.Items.Item(1); e.Err != nil || e.Value == nil {
		t.Errorf("zero is %v, error %v", e.Value, e.Err)
	}
}

func TestTexts(t *testing.T) {
	d := doc.New()
	e := bind[everything](t, d)
	var told []text.Splice
	e.In.Notes.Watch(func(s []text.Splice) { told = append(told, s...) })
	update(t, d, e.Checked(func(tx *doc.Tx) error {
		e.In.Notes.Insert(tx, 0, "hello world")
		e.In.Notes.Delete(tx, 0, 6)
		return e.In.Notes.Mark(tx, 0, 5, "link", map[string]string{"to": "x"}, text.ExpandNone)
	}))
	cursor := e.In.Notes.Cursor(5, text.Right)
	defer cursor.Release()
	update(t, d, func(tx *doc.Tx) error { return e.In.Notes.Splice(tx, 0, 0, "my ") })
	if s, err := e.In.Notes.Read(d); s != "my world" || err != nil || e.In.Notes.Len() != 8 || cursor.Pos() != 8 || len(told) == 0 {
		t.Errorf("the text is %q, error %v, the cursor at %d, told %v", s, err, cursor.Pos(), told)
	}
	runs := e.In.Notes.Runs()
	if len(runs) != 2 || runs[1].Text != "world" || runs[1].Attributes[0].Value != `{"to":"x"}` {
		t.Errorf("runs %v", runs)
	}
	update(t, d, func(tx *doc.Tx) error { return e.In.Notes.Unmark(tx, 0, 8, "link") })
	if part, err := e.In.Notes.Slice(3, 8); part != "world" || err != nil || len(e.In.Notes.Runs()) != 1 {
		t.Errorf("slice %q, error %v, runs %v", part, err, e.In.Notes.Runs())
	}
	var encode *typed.EncodeError
	var rng *text.RangeError
	if _, err := d.Update(func(tx *doc.Tx) error { return e.In.Notes.Mark(tx, 0, 1, "bad", make(chan int), 0) }); !errors.As(err, &encode) {
		t.Errorf("a mark that has no JSON: %v", err)
	}
	if _, err := e.Update(func(tx *doc.Tx) error { e.In.Notes.Delete(tx, 5, 9); return nil }); !errors.As(err, &rng) {
		t.Errorf("out of range: %v", err)
	}
	var format *doc.FormatError
	d.Apply(patch(t, `{"in":{"notes":[],"todo":[],"votes":1.5}}`))
	if _, err := e.In.Notes.Read(d); !errors.As(err, &format) {
		t.Errorf("an array as text: %v", err)
	}
	if _, err := e.In.Todo.Read(d); !errors.As(err, &format) {
		t.Errorf("an array as list: %v", err)
	}
	if _, err := e.In.Votes.Read(d); !errors.As(err, &format) {
		t.Errorf("a fraction as counter: %v", err)
	}
	if _, ok := e.In.Votes.Get(); ok {
		t.Error("a fraction is a counter")
	}
}

func TestCounters(t *testing.T) {
	d := doc.New()
	b := bind[shared](t, d)
	if n, ok := b.Votes.Get(); n != 0 || !ok {
		t.Errorf("one that is not there is %d, %v", n, ok)
	}
	var told []int64
	stop := b.Votes.Watch(func(n int64) { told = append(told, n) })
	update(t, d, b.Checked(func(tx *doc.Tx) error {
		b.Votes.Add(tx, 5)
		return b.Votes.Add(tx, -2)
	}))
	update(t, d, func(tx *doc.Tx) error { return b.Votes.Add(tx, 0) })
	d.Apply(patch(t, `{"votes":"many"}`))
	d.Apply(patch(t, `{"votes":9007199254740991}`))
	stop()
	var format *doc.FormatError
	if _, err := b.Update(func(tx *doc.Tx) error { b.Votes.Add(tx, 1); return nil }); !errors.As(err, &format) {
		t.Errorf("a sum out of range: %v", err)
	}
	if want := []int64{3, 0, doc.MaxCounter}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

func TestTables(t *testing.T) {
	d := parse(t, `{"cards":{"bad":{"lane":7},"c":{"lane":"todo","rank":1,"title":"a"},"d":{"lane":"todo","rank":2}}}`)
	b := bind[shared](t, d)
	if n := b.Cards.Len(); n != 3 {
		t.Errorf("%d records", n)
	}
	var told []string
	stop := b.Cards.Watch("c", func(c Card, ok bool) { told = append(told, fmt.Sprint(c, ok)) })
	update(t, d, func(tx *doc.Tx) error { return b.Cards.Edit(tx, "c", func(c *Card) { c.Rank = 3 }) })
	update(t, d, func(tx *doc.Tx) error { return b.Cards.Edit(tx, "d", func(c *Card) { c.Rank = 4 }) })
	update(t, d, func(tx *doc.Tx) error { return b.Cards.Delete(tx, "c") })
	stop()
	if want := []string{"{a todo 3} true", "{  0} false"}; !slices.Equal(told, want) {
		t.Errorf("told %v", told)
	}
	all, err := b.Cards.OrderBy(table.Desc("rank")).Offset(0).Limit(9).All()
	if err != nil || len(all) != 2 || all[0].ID != "d" || all[0].Value.Rank != 4 || all[1].Err == nil {
		t.Errorf("all %v, error %v", all, err)
	}
	if n, err := b.Cards.Where(table.Eq("lane", "todo")).Count(); n != 1 || err != nil {
		t.Errorf("count %d, error %v", n, err)
	}
	view, err := b.Cards.OrderBy(table.Asc("rank")).Limit(1).Live()
	if err != nil || view.Len() != 1 || view.Total() != 2 || view.Row(0).ID != "bad" || view.Row(0).Err == nil {
		t.Errorf("the view has %v of %d, error %v", view.Row(0), view.Total(), err)
	}
	for id := range view.All() {
		t.Errorf("%s is malformed and in All", id)
	}
	view.Close()
	if view.Len() != 0 {
		t.Error("a closed view has rows")
	}
	var mistake *table.Error
	if _, err := b.Cards.Where(table.Eq("lane", struct{}{})).Live(); !errors.As(err, &mistake) {
		t.Errorf("a mistake: %v", err)
	}
	update(t, d, b.Checked(func(tx *doc.Tx) error {
		b.Cards.Put(tx, "new", Card{Lane: "todo"})
		if ids, err := b.Cards.In(tx).Where(table.Eq("lane", "todo")).IDs(); !slices.Equal(ids, []string{"d", "new"}) || err != nil {
			t.Errorf("a transaction finds %v, error %v", ids, err)
		}
		return b.Cards.Put(tx, "bad", Card{})
	}))
	if _, ok := b.Cards.Get("bad"); !ok {
		t.Error("a malformed record cannot be replaced")
	}
	before := string(d.Canonical())
	for _, id := range []string{"$", "\xff"} {
		if _, err := b.Update(func(tx *doc.Tx) error { b.Cards.Put(tx, id, Card{}); return nil }); err == nil {
			t.Errorf("a record can have the id %q", id)
		}
	}
	wantDoc(t, d, before)
}

type loose struct {
	typed.Document
	Rows typed.Table[any] `doc:"rows"`
}

func TestRecordsAreObjects(t *testing.T) {
	d := doc.New()
	b := bind[loose](t, d)
	for _, record := range []any{7, "x", []int{}, nil} {
		_, err := b.Update(func(tx *doc.Tx) error { b.Rows.Put(tx, "r", record); return nil })
		if _, ok := err.(*typed.EncodeError); !ok {
			t.Errorf("%v as a record: %v", record, err)
		}
	}
	wantDoc(t, d, `{}`)
}
