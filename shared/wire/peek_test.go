//go:build !js

package wire_test

import (
	"bytes"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestPeek: what is seen in the bytes of a frame is what decoding it gives.
func TestPeek(t *testing.T) {
	for _, f := range frames() {
		var doc uint32
		switch f := f.(type) {
		case *wire.Commit:
			doc = f.Doc
		case *wire.Conflict:
			doc = f.Doc
		case *wire.Reject:
			doc = f.Doc
		case *wire.Peer:
			doc = f.Doc
		case *wire.Checksum:
			doc = f.Doc
		}
		data := wire.Encode(f)
		if got := wire.DocOf(data); got != doc {
			t.Errorf("%s: document %d, want %d", nameOf(f), got, doc)
		}
		_, peer := f.(*wire.Peer)
		if wire.IsPeer(data) != peer || (wire.PeerOf(data) != "") != peer {
			t.Errorf("%s: taken for a peer: %t", nameOf(f), !peer)
		}
		for n := range data { // cut short: nothing happens
			wire.DocOf(data[:n])
			wire.PeerOf(data[:n])
		}
	}
	who := func(doc uint32, client record.ClientID, state string) string {
		return wire.PeerOf(wire.Encode(&wire.Peer{Doc: doc, Client: client, State: []byte(state)}))
	}
	other := client
	other[15]++
	if who(5, client, "{}") != who(5, client, `{"x":1}`) {
		t.Error("one client on one document has two names")
	}
	if who(5, client, "{}") == who(6, client, "{}") || who(5, client, "{}") == who(5, other, "{}") {
		t.Error("two have one name")
	}
}

// TestAroundSnapshot: the parts are those of the frame as it is encoded in one piece.
func TestAroundSnapshot(t *testing.T) {
	for _, size := range []int{0, 1, 255, 256, 65535, 65536, 1 << 20} {
		f := &wire.Opened{
			Request: 70000, Doc: 5, At: record.Position{Epoch: 1 << 40, Revision: 300, Chain: 0xfedcba9876543210}, Head: 300,
			Snapshot: bytes.Repeat([]byte{'x'}, size), Last: record.MutationID{Number: 7, Nonce: 1 << 63}, Deleted: 128,
		}
		before, after := wire.AroundSnapshot(f)
		if got, want := bytes.Join([][]byte{before, f.Snapshot, after}, nil), wire.Encode(f); !bytes.Equal(got, want) {
			t.Errorf("%d bytes: the parts are not the frame", size)
		}
		f.Folded = true
		before, after = wire.AroundSnapshot(f)
		if got, want := bytes.Join([][]byte{before, f.Snapshot, after}, nil), wire.Encode(f); !bytes.Equal(got, want) {
			t.Errorf("%d bytes: the parts are not the folded frame", size)
		}
	}
}

// TestPatches: what is joined comes apart again.
func TestPatches(t *testing.T) {
	for _, c := range []struct{ joined, want []string }{
		{nil, []string{"{}", "{}"}},
		{[]string{"{\n}"}, []string{"{}", "{\n}"}},
		{[]string{`{"a":null}`, "{\"a\":{\"b\":[1,\n2]}}"}, []string{`{"a":null}`, "{\"a\":{\"b\":[1,\n2]}}"}},
	} {
		var patches []delta.Delta
		for _, text := range c.joined {
			patches = append(patches, delta.Trusted([]byte(text)))
		}
		first, second := (&wire.Opened{Snapshot: wire.JoinPatches(patches)}).Patches()
		if string(first) != c.want[0] || string(second) != c.want[1] {
			t.Errorf("%q became %q and %q", c.joined, first, second)
		}
	}
	if first, second := (&wire.Opened{Snapshot: []byte("{}")}).Patches(); string(first) != "{}" || second != nil {
		t.Errorf("what nobody has joined became %q and %q", first, second)
	}
}
