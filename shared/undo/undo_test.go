package undo_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/text"
	"github.com/rivulet-sync/rivulet/shared/undo"
)

// client is a document with an undo stack of one of those who write in it.
type client struct {
	t     *testing.T
	doc   *doc.Doc
	stack undo.Stack
}

func newClient(t *testing.T, text string) *client {
	d, err := doc.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, doc: d}
}

func (c *client) edit(fn func(*doc.Tx) error) undo.Ticket {
	c.t.Helper()
	change, err := c.doc.Update(fn)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.stack.Did(change)
}

// merge is an own edit, other is somebody else's.
func (c *client) merge(patch string) {
	c.t.Helper()
	c.edit(func(tx *doc.Tx) error { return tx.Merge(parse(c.t, patch)) })
}

func (c *client) other(patch string) {
	c.t.Helper()
	c.doc.Apply(parse(c.t, patch))
}

func (c *client) undo() {
	c.t.Helper()
	if _, err := c.stack.Undo(c.doc.Update); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) redo() {
	c.t.Helper()
	if _, err := c.stack.Redo(c.doc.Update); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) want(text string) {
	c.t.Helper()
	if got := string(c.doc.Canonical()); got != text {
		c.t.Fatalf("the document is %s, want %s", got, text)
	}
}

func parse(t *testing.T, patch string) delta.Delta {
	t.Helper()
	d, err := delta.Parse([]byte(patch))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestRejectedIsForgotten: what the server has rejected is not undone, nor does it
// count; the rest of its group is.
func TestRejectedIsForgotten(t *testing.T) {
	c := newClient(t, `{"a":1}`)
	set := func(value string) func(*doc.Tx) error {
		return func(tx *doc.Tx) error { return tx.Set("/a", []byte(value)) }
	}
	c.edit(set("2"))
	rejected := c.edit(set("3"))
	c.other(`{"a":2}`) // it is taken off
	c.stack.Forget(rejected)
	c.stack.Forget(rejected)
	c.undo()
	c.want(`{"a":1}`)
	if c.stack.CanUndo() {
		t.Error("there is more to undo")
	}

	c.merge(`{"b":1}`)
	c.stack.Group()
	rejected = c.edit(set("7"))
	c.merge(`{"c":1}`)
	c.other(`{"a":1}`)
	c.stack.Forget(rejected)
	c.undo()
	c.want(`{"a":1}`)
}

func TestUndoAndRedo(t *testing.T) {
	c := newClient(t, `{"a":1,"o":{"x":1,"y":2}}`)
	c.merge(`{"a":2}`)
	c.merge(`{"b":{"n":1},"o":{"x":null}}`)
	c.merge(`{"o":5}`)
	c.undo()
	c.want(`{"a":2,"b":{"n":1},"o":{"y":2}}`)
	c.undo()
	c.want(`{"a":2,"o":{"x":1,"y":2}}`)
	c.redo()
	c.want(`{"a":2,"b":{"n":1},"o":{"y":2}}`)
	c.undo()
	c.undo()
	c.want(`{"a":1,"o":{"x":1,"y":2}}`)
	if c.stack.CanUndo() || !c.stack.CanRedo() {
		t.Error("can undo, or cannot redo")
	}
	c.redo()
	c.redo()
	c.redo()
	c.want(`{"a":2,"b":{"n":1},"o":5}`)
	if _, err := c.stack.Redo(c.doc.Update); !errors.Is(err, undo.ErrNothing) {
		t.Error(err)
	}
	c.undo()
	c.merge(`{"z":1}`)
	if c.stack.CanRedo() {
		t.Error("can redo after another edit")
	}
}

// TestOthersStay undoes edits where somebody else has written since.
func TestOthersStay(t *testing.T) {
	for _, c := range []struct{ name, before, mine, theirs, undone string }{
		{"beside mine", `{"a":1}`, `{"a":2}`, `{"b":7}`, `{"a":1,"b":7}`},
		{"over mine", `{"a":1}`, `{"a":2}`, `{"a":3}`, `{"a":3}`},
		{"over a part of mine", `{"a":1,"b":1}`, `{"a":2,"b":2}`, `{"a":3}`, `{"a":3,"b":1}`},
		{"deleted mine", `{"a":1}`, `{"a":2}`, `{"a":null}`, `{}`},
		{"in an object of mine", `{}`, `{"o":{"x":1}}`, `{"o":{"y":2}}`, `{"o":{"x":1,"y":2}}`},
		{"beside an object of mine", `{}`, `{"o":{"x":1}}`, `{"p":1}`, `{"p":1}`},
		{"made again what I deleted", `{"o":{"x":1}}`, `{"o":null}`, `{"o":{"z":1}}`, `{"o":{"z":1}}`},
		{"deleted what is around mine", `{"o":{"x":1,"y":1}}`, `{"o":{"x":null}}`, `{"o":null}`, `{}`},
		{"put a leaf around mine", `{"o":{"x":1,"y":1}}`, `{"o":{"x":null}}`, `{"o":5}`, `{"o":5}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			me := newClient(t, c.before)
			me.merge(c.mine)
			me.other(c.theirs)
			me.undo()
			me.want(c.undone)
		})
	}
}

// TestCountersAddUp undoes one's own addition, whatever others have added.
func TestCountersAddUp(t *testing.T) {
	c := newClient(t, `{"n":10}`)
	add := func(n int64) func(*doc.Tx) error {
		return func(tx *doc.Tx) error { _, err := tx.Add("/n", n); return err }
	}
	c.edit(add(5))
	c.other(`{"n":115}`)
	c.undo()
	c.want(`{"n":110}`)
	c.redo()
	c.want(`{"n":115}`)
}

// TestPlainWritesBesideEdits has both in one transaction.
func TestPlainWritesBesideEdits(t *testing.T) {
	c := newClient(t, `{"a":1,"n":1}`)
	c.edit(func(tx *doc.Tx) error {
		tx.Set("/a", []byte("2"))
		_, err := tx.Add("/n", 2)
		return err
	})
	c.want(`{"a":2,"n":3}`)
	c.undo()
	c.want(`{"a":1,"n":1}`)
	c.redo()
	c.want(`{"a":2,"n":3}`)
}

func TestGroups(t *testing.T) {
	c := newClient(t, `{}`)
	c.merge(`{"a":1}`)
	c.stack.Group()
	c.merge(`{"b":1}`)
	c.merge(`{"b":2,"c":1}`)
	c.stack.Ungroup()
	c.merge(`{"d":1}`)
	c.undo()
	c.undo()
	c.want(`{}`)
	c.redo()
	c.want(`{"a":1,"b":2,"c":1}`)
}

// TestFailureKeepsTheEntry refuses the transaction of an undo.
func TestFailureKeepsTheEntry(t *testing.T) {
	c := newClient(t, `{}`)
	c.merge(`{"a":1}`)
	refused := errors.New("refused")
	_, err := c.stack.Undo(func(func(*doc.Tx) error) (doc.Change, error) { return doc.Change{}, refused })
	if !errors.Is(err, refused) || !c.stack.CanUndo() {
		t.Fatalf("error %v, can undo %t", err, c.stack.CanUndo())
	}
	c.undo()
	c.want(`{}`)
}

// TestDivide: a group that cannot be taken back at once is taken back transaction by
// transaction, and done again likewise.
func TestDivide(t *testing.T) {
	c := newClient(t, `{}`)
	c.merge(`{"before":1}`)
	c.merge(`{"a":1}`)
	c.stack.Group()
	c.merge(`{"b":1}`)
	c.merge(`{"c":1}`)
	c.stack.Ungroup()
	for _, want := range []string{`{"a":1,"b":1,"before":1}`, `{"a":1,"before":1}`, `{"before":1}`} {
		if divided := c.stack.Divide(false); divided != (want != `{"before":1}`) {
			t.Errorf("before %s: divided is %v", want, divided)
		}
		c.undo()
		c.want(want)
	}
	if c.stack.Divide(false) || c.stack.Divide(true) {
		t.Error("one transaction was divided")
	}
	for _, want := range []string{`{"a":1,"before":1}`, `{"a":1,"b":1,"before":1}`, `{"a":1,"b":1,"before":1,"c":1}`} {
		c.redo()
		c.want(want)
	}
	if empty := (&undo.Stack{}); empty.Divide(false) {
		t.Error("nothing was divided")
	}
}

// TestSkip: what was done before an entry that is skipped can be undone, and what was
// undone before one done again.
func TestSkip(t *testing.T) {
	c := newClient(t, `{}`)
	c.merge(`{"a":1}`)
	c.merge(`{"b":1}`)
	c.merge(`{"c":1}`)
	c.stack.Skip(false)
	c.undo()
	c.want(`{"a":1,"c":1}`)
	c.undo()
	c.want(`{"c":1}`)
	c.stack.Skip(false) // there is nothing
	c.stack.Skip(true)
	c.redo()
	c.want(`{"b":1,"c":1}`)
	if c.stack.CanRedo() || !c.stack.CanUndo() {
		t.Error("there is more to do again, or nothing to undo")
	}
}

func TestLimit(t *testing.T) {
	c := newClient(t, `{}`)
	c.stack.Limit = 3
	for _, patch := range []string{`{"n":1}`, `{"n":2}`, `{"n":3}`, `{"n":4}`, `{"n":5}`} {
		c.merge(patch)
	}
	for range 3 {
		c.undo()
	}
	c.want(`{"n":2}`)
	if c.stack.CanUndo() {
		t.Error("can undo a fourth entry")
	}
}

// TestUndoEverything undoes random edits, alone on the document, and does them
// again: there and back is exact.
func TestUndoEverything(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	patches := []string{
		`{"a":1}`, `{"a":{"b":2}}`, `{"a":{"b":{"c":3}}}`, `{"a":null}`, `{"a":{"b":null}}`, `{"a":{"b":7,"d":[1]}}`,
		`{"n":4,"a":{"e":{}}}`, `{"a":{"b":{"c":null}}}`, `{"n":null}`,
	}
	for range 200 {
		c := newClient(t, `{"a":{"b":1}}`)
		states := []string{string(c.doc.Canonical())}
		for range 10 {
			before := len(states)
			c.merge(patches[r.IntN(len(patches))])
			if now := string(c.doc.Canonical()); now != states[before-1] {
				states = append(states, now)
			}
		}
		for i := len(states) - 2; i >= 0; i-- {
			c.undo()
			c.want(states[i])
		}
		for _, state := range states[1:] {
			c.redo()
			c.want(state)
		}
	}
}

// TestUndoEverythingTyped undoes random splices of a text, alone on the document, a
// few at a time in transactions and groups, goes forth and back among them, and on: it is
// exact wherever it leads.
func TestUndoEverythingTyped(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		c := newClient(t, `{"t":{"$":"text","1":"vwxyz"}}`)
		note := text.Open(c.doc, "/t")
		next := '\u4e00' // no letter is there twice
		splice := func(tx *doc.Tx) error {
			pos := r.IntN(note.Len() + 1)
			del := min(r.IntN(4), note.Len()-pos)
			ins := make([]rune, r.IntN(3))
			for i := range ins {
				ins[i], next = next, next+1
			}
			return note.Splice(tx, pos, del, string(ins))
		}
		states, at := []string{note.String()}, 0
		for range 40 {
			switch n := r.IntN(4); {
			case n == 0 && c.stack.CanUndo():
				c.undo()
				at--
			case n == 1 && c.stack.CanRedo():
				c.redo()
				at++
			default:
				before, done := note.String(), false
				for n := 1 + r.IntN(3); n > 0 || done && note.String() == before; n-- {
					change, err := c.doc.Update(func(tx *doc.Tx) error {
						for range 1 + r.IntN(2) {
							if err := splice(tx); err != nil {
								return err
							}
						}
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
					if c.stack.Did(change); !change.Empty() {
						c.stack.Group()
						done = true
					}
				}
				if c.stack.Ungroup(); done {
					at++
					states = append(states[:at], note.String())
				}
			}
			if got := note.String(); got != states[at] {
				t.Fatalf("seed %d: the text is %q, want %q", seed, got, states[at])
			}
		}
	}
}

// TestUndoAmongOthers undoes random splices of a text in which somebody else types, and does
// some of them again: when all is undone there is what was there before, in order, and
// what the other one has typed.
func TestUndoAmongOthers(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 4))
		c := newClient(t, `{"t":{"$":"text","1":"vwxyz"}}`)
		note := text.Open(c.doc, "/t")
		mine, theirs := '\u4e00', 'A' // no letter is there twice
		for range 14 {
			switch n := r.IntN(5); {
			case n == 0:
				they := doc.Open(c.doc.Canonical())
				other := text.Open(they, "/t")
				change, err := they.Update(func(tx *doc.Tx) error { return other.Insert(tx, r.IntN(other.Len()+1), string(theirs)) })
				if err != nil {
					t.Fatal(err)
				}
				c.doc.ApplyBy("them", change.Delta)
				theirs++
			case n == 1 && c.stack.CanUndo():
				c.undo()
			case n == 2 && c.stack.CanRedo():
				c.redo()
			default:
				c.edit(func(tx *doc.Tx) error {
					pos := r.IntN(note.Len() + 1)
					behind, _ := note.Slice(pos, note.Len())
					del := strings.IndexFunc(behind+"A", func(ch rune) bool { return ch <= 'Z' }) // none of theirs
					del = min(r.IntN(4), text.Units(behind[:del]))
					ins := string(mine) + string(mine+1)
					mine += 2
					return note.Splice(tx, pos, del, ins[:3*r.IntN(3)])
				})
			}
		}
		for c.stack.CanUndo() {
			c.undo()
		}
		var before, typed int
		for _, ch := range note.String() {
			switch {
			case ch <= 'Z':
				typed++
			case before < 5 && ch == rune("vwxyz"[before]):
				before++
			default:
				t.Fatalf("seed %d: %q is left, want vwxyz and A to %c", seed, note, theirs-1)
			}
		}
		if before != 5 || typed != int(theirs-'A') {
			t.Fatalf("seed %d: %q is left, want vwxyz and A to %c", seed, note, theirs-1)
		}
	}
}

// TestRedid: a transaction is something else by now, or nothing. That is what is undone.
func TestRedid(t *testing.T) {
	c := newClient(t, `{"a":1,"b":1,"n":10}`)
	first := c.edit(func(tx *doc.Tx) error { return tx.Set("/a", []byte("2")) })
	c.other(`{"a":1}`) // it is taken off
	now, err := c.doc.Update(func(tx *doc.Tx) error {
		if err := tx.Set("/b", []byte("3")); err != nil {
			return err
		}
		_, err := tx.Add("/n", 5)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	c.stack.Redid(first, now)
	c.other(`{"n":100}`)
	c.undo()
	c.want(`{"a":1,"b":1,"n":95}`)
	c.redo()
	c.want(`{"a":1,"b":3,"n":100}`)

	c.merge(`{"a":7}`)
	nothing := c.edit(func(tx *doc.Tx) error { return tx.Set("/z", []byte("1")) })
	c.other(`{"z":null}`)
	c.stack.Redid(nothing, doc.Change{})
	c.undo()
	c.want(`{"a":1,"b":3,"n":100}`)
}

// TestRedidWhatIsBeingUndone: the edits that undo a transaction are outdated when it has
// become something else, and its function does what undoes that.
func TestRedidWhatIsBeingUndone(t *testing.T) {
	c := newClient(t, `{"n":10}`)
	first := c.edit(func(tx *doc.Tx) error { _, err := tx.Add("/n", 1); return err })
	var fn func(*doc.Tx) error
	undone, err := c.stack.Undo(func(f func(*doc.Tx) error) (doc.Change, error) { fn = f; return c.doc.Update(f) })
	if err != nil {
		t.Fatal(err)
	}
	c.merge(`{"other":1}`) // what was undone cannot be done again from now on
	c.want(`{"n":10,"other":1}`)
	if doc.Outdated(undone.Edits) {
		t.Error("the edits are outdated at once")
	}
	now, err := c.doc.Update(func(tx *doc.Tx) error { _, err := tx.Add("/n", 4); return err })
	if err != nil {
		t.Fatal(err)
	}
	c.stack.Redid(first, now)
	if !doc.Outdated(undone.Edits) {
		t.Error("the edits are not outdated")
	}
	if undone, err = c.doc.Update(fn); err != nil {
		t.Fatal(err)
	}
	c.want(`{"n":10,"other":1}`)
	if c.stack.Redid(first, now); doc.Outdated(undone.Edits) {
		t.Error("the edits are outdated by what they were made for")
	}
}

// TestRejectedUndo: an undo that the server has rejected can be made once more, and cannot
// be done again.
func TestRejectedUndo(t *testing.T) {
	c := newClient(t, `{"n":10}`)
	c.edit(func(tx *doc.Tx) error { _, err := tx.Add("/n", 1); return err })
	c.undo()
	c.other(`{"n":11}`) // it is taken off
	c.stack.Forget(c.stack.Latest())
	if c.stack.CanRedo() {
		t.Error("what was not undone can be done again")
	}
	c.undo()
	c.want(`{"n":10}`)
}
