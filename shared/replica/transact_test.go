package replica_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// pair is an engine with two documents, opposite a server that the test plays.
type pair struct {
	t       *testing.T
	engine  *replica.Engine
	docs    []*replica.Document
	mirrors []*mirror
	at      record.Position
	opens   []*wire.Open
	sent    []*wire.Transact
	pushed  []*wire.Push
	ended   []error
}

func newPair(t *testing.T) *pair {
	p := &pair{t: t, engine: replica.New(replica.Config{Random: counter()}), at: record.Position{Epoch: 0xe, Revision: 10, Chain: 0xc}}
	for _, id := range []string{"a", "b"} {
		p.docs = append(p.docs, p.open(record.Key{Space: "bank", ID: id}))
	}
	p.connect()
	return p
}

func (p *pair) open(key record.Key) *replica.Document {
	m := newMirror(p.t)
	m.doc = p.engine.Open(key, m)
	p.mirrors = append(p.mirrors, m)
	return m.doc
}

// connect connects and opens both documents where they were left, or at a snapshot.
func (p *pair) connect() {
	p.t.Helper()
	p.opens, p.sent = nil, nil
	p.engine.Connected()
	p.say(welcome())
	for _, o := range p.opens {
		opened := &wire.Opened{Request: o.Request, Doc: p.number(o.Key), At: o.At, Head: o.At.Revision}
		if o.At.Revision == 0 {
			opened.At, opened.Head, opened.Snapshot = p.at, p.at.Revision, []byte(`{"n":5}`)
		}
		p.say(opened)
	}
}

func (p *pair) number(key string) uint32 { return uint32(key[len(key)-1]) }

func (p *pair) say(f wire.Frame) {
	p.t.Helper()
	if err := p.engine.Receive(wire.Encode(f)); err != nil {
		p.t.Fatal(err)
	}
	p.read()
}

// read takes what the engine sends.
func (p *pair) read() {
	p.t.Helper()
	for {
		message := p.engine.TakeOutput()
		if message == nil {
			return
		}
		for len(message) > 0 {
			f, rest, err := wire.Decode(message)
			if err != nil {
				p.t.Fatal(err)
			}
			message = rest
			switch f := f.(type) {
			case *wire.Open:
				p.opens = append(p.opens, f)
			case *wire.Transact:
				p.sent = append(p.sent, f)
			case *wire.Push:
				p.pushed = append(p.pushed, f)
			}
		}
	}
}

func (p *pair) transact(fn func([]*doc.Tx) error) (cancel func()) {
	p.t.Helper()
	cancel, err := p.engine.Transact(p.docs, fn, func(err error) { p.ended = append(p.ended, err) })
	if err != nil {
		p.t.Fatal(err)
	}
	p.read()
	return cancel
}

// commit has somebody else write the first document.
func (p *pair) commit(patch string) {
	p.t.Helper()
	at := p.docs[0].Position()
	rec := record.Record{Epoch: at.Epoch, Prev: at.Revision, PrevChain: at.Chain, Time: 1, Mutations: []record.Mutation{by(other, record.MutationID{Number: 1, Nonce: 1}, patch)}}
	data, err := rec.Encode()
	if err != nil {
		p.t.Fatal(err)
	}
	p.say(&wire.Commit{Doc: 'a', Revision: at.Revision + 10, Record: data})
}

func (p *pair) wantViews(a, b string) {
	p.t.Helper()
	for i, want := range []string{a, b} {
		if got := string(p.docs[i].View().Canonical()); got != want {
			p.t.Fatalf("document %d is %s, want %s", i, got, want)
		}
	}
}

func (p *pair) wantSent(n int, parts ...string) *wire.Transact {
	p.t.Helper()
	if len(p.sent) != n {
		p.t.Fatalf("%d transactions were sent, want %d", len(p.sent), n)
	}
	last := p.sent[n-1]
	var deltas []string
	for _, part := range last.Parts {
		deltas = append(deltas, string(part.Delta))
	}
	if got := strings.Join(deltas, " "); got != strings.Join(parts, " ") {
		p.t.Fatalf("sent %s, want %s", got, parts)
	}
	return last
}

func transferred(txs []*doc.Tx) error {
	if _, err := txs[0].Add("/n", -1); err != nil {
		return err
	}
	_, err := txs[1].Add("/n", 1)
	return err
}

// TestL7_TransactionIsNotShown before it is stored; what it changes comes as records. One
// that fails, or changes nothing, is not sent.
func TestL7_TransactionIsNotShown(t *testing.T) {
	p := newPair(t)
	p.transact(transferred)
	p.wantViews(`{"n":5}`, `{"n":5}`)
	f := p.wantSent(1, `{"n":4}`, `{"n":6}`)
	if f.Parts[0].Base != 10 || len(f.Parts[0].Reads) == 0 || f.Parts[1].Doc != 'b' {
		t.Errorf("sent %+v", f)
	}
	p.say(&wire.Transacted{Request: f.Request})
	if len(p.ended) != 1 || p.ended[0] != nil {
		t.Errorf("ended %v", p.ended)
	}
	unwanted := errors.New("unwanted")
	p.transact(func(txs []*doc.Tx) error { return errors.Join(transferred(txs), unwanted) })
	p.transact(func([]*doc.Tx) error { return nil })
	p.wantSent(1, `{"n":4}`, `{"n":6}`)
	p.wantViews(`{"n":5}`, `{"n":5}`)
	if len(p.ended) != 3 || !errors.Is(p.ended[1], unwanted) || p.ended[2] != nil {
		t.Errorf("ended %v", p.ended)
	}
}

// TestL8_TransactionIsRunAgain when somebody was first, on what they wrote. The next one
// waits for it.
func TestL8_TransactionIsRunAgain(t *testing.T) {
	p := newPair(t)
	p.transact(transferred)
	p.transact(transferred)
	first := p.wantSent(1, `{"n":4}`, `{"n":6}`)
	p.commit(`{"n":100}`)
	p.say(&wire.Transacted{Request: first.Request, Conflict: true})
	again := p.wantSent(2, `{"n":99}`, `{"n":6}`)
	if again.ID.Number <= first.ID.Number || again.Parts[0].Base != 20 {
		t.Errorf("sent again as %+v", again)
	}
	p.say(&wire.Transacted{Request: first.Request}) // of before: nothing to anybody
	p.wantSent(2, `{"n":99}`, `{"n":6}`)
	p.say(&wire.Transacted{Request: again.Request})
	p.wantSent(3, `{"n":99}`, `{"n":6}`)
	p.say(&wire.Transacted{Request: p.sent[2].Request, Code: wire.CodeDeleted, Detail: "gone"})
	if len(p.ended) != 2 || p.ended[0] != nil {
		t.Fatalf("ended %v", p.ended)
	}
	wantRejected(t, replica.Outcome{Err: p.ended[1]}, wire.CodeDeleted)
}

// TestL3_TransactionIsSentAgainAsItWas after a reconnect, and when the server could not
// store it: its id says that it is the same.
func TestL3_TransactionIsSentAgainAsItWas(t *testing.T) {
	p := newPair(t)
	p.transact(transferred)
	first := *p.wantSent(1, `{"n":4}`, `{"n":6}`)
	p.engine.Disconnected()
	p.connect()
	again := p.wantSent(1, `{"n":4}`, `{"n":6}`)
	if again.ID != first.ID || again.Request == first.Request {
		t.Errorf("it was %+v, and is %+v", first, again)
	}
	p.say(&wire.Transacted{Request: again.Request, Code: wire.CodeUnavailable})
	p.wantSent(1, `{"n":4}`, `{"n":6}`)
	p.engine.Tick()
	p.read()
	if last := p.wantSent(2, `{"n":4}`, `{"n":6}`); last.ID != first.ID {
		t.Errorf("it was %+v, and is %+v", first, last)
	}
	p.say(&wire.Transacted{Request: p.sent[1].Request})
	if len(p.ended) != 1 || p.ended[0] != nil {
		t.Errorf("ended %v", p.ended)
	}
}

// TestTransactionWaitsForWhatIsPending of the client's own on any of its documents.
func TestTransactionWaitsForWhatIsPending(t *testing.T) {
	p := newPair(t)
	if _, err := p.mirrors[0].mutate(1, func(tx *doc.Tx) error { return tx.Set("/x", []byte("1")) }); err != nil {
		t.Fatal(err)
	}
	p.read()
	p.transact(transferred)
	if len(p.sent) > 0 || len(p.pushed) != 1 {
		t.Fatalf("sent %d transactions and %d edits", len(p.sent), len(p.pushed))
	}
	at := p.docs[0].Position()
	rec := record.Record{Epoch: at.Epoch, Prev: at.Revision, PrevChain: at.Chain, Time: 1, Mutations: []record.Mutation{by(me, p.pushed[0].ID, `{"x":1}`)}}
	data, err := rec.Encode()
	if err != nil {
		t.Fatal(err)
	}
	p.say(&wire.Commit{Doc: 'a', Revision: 20, Record: data})
	if f := p.wantSent(1, `{"n":4}`, `{"n":6}`); f.Parts[0].Base != 20 {
		t.Errorf("sent on r%d", f.Parts[0].Base)
	}
}

// TestTransactionIsTakenBack while it waits, and when it was sent.
func TestTransactionIsTakenBack(t *testing.T) {
	p := newPair(t)
	sent := p.transact(transferred)
	waits := p.transact(transferred)
	waits()
	sent()
	p.say(&wire.Transacted{Request: p.sent[0].Request})
	p.transact(transferred)
	p.wantSent(2, `{"n":4}`, `{"n":6}`)
	if len(p.ended) > 0 {
		t.Errorf("ended %v", p.ended)
	}
}

// TestL9_L11_TransactionsThatCannotBe are refused at once.
func TestL9_L11_TransactionsThatCannotBe(t *testing.T) {
	p := newPair(t)
	elsewhere := p.open(record.Key{Space: "elsewhere", ID: "c"})
	for name, docs := range map[string][]*replica.Document{
		"none": nil, "twice": {p.docs[0], p.docs[0]}, "two spaces": {p.docs[0], elsewhere},
	} {
		if _, err := p.engine.Transact(docs, transferred, func(error) {}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	p.transact(func(txs []*doc.Tx) error {
		return txs[0].Set(delta.Pointer("/x"), []byte(`"`+strings.Repeat("x", wire.MaxDelta)+`"`))
	})
	if len(p.ended) != 1 || !errors.Is(p.ended[0], replica.ErrDeltaTooLarge) {
		t.Errorf("too large: %v", p.ended)
	}
	p.engine.Disconnected()
	var err error
	for range 200 {
		if _, err = p.engine.Transact(p.docs, transferred, func(error) {}); err != nil {
			break
		}
	}
	if !errors.Is(err, replica.ErrTooManyTransactions) {
		t.Errorf("200 that wait: %v", err)
	}
	p.docs[1].Leave()
	p.connect()
	if len(p.ended) != 1 {
		t.Errorf("ended %v", p.ended)
	}
}
