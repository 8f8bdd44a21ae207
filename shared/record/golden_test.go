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
		Version:   1,
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

// deletion and base are of version 2 of the format.
func deletion() record.Record {
	r := sample()
	r.Version, r.Kind, r.Mutations = 2, record.KindDeletion, r.Mutations[:1]
	return r
}

func base() record.Record {
	r := sample()
	r.Version, r.Kind, r.Mutations = 2, record.KindBase, nil
	r.Base = &record.Base{Deleted: 200, Part: 1, Parts: 3, Generation: 1 << 63, Content: []byte("(part of a document)")}
	return r
}

// goldens are records of all kinds, by the names of their files.
func goldens() map[string]record.Record {
	return map[string]record.Record{"v1/record": sample(), "v2/deletion": deletion(), "v2/base": base()}
}

func goldenBytes(t testing.TB, name string) []byte {
	t.Helper()
	r := goldens()[name]
	var shape any = r
	if r.Kind != record.KindChange {
		shape = record.Special{}
	}
	title := fmt.Sprintf("A record in version %d of the format.", r.Version)
	return golden.Bytes(t, *update, filepath.Join("testdata", name+".golden"), title, encode(t, r), shape)
}

func TestGolden(t *testing.T) {
	for name, want := range goldens() {
		data := goldenBytes(t, name)
		if got := encode(t, want); !bytes.Equal(got, data) {
			t.Errorf("%s: encoded as\n%x\nand the golden file has\n%x", name, got, data)
		}
		if got, err := record.Decode(data); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: decoded as %+v, error %v", name, got, err)
		}
	}
	// A chain is stored with every record: the hash can never change either.
	if got, want := record.ChainOf(goldenBytes(t, "v1/record")), record.Chain(0xcc209d457aca4efa); got != want {
		t.Errorf("chain of the golden record is %#x, want %#x", uint64(got), uint64(want))
	}
}

// TestL11_EveryPrefixIsRefused cuts the record at every byte.
func TestL11_EveryPrefixIsRefused(t *testing.T) {
	for name := range goldens() {
		data := goldenBytes(t, name)
		for n := range data {
			var refused *record.FormatError
			if _, err := record.Decode(data[:n]); !errors.As(err, &refused) {
				t.Errorf("%s cut after %d of %d bytes: %v", name, n, len(data), err)
			}
		}
	}
}
