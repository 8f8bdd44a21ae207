package wire_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/internal/golden"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var client = record.ClientID{0x01, 0x9a, 0x2b, 0x3c, 0x4d, 0x5e, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// frames has one instance of every type of frame.
func frames() []wire.Frame {
	at := record.Position{Epoch: 0xe90c, Revision: 300, Chain: 0xfedcba9876543210}
	id, before := record.MutationID{Number: 8, Nonce: 1 << 63}, record.MutationID{Number: 7, Nonce: 77}
	return []wire.Frame{
		&wire.Hello{Protocol: 1, Mutators: 3, Client: client, Token: "a.b.c"},
		&wire.Open{Request: 8, Key: "team/board", At: at},
		&wire.Leave{Key: "team/board"},
		&wire.Push{
			Doc: 5, ID: id, Follows: before, Base: 300,
			Reads: []delta.Read{{Kind: delta.ReadExists, Path: "/cards"}, {Kind: delta.ReadValue, Path: "/cards/c1"}},
			Delta: []byte(`{"cards":{"c1":{"title":"Ship"}}}`),
		},
		&wire.Invoke{
			Doc: 5, ID: id, Follows: before, Base: 300,
			Reads: []delta.Read{{Kind: delta.ReadValue, Path: "/stock/tea"}},
			Name:  "take", Args: []byte(`{"sku":"tea","n":1}`), Delta: []byte(`{"stock":{"tea":4}}`),
		},
		&wire.Transact{Request: 8, ID: id, Parts: []wire.Part{
			{Doc: 5, Base: 300, Reads: []delta.Read{{Kind: delta.ReadValue, Path: "/n"}}, Delta: []byte(`{"n":4}`)},
			{Doc: 6, Base: 290, Delta: []byte(`{"n":6}`)},
		}},
		&wire.SetPresence{Doc: 5, State: []byte(`{"cursor":12}`)},
		&wire.Ping{Number: 65536},
		&wire.ReadLog{Request: 9, Key: "team/board", After: 128, Limit: 50},
		&wire.Welcome{Protocol: 1, Client: client, Server: "0.1.0", Heartbeat: 15000, MaxMessage: 1 << 20, MaxDelta: 900 << 10},
		&wire.Opened{Request: 8, Doc: 5, At: at, Head: 301, Snapshot: []byte(`{"cards":{}}`), Last: before, Deleted: 128},
		&wire.Commit{Doc: 5, Revision: 301, Record: []byte("\x96\x01 as stored")},
		&wire.Conflict{Doc: 5, ID: id, Head: 301},
		&wire.Reject{Doc: 5, ID: id, Code: wire.CodeTooLarge, Detail: "delta of 1000000 bytes"},
		&wire.Peer{Doc: 5, Client: client, State: []byte(`{"cursor":12}`)},
		&wire.Pong{Number: 65536},
		&wire.LogPage{Request: 9, Entries: []wire.LogEntry{{Revision: 129, Record: []byte("one")}, {Revision: 140, Record: []byte("two")}}, More: true},
		&wire.Storage{Available: false, Detail: "no quorum"},
		&wire.Drain{Within: 5000},
		&wire.Checksum{Doc: 5, Revision: 301, Hi: 0x6f0056e33a7cf1fa, Lo: 0xb384b6713c01e817},
		&wire.Transacted{Request: 8, Conflict: true, Code: wire.CodeDeleted, Detail: "team/board"},
		&wire.Opened{Folded: true, Request: 8, Doc: 5, At: at, Head: 300, Snapshot: []byte("{\"a\":null}\n{\"a\":{\"b\":1},\"n\":7}"), Last: before},
		&wire.Fault{Code: wire.CodeBadKey, Key: "team", Request: 9, Detail: "has no '/': write it as space/id"},
	}
}

func nameOf(f wire.Frame) string {
	if f.Type() == wire.TypeFolded {
		return "Folded"
	}
	return reflect.TypeOf(f).Elem().Name()
}

func goldenBytes(t testing.TB, f wire.Frame) []byte {
	t.Helper()
	name := nameOf(f)
	file := filepath.Join("testdata", fmt.Sprintf("v%d", wire.Protocol), strings.ToLower(name)+".golden")
	title := fmt.Sprintf("The frame %s in version %d of the protocol.", name, wire.Protocol)
	union := struct {
		Type  wire.Type
		Frame any
	}{f.Type(), reflect.ValueOf(f).Elem().Interface()}
	return golden.Bytes(t, *update, file, title, wire.Encode(f), union)
}

// decodeOne decodes the only frame of a message.
func decodeOne(t testing.TB, data []byte) wire.Frame {
	t.Helper()
	f, rest, err := wire.Decode(data)
	if err != nil {
		t.Fatalf("% x: %v", data, err)
	}
	if len(rest) != 0 {
		t.Fatalf("% x: % x is left", data, rest)
	}
	return f
}

func TestGolden(t *testing.T) {
	for _, f := range frames() {
		data := goldenBytes(t, f)
		if got := wire.Encode(f); !bytes.Equal(got, data) {
			t.Errorf("%s is encoded as\n%s\nand the golden file has\n%s", nameOf(f), golden.Dump(t, got, nil), golden.Dump(t, data, nil))
		}
		if got := decodeOne(t, data); !reflect.DeepEqual(got, f) {
			t.Errorf("%s is decoded as %+v, want %+v", nameOf(f), got, f)
		}
	}
}

// TestL11_EveryPrefixIsRefused cuts every frame at every byte.
func TestL11_EveryPrefixIsRefused(t *testing.T) {
	for _, f := range frames() {
		data := goldenBytes(t, f)
		for n := range data {
			var refused *wire.FrameError
			if got, _, err := wire.Decode(data[:n]); got != nil || !errors.As(err, &refused) {
				t.Errorf("%s cut after %d of %d bytes: %v, %v", nameOf(f), n, len(data), got, err)
			}
		}
	}
}

// TestEveryTypeHasAGoldenFrame asks Decode for all 256 types, with a body that
// no frame has.
func TestEveryTypeHasAGoldenFrame(t *testing.T) {
	known := map[wire.Type]bool{}
	for _, f := range frames() {
		if known[f.Type()] {
			t.Errorf("two frames have the type %d", f.Type())
		}
		known[f.Type()] = true
	}
	for number := range 256 {
		_, _, err := wire.Decode([]byte{0x92, byte(number), 0xc0})
		if err == nil {
			t.Fatalf("type %d without a body is a frame", number)
		}
		if unknown := strings.Contains(err.Error(), "unknown type"); unknown == known[wire.Type(number)] {
			t.Errorf("type %d: %v", number, err)
		}
	}
}
