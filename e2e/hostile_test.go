package e2e_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/e2e"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Somebody sends the server what no client would send. Each time the answer is a
// code, or the socket is closed; a page that is open on the same document notices
// nothing, and the document stays as it is. (The session's own tests have many
// more cases; these are against the binary.)
func TestL11_HostileFrames(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	ann := gather(t, srv, "ann")[0]
	before := srv.Get(boardKey)

	hello := wire.Encode(&wire.Hello{Protocol: wire.Protocol})
	open := wire.Encode(&wire.Open{Request: 1, Key: boardKey})
	push := func(patch string) []byte { // the first document that the server opened
		return wire.Encode(&wire.Push{Doc: 1, ID: record.MutationID{Number: 1, Nonce: 1}, Base: 1, Delta: []byte(patch)})
	}
	later := wire.Encode(&wire.Hello{Protocol: wire.Protocol + 1})
	for _, attack := range []struct {
		what     string
		messages [][]byte
		want     wire.Code
	}{
		{"nothing but noise", [][]byte{[]byte("GET / HTTP/1.1\r\n\r\n")}, wire.CodeBadFrame},
		{"a truncated frame", [][]byte{hello, open[:len(open)-3]}, wire.CodeBadFrame},
		{"an unknown frame", [][]byte{hello, {0x92, 99, 0x90}}, wire.CodeBadFrame},
		{"a frame out of place", [][]byte{open}, wire.CodeBadFrame},
		{"an array of four billion", [][]byte{hello, {0x92, 4, 0xdd, 0xff, 0xff, 0xff, 0xff}}, wire.CodeBadFrame},
		{"another version", [][]byte{later}, wire.CodeBadVersion},
		{"an oversized message", [][]byte{hello, bytes.Repeat([]byte{0x92}, wire.MaxMessage+1)}, wire.CodeTooLarge},
		{"an odd key", [][]byte{hello, wire.Encode(&wire.Open{Request: 1, Key: "demo/../\x00*>"})}, wire.CodeBadKey},
		{"a delta that is no object", [][]byte{hello, open, push(`[1]`)}, wire.CodeBadDelta},
		{"a delta that ends early", [][]byte{hello, open, push(`{"title":`)}, wire.CodeBadDelta},
		{"a delta 10,000 deep", [][]byte{hello, open, push(strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000))}, wire.CodeBadDelta},
		{"a document that is not open", [][]byte{hello, push(`{"title":"stolen"}`)}, wire.CodeNotOpen},
	} {
		if got := attackWith(t, srv, attack.messages); got != attack.want {
			t.Errorf("%s is answered %s, want %s", attack.what, got, attack.want)
		}
	}

	ann.add(ann.columns()[0])
	agree(t, srv, ann)
	if seen := ann.statuses(); len(seen) != 1 {
		t.Errorf("ann's pill went through %v", seen)
	}
	if strings.Contains(srv.Logs(), "panic") {
		t.Errorf("the server panicked:\n%s", srv.Logs())
	}
	for _, s := range stringsIn(t, before) {
		if !strings.Contains(string(srv.Get(boardKey)), s) {
			t.Errorf("%q is gone from the document", s)
		}
	}
	if strings.Contains(string(srv.Get(boardKey)), "stolen") {
		t.Error("a refused delta is in the document")
	}
}

// attackWith sends messages on a connection of its own and returns the first code
// that comes back.
func attackWith(t *testing.T, srv *e2e.Server, messages [][]byte) wire.Code {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(srv.URL(), "http")+syncPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	conn.SetReadLimit(64 << 20)
	for _, m := range messages {
		if conn.Write(ctx, websocket.MessageBinary, m) != nil {
			break // refused already; what follows says why
		}
	}
	for {
		_, message, err := conn.Read(ctx)
		if err != nil {
			if websocket.CloseStatus(err) == websocket.StatusMessageTooBig {
				return wire.CodeTooLarge
			}
			code, _ := wire.CodeOfStatus(int(websocket.CloseStatus(err)))
			return code
		}
		for len(message) > 0 {
			f, rest, err := wire.Decode(message)
			if err != nil {
				t.Fatal(err)
			}
			message = rest
			switch f := f.(type) {
			case *wire.Fault:
				return f.Code
			case *wire.Reject:
				return f.Code
			}
		}
	}
}
