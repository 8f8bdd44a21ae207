package session_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/session"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// bystander is a client that has a document open and must not notice what
// others do to the server.
type bystander struct {
	*peer
	w     *world
	edits int
}

func (w *world) bystander() *bystander {
	w.t.Helper()
	b := &bystander{peer: w.greet(), w: w}
	b.open(board)
	b.unharmed()
	return b
}

// unharmed checks that an edit is all that happens to the bystander, and that
// the document is what its edits made it.
func (b *bystander) unharmed() {
	b.t.Helper()
	b.edits++
	b.send(b.push(board, fmt.Sprintf(`{"edits":%d}`, b.edits)))
	c := expect[*wire.Commit](b.peer)
	rec, err := record.Decode(c.Record)
	if err != nil {
		b.t.Fatal(err)
	}
	if len(rec.Mutations) != 1 || rec.Mutations[0].Client != b.id {
		b.t.Fatalf("the record has %d mutations, the first by %s", len(rec.Mutations), rec.Mutations[0].Client)
	}
	late := b.w.greet()
	o := late.open(board)
	if got, want := string(o.Snapshot), fmt.Sprintf(`{"edits":%d}`, b.edits); got != want {
		b.t.Fatalf("the document is %s, want %s", got, want)
	}
	late.conn.CloseNow() //nolint:errcheck // it was in order a moment ago
}

// message joins frames.
func message(frames ...wire.Frame) []byte {
	var m []byte
	for _, f := range frames {
		m = wire.Append(m, f)
	}
	return m
}

var (
	hello = &wire.Hello{Protocol: wire.Protocol}
	first = record.MutationID{Number: 1, Nonce: 1}
)

// TestL11_BrokenProtocol: a client that does not speak the protocol is told the
// reason and disconnected. Nothing of the broken message, and nothing after it,
// takes effect; others notice nothing.
func TestL11_BrokenProtocol(t *testing.T) {
	reserved := record.ClientID{5: 1, 6: 0xee}
	w := newWorld(t, func(s *session.Config, _ *host.Config) { s.Reserved = []record.ClientID{reserved} })
	b := w.bystander()
	doc := b.number[board]
	future := record.ClientID{0: 0xff, 6: 1}
	push := wire.Push{Doc: doc, ID: first, Delta: []byte(`{"bad":1}`)}
	reads := func(r ...delta.Read) *wire.Push { p := push; p.Reads = r; return &p }
	openBoard := &wire.Open{Request: 1, Key: board.String()}
	for _, c := range []struct {
		name string
		code wire.Code
		sent [][]byte
	}{
		{"garbage first", wire.CodeBadFrame, [][]byte{[]byte("GET / HTTP/1.1")}},
		{"nothing first", wire.CodeBadFrame, [][]byte{{}}},
		{"no hello first", wire.CodeBadFrame, [][]byte{message(openBoard)}},
		{"ping first", wire.CodeBadFrame, [][]byte{message(&wire.Ping{}, hello)}},
		{"a later protocol", wire.CodeBadVersion, [][]byte{message(&wire.Hello{Protocol: wire.Protocol + 1}, openBoard)}},
		{"protocol 0", wire.CodeBadVersion, [][]byte{message(&wire.Hello{})}},
		{"a client from the future", wire.CodeBadClient, [][]byte{message(&wire.Hello{Protocol: wire.Protocol, Client: future})}},
		{"a client of the server itself", wire.CodeBadClient, [][]byte{message(&wire.Hello{Protocol: wire.Protocol, Client: reserved}, openBoard), message(&push)}},
		{"one whose transactions would be that", wire.CodeBadClient, [][]byte{message(&wire.Hello{Protocol: wire.Protocol, Client: reserved.Transactions()})}},
		{"hello twice", wire.CodeBadFrame, [][]byte{message(hello, hello)}},
		{"garbage", wire.CodeBadFrame, [][]byte{message(hello), []byte("garbage")}},
		{"nothing", wire.CodeBadFrame, [][]byte{message(hello), {}}},
		{"one byte", wire.CodeBadFrame, [][]byte{message(hello), {0x92}}},
		{"an unknown type", wire.CodeBadFrame, [][]byte{message(hello), {0x92, 99, 0x90}}},
		{"type 0", wire.CodeBadFrame, [][]byte{message(hello), {0x92, 0, 0x90}}},
		{"a frame of three", wire.CodeBadFrame, [][]byte{message(hello), {0x93, byte(wire.TypePing), 0x91, 1, 1}}},
		{"an array that claims to be huge", wire.CodeBadFrame, [][]byte{message(hello), {0x92, byte(wire.TypePush), 0x96, 1, 0x92, 1, 1, 0x92, 0, 0, 0, 0xdd, 0xff, 0xff, 0xff, 0xff}}},
		{"bytes that claim to be huge", wire.CodeBadFrame, [][]byte{message(hello), {0x92, byte(wire.TypeSetPresence), 0x92, 1, 0xc6, 0xff, 0xff, 0xff, 0xff}}},
		{"a push cut short", wire.CodeBadFrame, [][]byte{message(hello, openBoard), cut(message(&push), 1)}},
		{"half a push after a ping", wire.CodeBadFrame, [][]byte{message(hello, openBoard), append(message(&wire.Ping{}), cut(message(&push), 5)...)}},
		{"a broken frame, then a push", wire.CodeBadFrame, [][]byte{message(hello, openBoard), {0x92, 99, 0x90}, message(&push)}},
		{"a read of an unknown kind", wire.CodeBadFrame, [][]byte{message(hello, openBoard), message(reads(delta.Read{Kind: 'x'}))}},
		{"a read of no pointer", wire.CodeBadFrame, [][]byte{message(hello, openBoard), message(reads(delta.Read{Kind: delta.ReadValue, Path: "a"}))}},
		{"a read of a broken pointer", wire.CodeBadFrame, [][]byte{message(hello, openBoard), message(reads(delta.Read{Kind: delta.ReadValue, Path: "/~2"}))}},
		{"more reads than there may be", wire.CodeBadFrame, [][]byte{message(hello, openBoard), message(reads(make([]delta.Read, wire.MaxReads+1)...))}},
		{"number 0", wire.CodeBadFrame, [][]byte{message(hello, openBoard), message(&wire.Push{Doc: doc, Delta: []byte(`{"bad":1}`)})}},
		{"a request without a number", wire.CodeBadFrame, [][]byte{message(hello), message(&wire.Open{Key: board.String()}, &push)}},
		{"presence that is no object", wire.CodeBadFrame, [][]byte{message(hello, openBoard), message(&wire.SetPresence{Doc: doc, State: []byte(`[]`)})}},
		{"presence that is no JSON", wire.CodeBadFrame, [][]byte{message(hello, openBoard), message(&wire.SetPresence{Doc: doc, State: []byte(`{"a":`)})}},
		{"much presence", wire.CodeTooLarge, [][]byte{message(hello, openBoard), message(&wire.SetPresence{Doc: doc, State: long(`{"a":"`, wire.MaxPresence)})}},
		{"welcome", wire.CodeBadFrame, [][]byte{message(hello), message(&wire.Welcome{})}},
		{"opened", wire.CodeBadFrame, [][]byte{message(hello), message(&wire.Opened{})}},
		{"commit", wire.CodeBadFrame, [][]byte{message(hello), message(&wire.Commit{Doc: doc})}},
		{"drain", wire.CodeBadFrame, [][]byte{message(hello), message(&wire.Drain{})}},
		{"fault", wire.CodeBadFrame, [][]byte{message(hello), message(&wire.Fault{})}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := w.dial()
			p.t = t
			for _, m := range c.sent {
				// What comes after the end may not get through.
				if p.conn.Write(testContext(t), websocket.MessageBinary, m) != nil {
					break
				}
			}
			p.wantEnd(c.code)
			b.unharmed()
		})
	}
	t.Run("a text message", func(t *testing.T) {
		p := w.dial()
		p.t = t
		if err := p.conn.Write(testContext(t), websocket.MessageText, message(hello)); err != nil {
			t.Fatal(err)
		}
		p.wantEnd(wire.CodeBadFrame)
		b.unharmed()
	})
}

func cut(m []byte, n int) []byte { return m[:len(m)-n] }

// long returns a JSON text with a string that makes it longer than n.
func long(begin string, n int) []byte { return []byte(begin + strings.Repeat("x", n) + `"}`) }

// TestL11_BadDeltas: a mutation whose delta cannot be stored is refused; the
// client may go on.
func TestL11_BadDeltas(t *testing.T) {
	w := newWorld(t, func(c *session.Config, _ *host.Config) { c.MaxDelta = 100_000 })
	b := w.bystander()
	p := w.greet()
	p.open(board)
	for _, c := range []struct {
		name, delta string
		code        wire.Code
	}{
		{"nothing", ``, wire.CodeBadDelta},
		{"null", `null`, wire.CodeBadDelta},
		{"an array", `[]`, wire.CodeBadDelta},
		{"a number", `1`, wire.CodeBadDelta},
		{"half an object", `{"a":{"b":1}`, wire.CodeBadDelta},
		{"two objects", `{}{}`, wire.CodeBadDelta},
		{"a comma too many", `{"a":1,}`, wire.CodeBadDelta},
		{"no JSON number", `{"a":NaN}`, wire.CodeBadDelta},
		{"a comment", `{"a":1/**/}`, wire.CodeBadDelta},
		{"the same name twice", `{"a":1,"a":2}`, wire.CodeBadDelta},
		{"the same name twice, escaped", `{"a":1,"\u0061":2}`, wire.CodeBadDelta},
		{"the same name twice, deep inside", `{"a":[{"b":{"c":1,"c":1}}]}`, wire.CodeBadDelta},
		{"half a surrogate pair", `{"a":"\ud800"}`, wire.CodeBadDelta},
		{"half a surrogate pair as a name", `{"\udc00":1}`, wire.CodeBadDelta},
		{"no UTF-8", "{\"a\":\"\xff\"}", wire.CodeBadDelta},
		{"an encoded surrogate", "{\"a\":\"\xed\xa0\x80\"}", wire.CodeBadDelta},
		{"a control character", "{\"a\":\"\x01\"}", wire.CodeBadDelta},
		{"a byte order mark", "\xef\xbb\xbf{}", wire.CodeBadDelta},
		{"objects 10,000 deep", strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000), wire.CodeBadDelta},
		{"arrays 10,000 deep", `{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}", wire.CodeBadDelta},
		{"too much", string(long(`{"a":"`, 100_000)), wire.CodeTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := p.push(board, c.delta)
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
	p.send(p.push(board, fmt.Sprintf(`{"edits":%d}`, b.edits)))
	expect[*wire.Commit](p)
	expect[*wire.Commit](b.peer)
	b.unharmed()
}

// TestL11_OddKeys: texts that are no keys are refused; the client may go on.
func TestL11_OddKeys(t *testing.T) {
	w := newWorld(t)
	b := w.bystander()
	p := w.greet()
	for _, key := range []string{
		"", "/", "demo", "demo/", "/board", "demo/board/x", "demo//board", "../board", "de mo/board", "demo/bo ard", "demo/board\n",
		"demo/\x00", "demo/b*", "demo/>", "d.mo/board", "demo/größe", "demo/\xff", "$JS/API", strings.Repeat("s", record.MaxSpace+1) + "/x",
		"demo/" + strings.Repeat("i", record.MaxID+1), strings.Repeat("x/", 100_000),
	} {
		p.send(p.ask(key))
		f := expect[*wire.Fault](p)
		if f.Code != wire.CodeBadKey || f.Request != p.request {
			t.Errorf("opening %.50q: %s for request %d", key, f.Code, f.Request)
		}
	}
	p.open(record.Key{Space: "A-z_9", ID: "a.b:c@d~e-f_0"})
	b.unharmed()
}

// TestPushToADocumentThatIsNotOpen is refused; so is one to a document that was
// left.
func TestPushToADocumentThatIsNotOpen(t *testing.T) {
	w := newWorld(t)
	b := w.bystander()
	p := w.greet()
	notOpen := func(doc uint32) {
		t.Helper()
		p.send(&wire.Push{Doc: doc, ID: first, Delta: []byte(`{"bad":1}`)})
		if r := expect[*wire.Reject](p); r.Code != wire.CodeNotOpen || r.ID != first || r.Doc != doc {
			t.Errorf("rejected: %+v", r)
		}
	}
	notOpen(b.number[board])
	notOpen(77)
	p.open(board)
	p.send(&wire.Leave{Key: board.String()}, &wire.Leave{Key: notes.String()}, &wire.Leave{Key: "no key"})
	notOpen(p.number[board])
	p.send(&wire.SetPresence{Doc: 77, State: []byte(`{}`)}) // left in the meantime
	b.unharmed()
	p.send(&wire.Ping{Number: 9})
	if pong := expect[*wire.Pong](p); pong.Number != 9 {
		t.Errorf("pong %d", pong.Number)
	}
}

// TestL11_OversizedMessage ends the connection with the WebSocket's own status.
func TestL11_OversizedMessage(t *testing.T) {
	const limit = 64 << 10
	w := newWorld(t, func(c *session.Config, _ *host.Config) { c.MaxMessage, c.MaxDelta = limit, limit })
	b := w.bystander()
	p := w.greet()
	if err := p.conn.Write(testContext(t), websocket.MessageBinary, make([]byte, limit+2)); err != nil {
		t.Log(err) // closed while it was written
	}
	if _, status := p.ended(); status != websocket.StatusMessageTooBig {
		t.Errorf("closed with %d", status)
	}
	b.unharmed()

	p = w.greet()
	p.open(notes)
	f := p.push(notes, string(long(`{"a":"`, limit/2)))
	f.Delta = append(f.Delta, strings.Repeat(" ", limit-len(wire.Encode(f)))...)
	if size := len(wire.Encode(f)); size != limit {
		t.Fatalf("the frame has %d bytes", size)
	}
	p.send(f)
	expect[*wire.Commit](p)
}

// TestSilentClient is taken for dead; one that says something now and then is not.
func TestSilentClient(t *testing.T) {
	const heartbeat = 300 * time.Millisecond
	w := newWorld(t, func(c *session.Config, _ *host.Config) { c.Heartbeat = heartbeat })
	silent, lively := w.greet(), w.greet()
	ctx, cancel := context.WithTimeout(t.Context(), 3*heartbeat)
	defer cancel()
	for n := uint64(0); ctx.Err() == nil; n++ {
		lively.send(&wire.Ping{Number: n})
		expect[*wire.Pong](lively)
	}
	silent.wantEnd(wire.CodeIdle)
	lively.send(&wire.Ping{})
	expect[*wire.Pong](lively)
}
