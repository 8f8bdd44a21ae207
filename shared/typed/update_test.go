package typed_test

import (
	"errors"
	"math"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/table"
	"github.com/rivulet-sync/rivulet/shared/text"
	"github.com/rivulet-sync/rivulet/shared/typed"
)

type everything struct {
	typed.Document
	In struct {
		Number typed.Field[float64] `doc:"number"`
		Any    typed.Field[any]     `doc:"any"`
		Cards  typed.Table[Card]    `doc:"cards"`
		Todo   typed.List[string]   `doc:"todo"`
		Notes  typed.Text           `doc:"notes"`
		Votes  typed.Counter        `doc:"votes"`
	} `doc:"in"`
}

// writes are all the ways to write, each with what goes wrong where something else
// is in its place.
func (e *everything) writes() map[string]func(*doc.Tx) error {
	return map[string]func(*doc.Tx) error{
		"field set":   func(tx *doc.Tx) error { return e.In.Number.Set(tx, 1) },
		"table put":   func(tx *doc.Tx) error { return e.In.Cards.Put(tx, "c", Card{}) },
		"list insert": func(tx *doc.Tx) error { _, err := e.In.Todo.Insert(tx, 0, "x"); return err },
		"list append": func(tx *doc.Tx) error { _, err := e.In.Todo.Append(tx, "x"); return err },
		"list set":    func(tx *doc.Tx) error { return e.In.Todo.Set(tx, "x", "y") },
		"list move":   func(tx *doc.Tx) error { return e.In.Todo.Move(tx, "x", 0) },
		"list delete": func(tx *doc.Tx) error { return e.In.Todo.Delete(tx, "x") },
		"text insert": func(tx *doc.Tx) error { return e.In.Notes.Insert(tx, 0, "x") },
		"text mark":   func(tx *doc.Tx) error { return e.In.Notes.Mark(tx, 0, 0, "b", true, text.ExpandEnd) },
		"text unmark": func(tx *doc.Tx) error { return e.In.Notes.Unmark(tx, 0, 0, "b") },
		"counter add": func(tx *doc.Tx) error { return e.In.Votes.Add(tx, 1) },
	}
}

// edits are the writes that need something to be there.
func (e *everything) edits() map[string]func(*doc.Tx) error {
	return map[string]func(*doc.Tx) error{
		"field edit":       func(tx *doc.Tx) error { return e.In.Number.Edit(tx, func(*float64) {}) },
		"table edit":       func(tx *doc.Tx) error { return e.In.Cards.Edit(tx, "c", func(*Card) {}) },
		"table set member": func(tx *doc.Tx) error { return e.In.Cards.SetMember(tx, "c", "lane", "x") },
		"list edit":        func(tx *doc.Tx) error { return e.In.Todo.Edit(tx, "x", func(*string) {}) },
	}
}

// A write that failed ends the transaction, whether its error is returned or not,
// and leaves no trace.
func TestL7_ForgottenErrorsEndTheTransaction(t *testing.T) {
	for _, text := range []string{`{"in":7}`, `{"in":{"cards":1,"notes":"x","todo":[],"votes":"x"}}`} {
		d := parse(t, text)
		e := bind[everything](t, d)
		for name, write := range e.writes() {
			if name == "field set" && text != `{"in":7}` {
				continue // it replaces whatever is there
			}
			_, err := e.Update(func(tx *doc.Tx) error {
				tx.Set("/other", []byte("1"))
				write(tx)
				return nil
			})
			var path *doc.PathError
			var format *doc.FormatError
			if !errors.As(err, &path) && !errors.As(err, &format) {
				t.Errorf("%s in %s: error %v", name, text, err)
			}
			wantDoc(t, d, text)
		}
	}
	d := doc.New()
	e := bind[everything](t, d)
	for name, edit := range e.edits() {
		if _, err := e.Update(func(tx *doc.Tx) error { edit(tx); return nil }); !errors.Is(err, typed.ErrAbsent) {
			t.Errorf("%s of nothing: error %v", name, err)
		}
	}
	wantDoc(t, d, `{}`)
}

func TestUpdateReturnsItsOwnErrorFirst(t *testing.T) {
	d := doc.New()
	e := bind[everything](t, d)
	mine := errors.New("mine")
	if _, err := e.Update(func(tx *doc.Tx) error { e.In.Number.Set(tx, math.NaN()); return mine }); err != mine {
		t.Errorf("error %v", err)
	}
	if _, err := e.Update(func(tx *doc.Tx) error { return e.In.Number.Set(tx, 1) }); err != nil {
		t.Errorf("the next transaction: %v", err)
	}
}

// A write that may fail is tried in a nested transaction.
func TestCheckedNests(t *testing.T) {
	d := doc.New()
	e := bind[everything](t, d)
	if _, err := e.Update(func(tx *doc.Tx) error {
		e.In.Votes.Add(tx, 1)
		err := tx.Update(e.Checked(func(tx *doc.Tx) error {
			e.In.Votes.Add(tx, 1)
			e.In.Number.Set(tx, math.Inf(1))
			return nil
		}))
		var encode *typed.EncodeError
		if !errors.As(err, &encode) {
			t.Errorf("nested error %v", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	wantDoc(t, d, `{"in":{"votes":1}}`)
}

func TestCloseEndsWrites(t *testing.T) {
	d := parse(t, `{"in":{"cards":{"c":{"rank":1}},"number":1}}`)
	e := bind[everything](t, d)
	view, err := e.In.Cards.Where().Live()
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	e.In.Number.Watch(func(float64, bool) { told++ })
	e.In.Todo.Watch(func() { told++ })
	stop := e.In.Votes.Watch(func(int64) { told++ })
	e.Close()
	e.Close()
	stop()
	d.Apply(patch(t, `{"in":{"cards":{"d":{}},"number":2,"todo":{"$":"list"},"votes":3}}`))
	if told != 0 || view.Len() != 1 {
		t.Errorf("after Close %d watchers were told, the view has %d rows", told, view.Len())
	}
	before := string(d.Canonical())
	for _, all := range []map[string]func(*doc.Tx) error{e.writes(), e.edits(), {
		"field delete": func(tx *doc.Tx) error { return e.In.Number.Delete(tx) },
		"table delete": func(tx *doc.Tx) error { return e.In.Cards.Delete(tx, "c") },
	}} {
		for name, write := range all {
			if _, err := d.Update(write); !errors.Is(err, typed.ErrClosed) {
				t.Errorf("%s: error %v", name, err)
			}
		}
	}
	wantDoc(t, d, before)
}

// What a transaction reads is noted, and no more than that.
func TestL8_ReadsAreNoted(t *testing.T) {
	d := parse(t, `{"in":{"any":1,"cards":{"c":{"title":"x","lane":"y","rank":1}},"number":1,"votes":2}}`)
	e := bind[everything](t, d)
	update(t, d, func(tx *doc.Tx) error {
		e.In.Notes.Insert(tx, 0, "hi")
		_, err := e.In.Todo.Append(tx, "x")
		return err
	})
	value := func(p delta.Pointer) delta.Read { return delta.Read{Kind: delta.ReadValue, Path: p} }
	exists := func(p delta.Pointer) delta.Read { return delta.Read{Kind: delta.ReadExists, Path: p} }
	for _, c := range []struct {
		name string
		fn   func(*doc.Tx) error
		want []delta.Read
	}{
		{"get", func(tx *doc.Tx) error { e.In.Number.Get(); e.In.Cards.Get("c"); return nil }, nil},
		{"read", func(tx *doc.Tx) error { _, _, err := e.In.Number.Read(tx); return err }, []delta.Read{value("/in/number")}},
		{"read a counter", func(tx *doc.Tx) error { _, err := e.In.Votes.Read(tx); return err }, []delta.Read{value("/in/votes")}},
		{"read a text", func(tx *doc.Tx) error { _, err := e.In.Notes.Read(tx); return err }, []delta.Read{value("/in/notes")}},
		{"read a list", func(tx *doc.Tx) error { _, err := e.In.Todo.Read(tx); return err }, []delta.Read{value("/in/todo")}},
		{"read a record", func(tx *doc.Tx) error { _, _, err := e.In.Cards.Read(tx, "c"); return err }, []delta.Read{value("/in/cards/c")}},
		{"query", func(tx *doc.Tx) error { _, err := e.In.Cards.In(tx).Where(table.Eq("lane", "y")).All(); return err }, []delta.Read{value("/in/cards")}},
		{"set", func(tx *doc.Tx) error { return e.In.Number.Set(tx, 2) }, []delta.Read{exists("/in")}},
		{"put a new record", func(tx *doc.Tx) error { return e.In.Cards.Put(tx, "new", Card{}) }, []delta.Read{exists("/in/cards"), value("/in/cards/new")}},
		{"set a member", func(tx *doc.Tx) error { return e.In.Cards.SetMember(tx, "c", "rank", 2) }, []delta.Read{exists("/in/cards/c")}},
	} {
		if got := update(t, d, c.fn).Reads; !equalReads(got, c.want) {
			t.Errorf("%s reads %v, want %v", c.name, got, c.want)
		}
	}
	edit := update(t, d, func(tx *doc.Tx) error {
		return e.In.Cards.Edit(tx, "c", func(c *Card) { c.Rank++ })
	})
	other := []delta.Write{{Kind: delta.WroteValue, Path: "/in/cards/c/title"}}
	if !delta.Conflicts(edit.Reads, other) {
		t.Errorf("an edit, whose function sees the whole record, reads %v", edit.Reads)
	}
}

func equalReads(a, b []delta.Read) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Values computed of typed reads are made again when these change.
func TestReadsOfComputedValues(t *testing.T) {
	d := parse(t, `{"in":{"number":1,"votes":2}}`)
	e := bind[everything](t, d)
	sum := doc.Compute(d, func(r *doc.Reader) (float64, error) {
		x, _, err := e.In.Number.Read(r)
		if err != nil {
			return 0, err
		}
		n, err := e.In.Votes.Read(r)
		return x + float64(n), err
	})
	for _, step := range []struct {
		patch string
		want  float64
		fails bool
	}{
		{`{}`, 3, false},
		{`{"in":{"votes":5}}`, 6, false},
		{`{"in":{"number":"x"}}`, 0, true},
		{`{"in":{"number":null}}`, 5, false},
	} {
		d.Apply(patch(t, step.patch))
		got, err := sum.Get()
		var decode *typed.DecodeError
		if got != step.want || errors.As(err, &decode) != step.fails {
			t.Errorf("after %s it is %v, error %v", step.patch, got, err)
		}
	}
}
