package converge_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/list"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/table"
	"github.com/rivulet-sync/rivulet/shared/text"
	"github.com/rivulet-sync/rivulet/shared/undo"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

var key = record.Key{Space: "demo", ID: "all"}

// collections are those of one document.
type collections struct {
	texts [2]*text.Text
	lists [2]*list.Items
	cards *table.Records
	todo  *table.View
}

var (
	textAt = [2]delta.Pointer{"/notes", "/page/body"}
	listAt = [2]delta.Pointer{"/queue", "/page/items"}
)

func openCollections(d *doc.Doc, tag string, newID func() string) *collections {
	c := &collections{}
	for i := range 2 {
		c.texts[i] = text.Open(d, textAt[i])
		c.lists[i] = list.Open(d, listAt[i], tag, newID)
	}
	var err error
	c.cards, err = table.Open(d, "/cards", table.Config{Indexes: []table.Index{table.On(table.Asc("lane"), table.Asc("rank"))}})
	must(err)
	c.todo, err = c.query().Live()
	must(err)
	return c
}

func (c *collections) query() *table.Query {
	return c.cards.Where(table.Eq("lane", "todo")).OrderBy(table.Desc("rank")).Limit(4)
}

// client is one client for the life of its engine.
type client struct {
	sim    *sim
	tag    string
	engine *replica.Engine
	doc    *replica.Document
	conn   *conn // nil: not connected
	*collections
	stack undo.Stack

	ops    []*op // by number, from 1
	had    *effects
	tagged map[uint64]*op
	tags   uint64
	shadow *doc.Doc // follows the view by what the observer is told

	carets  [2]*caret
	anchors []*anchor
	words   [2][]uint16 // the texts by what their watchers are told
	ids     []string    // the live query by its events
	lastIn  [2]string   // what was inserted last into the lists
}

// op is one transaction with what it was meant to do, each time that its function
// was run.
type op struct {
	kind     string
	versions []*intent
	over     bool
	outcome  replica.Outcome
	ticket   undo.Ticket
	dead     bool // its client is gone
}

func (s *sim) newClient() *client {
	s.born++
	c := &client{sim: s, tag: string([]byte{'A' + byte(s.born/26), 'a' + byte(s.born%26)}), tagged: make(map[uint64]*op), shadow: doc.New(), had: newEffects()}
	c.engine = replica.New(replica.Config{
		Random:     s.nonces.Uint64,
		OnDiverged: func(_ record.Key, at record.Position) { failf("client %s differs from the server at %s", c.tag, at) },
	})
	c.doc = c.engine.Open(key, c)
	c.collections = openCollections(c.doc.View(), c.tag, s.newID)
	c.doc.OnRedone(func(tag uint64, change doc.Change) { c.stack.Redid(c.tagged[tag].ticket, change) })
	for i, t := range c.texts {
		c.carets[i] = &caret{text: t, cursor: t.Cursor(0, text.Left)}
		t.Watch(func(splices []text.Splice) {
			for _, sp := range splices {
				c.words[i] = slices.Replace(c.words[i], sp.Pos, sp.Pos+sp.Del, utf16.Encode([]rune(sp.Ins))...)
			}
		})
	}
	c.todo.OnChange(func(events []table.Event) {
		for _, e := range events {
			switch e.Kind {
			case table.Add:
				c.ids = slices.Insert(c.ids, e.To, e.ID)
			case table.Remove:
				c.ids = slices.Delete(c.ids, e.From, e.From+1)
			case table.Move:
				c.ids = slices.Delete(c.ids, e.From, e.From+1)
				c.ids = slices.Insert(c.ids, e.To, e.ID)
			}
		}
	})
	return c
}

// Reset implements [replica.Observer], as the others do.
func (c *client) Reset(snapshot []byte) {
	var err error
	c.shadow, err = doc.Parse(snapshot)
	must(err)
}

func (c *client) Patched(patch delta.Delta)                        { c.shadow.Apply(patch) }
func (c *client) Changed()                                         { c.check() }
func (c *client) Committed(at record.Position, rec *record.Record) {}
func (c *client) Peer(client record.ClientID, state []byte)        {}
func (c *client) Failed(code wire.Code, detail string) {
	if code.Retry() == wire.RetryNever {
		failf("client %s: %v %s", c.tag, code, detail)
	}
}

func (c *client) Settled(tag uint64, outcome replica.Outcome) {
	o := c.tagged[tag]
	if o.over {
		failf("client %s: %s is settled twice", c.tag, o.kind)
	}
	o.over, o.outcome = true, outcome
	if outcome.Err != nil {
		c.stack.Forget(o.ticket)
		// What stood next to it goes on without it.
		for _, v := range o.versions {
			for i := range 2 {
				for _, id := range v.items[i] {
					c.sim.touchedItems[id] = true
				}
			}
		}
	}
}

var errUnwanted = errors.New("the transaction gives up")

// mayFail reports whether an edit may fail like this: what it is about is gone.
func mayFail(err error) bool {
	var format *doc.FormatError
	var path *doc.PathError
	var span *text.RangeError
	return errors.Is(err, errUnwanted) || errors.As(err, &format) || errors.As(err, &path) || errors.As(err, &span)
}

// mutate runs a transaction and notes what it does. The change is empty if nothing
// came of it.
func (c *client) mutate(kind string, repeat bool, fn func(*doc.Tx) error) (doc.Change, error) {
	c.tags++
	o := &op{kind: kind}
	c.tagged[c.tags] = o
	run := func(view *doc.Doc) (doc.Change, error) {
		before := c.observe()
		change, err := view.Update(fn)
		if err != nil {
			if !c.observe().equal(before) {
				failf("client %s: something is left of a %s that failed: %v", c.tag, kind, err)
			}
			return change, err
		}
		meant := between(before, c.observe())
		o.versions = append(o.versions, meant)
		if n := len(o.versions); n > 1 {
			c.sim.runs.ranAgain(o.versions[n-2], meant)
		}
		if kind == "undo" || kind == "redo" {
			for i := range 2 {
				for ch := range meant.ins[i] {
					c.sim.revived[ch] = true
				}
			}
		}
		// Even if it comes to nothing, what was typed next to it may have moved.
		for i := range 2 {
			for ch := range meant.del[i] {
				c.sim.runs.touch(ch)
			}
			for _, id := range meant.dropped[i] {
				c.sim.touchedItems[id] = true
			}
		}
		return change, err
	}
	again := func(view *doc.Doc) (doc.Change, error) {
		c.sim.reruns++
		// It may put its text elsewhere; that a text was moved is not to be seen.
		c.release()
		change, err := run(view)
		if err == nil {
			c.shadow.Apply(change.Delta)
		}
		return change, err
	}
	if !repeat {
		again = nil
	}
	change, err := c.doc.Mutate(c.tags, run, again)
	c.sim.logf("client %s: %s: %s %v, has %q", c.tag, kind, change.Delta.Bytes(), err, c.observe().text)
	switch {
	case err != nil || change.Empty():
		delete(c.tagged, c.tags)
	default:
		c.shadow.Apply(change.Delta)
		c.ops = append(c.ops, o)
		c.sim.made++
	}
	return change, err
}

// edit is mutate for a transaction of the client's own, which it may undo.
func (c *client) edit(kind string, repeat bool, fn func(*doc.Tx) error) bool {
	change, err := c.mutate(kind, repeat, fn)
	switch {
	case err == nil:
		if c.tags%4 == 0 || c.sim.people == undoers && c.tags%2 == 0 {
			c.stack.Group()
		}
		ticket := c.stack.Did(change)
		if c.stack.Ungroup(); !change.Empty() {
			c.tagged[c.tags].ticket = ticket
		}
	case mayFail(err), errors.Is(err, replica.ErrNotReady):
	default:
		failf("client %s: %s: %v", c.tag, kind, err)
	}
	c.check()
	return err == nil
}

func (c *client) undo(kind string, move func(undo.Update) (doc.Change, error)) {
	change, err := move(func(fn func(*doc.Tx) error) (doc.Change, error) { return c.mutate(kind, true, fn) })
	if err == nil && !change.Empty() {
		c.tagged[c.tags].ticket = c.stack.Latest()
	}
	if err != nil && !mayFail(err) && !errors.Is(err, undo.ErrNothing) && !errors.Is(err, replica.ErrNotReady) {
		failf("client %s: %s: %v", c.tag, kind, err)
	}
	c.check()
}

// receive takes the next message.
func (c *client) receive() {
	message := c.conn.down[0]
	c.conn.down = c.conn.down[1:]
	c.sim.logf("client %s receives %s", c.tag, framesText(message))
	if err := c.engine.Receive(message); err != nil {
		failf("client %s: %v", c.tag, err)
	}
	c.sim.logf("client %s has %q", c.tag, c.observe().text)
}

func (c *client) send() {
	for message := c.engine.TakeOutput(); message != nil; message = c.engine.TakeOutput() {
		if c.conn != nil {
			c.sim.logf("client %s sends %s", c.tag, framesText(message))
			c.conn.up = append(c.conn.up, message)
		}
	}
}

// check compares what is told step by step with what there is.
func (c *client) check() {
	view := c.doc.View()
	if c.shadow.Checksum() != view.Checksum() {
		failf("client %s: the observer knows\n%s\nthe view is\n%s", c.tag, c.shadow.Canonical(), view.Canonical())
	}
	for i, t := range c.texts {
		if got, want := string(utf16.Decode(c.words[i])), t.String(); got != want {
			failf("client %s: the watcher of text %d has %q, it is %q", c.tag, i, got, want)
		}
	}
	if ids := c.todo.IDs(); !slices.Equal(c.ids, ids) {
		failf("client %s: events add up to %v, the live query has %v", c.tag, c.ids, ids)
	}
	c.anchors = slices.DeleteFunc(c.anchors, func(a *anchor) bool { return !a.check(c) })
}

// checkAll compares what is derived with what comes from the bytes alone.
func (c *client) checkAll() {
	c.check()
	view := c.doc.View()
	fresh := doc.Open(view.Canonical())
	if fresh.Checksum() != view.Checksum() {
		failf("client %s: the checksum is not that of the bytes", c.tag)
	}
	c.collections.equal(c.tag, openCollections(fresh, c.tag, c.sim.newID))
}

func (c *collections) equal(who string, fresh *collections) {
	for i := range 2 {
		if got, want := c.texts[i].String(), fresh.texts[i].String(); got != want {
			failf("%s: text %d is %q, by the bytes %q", who, i, got, want)
		}
		if got, want := runsOf(c.texts[i]), runsOf(fresh.texts[i]); got != want {
			failf("%s: text %d has the runs %s, by the bytes %s", who, i, got, want)
		}
		if c.texts[i].Len() != text.Units(c.texts[i].String()) {
			failf("%s: text %d has length %d", who, i, c.texts[i].Len())
		}
		if got, want := itemsOf(c.lists[i]), itemsOf(fresh.lists[i]); got != want {
			failf("%s: list %d has %s, by the bytes %s", who, i, got, want)
		}
	}
	if got, want := c.todo.IDs(), fresh.todo.IDs(); !slices.Equal(got, want) {
		failf("%s: the live query has %v, by the bytes %v", who, got, want)
	}
	if got, err := c.query().IDs(); err != nil || !slices.Equal(got, fresh.todo.IDs()) {
		failf("%s: the query has %v %v, by the bytes %v", who, got, err, fresh.todo.IDs())
	}
	if c.cards.Len() != fresh.cards.Len() {
		failf("%s: the table has %d records, by the bytes %d", who, c.cards.Len(), fresh.cards.Len())
	}
}

func runsOf(t *text.Text) string {
	var b strings.Builder
	for _, r := range t.Runs() {
		b.WriteString(r.Text)
		for _, a := range r.Attributes {
			b.WriteString("<" + a.Name + "=" + a.Value + ">")
		}
		b.WriteByte('|')
	}
	return b.String()
}

func itemsOf(l *list.Items) string {
	var b strings.Builder
	for id, value := range l.All() {
		b.WriteString(id + "=" + value + " ")
	}
	return b.String()
}

// state is what the document says, in the terms in which edits are meant.
type state struct {
	chars  [2]map[rune]int
	items  [2]map[string]string // values by id
	counts [2]int64
	text   [2]string
}

func (c *collections) state(d *doc.Doc) *state {
	st := &state{}
	for i := range 2 {
		st.text[i] = c.texts[i].String()
		st.chars[i] = make(map[rune]int)
		for _, ch := range st.text[i] {
			st.chars[i][ch]++
		}
		st.items[i] = maps.Collect(c.lists[i].All())
		st.counts[i] = number(d, counterAt[i])
	}
	return st
}

func (c *client) observe() *state { return c.state(c.doc.View()) }

func (s *state) equal(o *state) bool {
	return s.text == o.text && s.counts == o.counts && maps.Equal(s.items[0], o.items[0]) && maps.Equal(s.items[1], o.items[1])
}
