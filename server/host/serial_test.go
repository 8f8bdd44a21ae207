package host_test

import (
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestL8_ReadsSinceTheBase: somebody else writes; then a mutation comes that was
// made before, having read something. It conflicts if and only if what it read
// was changed; otherwise it is fast-forwarded, and its author is not asked.
func TestL8_ReadsSinceTheBase(t *testing.T) {
	for _, c := range []struct {
		name      string
		write     string
		read      delta.Read
		conflicts bool
	}{
		{"the value itself", `{"b":2}`, value("/b"), true},
		{"a value that is not there", `{"c":1}`, value("/c"), true},
		{"another value", `{"b":2}`, value("/a"), false},
		{"a value within", `{"a":{"x":2}}`, value("/a"), true},
		{"a value around", `{"a":null}`, value("/a/x"), true},
		{"everything", `{"new":1}`, delta.WholeDocument, true},
		{"a name with the same beginning", `{"bb":1}`, value("/b"), false},
		{"the object stays", `{"a":{"x":2,"y":null}}`, exists("/a"), false},
		{"the object goes", `{"a":null}`, exists("/a"), true},
		{"the object becomes a number", `{"a":1}`, exists("/a"), true},
		{"a member's value", `{"a":{"x":2}}`, members("/a"), false},
		{"a new member", `{"a":{"z":1}}`, members("/a"), true},
		{"a member less", `{"a":{"y":null}}`, members("/a"), true},
		{"a new member elsewhere", `{"b":null}`, members("/a"), false},
		{"a new member below", `{"a":{"o":{"p":1}}}`, members("/a"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			a, b := w.join(board), w.join(board)
			b.edit(`{"a":{"x":1,"y":1,"o":{}},"b":1}`)
			b.deltas()
			a.deltas()
			edit := a.mutation(`{"mine":true}`, c.read)
			b.edit(c.write)
			b.deltas()
			equal(t, "the other's record", a.deltas(), c.write)
			a.submit(edit)
			if c.conflicts {
				f := expect[*wire.Conflict](a)
				equal(t, "conflict", f.ID, edit.ID)
				equal(t, "head", f.Head, a.at.Revision)
				return
			}
			equal(t, "record", a.deltas(), `{"mine":true}`)
		})
	}
}

// TestL8_OwnMutationsAreNoConflict: what a client has written itself since the
// base it had in view already.
func TestL8_OwnMutationsAreNoConflict(t *testing.T) {
	w := newWorld(t)
	a := w.join(board)
	base := a.at.Revision
	pipelined := `{"n":1}{"n":2}{"n":3}{"n":4}`
	for _, n := range strings.SplitAfter(pipelined, "}")[:4] {
		a.edit(n, value("/n"))
	}
	got := ""
	for len(got) < len(pipelined) { // in one record or several
		got += a.deltas()
	}
	equal(t, "deltas", got, pipelined)
	late := a.mutation(`{"n":5}`, value("/n"))
	late.Base = base
	a.submit(late)
	equal(t, "record", a.deltas(), `{"n":5}`)
}

// TestL8_ConflictWithAReservedMutation: two mutations wait for one record; the
// second has read what the first writes. The second is told so only when the
// first is in the log, and then where to find it.
func TestL8_ConflictWithAReservedMutation(t *testing.T) {
	w := newWorld(t)
	a, b, probe := w.join(board), w.join(board), w.join(board)
	held := w.log.hold(t, board)
	a.edit(`{"first":true}`)
	held.wait(t)
	b.edit(`{"n":1}`)
	conflicting := a.edit(`{"n":10}`, value("/n"))
	follows := a.edit(`{"free":true}`) // conflicts with nothing but follows it
	held.pass <- struct{}{}
	rec := held.wait(t)
	equal(t, "mutations in flight", len(rec.Mutations), 1)
	equal(t, "first record", a.deltas(), `{"first":true}`)
	a.nothing(probe)
	w.log.release(board)
	equal(t, "second record", a.deltas(), `{"n":1}`)
	for _, s := range []host.Submission{conflicting, follows} {
		f := expect[*wire.Conflict](a)
		equal(t, "conflict", f.ID, s.ID)
		equal(t, "head", f.Head, a.at.Revision)
	}
	a.nothing(probe)
	equal(t, "state", w.read(board).state, `{"first":true,"n":1}`)
}

// TestL8_DisjointWritersShareARecord: mutations on old bases which nobody
// disturbs, from many, need one round only.
func TestL8_DisjointWritersShareARecord(t *testing.T) {
	w := newWorld(t)
	first := w.join(board)
	held := w.log.hold(t, board)
	first.edit(`{"start":true}`)
	held.wait(t)
	var writers []*member
	for _, name := range []string{"a", "b", "c", "d"} {
		m := w.join(board)
		m.edit(`{"`+name+`":1}`, value("/"+name))
		writers = append(writers, m)
	}
	w.log.release(board)
	for _, m := range writers {
		equal(t, "first record", m.deltas(), `{"start":true}`)
		equal(t, "second record", m.deltas(), `{"a":1}{"b":1}{"c":1}{"d":1}`)
	}
}

// TestL8_BaseOutsideTheWindow: what was written since a base of long ago is not
// known any more, so the mutation has to run again. A base beyond the head is of
// another log.
func TestL8_BaseOutsideTheWindow(t *testing.T) {
	w := newWorld(t, func(c *host.Config) { c.KeepRecords = 3 })
	a, b := w.join(board), w.join(board)
	var bases []record.Revision
	for range 5 {
		b.edit(`{"n":1}`)
		b.deltas()
		a.deltas()
		bases = append(bases, a.at.Revision)
	}
	old := a.mutation(`{"mine":1}`)
	old.Base = bases[0]
	a.submit(old)
	equal(t, "conflict", expect[*wire.Conflict](a).ID, old.ID)
	a.last = old.Follows
	within := a.mutation(`{"mine":1}`)
	within.Base = bases[1] // the three records after it are kept
	a.submit(within)
	equal(t, "record", a.deltas(), `{"mine":1}`)

	s := a.mutation(`{"mine":2}`)
	s.Base = a.at.Revision + 1
	a.submit(s)
	equal(t, "code", expect[*wire.Reject](a).Code, wire.CodeUnknownMutation)
	equal(t, "state", w.read(board).state, `{"mine":1,"n":1}`)
}

// TestL8_WindowInBytes: the window is bounded in bytes as well.
func TestL8_WindowInBytes(t *testing.T) {
	w := newWorld(t, func(c *host.Config) { c.KeepBytes = 1 })
	a, b := w.join(board), w.join(board)
	old := a.mutation(`{"mine":1}`)
	b.edit(`{"n":1}`)
	b.deltas()
	a.deltas()
	a.submit(old)
	equal(t, "conflict", expect[*wire.Conflict](a).ID, old.ID)
	a.last = old.Follows
	a.edit(`{"mine":1}`)
	equal(t, "record", a.deltas(), `{"mine":1}`)
}
