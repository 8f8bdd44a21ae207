package record_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/rivulet-sync/rivulet/internal/golden"
	"github.com/rivulet-sync/rivulet/shared/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sample is a record with everything in it.
func sample() record.Record {
	return record.Record{
		Version:   record.Version,
		Epoch:     0xe90c,
		Prev:      300,
		PrevChain: 0xfedcba9876543210,
		Time:      1_767_225_600_000,
		Mutations: []record.Mutation{
			{
				Client: record.ClientID{0x01, 0x9a, 0x2b, 0x3c, 0x4d, 0x5e, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
				ID:     record.MutationID{Number: 8, Nonce: 1 << 63},
				Delta:  []byte(`{"cards":{"c1":{"title":"Ship"}}}`),
			},
			{
				Client: record.ClientID{15: 1},
				ID:     record.MutationID{Number: 1, Nonce: 77},
				Delta:  []byte(`{}`),
			},
		},
	}
}

func encode(t testing.TB, r record.Record) []byte {
	t.Helper()
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func goldenBytes(t testing.TB) []byte {
	t.Helper()
	file := filepath.Join("testdata", fmt.Sprintf("v%d", record.Version), "record.golden")
	title := fmt.Sprintf("A record in version %d of the format.", record.Version)
	return golden.Bytes(t, *update, file, title, encode(t, sample()), sample())
}

func TestGolden(t *testing.T) {
	data := goldenBytes(t)
	if got := encode(t, sample()); !bytes.Equal(got, data) {
		t.Errorf("encoded as\n%s\nand the golden file has\n%s", golden.Dump(t, got, sample()), golden.Dump(t, data, sample()))
	}
	if got, err := record.Decode(data); err != nil || !reflect.DeepEqual(got, sample()) {
		t.Errorf("decoded as %+v, error %v", got, err)
	}
	// A chain is stored with every record: the hash can never change either.
	if got, want := record.ChainOf(data), record.Chain(0xcc209d457aca4efa); got != want {
		t.Errorf("chain of the golden record is %#x, want %#x", uint64(got), uint64(want))
	}
}

// TestL11_EveryPrefixIsRefused cuts the record at every byte.
func TestL11_EveryPrefixIsRefused(t *testing.T) {
	data := goldenBytes(t)
	for n := range data {
		var refused *record.FormatError
		if _, err := record.Decode(data[:n]); !errors.As(err, &refused) {
			t.Errorf("cut after %d of %d bytes: %v", n, len(data), err)
		}
	}
}
