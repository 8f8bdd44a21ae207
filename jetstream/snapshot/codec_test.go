package snapshot_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/rivulet-sync/rivulet/internal/golden"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/shared/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func codec(t testing.TB, maxSize int) *snapshot.Codec {
	t.Helper()
	return must[*snapshot.Codec](t)(snapshot.NewCodec(maxSize))
}

// message encodes a snapshot as it is stored when it is not divided.
func message(t testing.TB, c *snapshot.Codec, key record.Key, s snapshot.Snapshot) (snapshot.Head, []byte) {
	t.Helper()
	h := snapshot.Head{Contents: must[[]byte](t)(c.EncodeContents(key, &s))}
	return h, must[[]byte](t)(h.Encode())
}

// TestGolden: what the first version has written can be read for ever. How it would
// be compressed today is another matter.
func TestGolden(t *testing.T) {
	c := codec(t, 1<<20)
	want := sample(3, 40)
	h, data := message(t, c, board, want)
	file := filepath.Join("testdata", fmt.Sprintf("v%d", snapshot.Version), "snapshot.golden")
	data = golden.Bytes(t, *update, file, fmt.Sprintf("A snapshot in version %d of the format.", snapshot.Version), data, h)
	h, err := snapshot.DecodeHead(board, data)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.DecodeContents(board, h.Contents); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("decoded as %+v, error %v", got, err)
	}
}

// TestL11_DecodeRefuses contents that were sealed with a right hash nevertheless.
func TestL11_DecodeRefuses(t *testing.T) {
	c := codec(t, 1<<20)
	good := must[[]byte](t)(c.EncodeContents(board, new(sample(3, 100))))
	for what, change := range map[string]func(*snapshot.Contents){
		"no revision":               func(s *snapshot.Contents) { s.At.Revision = 0 },
		"no record":                 func(s *snapshot.Contents) { s.Records = 0 },
		"deleted later":             func(s *snapshot.Contents) { s.Deleted = s.At.Revision + 1 },
		"another key":               func(s *snapshot.Contents) { s.Key = "acme/boarD" },
		"a client cut short":        func(s *snapshot.Contents) { s.Clients = s.Clients[1:] },
		"a client twice":            func(s *snapshot.Contents) { s.Clients = append(bytes.Clone(s.Clients[:40]), s.Clients...) },
		"clients out of order":      func(s *snapshot.Contents) { s.Clients = append(bytes.Clone(s.Clients[40:]), s.Clients[:40]...) },
		"no document":               func(s *snapshot.Contents) { s.Document = nil },
		"what is no compressed one": func(s *snapshot.Contents) { s.Document = []byte("garbage") },
		"half a document":           func(s *snapshot.Contents) { s.Document = s.Document[:len(s.Document)/2] },
	} {
		var all snapshot.Contents
		if _, err := all.UnmarshalMsg(bytes.Clone(good)); err != nil {
			t.Fatal(err)
		}
		change(&all)
		if _, err := c.DecodeContents(board, snapshot.Seal(must[[]byte](t)(all.MarshalMsg(nil)))); !errors.As(err, new(*snapshot.DamagedError)) {
			t.Errorf("%s: %T %v", what, err, err)
		}
	}
}

// FuzzDecode decodes heads, and contents with a right hash. What is accepted is
// something that can be encoded.
func FuzzDecode(f *testing.F) {
	const bound = 1 << 16
	c := codec(f, bound)
	for seed := range uint64(4) {
		h, data := message(f, c, board, sample(seed, 100))
		f.Add(data)
		f.Add(h.Contents[:len(h.Contents)-8])
	}
	typed := func(t *testing.T, err error) bool {
		if err != nil && !errors.As(err, new(*snapshot.DamagedError)) && !errors.As(err, new(*snapshot.VersionError)) {
			t.Fatalf("%T %v", err, err)
		}
		return err == nil
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := snapshot.DecodeHead(board, data); typed(t, err) && h.Parts > 0 && len(h.Contents) > 0 {
			t.Error("a head with parts has contents")
		}
		s, err := c.DecodeContents(board, snapshot.Seal(bytes.Clone(data)))
		if !typed(t, err) {
			return
		}
		if len(s.Document) > bound {
			t.Errorf("a document of %d bytes", len(s.Document))
		}
		again, err := c.EncodeContents(board, &s)
		if err != nil && !errors.As(err, new(*snapshot.TooLargeError)) {
			t.Fatal(err)
		}
		if err != nil {
			return
		}
		if got, err := c.DecodeContents(board, again); err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("encoded again it is %+v, was %+v: %v", got, s, err)
		}
	})
}
