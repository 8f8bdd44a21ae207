package replica_test

import (
	"strconv"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/text"
	"github.com/rivulet-sync/rivulet/shared/undo"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// undoing is a stage with an undo stack.
type undoing struct {
	*stage
	stack   undo.Stack
	tickets map[uint64]undo.Ticket
	told    []uint64 // by OnRedone
}

// Settled implements [replica.Observer].
func (u *undoing) Settled(tag uint64, outcome replica.Outcome) {
	u.stage.Settled(tag, outcome)
	if outcome.Err != nil {
		u.stack.Forget(u.tickets[tag])
	}
}

func newUndoing(t *testing.T, snapshot string) *undoing {
	u := &undoing{stage: newStage(t), tickets: make(map[uint64]undo.Ticket)}
	u.observe(u)
	u.live(snapshot)
	u.doc.OnRedone(func(tag uint64, change doc.Change) {
		u.told = append(u.told, tag)
		u.stack.Redid(u.tickets[tag], change)
	})
	return u
}

// run is a transaction that can be undone.
func (u *undoing) run(what string, fn func(*doc.Tx) error) uint64 {
	u.t.Helper()
	u.tag++
	u.line("", what)
	change, err := u.mutate(u.tag, fn)
	if err != nil {
		u.t.Fatal(err)
	}
	u.tickets[u.tag] = u.stack.Did(change)
	u.after()
	return u.tag
}

func (u *undoing) undo() {
	u.t.Helper()
	u.tag++
	u.line("", "undo")
	if _, err := u.stack.Undo(func(fn func(*doc.Tx) error) (doc.Change, error) { return u.mutate(u.tag, fn) }); err != nil {
		u.t.Fatal(err)
	}
	u.tickets[u.tag] = u.stack.Latest()
	u.after()
}

// at is the number at a place, which the transaction has then seen.
func at(tx *doc.Tx, p delta.Pointer) int {
	raw, _ := tx.Get(p)
	n, _ := strconv.Atoi(string(raw))
	return n
}

// TestUndoOfWhatRanAgain: a function puts its text elsewhere when it runs again, below
// another edit. What is undone is what it did then, where that is now.
func TestUndoOfWhatRanAgain(t *testing.T) {
	s := newUndoing(t, `{"n":1,"t":{"$":"text","1":"vwxyz"}}`)
	note := text.Open(s.doc.View(), "/t")
	s.run("insert A at n, delete what is behind it, let n follow in m", func(tx *doc.Tx) error {
		n := at(tx, "/n")
		if err := note.Splice(tx, n, 1, "A"); err != nil {
			return err
		}
		return tx.Set("/m", strconv.AppendInt(nil, int64(n), 10))
	})
	s.write("insert BB at 0", func(tx *doc.Tx) error { return note.Insert(tx, 0, "BB") })
	if got := note.String(); got != "BBvAxyz" {
		t.Fatalf("the text is %q", got)
	}
	s.commit(theirs(`{"n":3,"m":7}`))
	if got := note.String(); got != "BBvwxAz" {
		t.Fatalf("the text is %q after the function has run again", got)
	}
	s.undo()
	s.wantView(`{"m":7,"n":3,"t":` + string(must(s.doc.View().Get("/t"))) + `}`)
	if got := note.String(); got != "BBvwxyz" {
		t.Errorf("the text is %q when it is undone", got)
	}
}

func must(raw []byte, _ bool) []byte { return raw }

// TestUndoOfWhatCameToNothing: a function that does nothing when it runs again has
// nothing to undo. It is not somebody else's deletion that is undone instead.
func TestUndoOfWhatCameToNothing(t *testing.T) {
	s := newUndoing(t, `{"n":1}`)
	s.run("count to 2 if n is 1", func(tx *doc.Tx) error {
		if at(tx, "/n") != 1 {
			return nil
		}
		_, err := tx.Add("/c", 2)
		return err
	})
	s.commit(theirs(`{"n":5,"c":2}`))
	s.wantView(`{"c":2,"n":5}`)
	if s.stack.CanUndo() {
		t.Error("there is something to undo")
	}
}

// TestUndoOfAnEarlierAttempt: the log has what a mutation did before it ran again. That
// is what is undone.
func TestUndoOfAnEarlierAttempt(t *testing.T) {
	s := newUndoing(t, `{"c":10,"n":1}`)
	s.run("count by n", func(tx *doc.Tx) error {
		_, err := tx.Add("/c", int64(at(tx, "/n")))
		return err
	})
	first := s.mine(0)
	s.disconnect()
	s.at = record.Position{Epoch: s.at.Epoch, Revision: 500, Chain: 0xcc}
	s.connect()
	s.opened(`{"c":10,"n":5}`, s.at, 500, record.MutationID{})
	s.wantView(`{"c":15,"n":5}`)
	s.commit(by(me, first.ID, string(first.Delta)))
	s.wantView(`{"c":11,"n":5}`)
	s.undo()
	s.wantView(`{"c":10,"n":5}`)
}

// TestUndoOfANamedMutation undoes what the server made of it.
func TestUndoOfANamedMutation(t *testing.T) {
	s := newUndoing(t, `{"n":1}`)
	s.tag++
	change, err := s.doc.Invoke(s.tag, "double", []byte(`{}`), func(view *doc.Doc) (doc.Change, error) {
		return view.Update(func(tx *doc.Tx) error {
			return tx.Set("/n", strconv.AppendInt(nil, int64(2*at(tx, "/n")), 10))
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	s.tickets[s.tag] = s.stack.Did(change)
	s.after()
	s.commit(theirs(`{"n":5}`))
	s.wantView(`{"n":10}`)
	s.commit(theirs(`{"n":7}`), by(me, s.mine(0).ID.Rewritten(), `{"n":14}`))
	s.wantSettled(1, 30)
	s.undo()
	s.wantView(`{"n":7}`)
}

// TestUndoBringsBackWhatItIsOnTopOf: the value that an edit replaces is another one by
// now. That comes back, not the one that was there when the edit was made.
func TestUndoBringsBackWhatItIsOnTopOf(t *testing.T) {
	s := newUndoing(t, `{"title":"first"}`)
	s.run("set the title", func(tx *doc.Tx) error { return tx.Set("/title", []byte(`"mine"`)) })
	s.commit(theirs(`{"title":"theirs"}`))
	s.wantView(`{"title":"mine"}`)
	s.commit(s.mine(0))
	s.undo()
	s.wantView(`{"title":"theirs"}`)
}

// TestRedoneIsWhatRanAgain: what stays as it was is not told of, what runs again is.
func TestRedoneIsWhatRanAgain(t *testing.T) {
	s := newUndoing(t, `{"a":1,"n":1}`)
	s.run("a plain edit", func(tx *doc.Tx) error { return tx.Set("/b", []byte("1")) })
	s.run("count", func(tx *doc.Tx) error { _, err := tx.Add("/n", 1); return err })
	s.commit(theirs(`{"a":2}`))
	if len(s.told) != 0 {
		t.Fatalf("told of %v", s.told)
	}
	s.commit(theirs(`{"n":2}`))
	s.wantView(`{"a":2,"b":1,"n":3}`)
	if len(s.told) != 1 || s.told[0] != 2 {
		t.Errorf("told of %v, want 2", s.told)
	}
}

// TestUndoOfWhatIsRejected: an edit and its undo are on their way when the server rejects
// the edit. Then there is nothing to undo: nothing is counted down, or inserted twice.
func TestUndoOfWhatIsRejected(t *testing.T) {
	s := newUndoing(t, `{"c":10,"t":{"$":"text","1":"xyz"}}`)
	note := text.Open(s.doc.View(), "/t")
	first := s.run("count 3 and delete y", func(tx *doc.Tx) error {
		if err := note.Delete(tx, 1, 1); err != nil {
			return err
		}
		_, err := tx.Add("/c", 3)
		return err
	})
	s.undo()
	if got := note.String(); got != "xyz" {
		t.Fatalf("the text is %q", got)
	}
	s.reject(1, wire.CodeTooLarge)
	wantRejected(t, s.settled[first], wire.CodeTooLarge)
	s.wantView(`{"c":10,"t":{"$":"text","1":"xyz"}}`)
	if s.stack.CanUndo() || s.stack.CanRedo() {
		t.Error("there is something to undo, or to do again")
	}
}

// TestRejectedUndoIsNone: the server rejects an undo. What was to be undone can be undone
// as before.
func TestRejectedUndoIsNone(t *testing.T) {
	s := newUndoing(t, `{"c":10}`)
	s.run("count 3", func(tx *doc.Tx) error { _, err := tx.Add("/c", 3); return err })
	s.commit(s.mine(0))
	s.undo()
	s.reject(0, wire.CodeTooLarge)
	s.wantView(`{"c":13}`)
	if s.stack.CanRedo() {
		t.Error("what was not undone can be done again")
	}
	s.undo()
	s.wantView(`{"c":10}`)
}

// TestPendingUndoOfWhatRunsAgain: an edit and its undo are on their way when the function
// of the edit has to run again, and puts its text elsewhere. The undo is of that: what is
// left is the text as it was, with what was typed in between.
func TestPendingUndoOfWhatRunsAgain(t *testing.T) {
	s := newUndoing(t, `{"n":1,"t":{"$":"text","1":"vwxyz"}}`)
	note := text.Open(s.doc.View(), "/t")
	s.run("insert A at n, delete what is behind it", func(tx *doc.Tx) error { return note.Splice(tx, at(tx, "/n"), 1, "A") })
	s.write("insert BB at 0", func(tx *doc.Tx) error { return note.Insert(tx, 0, "BB") })
	s.undo()
	s.write("insert C at the end", func(tx *doc.Tx) error { return note.Insert(tx, note.Len(), "C") })
	if got := note.String(); got != "BBvwxyzC" {
		t.Fatalf("the text is %q", got)
	}
	s.commit(theirs(`{"n":3}`))
	if got := note.String(); got != "BBvwxyzC" {
		t.Errorf("the text is %q after the function has run again", got)
	}
	s.commit(theirs(`{"n":2,"t":{"1":"vwxOyz"}}`))
	if got := note.String(); got != "BBvwxOyzC" {
		t.Errorf("the text is %q when it has run once more", got)
	}
}

// TestPendingUndoOfWhatOthersDidToo: somebody else has deleted a part of what an edit
// deletes, which is being undone. The undo puts back what the edit deletes now, though the
// edit writes the same as before.
func TestPendingUndoOfWhatOthersDidToo(t *testing.T) {
	s := newUndoing(t, `{"t":{"$":"text","1":"ab"}}`)
	note := text.Open(s.doc.View(), "/t")
	s.run("delete all", func(tx *doc.Tx) error { return note.Delete(tx, 0, note.Len()) })
	s.undo()
	s.commit(theirs(`{"t":{"1":"a"}}`))
	if got := note.String(); got != "a" {
		t.Errorf("the text is %q", got)
	}
}

// TestPendingUndoWhileCatchingUp: what an edit did changes while the client catches up,
// below its undo, which is between other edits. The undo runs again where it is.
func TestPendingUndoWhileCatchingUp(t *testing.T) {
	s := newUndoing(t, `{"t":{"$":"text","1":"xab"}}`)
	note := text.Open(s.doc.View(), "/t")
	s.run("delete ab", func(tx *doc.Tx) error { return note.Delete(tx, 1, 2) })
	s.write("insert BB at the end", func(tx *doc.Tx) error { return note.Insert(tx, 1, "BB") })
	s.undo()
	s.write("insert C at 0", func(tx *doc.Tx) error { return note.Insert(tx, 0, "C") })
	held := s.at
	s.disconnect()
	first, one := s.record(theirs(`{"t":{"1":"xa"}}`))
	second, two := s.record(theirs(`{"t":{"1":"Oxa"}}`))
	s.connect()
	s.opened("", held, second, record.MutationID{})
	s.say(&wire.Commit{Doc: s.number, Revision: first, Record: one})
	s.say(&wire.Commit{Doc: s.number, Revision: second, Record: two})
	if got := note.String(); got != "COxaBB" && got != "OCxaBB" {
		t.Errorf("the text is %q", got)
	}
}

// TestRejectedUndoOfWhatIsPending: the server rejects the undo of an edit that is on its way
// still. It can be undone once more, where it is by then.
func TestRejectedUndoOfWhatIsPending(t *testing.T) {
	s := newUndoing(t, `{"t":{"$":"text","1":"xyz"}}`)
	note := text.Open(s.doc.View(), "/t")
	s.run("insert A behind x", func(tx *doc.Tx) error { return note.Insert(tx, 1, "A") })
	s.undo()
	s.write("insert C at 0", func(tx *doc.Tx) error { return note.Insert(tx, 0, "C") })
	s.reject(1, wire.CodeTooLarge)
	if got := note.String(); got != "CxAyz" {
		t.Fatalf("the text is %q", got)
	}
	s.undo()
	if got := note.String(); got != "Cxyz" {
		t.Errorf("the text is %q", got)
	}
}

// TestRejectedUndoOfWhatIsCommitted: the server rejects the undo of an edit that is in the
// log. It can be undone once more, where it is by then.
func TestRejectedUndoOfWhatIsCommitted(t *testing.T) {
	s := newUndoing(t, `{"t":{"$":"text","1":"xyz"}}`)
	note := text.Open(s.doc.View(), "/t")
	s.run("insert A behind x", func(tx *doc.Tx) error { return note.Insert(tx, 1, "A") })
	s.commit(s.mine(0))
	s.undo()
	s.commit(theirs(`{"t":{"0V":"OO"}}`))
	s.reject(0, wire.CodeTooLarge)
	s.write("insert C at 0", func(tx *doc.Tx) error { return note.Insert(tx, 0, "C") })
	if got := note.String(); got != "COOxAyz" {
		t.Fatalf("the text is %q", got)
	}
	s.undo()
	if got := note.String(); got != "COOxyz" {
		t.Errorf("the text is %q", got)
	}
}

// TestUndoOfAMarkThatMoved: a function marks another letter when it runs again. The mark is
// what is taken off, where it is by then.
func TestUndoOfAMarkThatMoved(t *testing.T) {
	s := newUndoing(t, `{"n":1,"t":{"$":"text","1":"vwxyz"}}`)
	note := text.Open(s.doc.View(), "/t")
	s.run("mark the letter in place n", func(tx *doc.Tx) error {
		n := at(tx, "/n")
		return note.Mark(tx, n, n+1, "bold", "true", 0)
	})
	s.commit(theirs(`{"n":3,"t":{"1":"OOvwxyz"}}`))
	if runs := note.Runs(); len(runs) != 3 || runs[1].Text != "w" {
		t.Fatalf("the text is %+v", runs)
	}
	s.undo()
	if runs := note.Runs(); len(runs) != 1 {
		t.Errorf("a mark is left: %+v", runs)
	}
}

// TestUndoOfAGroupThatRanAgain: two edits that are undone at once have both been run again.
// Each is taken back where it is, the latter first.
func TestUndoOfAGroupThatRanAgain(t *testing.T) {
	s := newUndoing(t, `{"n":4,"t":{"$":"text","1":"vwxyz"}}`)
	note := text.Open(s.doc.View(), "/t")
	s.run("insert AA at n", func(tx *doc.Tx) error { return note.Insert(tx, at(tx, "/n"), "AA") })
	s.stack.Group()
	s.run("insert BBB before n", func(tx *doc.Tx) error { return note.Insert(tx, at(tx, "/n")-1, "BBB") })
	s.stack.Ungroup()
	s.commit(theirs(`{"n":2}`))
	if got := note.String(); got != "vBBBwAAxyz" {
		t.Fatalf("the text is %q after the functions have run again", got)
	}
	s.undo()
	if got := note.String(); got != "vwxyz" {
		t.Errorf("the text is %q when it is undone", got)
	}
}

// TestPendingUndoOfAGroupOfWhichAPartChanges: two edits are being undone at once, and what
// the second one does changes, twice. The undo runs again, and takes the first one back as
// well, of which nobody has told it anew.
func TestPendingUndoOfAGroupOfWhichAPartChanges(t *testing.T) {
	s := newUndoing(t, `{"t":{"$":"text","1":"vwxyz"}}`)
	note, other := text.Open(s.doc.View(), "/t"), text.Open(s.doc.View(), "/u")
	s.run("insert A behind v", func(tx *doc.Tx) error { return note.Insert(tx, 1, "A") })
	s.stack.Group()
	s.run("insert B into u", func(tx *doc.Tx) error { return other.Insert(tx, 0, "B") })
	s.stack.Ungroup()
	s.undo()
	s.commit(theirs(`{"t":{"1":"OOvwxyz"}}`))
	s.commit(theirs(`{"u":{"$":"text","1":"b"}}`))
	if got, want := note.String()+" "+other.String(), "OOvwxyz b"; got != want {
		t.Errorf("the texts are %q, want %q", got, want)
	}
}

// TestPendingUndoOfAGroupOfWhichAPartIsCommitted: in one record are an edit that is being
// undone, and what makes the other one of its group change. The undo takes it back where
// it is then.
func TestPendingUndoOfAGroupOfWhichAPartIsCommitted(t *testing.T) {
	s := newUndoing(t, `{"n":1,"t":{"$":"text","1":"vwxyz"}}`)
	note, other := text.Open(s.doc.View(), "/t"), text.Open(s.doc.View(), "/u")
	s.run("insert A behind v", func(tx *doc.Tx) error { return note.Insert(tx, 1, "A") })
	s.stack.Group()
	s.run("set n", func(tx *doc.Tx) error { return tx.Set("/n", []byte("5")) })
	s.run("insert B into u", func(tx *doc.Tx) error { return other.Insert(tx, 0, "B") })
	s.stack.Ungroup()
	s.undo()
	s.commit(
		theirs(`{"n":9,"t":{"0V":"OO"}}`),
		s.mine(3),
		theirs(`{"u":{"$":"text","1":"b"}}`),
	)
	if got, want := note.String()+" "+other.String(), "OOvwxyz b"; got != want {
		t.Errorf("the texts are %q, want %q", got, want)
	}
}

// TestPendingUndoOfWhatOthersHaveTypedIn: an object with a text is being deleted, to undo
// that it was made and typed in, while others type in it. When the undo is refused and its
// function runs again, it takes back what was typed here, where that is by then.
func TestPendingUndoOfWhatOthersHaveTypedIn(t *testing.T) {
	s := newUndoing(t, `{}`)
	note := text.Open(s.doc.View(), "/page/body")
	s.run("make a page with a text", func(tx *doc.Tx) error { return tx.Set("/page", []byte(`{"body":{"$":"text"}}`)) })
	s.stack.Group()
	s.run("type M", func(tx *doc.Tx) error { return note.Insert(tx, 0, "M") })
	s.stack.Ungroup()
	s.commit(s.mine(1), s.mine(0))
	s.undo()
	s.wantView(`{}`)
	s.commit(theirs(`{"page":{"body":{"0V":"OO"}}}`))
	s.conflict(0)
	if got := note.String(); got != "OO" {
		t.Errorf("the text is %q", got)
	}
}

// TestPendingUndoOfWhichTheEditsFail: while a client catches up, the edits of an undo cannot
// be made any more, as a place that it writes is gone. What comes after that is not what
// the function takes back when it runs at last.
func TestPendingUndoOfWhichTheEditsFail(t *testing.T) {
	s := newUndoing(t, `{"o":{},"t":{"$":"text","1":"xyz"}}`)
	note := text.Open(s.doc.View(), "/t")
	s.run("type M and set x", func(tx *doc.Tx) error {
		if err := note.Insert(tx, 0, "M"); err != nil {
			return err
		}
		return tx.Set("/o/x", []byte("1"))
	})
	s.commit(s.mine(0))
	s.undo()
	s.wantView(`{"o":{},"t":{"$":"text","1":"xyz"}}`)
	held := s.at
	s.disconnect()
	first, one := s.record(theirs(`{"o":null}`))
	second, two := s.record(theirs(`{"t":{"00V":"OO"}}`))
	s.connect()
	s.opened("", held, second, record.MutationID{})
	s.say(&wire.Commit{Doc: s.number, Revision: first, Record: one})
	s.say(&wire.Commit{Doc: s.number, Revision: second, Record: two})
	if got := note.String(); got != "OOxyz" {
		t.Errorf("the text is %q", got)
	}
}

// TestPendingUndoOfEditsThatBelongTogether: an edit that is being undone inserts letters and
// deletes one of them, and is in the log by the time when the other one of its group runs
// again. Both of what takes it back are where they were before the undo.
func TestPendingUndoOfEditsThatBelongTogether(t *testing.T) {
	s := newUndoing(t, `{"n":1,"t":{"$":"text","1":"vwxyz"}}`)
	note, other := text.Open(s.doc.View(), "/t"), text.Open(s.doc.View(), "/u")
	s.run("insert ABC and delete A", func(tx *doc.Tx) error {
		if err := note.Insert(tx, 0, "ABC"); err != nil {
			return err
		}
		return note.Delete(tx, 0, 1)
	})
	mine := s.mine(0)
	s.stack.Group()
	s.run("insert n into u", func(tx *doc.Tx) error { return other.Insert(tx, 0, strconv.Itoa(at(tx, "/n"))) })
	s.stack.Ungroup()
	s.undo()
	s.commit(theirs(`{"n":3}`))
	s.commit(mine)
	s.commit(theirs(`{"n":5}`))
	if got, want := note.String()+" "+other.String(), "vwxyz "; got != want {
		t.Errorf("the texts are %q, want %q", got, want)
	}
}

// TestPendingUndoWhileOthersTypeOn: a letter is deleted and that is being undone, together
// with what runs again, when the one who has typed before it types on. That run is not torn
// apart by the letter, also when the function of the undo runs again.
func TestPendingUndoWhileOthersTypeOn(t *testing.T) {
	s := newUndoing(t, `{"n":1,"t":{"$":"text","1":"x"}}`)
	note, other := text.Open(s.doc.View(), "/t"), text.Open(s.doc.View(), "/u")
	s.commit(theirs(`{"t":{"0V":"ab"}}`))
	s.run("delete x", func(tx *doc.Tx) error { return note.Delete(tx, 2, 1) })
	mine := s.mine(0)
	s.stack.Group()
	s.run("insert n into u", func(tx *doc.Tx) error { return other.Insert(tx, 0, strconv.Itoa(at(tx, "/n"))) })
	s.stack.Ungroup()
	s.undo()
	s.commit(mine)
	s.commit(theirs(`{"t":{"0V":"abc"}}`))
	if got := note.String(); got != "abcx" {
		t.Fatalf("the text is %q", got)
	}
	s.commit(theirs(`{"n":3}`))
	if got, want := note.String()+" "+other.String(), "abcx "; got != want {
		t.Errorf("the texts are %q, want %q", got, want)
	}
}

// TestTypedBesideTheEditsOfATransaction: a transaction of edits writes another text plainly,
// and in that the user goes on. Whatever becomes of the transaction, what was typed stays
// with the letters around it, and so does what is put between them by a function.
func TestTypedBesideTheEditsOfATransaction(t *testing.T) {
	for _, c := range []struct{ name, theirs, want string }{
		{"it stands", `{"n":3}`, "aMbcFFd"},
		{"its edits are made again", `{"n":3,"t":{"1":"Oxyz"}}`, "aMbcFFd"},
		{"it replaces what others have made", `{"u":{"$":"text","1":"OOOOO"}}`, "aMFFbcd"},
		{"its function runs again", `{"n":3,"k":2}`, "aMbcFFd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newUndoing(t, `{"k":1,"n":1,"t":{"$":"text","1":"xyz"}}`)
			note, other := text.Open(s.doc.View(), "/t"), text.Open(s.doc.View(), "/u")
			s.run("insert k into t and write u", func(tx *doc.Tx) error {
				if err := note.Insert(tx, 0, strconv.Itoa(at(tx, "/k"))); err != nil {
					return err
				}
				return tx.Set("/u", []byte(`{"$":"text","1":"abcd"}`))
			})
			s.run("insert FF at n", func(tx *doc.Tx) error { return other.Insert(tx, at(tx, "/n"), "FF") })
			s.write("type M", func(tx *doc.Tx) error { return other.Insert(tx, 1, "M") })
			s.commit(theirs(c.theirs))
			if got := other.String(); got != c.want {
				t.Errorf("the text is %q, want %q", got, c.want)
			}
		})
	}
}

// TestPendingUndoWhileOneTypesOn is that of one's own run, which is put on again, as it was,
// before the function of the undo runs again.
func TestPendingUndoWhileOneTypesOn(t *testing.T) {
	s := newUndoing(t, `{"n":1,"t":{"$":"text","1":"x"}}`)
	note, other := text.Open(s.doc.View(), "/t"), text.Open(s.doc.View(), "/u")
	s.write("type a", func(tx *doc.Tx) error { return note.Insert(tx, 0, "a") })
	s.write("type b", func(tx *doc.Tx) error { return note.Insert(tx, 1, "b") })
	s.commit(s.mine(1), s.mine(0))
	s.run("delete x", func(tx *doc.Tx) error { return note.Delete(tx, 2, 1) })
	mine := s.mine(0)
	s.stack.Group()
	s.run("insert n into u", func(tx *doc.Tx) error { return other.Insert(tx, 0, strconv.Itoa(at(tx, "/n"))) })
	s.stack.Ungroup()
	s.write("type c", func(tx *doc.Tx) error { return note.Insert(tx, 2, "c") })
	s.undo()
	s.commit(mine)
	if got := note.String(); got != "abcx" {
		t.Fatalf("the text is %q", got)
	}
	s.commit(theirs(`{"n":3}`))
	if got, want := note.String()+" "+other.String(), "abcx "; got != want {
		t.Errorf("the texts are %q, want %q", got, want)
	}
}

// TestUndoneOneAfterTheOther: two letters are deleted and that is undone, the latter first,
// while others type. Each undo puts its letter where it was, wherever the stack was told
// of what became of the deletions.
func TestUndoneOneAfterTheOther(t *testing.T) {
	s := newUndoing(t, `{"t":{"$":"text","1":"xyz"}}`)
	note := text.Open(s.doc.View(), "/t")
	s.run("delete y", func(tx *doc.Tx) error { return note.Delete(tx, 1, 1) })
	s.run("delete x", func(tx *doc.Tx) error { return note.Delete(tx, 0, 1) })
	s.undo()
	s.commit(theirs(`{"t":{"1":"xyzOO"}}`))
	if got := note.String(); got != "xzOO" {
		t.Fatalf("the text is %q", got)
	}
	s.undo()
	if got := note.String(); got != "xyzOO" {
		t.Errorf("the text is %q", got)
	}
}
