package session_test

import (
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// await returns the next frame of a type, past others.
func await[F wire.Frame](p *peer) F {
	p.t.Helper()
	for {
		f := p.next()
		if f == nil {
			p.t.Fatal("the connection has ended")
		}
		if want, ok := f.(F); ok {
			return want
		}
	}
}

func (w *world) wantRecords(key record.Key, want int) {
	w.t.Helper()
	got := 0
	if _, err := w.log.Replay(testContext(w.t), key, deltalog.Tail{}, func(deltalog.Entry) error { got++; return nil }); err != nil {
		w.t.Fatal(err)
	}
	if got != want {
		w.t.Errorf("%s has %d records, want %d", key, got, want)
	}
}

// TestL3_L7_Transaction: a client changes two documents at once, and everybody sees both;
// again it has one effect; on an old base it is a conflict, and nothing is stored.
func TestL3_L7_Transaction(t *testing.T) {
	w := newWorld(t)
	notes := record.Key{Space: board.Space, ID: "notes"}
	p, other := w.greet(), w.greet()
	p.open(board)
	p.open(notes)
	other.open(board)
	transaction := &wire.Transact{Request: 7, ID: first, Parts: []wire.Part{
		{Doc: p.number[board], Delta: []byte(`{"n":1}`), Reads: []delta.Read{{Kind: delta.ReadValue, Path: "/n"}}},
		{Doc: p.number[notes], Delta: []byte(`{"n":-1}`)},
	}}
	p.send(transaction)
	if a := await[*wire.Transacted](p); a.Request != 7 || a.Conflict || a.Code != 0 {
		t.Fatalf("answered %+v", a)
	}
	rec, err := record.Decode(await[*wire.Commit](other).Record)
	if err != nil || string(rec.Mutations[0].Delta) != `{"n":1}` || rec.Mutations[0].Client != p.id.Transactions() {
		t.Errorf("another client got %+v: %v", rec, err)
	}
	transaction.Request = 8
	p.send(transaction)
	if a := await[*wire.Transacted](p); a.Request != 8 || a.Conflict || a.Code != 0 {
		t.Errorf("again: %+v", a)
	}
	transaction.Request, transaction.ID.Number = 9, 2
	p.send(transaction)
	if a := await[*wire.Transacted](p); !a.Conflict {
		t.Errorf("on an old base: %+v", a)
	}
	w.wantRecords(board, 1)
	w.wantRecords(notes, 1)
}

// TestL11_Transactions that cannot be: those that a program may have made are answered,
// those that break the protocol end the connection.
func TestL11_Transactions(t *testing.T) {
	w := newWorld(t)
	elsewhere := record.Key{Space: "elsewhere", ID: "a"}
	p := w.greet()
	p.open(board)
	p.open(elsewhere)
	part := func(doc uint32, delta string) wire.Part { return wire.Part{Doc: doc, Delta: []byte(delta)} }
	here, there := p.number[board], p.number[elsewhere]
	for name, c := range map[string]struct {
		parts []wire.Part
		code  wire.Code
	}{
		"not open":        {[]wire.Part{part(999, `{}`)}, wire.CodeNotOpen},
		"no delta":        {[]wire.Part{part(here, `[]`)}, wire.CodeBadDelta},
		"too large":       {[]wire.Part{part(here, `{"a":"`+strings.Repeat("x", wire.MaxDelta)+`"}`)}, wire.CodeTooLarge},
		"twice":           {[]wire.Part{part(here, `{}`), part(here, `{}`)}, wire.CodeBadFrame},
		"two spaces":      {[]wire.Part{part(here, `{}`), part(there, `{}`)}, wire.CodeBadFrame},
		"from the future": {[]wire.Part{{Doc: here, Base: 1 << 40, Delta: []byte(`{}`)}}, wire.CodeUnknownMutation},
	} {
		p.send(&wire.Transact{Request: 1, ID: first, Parts: c.parts})
		if a := await[*wire.Transacted](p); a.Code != c.code || a.Conflict {
			t.Errorf("%s: %+v, want %s", name, a, c.code)
		}
	}
	w.wantRecords(board, 0)
	for name, bad := range map[string]*wire.Transact{
		"no request": {ID: first, Parts: []wire.Part{part(here, `{}`)}},
		"no number":  {Request: 1, Parts: []wire.Part{part(here, `{}`)}},
		"no parts":   {Request: 1, ID: first},
		"a bad read": {Request: 1, ID: first, Parts: []wire.Part{{Doc: here, Delta: []byte(`{}`), Reads: []delta.Read{{Kind: 'x'}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := w.greet()
			p.t = t
			p.open(board)
			for i := range bad.Parts {
				bad.Parts[i].Doc = p.number[board]
			}
			p.send(bad)
			p.wantEnd(wire.CodeBadFrame)
		})
	}
}
