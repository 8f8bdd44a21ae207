package replica_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

var update = flag.Bool("update", false, "write the transcripts in testdata again")

// stage is an engine with one document, opposite a server that the test plays by
// hand. Everything that happens is in a transcript, which has to be the one in
// testdata: a line that begins with "->" went to the server, "<-" came from it,
// "." is what the observer was told and "=" the document afterwards.
type stage struct {
	t      *testing.T
	engine *replica.Engine
	doc    *replica.Document
	*mirror

	at     record.Position // the head of the log, as the server has it
	number uint32          // the server's name for the document
	tag    uint64
	pushed []*wire.Push // on the present connection
	opens  int          // frames that opened a document
	leaves int          // and that left one
	asked  uint32       // the request of the last one that opened it
	script strings.Builder
}

// newStage returns a stage on which nothing has happened. The transcript is
// compared at the end of the test.
func newStage(t *testing.T) *stage {
	s := &stage{t: t, mirror: newMirror(t), at: record.Position{Epoch: 0xe}, number: 5}
	s.note = s.heard
	s.observe(s.mirror)
	t.Cleanup(s.compare)
	return s
}

// observe opens the document of a new engine.
func (s *stage) observe(o replica.Observer) {
	s.engine = replica.New(replica.Config{Random: counter()})
	s.doc = s.engine.Open(board, o)
	s.mirror.doc = s.doc
}

// newLive returns a stage with a document that is open and at the head.
func newLive(t *testing.T, snapshot string) *stage {
	s := newStage(t)
	s.live(snapshot)
	return s
}

func (s *stage) live(snapshot string) {
	s.connect()
	s.at.Revision, s.at.Chain = 10, 0xc
	s.opened(snapshot, s.at, s.at.Revision, record.MutationID{})
}

// heard writes down what the observer was told.
func (s *stage) heard(format string, args ...any) { s.line("  . ", fmt.Sprintf(format, args...)) }

func (s *stage) line(prefix, text string) { s.script.WriteString(prefix + text + "\n") }

func (s *stage) compare() {
	path := filepath.Join("testdata", strings.ReplaceAll(s.t.Name(), "/", "-")+".txt")
	if s.t.Failed() {
		s.t.Logf("the transcript so far:\n%s", s.script.String())
		return
	}
	if *update {
		if err := os.WriteFile(path, []byte(s.script.String()), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if got := s.script.String(); got != string(want) {
		s.t.Errorf("the transcript is not that of %s (-update writes it again):\n%s", path, got)
	}
}

// after writes down what a step led to.
func (s *stage) after() {
	for _, f := range frames(s.t, s.engine) {
		switch f := f.(type) {
		case *wire.Push:
			s.pushed = append(s.pushed, f)
		case *wire.Invoke:
			s.pushed = append(s.pushed, asPush(f))
		case *wire.Open:
			s.opens++
			s.asked = f.Request
		case *wire.Leave:
			s.leaves++
		}
		s.line("  -> ", describe(f))
	}
	s.check()
	s.line("  = ", fmt.Sprintf("%s, %d pending", s.doc.View().Canonical(), s.doc.Pending()))
}

func describe(f wire.Frame) string {
	switch f := f.(type) {
	case *wire.Hello:
		return "hello " + name(f.Client)
	case *wire.Open:
		return "open " + f.Key + " at r" + strconv.Itoa(int(f.At.Revision))
	case *wire.Leave:
		return "leave " + f.Key
	case *wire.Push:
		return fmt.Sprintf("push %s after %s on r%d, read %s: %s", id(f.ID), id(f.Follows), f.Base, readsText(f.Reads), f.Delta)
	case *wire.Invoke:
		offer := "no offer"
		if len(f.Delta) > 0 {
			offer = string(f.Delta)
		}
		return fmt.Sprintf("invoke %s after %s on r%d, %s %s, read %s: %s", id(f.ID), id(f.Follows), f.Base, f.Name, f.Args, readsText(f.Reads), offer)
	case *wire.SetPresence:
		return fmt.Sprintf("presence %s", f.State)
	case *wire.Ping:
		return "ping"
	case *wire.Welcome:
		return "welcome " + name(f.Client)
	case *wire.Opened:
		if f.Folded {
			first, second := f.Patches()
			return fmt.Sprintf("opened at r%d, head r%d, last %s, folded %s %s", f.At.Revision, f.Head, id(f.Last), first, second)
		}
		return fmt.Sprintf("opened at r%d, head r%d, last %s, snapshot %s", f.At.Revision, f.Head, id(f.Last), f.Snapshot)
	case *wire.Commit:
		rec, err := record.Decode(f.Record)
		if err != nil {
			return fmt.Sprintf("commit r%d: %v", f.Revision, err)
		}
		text := make([]string, len(rec.Mutations))
		for i, m := range rec.Mutations {
			text[i] = fmt.Sprintf("%s %s %s", name(m.Client), id(m.ID), m.Delta)
		}
		return fmt.Sprintf("commit r%d: %s", f.Revision, strings.Join(text, "; "))
	case *wire.Checksum:
		return fmt.Sprintf("checksum at r%d", f.Revision)
	case *wire.Conflict:
		return fmt.Sprintf("conflict %s, head r%d", id(f.ID), f.Head)
	case *wire.Reject:
		return fmt.Sprintf("reject %s: %s %s", id(f.ID), f.Code, f.Detail)
	case *wire.Peer:
		return fmt.Sprintf("peer %s %s", name(f.Client), f.State)
	case *wire.Fault:
		return fmt.Sprintf("fault %s %s %s", f.Code, f.Key, f.Detail)
	}
	return fmt.Sprintf("%T", f)
}

// say is a frame of the server.
func (s *stage) say(f wire.Frame) {
	s.t.Helper()
	s.line("<- ", describe(f))
	if err := s.engine.Receive(wire.Encode(f)); err != nil {
		s.t.Fatal(err)
	}
	s.after()
}

// refuse is a frame of the server that the engine must not take.
func (s *stage) refuse(f wire.Frame) {
	s.t.Helper()
	s.line("<- ", describe(f))
	before := string(s.doc.View().Canonical())
	err := s.engine.Receive(wire.Encode(f))
	wantProtocolError(s.t, err)
	s.line("  ! ", err.Error())
	if now := string(s.doc.View().Canonical()); now != before {
		s.t.Errorf("a refused frame led from %s to %s", before, now)
	}
	s.after()
}

func (s *stage) connect() {
	s.line("", "connected")
	s.engine.Connected()
	s.after()
	s.pushed = nil
	s.say(welcome())
}

func (s *stage) disconnect() {
	s.line("", "disconnected")
	s.engine.Disconnected()
	s.after()
}

// opened answers Open; an empty snapshot lets the replica continue.
func (s *stage) opened(snapshot string, at record.Position, head record.Revision, last record.MutationID) {
	s.t.Helper()
	s.say(&wire.Opened{Request: s.asked, Doc: s.number, At: at, Head: head, Snapshot: []byte(snapshot), Last: last})
}

// edit is a transaction that sets members: "/path=value", "/path=" to delete,
// and reads "?/path" before.
func (s *stage) edit(steps ...string) uint64 {
	s.t.Helper()
	return s.editBy(s.mutate, steps)
}

// editOnce is an edit that cannot run again.
func (s *stage) editOnce(steps ...string) uint64 {
	s.t.Helper()
	return s.editBy(s.mutateOnce, steps)
}

func (s *stage) editBy(mutate func(uint64, func(*doc.Tx) error) (doc.Change, error), steps []string) uint64 {
	s.t.Helper()
	s.tag++
	s.line("", fmt.Sprintf("edit %d: %s", s.tag, strings.Join(steps, " ")))
	if _, err := mutate(s.tag, transaction(steps...)); err != nil {
		s.t.Fatal(err)
	}
	s.after()
	return s.tag
}

var errUnwanted = errors.New("the document is not what the transaction wants")

// transaction does one step after the other: "?/path" reads, "!/path" fails if
// there is something, "/path+" increments, "/path=value" sets, "/path=" deletes.
func transaction(steps ...string) func(*doc.Tx) error {
	return func(tx *doc.Tx) error {
		for _, step := range steps {
			path, value, sets := strings.Cut(step, "=")
			var err error
			switch {
			case step[0] == '?':
				tx.Get(delta.Pointer(step[1:]))
			case step[0] == '!':
				if _, found := tx.Get(delta.Pointer(step[1:])); found {
					err = errUnwanted
				}
			case !sets:
				err = increment(tx, delta.Pointer(strings.TrimSuffix(step, "+")))
			case value == "":
				err = tx.Delete(delta.Pointer(path))
			default:
				err = tx.Set(delta.Pointer(path), []byte(value))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func increment(tx *doc.Tx, p delta.Pointer) error {
	n := 0
	if raw, ok := tx.Get(p); ok {
		var err error
		if n, err = strconv.Atoi(string(raw)); err != nil {
			return err
		}
	}
	return tx.Set(p, strconv.AppendInt(nil, int64(n+1), 10))
}

// by is a mutation in a record.
func by(client record.ClientID, id record.MutationID, patch string) record.Mutation {
	return record.Mutation{Client: client, ID: id, Delta: []byte(patch)}
}

// theirs is a mutation of somebody else.
func theirs(patch string) record.Mutation {
	return by(other, record.MutationID{Number: 99, Nonce: 99}, patch)
}

// mine is the last mutation but n that was pushed on this connection.
func (s *stage) mine(n int) record.Mutation {
	p := s.pushed[len(s.pushed)-1-n]
	return by(me, p.ID, string(p.Delta))
}

// record appends a record to the server's log. Revisions grow in steps of 10.
func (s *stage) record(mutations ...record.Mutation) (record.Revision, []byte) {
	s.t.Helper()
	rec := record.Record{Epoch: s.at.Epoch, Prev: s.at.Revision, PrevChain: s.at.Chain, Time: 1, Mutations: mutations}
	data, err := rec.Encode()
	if err != nil {
		s.t.Fatal(err)
	}
	s.at.Revision += 10
	s.at.Chain = record.ChainOf(data)
	return s.at.Revision, data
}

// commit appends a record and sends it.
func (s *stage) commit(mutations ...record.Mutation) {
	s.t.Helper()
	rev, data := s.record(mutations...)
	s.say(&wire.Commit{Doc: s.number, Revision: rev, Record: data})
}

// conflict refuses the last mutation but n that was pushed.
func (s *stage) conflict(n int) {
	s.t.Helper()
	s.say(&wire.Conflict{Doc: s.number, ID: s.mine(n).ID, Head: s.at.Revision})
}

func (s *stage) reject(n int, code wire.Code) {
	s.t.Helper()
	s.say(&wire.Reject{Doc: s.number, ID: s.mine(n).ID, Code: code, Detail: "because"})
}

func (s *stage) wantView(want string) {
	s.t.Helper()
	if got := string(s.doc.View().Canonical()); got != want {
		s.t.Fatalf("the view is %s, want %s", got, want)
	}
}

// wantPushed checks the numbers of what was pushed on this connection, oldest
// first.
func (s *stage) wantPushed(numbers ...uint64) {
	s.t.Helper()
	var got []uint64
	for _, p := range s.pushed {
		got = append(got, p.ID.Number)
	}
	if !slices.Equal(got, numbers) {
		s.t.Fatalf("pushed %v, want %v", got, numbers)
	}
}

func (s *stage) wantSettled(tag uint64, rev record.Revision) {
	s.t.Helper()
	outcome, ok := s.settled[tag]
	if !ok || outcome.Err != nil || outcome.Revision != rev {
		s.t.Fatalf("edit %d: settled %t, %+v; want r%d", tag, ok, outcome, rev)
	}
}

func (s *stage) wantOpen(tag uint64) {
	s.t.Helper()
	if outcome, over := s.settled[tag]; over {
		s.t.Fatalf("edit %d is settled: %+v", tag, outcome)
	}
}
