package session_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/session"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/mutator"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// withFunctions gives a world two named mutations: "count" writes its arguments, "fails"
// fails.
func withFunctions(_ *session.Config, c *host.Config) {
	c.Mutators = new(mutator.Registry)
	c.Mutators.Register("count", func(tx *doc.Tx, args []byte) error { return tx.Set("/n", args) })
	c.Mutators.Register("fails", func(*doc.Tx, []byte) error { return errors.New("not today") })
}

// invoke returns a named mutation that follows the last one.
func (p *peer) invoke(key record.Key, name, args, patch string) *wire.Invoke {
	f := p.push(key, patch)
	return &wire.Invoke{Doc: f.Doc, ID: f.ID, Follows: f.Follows, Name: name, Args: []byte(args), Delta: []byte(patch)}
}

// TestNamedMutation goes through a session: offered, not offered, and refused.
func TestNamedMutation(t *testing.T) {
	w := newWorld(t, withFunctions)
	p := w.greet()
	p.open(board)
	for _, c := range []struct{ patch, stored string }{{`{"n":7.0}`, `{"n":7.0}`}, {``, `{"n":7}`}} {
		p.send(p.invoke(board, "count", "7", c.patch))
		rec, err := record.Decode(expect[*wire.Commit](p).Record)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(rec.Mutations[0].Delta); got != c.stored {
			t.Errorf("%q became %s", c.patch, got)
		}
		p.last = rec.Mutations[0].ID
	}
	p.send(p.invoke(board, "fails", "7", ""))
	if r := expect[*wire.Reject](p); r.Code != wire.CodeMutator || r.Detail != "not today" {
		t.Errorf("rejected: %+v", r)
	}
}

// TestL11_BadNamedMutations: what is no named mutation is refused, and nothing happens.
// A name or a number that no client could have sent ends the session.
func TestL11_BadNamedMutations(t *testing.T) {
	w := newWorld(t, withFunctions, func(c *session.Config, _ *host.Config) { c.MaxDelta = 100_000 })
	b := w.bystander()
	p := w.greet()
	p.open(board)
	for _, c := range []struct {
		name, fn, args, delta string
		code                  wire.Code
	}{
		{"no arguments", "count", ``, `{"n":1}`, wire.CodeBadArgs},
		{"half an object", "count", `{"a":`, `{"n":1}`, wire.CodeBadArgs},
		{"two values", "count", `1 2`, `{"n":1}`, wire.CodeBadArgs},
		{"the same name twice", "count", `{"a":1,"a":1}`, ``, wire.CodeBadArgs},
		{"no UTF-8", "count", "\"\xff\"", ``, wire.CodeBadArgs},
		{"arrays 10,000 deep", "count", strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), ``, wire.CodeBadArgs},
		{"much", "count", `"` + strings.Repeat("x", wire.MaxArgs) + `"`, ``, wire.CodeTooLarge},
		{"a delta that is none", "count", `1`, `[]`, wire.CodeBadDelta},
		{"a large delta", "count", `1`, string(long(`{"a":"`, 100_000)), wire.CodeTooLarge},
		{"an unknown function and no delta", "nobody", `1`, ``, wire.CodeUnknownMutator},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := p.invoke(board, c.fn, c.args, c.delta)
			p.last = f.Follows
			p.send(f)
			r := expect[*wire.Reject](p)
			if r.ID != f.ID || r.Code != c.code || r.Doc != p.number[board] {
				t.Errorf("rejected: %+v", r)
			}
		})
	}
	b.unharmed()
	expect[*wire.Commit](p) // the bystander's
	for name, change := range map[string]func(*wire.Invoke){
		"no name":     func(f *wire.Invoke) { f.Name = "" },
		"a long name": func(f *wire.Invoke) { f.Name = strings.Repeat("n", mutator.MaxName+1) },
		"a bad name":  func(f *wire.Invoke) { f.Name = "a\nb" },
		"number 0":    func(f *wire.Invoke) { f.ID.Number = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			p := w.dial()
			p.t = t
			f := &wire.Invoke{Doc: b.number[board], ID: first, Name: "count", Args: []byte("1")}
			change(f)
			for _, m := range [][]byte{message(hello, &wire.Open{Request: 1, Key: board.String()}), message(f)} {
				if p.conn.Write(testContext(t), websocket.MessageBinary, m) != nil {
					break
				}
			}
			p.wantEnd(wire.CodeBadFrame)
			b.unharmed()
		})
	}
}
