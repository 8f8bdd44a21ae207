package session_test

import (
	"testing"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// FuzzSession sends arbitrary messages to a real session. The session ends or
// goes on; a bystander's document is as it was and so is its connection.
func FuzzSession(f *testing.F) {
	w := newWorld(f, withFunctions)
	b := w.greet()
	secret := record.Key{Space: "not-in-the-corpus", ID: "Zq3v8Kx0"}
	b.open(secret)
	b.send(b.push(secret, `{"mine":true}`))
	expect[*wire.Commit](b)
	// Documents are numbered as they are opened: the bystander's is 1, the first
	// that an attacker opens is 2.
	open := message(&wire.Open{Request: 1, Key: board.String()})
	push := message(&wire.Push{
		Doc: 2, ID: first, Delta: []byte(`{"a":1}`),
		Reads: []delta.Read{{Kind: delta.ReadValue, Path: "/a"}, {Kind: delta.ReadMembers}},
	})
	number := uint64(0)
	invoke := func(name, args, patch string) []byte {
		number++
		return message(&wire.Invoke{
			Doc: 2, ID: record.MutationID{Number: number, Nonce: 1}, Follows: record.MutationID{Number: number - 1, Nonce: 1},
			Name: name, Args: []byte(args), Delta: []byte(patch),
		})
	}
	for _, messages := range [][]byte{
		split(message(hello), open, push),
		split(message(hello), open, push, push, message(&wire.Leave{Key: board.String()}), push),
		split(append(message(hello), open...), message(&wire.SetPresence{Doc: 2, State: []byte(`{"x":1}`)})),
		split(message(hello), message(&wire.ReadLog{Request: 9, Key: board.String(), Limit: 5}), message(&wire.Ping{Number: 1})),
		split(message(hello), message(&wire.Push{Doc: 1, ID: first, Delta: []byte(`{"mine":false}`)})),
		split(message(hello), message(&wire.Leave{Key: secret.String()[:5]}), message(&wire.SetPresence{Doc: 1, State: []byte(`{}`)})),
		split(message(hello), open, invoke("count", `1`, `{"n":1}`), invoke("count", `1`, ``), invoke("fails", `{}`, ``), push),
		split(message(hello), open, invoke("none", `1`, `{"n":1}`), invoke("none", `1`, ``), invoke("", `1`, ``), push),
		split(message(hello), open, invoke("count", `{`, `{"n":1}`), invoke("count", `1`, `[]`), push),
		split(message(hello), []byte{0x92}),
		split([]byte("garbage")),
	} {
		f.Add(messages)
	}
	f.Fuzz(func(t *testing.T, messages []byte) {
		w.t, b.t = t, t // the target must not use f
		p := w.dial()
		for len(messages) > 0 {
			n := min(int(messages[0]), len(messages)-1)
			if p.conn.Write(testContext(t), websocket.MessageBinary, messages[1:1+n]) != nil {
				break // the session has ended
			}
			messages = messages[1+n:]
		}
		p.conn.Close(websocket.StatusNormalClosure, "") //nolint:errcheck // either side may be first
		p.wg.Wait()
		o := b.open(secret)
		if string(o.Snapshot) != `{"mine":true}` {
			t.Fatalf("the bystander's document is %s", o.Snapshot)
		}
		if extra := len(b.frames); extra > 0 {
			t.Fatalf("the bystander has received %d frames more", extra)
		}
	})
}

// split writes messages one after the other, each with its length before it.
func split(messages ...[]byte) []byte {
	var all []byte
	for _, m := range messages {
		all = append(append(all, byte(len(m))), m...)
	}
	return all
}
