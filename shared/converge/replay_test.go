package converge_test

import (
	"compress/gzip"
	"encoding/json"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/text"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

type patch struct {
	pos, del int
	ins      string
}

func (p *patch) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&p.pos, &p.del, &p.ins})
}

// trace is a recorded editing session. Its texts are ASCII: its positions, in
// characters, are those in UTF-16 units.
type trace struct {
	StartContent, EndContent string
	Txns                     []struct {
		Parents []int
		Agent   int
		Patches []patch
	}
}

func readTrace(t testing.TB, name string) trace {
	t.Helper()
	file, err := os.Open("../../../shared/data/" + name)
	if err != nil {
		t.Fatalf("the recorded session is missing: %v", err)
	}
	defer file.Close()
	unzip, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var tr trace
	if err := json.NewDecoder(unzip).Decode(&tr); err != nil {
		t.Fatal(err)
	}
	return tr
}

// agent is one who types what was recorded, in an engine.
type agent struct {
	t      testing.TB
	server *server
	engine *replica.Engine
	doc    *replica.Document
	text   *text.Text
	conn   *conn
	made   uint64 // mutations
	last   int    // the latest transaction of the other one that it has seen
}

func newAgent(t testing.TB, s *server, seed uint64) *agent {
	a := &agent{t: t, server: s, conn: &conn{}, last: -1}
	a.engine = replica.New(replica.Config{Random: rand.New(rand.NewPCG(seed, 0)).Uint64})
	a.doc = a.engine.Open(key, quietly{t})
	a.text = text.Open(a.doc.View(), "/notes")
	s.conns = append(s.conns, a.conn)
	a.engine.Connected()
	for !a.doc.Live() {
		a.send()
		for len(a.conn.up) > 0 {
			s.receive(a.conn)
		}
		a.receive()
	}
	return a
}

func (a *agent) send() {
	for message := a.engine.TakeOutput(); message != nil; message = a.engine.TakeOutput() {
		a.conn.up = append(a.conn.up, message)
	}
}

func (a *agent) receive() {
	for ; len(a.conn.down) > 0; a.conn.down = a.conn.down[1:] {
		if err := a.engine.Receive(a.conn.down[0]); err != nil {
			a.t.Fatal(err)
		}
		a.send()
	}
}

func (a *agent) edit(patches []patch) {
	author := func(view *doc.Doc) (doc.Change, error) {
		return view.Update(func(tx *doc.Tx) error {
			for _, p := range patches {
				if err := a.text.Splice(tx, p.pos, p.del, p.ins); err != nil {
					return err
				}
			}
			return nil
		})
	}
	change, err := a.doc.Mutate(a.made+1, author, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	if !change.Empty() {
		a.made++
	}
	a.send()
}

// commit lets the server have what the agent made up to a number, and nothing that
// it made later.
func (a *agent) commit(number uint64) {
	for a.server.clients[a.engine.Client()].Number < number {
		var later [][]byte
		for _, message := range a.conn.up {
			for len(message) > 0 {
				f, rest, err := wire.Decode(message)
				if err != nil {
					a.t.Fatal(err)
				}
				if push, ok := f.(*wire.Push); ok && push.ID.Number > number {
					later = append(later, message[:len(message)-len(rest)])
				} else {
					a.server.handle(a.conn, f)
				}
				message = rest
			}
		}
		a.conn.up = later
		if len(a.server.queue) == 0 {
			a.t.Fatalf("mutation %d is nowhere", number)
		}
		a.server.flush()
		a.server.land()
	}
}

// quietly is an observer that wants no edit refused.
type quietly struct{ t testing.TB }

func (quietly) Reset([]byte)                              {}
func (quietly) Patched(delta.Delta)                       {}
func (quietly) Changed()                                  {}
func (quietly) Committed(record.Position, *record.Record) {}
func (quietly) Peer(record.ClientID, []byte)              {}
func (o quietly) Failed(code wire.Code, detail string)    { o.t.Fatal(code, detail) }
func (o quietly) Settled(tag uint64, outcome replica.Outcome) {
	if outcome.Err != nil {
		o.t.Fatalf("edit %d: %v", tag, outcome.Err)
	}
}

// TestL4_FriendsForever replays two people who type into one text at the same time
// with the recorded concurrency: each types into the version that it was recorded
// in, and learns of the other's edits when the record says so.
func TestL4_FriendsForever(t *testing.T) {
	tr := readTrace(t, "friendsforever.json.gz")
	s := newServer()
	s.calm, s.random = true, rand.New(rand.NewPCG(1, 1))
	agents := [2]*agent{newAgent(t, s, 1), newAgent(t, s, 2)}
	numbers := make([]uint64, len(tr.Txns)) // of the transactions
	concurrent := 0
	for i, txn := range tr.Txns {
		a, other := agents[txn.Agent], agents[1-txn.Agent]
		for _, parent := range txn.Parents {
			if tr.Txns[parent].Agent != txn.Agent && parent > a.last {
				a.last = parent
				if a.doc.Pending() > 0 {
					concurrent++
				}
				other.commit(numbers[parent])
				a.receive()
			}
		}
		a.edit(txn.Patches)
		numbers[i] = a.made
	}
	for range 2 {
		for _, a := range agents {
			a.commit(a.made)
			agents[0].receive()
			agents[1].receive()
		}
	}
	for _, a := range agents {
		if a.text.String() != tr.EndContent {
			t.Error("the text is another one")
		}
		if a.doc.Pending() > 0 || string(a.doc.View().Canonical()) != string(s.doc.Canonical()) {
			t.Errorf("an agent with %d pending edits differs from the log", a.doc.Pending())
		}
	}
	if concurrent < 100 {
		t.Errorf("only %d times both had typed", concurrent)
	}
	t.Logf("%d transactions, %d times both had typed, %d conflicts", len(tr.Txns), concurrent, s.conflicts)
}

// TestL4_Paper types a paper into an engine, whose edits are acknowledged some time
// later. Under the race detector it types the beginning only.
func TestL4_Paper(t *testing.T) {
	tr := readTrace(t, "automerge-paper.json.gz")
	txns := tr.Txns
	if underRace {
		txns = txns[:20_000]
	}
	s := newServer()
	s.calm, s.random = true, rand.New(rand.NewPCG(1, 1))
	a := newAgent(t, s, 1)
	var paper []byte
	for i, txn := range txns {
		a.edit(txn.Patches)
		if underRace {
			for _, p := range txn.Patches {
				paper = append(paper[:p.pos], append([]byte(p.ins), paper[p.pos+p.del:]...)...)
			}
		}
		if i%50 == 49 || i == len(txns)-1 {
			a.commit(a.made)
			a.receive()
		}
	}
	if !underRace {
		paper = []byte(tr.EndContent)
	}
	if a.text.String() != string(paper) || text.Open(doc.Open(s.doc.Canonical()), "/notes").String() != string(paper) {
		t.Error("the paper is another one")
	}
	if a.doc.Pending() > 0 || a.doc.View().Checksum() != s.doc.Checksum() {
		t.Errorf("%d edits are pending, or the checksums differ", a.doc.Pending())
	}
}
