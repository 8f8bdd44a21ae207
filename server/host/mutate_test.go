package host_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/mutator"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

var errSoldOut = errors.New("sold out")

// functions are a counter, a stock that must not be oversold, and some that fail.
func functions() *mutator.Registry {
	number := func(tx *doc.Tx, at delta.Pointer) int {
		raw, _ := tx.Get(at)
		n, _ := strconv.Atoi(string(raw)) // 0 for nothing
		return n
	}
	var r mutator.Registry
	r.Register("add", func(tx *doc.Tx, args []byte) error {
		by, err := strconv.Atoi(string(args))
		if err != nil {
			return err
		}
		return tx.Set("/n", strconv.AppendInt(nil, int64(number(tx, "/n")+by), 10))
	})
	r.Register("take", func(tx *doc.Tx, _ []byte) error {
		left := number(tx, "/stock")
		if left == 0 {
			return errSoldOut
		}
		return tx.Set("/stock", strconv.AppendInt(nil, int64(left-1), 10))
	})
	r.Register("panic", func(tx *doc.Tx, _ []byte) error {
		if err := tx.Set("/n", []byte("-1")); err != nil {
			return err
		}
		panic("a secret")
	})
	r.Register("grow", func(tx *doc.Tx, args []byte) error {
		size, err := strconv.Atoi(string(args))
		if err != nil {
			return err
		}
		return tx.Set("/big", []byte(`"`+strings.Repeat("x", size)+`"`))
	})
	r.Register("nothing", func(*doc.Tx, []byte) error { return nil })
	return &r
}

func withFunctions(policy ...host.Policy) func(*host.Config) {
	return func(c *host.Config) {
		c.Mutators = functions()
		if len(policy) > 0 {
			c.Policy = func(string) host.Policy { return policy[0] }
		}
	}
}

// named returns a named mutation that follows the last one; an empty patch is no offer.
func (m *member) named(name, args, patch string, reads ...delta.Read) host.Submission {
	m.t.Helper()
	offered := patch != ""
	if !offered {
		patch = "{}"
	}
	s := m.mutation(patch, reads...)
	s.Call = &host.Call{Name: name, Args: []byte(args), Offered: offered}
	return s
}

// invoke submits a named mutation.
func (m *member) invoke(name, args, patch string, reads ...delta.Read) host.Submission {
	m.t.Helper()
	s := m.named(name, args, patch, reads...)
	m.submit(s)
	return s
}

// record reads the next record, with the ids in it.
func (m *member) record() record.Record {
	m.t.Helper()
	rec, err := record.Decode(expect[*wire.Commit](m).Record)
	if err != nil {
		m.t.Fatal(err)
	}
	return rec
}

// wantStored checks the one mutation of a record.
func wantStored(t testing.TB, rec record.Record, id record.MutationID, patch string) {
	t.Helper()
	if len(rec.Mutations) != 1 {
		t.Fatalf("the record has %d mutations", len(rec.Mutations))
	}
	equal(t, "id", rec.Mutations[0].ID, id)
	equal(t, "delta", string(rec.Mutations[0].Delta), patch)
}

// wantRejected reads the refusal of a submission.
func (m *member) wantRejected(s host.Submission, code wire.Code, detail string) {
	m.t.Helper()
	r := expect[*wire.Reject](m)
	if r.ID != s.ID || r.Code != code || !strings.Contains(r.Detail, detail) || r.Code.Retry() != wire.RetryNever {
		m.t.Fatalf("rejected: %+v, want %s %q", r, code, detail)
	}
}

// TestL8_NamedRunsAtTheHead: what a named mutation has read was changed. It is run on
// what there is, not refused, and stored under an id that says so. If nothing has
// changed the client's own bytes are stored, whatever they are.
func TestL8_NamedRunsAtTheHead(t *testing.T) {
	w := newWorld(t, withFunctions(), func(c *host.Config) { c.KeepRecords = 3 })
	a, b := w.join(board), w.join(board)
	stale := a.named("add", "1", `{"n":1}`, value("/n"))
	b.edit(`{"n":5}`)
	b.deltas()
	a.deltas()
	a.submit(stale)
	wantStored(t, a.record(), stale.ID.Rewritten(), `{"n":6}`)
	b.deltas()

	a.last = stale.ID.Rewritten()
	fresh := a.invoke("add", "1", `{"n":7.0}`, value("/n"))
	wantStored(t, a.record(), fresh.ID, `{"n":7.0}`)
	b.deltas()

	old := a.named("add", "1", `{"n":8}`, value("/n"))
	for n := range 5 { // nobody knows any more what was written since
		b.edit(fmt.Sprintf(`{"m":%d}`, n))
		b.deltas()
		a.deltas()
	}
	b.edit(`{"n":20}`)
	b.deltas()
	a.deltas()
	a.submit(old)
	wantStored(t, a.record(), old.ID.Rewritten(), `{"n":21}`)
	b.deltas()

	none := a.named("add", "1", "")
	none.Follows = old.ID.Rewritten()
	a.submit(none)
	wantStored(t, a.record(), none.ID.Rewritten(), `{"n":22}`)
}

// TestL8_NamedOnWhatIsReserved: many count at once. All are in one record, each on top
// of those before it, and nobody hears of a conflict.
func TestL8_NamedOnWhatIsReserved(t *testing.T) {
	w := newWorld(t, withFunctions())
	first := w.join(board)
	held := w.log.hold(t, board)
	first.edit(`{"start":true}`)
	held.wait(t)
	var all []*member
	for range 4 {
		m := w.join(board)
		for n := 1; n <= 3; n++ { // pipelined, as the client sees it
			m.invoke("add", "1", fmt.Sprintf(`{"n":%d}`, n), value("/n"))
		}
		all = append(all, m)
	}
	w.log.release(board)
	for _, m := range all {
		equal(t, "first record", m.deltas(), `{"start":true}`)
		want := ""
		for n := 1; n <= 12; n++ {
			want += fmt.Sprintf(`{"n":%d}`, n)
		}
		rec := m.record()
		var got string
		for i, mutation := range rec.Mutations {
			got += string(mutation.Delta)
			if rewritten := mutation.ID.Nonce != 7; rewritten != (i >= 3) {
				t.Errorf("number %d of the record has the id %v", i, mutation.ID)
			}
		}
		equal(t, "second record", got, want)
	}
}

// TestL8_PlainFollowsARewrittenOne: it was computed on what the log does not have, so
// it conflicts, even if it has read nothing: whoever makes it again is told of what it
// has to follow first. A named one after it follows what is not there.
func TestL8_PlainFollowsARewrittenOne(t *testing.T) {
	w := newWorld(t, withFunctions())
	a, b := w.join(board), w.join(board)
	rewritten := a.named("add", "1", `{"n":1}`, value("/n"))
	second := a.mutation(`{"seen":1}`)
	third := a.named("add", "1", `{"n":2}`, value("/n"))
	b.edit(`{"n":5}`)
	b.deltas()
	a.deltas()
	held := w.log.hold(t, board)
	for _, s := range []host.Submission{rewritten, second, third} {
		a.submit(s)
	}
	held.wait(t)
	a.nothing(b)
	w.log.release(board)
	wantStored(t, a.record(), rewritten.ID.Rewritten(), `{"n":6}`)
	b.deltas()
	for _, s := range []host.Submission{second, third} {
		c := expect[*wire.Conflict](a)
		equal(t, "conflict", c.ID, s.ID)
		equal(t, "head", c.Head, a.at.Revision)
	}
	a.last = rewritten.ID.Rewritten()
	again := a.edit(`{"seen":6}`, value("/n"))
	wantStored(t, a.record(), again.ID, `{"seen":6}`)

	// What was rewritten is known after a restart, too, and to another server.
	w.registry.Close()
	other := worldOn(t, w.node, withFunctions())
	c := other.joinAs(other.client(1), board, record.Position{})
	c.opened()
	other.clients = 1
	b2 := other.join(board)
	base := c.at.Revision
	b2.edit(`{"n":10}`)
	c.deltas()
	stale := c.named("add", "1", `{"n":7}`, value("/n"))
	stale.Base = base
	plain := c.mutation(`{"seen":7}`, value("/n"))
	plain.Base = base
	c.submit(stale)
	wantStored(t, c.record(), stale.ID.Rewritten(), `{"n":11}`)
	other.registry.Close()
	again2 := worldOn(t, w.node, withFunctions())
	d := again2.joinAs(again2.client(1), board, record.Position{})
	equal(t, "last", d.opened().Last, stale.ID.Rewritten())
	d.submit(plain)
	equal(t, "conflict", expect[*wire.Conflict](d).ID, plain.ID)
}

// TestL8_NamedFollowsByNumber: of the mutation before it, a named one needs only that
// it is in the log. The client has shown something else than it has sent, and says so by
// the nonce 0; or an earlier attempt was taken.
func TestL8_NamedFollowsByNumber(t *testing.T) {
	w := newWorld(t, withFunctions())
	a := w.join(board)
	a.edit(`{"n":4}`)
	a.deltas()
	s := a.named("add", "1", `{"n":9}`)
	s.Follows.Nonce = 0
	a.submit(s)
	wantStored(t, a.record(), s.ID.Rewritten(), `{"n":5}`)
	for _, follows := range []record.MutationID{{Number: 3}, {Number: 1, Nonce: 7}, {}} {
		late := a.named("add", "1", `{"n":6}`)
		late.ID.Number, late.Follows = 9, follows
		a.submit(late)
		equal(t, "conflict", expect[*wire.Conflict](a).ID, late.ID)
	}
}

// TestL3_NamedSubmittedTwice, before it is in the log and after, on another connection
// and after a restart: it is there once, though under another id.
func TestL3_NamedSubmittedTwice(t *testing.T) {
	w := newWorld(t, withFunctions())
	a, b := w.join(board), w.join(board)
	s := a.named("add", "1", `{"n":1}`, value("/n"))
	b.edit(`{"n":5}`)
	b.deltas()
	a.deltas()
	held := w.log.hold(t, board)
	a.submit(s)
	held.wait(t)
	a.submit(s) // in flight
	back := w.joinAs(&recorder{id: a.id, wake: make(chan struct{}, 1)}, board, a.at)
	back.opened()
	back.submit(s)
	w.log.release(board)
	for _, m := range []*member{a, back} {
		wantStored(t, m.record(), s.ID.Rewritten(), `{"n":6}`)
	}
	b.deltas()
	a.submit(s) // in the log
	a.nothing(b)
	b.edit(`{"m":1}`)
	a.deltas()
	a.submit(s) // and not the last record
	a.nothing(b)
	w.registry.Close()

	again := worldOn(t, w.node, withFunctions())
	c := again.joinAs(again.client(1), board, record.Position{})
	equal(t, "last", c.opened().Last, s.ID.Rewritten())
	c.submit(s)
	next := c.invoke("add", "1", `{"n":7}`, value("/n"))
	wantStored(t, c.record(), next.ID, `{"n":7}`)
	equal(t, "mutations", len(again.read(board).mutations), 4)
}

// TestL3_NamedLosesTheRace: another server was first. The function is run again on what
// that has written; nothing of the first run is left.
func TestL3_NamedLosesTheRace(t *testing.T) {
	w := newWorld(t, withFunctions())
	rival := worldOn(t, w.node)
	a := w.join(board)
	held := w.log.hold(t, board)
	s := a.invoke("add", "1", `{"n":1}`, value("/n"))
	wantStored(t, held.wait(t), s.ID, `{"n":1}`)
	winner := rival.joinAs(rival.client(50), board, record.Position{})
	winner.opened()
	winner.edit(`{"n":100}`)
	winner.deltas()
	w.log.release(board)
	equal(t, "the winner's record", a.deltas(), `{"n":100}`)
	wantStored(t, a.record(), s.ID.Rewritten(), `{"n":101}`)
}

// TestL8_RefusalWaitsForWhatItIsAbout: the last one was taken by somebody whose append
// is under way, and loses to another server, which has filled the shelf. Nobody is sent
// away because of what never was.
func TestL8_RefusalWaitsForWhatItIsAbout(t *testing.T) {
	w := newWorld(t, withFunctions())
	rival := worldOn(t, w.node)
	a, b := w.join(board), w.join(board)
	a.edit(`{"stock":1}`)
	a.deltas()
	b.deltas()
	held := w.log.hold(t, board)
	a.edit(`{"first":true}`)
	held.wait(t)
	a.invoke("take", "null", `{"stock":0}`, value("/stock"))
	b.invoke("take", "null", `{"stock":0}`, value("/stock"))
	held.pass <- struct{}{}
	rec := held.wait(t)
	equal(t, "in flight", len(rec.Mutations), 1)
	equal(t, "first", b.deltas(), `{"first":true}`)
	winner := rival.joinAs(rival.client(50), board, record.Position{})
	winner.opened()
	winner.edit(`{"stock":2}`)
	winner.deltas()
	w.log.release(board)
	equal(t, "the winner's record", b.deltas(), `{"stock":2}`)
	got := ""
	for len(got) < len(`{"stock":1}{"stock":0}`) {
		got += b.deltas()
	}
	equal(t, "taken", got, `{"stock":1}{"stock":0}`)
	last := b.invoke("take", "null", "")
	b.wantRejected(last, wire.CodeMutator, "sold out")
}

// TestL7_NamedFails: an error of the function, a panic in it, and what would be too
// large are refused with a reason, and leave nothing. The author goes on.
func TestL7_NamedFails(t *testing.T) {
	var logged bytes.Buffer
	w := newWorld(t, withFunctions(), func(c *host.Config) {
		c.MaxDocument = 10_000
		c.Logger = slog.New(slog.NewTextHandler(&logged, nil))
	})
	a := w.join(board)
	a.edit(`{"n":1}`)
	a.deltas()
	for _, c := range []struct {
		name, args string
		code       wire.Code
		detail     string
	}{
		{"take", "1", wire.CodeMutator, "sold out"},
		{"add", `"x"`, wire.CodeMutator, "invalid syntax"},
		{"panic", "1", wire.CodeMutator, "the mutator failed"},
		{"grow", "20000", wire.CodeTooLarge, "past its bound"},
		{"grow", "2000000", wire.CodeTooLarge, "more than a record holds"},
	} {
		before := a.last
		s := a.invoke(c.name, c.args, "")
		a.wantRejected(s, c.code, c.detail)
		a.last = before
		next := a.invoke("add", "1", "")
		a.last = next.ID.Rewritten()
		a.deltas()
	}
	equal(t, "state", w.read(board).state, `{"n":6}`)
	w.registry.Close()
	if text := logged.String(); !strings.Contains(text, "a secret") || !strings.Contains(text, "mutate_test.go") {
		t.Errorf("the panic is not in the log:\n%s", text)
	}
}

// TestNamedThatChangesNothing takes its number: its author is told by the record.
func TestNamedThatChangesNothing(t *testing.T) {
	w := newWorld(t, withFunctions())
	a := w.join(board)
	s := a.invoke("nothing", "1", "")
	wantStored(t, a.record(), s.ID.Rewritten(), `{}`)
}

// TestVerifyFindsALie: the server makes the delta itself. A true one is stored as it
// came, so that what follows it may rely on it.
func TestVerifyFindsALie(t *testing.T) {
	w := newWorld(t, withFunctions(host.Verify))
	a := w.join(board)
	honest := a.invoke("add", "2", `{"n":2}`, value("/n"))
	wantStored(t, a.record(), honest.ID, `{"n":2}`)
	lie := a.invoke("add", "2", `{"n":2000}`)
	wantStored(t, a.record(), lie.ID.Rewritten(), `{"n":4}`)
	a.last = lie.ID.Rewritten()
	plain := a.edit(`{"m":1}`)
	wantStored(t, a.record(), plain.ID, `{"m":1}`)
	forged := a.invoke("admin", "2", `{"n":2000}`)
	a.wantRejected(forged, wire.CodeUnknownMutator, `"admin"`)
	a.last = plain.ID
	refused := a.invoke("take", "2", `{"stock":1}`)
	a.wantRejected(refused, wire.CodeMutator, "sold out")
	equal(t, "state", w.read(board).state, `{"m":1,"n":4}`)
}

// TestOnlyRefusesPlainMutations of clients, but not those of the program itself.
func TestOnlyRefusesPlainMutations(t *testing.T) {
	w := newWorld(t, withFunctions(), func(c *host.Config) {
		c.Policy = func(space string) host.Policy {
			if space == board.Space {
				return host.Only
			}
			return host.Trust
		}
	})
	a := w.join(board)
	plain := a.edit(`{"n":1}`)
	a.wantRejected(plain, wire.CodeMutatorsOnly, "named mutations only")
	a.last = record.MutationID{}
	named := a.invoke("add", "1", `{"n":1}`)
	wantStored(t, a.record(), named.ID, `{"n":1}`)
	if _, err := a.handle.Run(testContext(t), func(tx *doc.Tx) error { return tx.Set("/n", []byte("9")) }); err != nil {
		t.Error(err)
	}
	equal(t, "the program's", a.deltas(), `{"n":9}`)
	elsewhere := w.join(record.Key{Space: "open", ID: "x"})
	elsewhere.edit(`{"n":1}`)
	equal(t, "in another space", elsewhere.deltas(), `{"n":1}`)
}

// TestNameThatTheServerDoesNotKnow: where clients are trusted it is a plain mutation,
// with a plain one's conflicts. With no delta there is nothing to trust.
func TestNameThatTheServerDoesNotKnow(t *testing.T) {
	w := newWorld(t)
	a, b := w.join(board), w.join(board)
	s := a.invoke("add", "1", `{"n":1}`, value("/n"))
	wantStored(t, a.record(), s.ID, `{"n":1}`)
	b.deltas()
	stale := a.named("add", "1", `{"n":2}`, value("/n"))
	b.edit(`{"n":5}`)
	b.deltas()
	a.deltas()
	a.submit(stale)
	equal(t, "conflict", expect[*wire.Conflict](a).ID, stale.ID)
	a.last = s.ID
	none := a.invoke("add", "1", "")
	a.wantRejected(none, wire.CodeUnknownMutator, `"add"`)
}
