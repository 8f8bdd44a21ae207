package converge_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/table"
	"github.com/rivulet-sync/rivulet/shared/text"
	"github.com/rivulet-sync/rivulet/shared/undo"
)

var counterAt = [2]delta.Pointer{"/likes", "/page/views"}

// share is up to which of a hundred of what people do they do what; redoing and the rest
// come behind.
var share = map[people]struct{ typing, pushing, editing, mixing, givingUp, undoing int }{
	anybody: {30, 38, 58, 72, 76, 86},
	undoers: {15, 18, 34, 56, 58, 80},
}

// act does what a person, or a program, does next.
func (c *client) act(random *rand.Rand) {
	seed, memo := random.Uint64(), &letters{client: c}
	again := func() (*rand.Rand, *letters) {
		memo.next = 0
		memo.ran++
		return rand.New(rand.NewPCG(seed, 0)), memo
	}
	repeat := random.IntN(8) > 0
	up := share[c.sim.people]
	switch n := random.IntN(100); {
	case n < up.typing:
		c.typeOn(random)
	case n < up.pushing:
		c.pushOn(random)
	case n < up.editing:
		c.edit("edit", repeat, func(tx *doc.Tx) error {
			random, letters := again()
			return c.part(tx, random, letters)
		})
	case n < up.mixing:
		c.edit("mixed", repeat, func(tx *doc.Tx) error {
			random, letters := again()
			return c.mixed(tx, random, letters)
		})
	case n < up.givingUp:
		c.edit("given up", repeat, func(tx *doc.Tx) error {
			random, letters := again()
			if err := c.mixed(tx, random, letters); err != nil {
				return err
			}
			return errUnwanted
		})
	case n < up.undoing:
		c.undo("undo", func(u undo.Update) (doc.Change, error) { return c.stack.Undo(u) })
	case n < 92:
		c.undo("redo", func(u undo.Update) (doc.Change, error) { return c.stack.Redo(u) })
	case n < 97:
		c.newAnchor(random)
	case c.sim.wild:
		c.edit("wipe", repeat, func(tx *doc.Tx) error {
			random, _ := again()
			return c.wipe(tx, random)
		})
	}
}

// typist does what a person does who writes.
func (c *client) typist(random *rand.Rand) {
	t := c.texts[random.IntN(2)]
	switch n := random.IntN(40); {
	case t.At() != textAt[0] && !c.doc.View().Value("/page").IsObject():
		c.edit("page", true, func(tx *doc.Tx) error {
			if tx.IsObject("/page") {
				return nil
			}
			return tx.Set("/page", []byte(`{}`))
		})
	case n == 0:
		c.newAnchor(random)
	case n == 1: // across somebody else's run
		pos := random.IntN(t.Len() + 1)
		n := min(random.IntN(12), t.Len()-pos)
		c.edit("delete", true, func(tx *doc.Tx) error { return t.Delete(tx, pos, n) })
	default:
		c.typeOn(random)
	}
}

// mixed does several things, and at times a part of it is taken back.
func (c *client) mixed(tx *doc.Tx, random *rand.Rand, letters *letters) error {
	if random.IntN(2) == 0 {
		c.cards.In(tx)
		c.texts[0].Read(tx)
		c.lists[1].In(tx)
		tx.Value(counterAt[0])
		if err := tx.Merge(mustParse(fmt.Appendf(nil, `{"census":{%q:%s}}`, c.tag, takeCensus(c.collections, c.doc.View())))); err != nil {
			return err
		}
	}
	for range 1 + random.IntN(3) {
		if random.IntN(5) == 0 {
			_ = tx.Update(func(tx *doc.Tx) error {
				_ = c.part(tx, random, letters)
				_ = c.part(tx, random, letters)
				return errUnwanted
			})
			continue
		}
		if err := c.part(tx, random, letters); err != nil {
			return err
		}
	}
	return nil
}

// part does one thing in a transaction.
func (c *client) part(tx *doc.Tx, random *rand.Rand, letters *letters) error {
	i := random.IntN(2)
	if !tx.IsObject("/page") && random.IntN(4) > 0 {
		return tx.Set("/page", []byte(`{}`))
	}
	t, l := c.texts[i], c.lists[i]
	lane := []string{"todo", "todo", "doing", "done"}[random.IntN(4)]
	card := "c" + strconv.Itoa(random.IntN(6))
	switch random.IntN(17) {
	case 0, 1:
		pos := boundary(t, random.IntN(t.Len()+1))
		return t.Insert(tx, pos, letters.take(t, pos, 1+random.IntN(4)))
	case 2:
		pos := random.IntN(t.Len() + 1)
		return t.Delete(tx, pos, min(random.IntN(8), t.Len()-pos))
	case 3:
		pos := boundary(t, random.IntN(t.Len()+1))
		del := min(random.IntN(5), t.Len()-pos)
		return t.Splice(tx, pos, del, letters.take(t, pos, 1+random.IntN(4)))
	case 4, 5:
		from := random.IntN(t.Len() + 1)
		to := from + random.IntN(t.Len()-from+1)
		name := []string{"bold", "link"}[random.IntN(2)]
		if random.IntN(3) == 0 {
			return t.Unmark(tx, from, to, name)
		}
		return t.Mark(tx, from, to, name, []string{"true", `"x"`}[random.IntN(2)], text.Expand(random.IntN(4)))
	case 6:
		at := random.IntN(l.Len() + 1)
		c.lastIn[i] = "" // no run goes on behind something else
		c.sim.touchAround(l, at)
		if letters.ran > 1 {
			c.sim.touchItem(l, at-1)
			c.sim.touchItem(l, at)
		}
		_, err := l.Insert(tx, at, []string{`"one"`, `{"n":1}`, "null"}[:1+random.IntN(3)]...)
		return err
	case 7, 8:
		if l.Len() == 0 {
			return nil
		}
		id, _ := l.At(random.IntN(l.Len()))
		at := random.IntN(l.Len())
		c.sim.touchedItems[id] = true
		c.sim.touchAround(l, at)
		c.sim.touchAround(l, at+1)
		if letters.ran > 1 {
			c.sim.touchItem(l, at-1)
			c.sim.touchItem(l, at)
			c.sim.touchItem(l, at+1)
		}
		return l.Move(tx, id, at)
	case 9:
		if l.Len() == 0 {
			return nil
		}
		id, _ := l.At(random.IntN(l.Len()))
		return l.Delete(tx, id)
	case 10:
		if l.Len() == 0 {
			return nil
		}
		id, _ := l.At(random.IntN(l.Len()))
		return l.Set(tx, id, []string{"2", "null", `{"n":2}`}[random.IntN(3)])
	case 11:
		return c.cards.Put(tx, card, fmt.Appendf(nil, `{"lane":%q,"rank":%d}`, lane, random.IntN(5)))
	case 12:
		if random.IntN(3) == 0 {
			return c.cards.Delete(tx, card)
		}
		if ids, err := c.cards.In(tx).Where(table.Eq("lane", lane)).IDs(); err == nil && len(ids) > 0 {
			return tx.Set(c.cards.At().Member(ids[0]).Member("rank"), fmt.Appendf(nil, "%d", random.IntN(5)))
		}
		return nil
	case 13:
		return tx.Merge(mustParse(fmt.Appendf(nil, `{"cards":{%q:{"lane":%q}}}`, card, lane)))
	case 14, 15:
		_, err := tx.Add(counterAt[i], int64(random.IntN(9)-3))
		return err
	}
	return c.plain(tx, random)
}

var plainPatches = []string{
	`{"plain":{"a":1}}`, `{"plain":{"a":{"b":2}}}`, `{"plain":{"a":{"b":{"c":[3,null,{"x":1}]}}}}`, `{"plain":{"a":null}}`,
	`{"plain":{"a":{"b":null}}}`, `{"plain":{"b":"text","a":{"d":{}}}}`, `{"plain":null}`, `{"plain":{"n":1.50}}`, `{"plain":{"é~/":1e2}}`,
}

// plain writes values that are in no collection; some depend on others.
func (c *client) plain(tx *doc.Tx, random *rand.Rand) error {
	switch random.IntN(4) {
	case 0:
		n := len(tx.Members("/plain"))
		return tx.Merge(mustParse(fmt.Appendf(nil, `{"plain":{"size":%d}}`, n)))
	case 1:
		if !tx.IsObject("/plain") {
			return tx.Set("/plain", []byte(`{"a":{"b":{"z":0}},"s":""}`))
		}
		return tx.Set("/plain/a", []byte([]string{`{"b":{"y":1}}`, `[]`, `{}`, `"a"`}[random.IntN(4)]))
	case 2:
		return tx.Delete("/plain/a/b")
	}
	return tx.Merge(mustParse([]byte(plainPatches[random.IntN(len(plainPatches))])))
}

// wipe takes a whole collection away, or puts something else in its place.
func (c *client) wipe(tx *doc.Tx, random *rand.Rand) error {
	at := []delta.Pointer{textAt[0], textAt[1], listAt[0], listAt[1], "/page", "/cards", counterAt[0]}[random.IntN(7)]
	parent, _ := at.Parent()
	switch n := random.IntN(4); {
	case n == 0 || !tx.IsObject(parent):
		return tx.Delete(at)
	case n == 1:
		return tx.Set(at, []byte(`"nothing"`))
	}
	if err := tx.Delete(at); err != nil {
		return err
	}
	return tx.Set(at, []byte(`{}`))
}

// caret is where a client types.
type caret struct {
	text   *text.Text
	cursor *text.Cursor
	run    int // what it types, 0: nothing yet
}

func (k *caret) move(pos int) {
	k.cursor.Release()
	k.cursor = k.text.Cursor(pos, text.Left)
}

// typeOn goes on typing, or begins elsewhere, or deletes a little.
func (c *client) typeOn(random *rand.Rand) {
	k := c.carets[random.IntN(2)]
	t, runs := k.text, &c.sim.runs
	var typed []rune
	switch n := random.IntN(16); {
	case n == 0 && k.cursor.Pos() > 0:
		pos := k.cursor.Pos() - 1
		c.edit("backspace", true, func(tx *doc.Tx) error { return t.Delete(tx, pos, 1) })
		return
	case n < 3 || k.run == 0 || len(runs.typed[k.run]) == runLength:
		switch random.IntN(3) {
		case 0:
			k.move(boundary(t, random.IntN(t.Len()+1)))
		case 1: // where somebody else is, if the texts are alike
			other := c.sim.clients[random.IntN(len(c.sim.clients))].carets[slices.Index(c.carets[:], k)]
			k.move(boundary(t, min(t.Len(), other.cursor.Pos())))
		}
		typed = runs.start(t, k.cursor.Pos(), 1)
		k.run = runs.count
	default:
		typed = []rune{letter(k.run, len(runs.typed[k.run]))}
		runs.typed[k.run] = append(runs.typed[k.run], typed...)
		if before, _ := t.Slice(max(0, k.cursor.Pos()-1), k.cursor.Pos()); before == "" || runOf([]rune(before)[0]) != k.run {
			// What was before it is deleted; or a function that was run again has put its
			// text there, and one sees that one does not go on behind one's own.
			runs.into(t, k.cursor.Pos())
			if before != "" && runs.anew[[]rune(before)[0]] {
				runs.touch(typed[0])
			}
		}
	}
	pos := k.cursor.Pos()
	if c.edit("type", true, func(tx *doc.Tx) error { return t.Insert(tx, pos, string(typed)) }) {
		k.move(pos + text.Units(string(typed)))
	} else {
		k.run = 0
	}
}

// pushOn goes on inserting items behind the one that it has inserted last.
func (c *client) pushOn(random *rand.Rand) {
	i := random.IntN(2)
	l := c.lists[i]
	at := l.IndexOf(c.lastIn[i]) + 1
	fresh := at == 0 || random.IntN(6) == 0
	if fresh {
		at = random.IntN(l.Len() + 1)
		c.sim.touchAround(l, at)
	}
	var ids []string
	if c.edit("push", true, func(tx *doc.Tx) (err error) {
		ids, err = l.Insert(tx, at, strconv.Itoa(at))
		return err
	}) && len(ids) > 0 {
		c.sim.continueRun(ids[0], c.lastIn[i], fresh)
		c.lastIn[i] = ids[0]
	}
}

// boundary is the place at pos, or before it, that divides no character.
func boundary(t *text.Text, pos int) int {
	at := 0
	for _, ch := range t.String() {
		n := text.Units(string(ch))
		if at+n > pos {
			break
		}
		at += n
	}
	return at
}
