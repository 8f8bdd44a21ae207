package record_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/record"
)

func TestRandomRecordsSurvive(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	number := func() uint64 { return rng.Uint64() >> rng.IntN(64) }
	for range 2000 {
		want := record.Record{
			Version:   1,
			Epoch:     record.Epoch(number()),
			Prev:      record.Revision(number()),
			PrevChain: record.Chain(number()),
			Time:      int64(number()) * int64(1-2*rng.IntN(2)),
		}
		for range 1 + rng.IntN(20) {
			m := record.Mutation{
				ID:    record.MutationID{Number: number(), Nonce: number()},
				Delta: bytes.Repeat([]byte("x"), rng.IntN(70000)>>rng.IntN(17)),
			}
			for i := range m.Client {
				m.Client[i] = byte(rng.Uint32())
			}
			want.Mutations = append(want.Mutations, m)
		}
		if got, err := record.Decode(encode(t, want)); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v became %+v, error %v", want, got, err)
		}
	}
}

// TestL5_DecodeDoesNotCopy: deltas are slices of the record's bytes.
func TestL5_DecodeDoesNotCopy(t *testing.T) {
	data := encode(t, sample())
	r, err := record.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range r.Mutations {
		if i := bytes.Index(data, m.Delta); &m.Delta[0] != &data[i] {
			t.Errorf("delta %s is a copy", m.Delta)
		}
	}
}

func TestL11_DecodeRefuses(t *testing.T) {
	good := encode(t, sample())
	none := sample()
	none.Mutations = nil
	bad := func(change func(*record.Record)) []byte {
		r := base()
		change(&r)
		return encode(t, r)
	}
	many := sample()
	many.Mutations = make([]record.Mutation, record.MaxMutations+1)
	for name, c := range map[string]struct {
		data   []byte
		reason string
	}{
		"bytes after it":          {append(slices.Clone(good), 0xc0), "1 bytes follow"},
		"two records":             {slices.Concat(good, good), "bytes follow"},
		"version 0":               {append([]byte{0x96, 0}, good[2:]...), "version 0"},
		"no mutation":             {encode(t, none), "no mutation"},
		"too many mutations":      {encode(t, many), ""},
		"no array":                {[]byte{0xc0}, ""},
		"five fields":             {append([]byte{0x95}, good[1:]...), ""},
		"seven fields":            {append([]byte{0x97}, good[1:]...), ""},
		"no kind":                 {bad(func(r *record.Record) { r.Kind = 3 }), "of no kind"},
		"a change in version 2":   {bytes.Replace(encode(t, deletion()), deletionTime(t), append(deletionTime(t)[:9:9], 0), 1), "of no kind"},
		"a base that is a change": {bad(func(r *record.Record) { r.Kind = record.KindDeletion }), "of no kind"},
		"a part too many":         {bad(func(r *record.Record) { r.Base.Part = 3 }), "of no kind"},

		"deleted later":      {bad(func(r *record.Record) { r.Base.Deleted = 301 }), "of no kind"},
		"bytes after a base": {append(encode(t, base()), 0xc0), "1 bytes follow"},
		"JSON":               {[]byte(`{"version":1}`), ""},
	} {
		r, err := record.Decode(c.data)
		var refused *record.FormatError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.reason) || !reflect.DeepEqual(r, record.Record{}) {
			t.Errorf("%s: %+v, error %v, want %q", name, r, err, c.reason)
		}
	}
	most := sample()
	most.Mutations = slices.Repeat(most.Mutations[:1], record.MaxMutations)
	if _, err := record.Decode(encode(t, most)); err != nil {
		t.Errorf("%d mutations: %v", record.MaxMutations, err)
	}
}

// TestLaterVersion: a record of a later version is told from a damaged one,
// whatever else that version may change.
func TestLaterVersion(t *testing.T) {
	good := encode(t, sample())
	for _, data := range [][]byte{
		append([]byte{0x96, record.Version + 1}, good[2:]...),
		append([]byte{0x97, record.Version + 1}, good[2:]...),
		{0x92, 0x7f, 0xc0},
	} {
		var later *record.VersionError
		if _, err := record.Decode(data); !errors.As(err, &later) || later.Version != data[1] {
			t.Errorf("% x: %v", data[:3], err)
		} else if !strings.Contains(err.Error(), "newer") {
			t.Errorf("error text %q", err)
		}
	}
}

// TestL11_ClaimsAllocateLittle puts headers that promise much at every place of a
// record. What Decode then allocates is bounded by the bytes that are there.
func TestL11_ClaimsAllocateLittle(t *testing.T) {
	for name, r := range goldens() {
		data := encode(t, r)
		for at := range data {
			for _, claim := range []string{"\xdc\x10\x00", "\xdd\x00\x00\x10\x00", "\xdd\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff"} {
				hostile := slices.Concat(data[:at], []byte(claim), data[at:])
				limit := uint64(64*len(hostile) + 1024)
				if n := allocated(func() { record.Decode(hostile) }); n > limit {
					t.Errorf("%s: % x at byte %d of %d: %d bytes allocated", name, claim, at, len(data), n)
				}
			}
		}
	}
}

// deletionTime is the time and the kind in an encoded deletion.
func deletionTime(t testing.TB) []byte {
	data := encode(t, deletion())
	at := bytes.Index(data, []byte{0xd3})
	if at < 0 || data[at+9] != byte(record.KindDeletion) {
		t.Fatalf("no time in % x", data)
	}
	return data[at : at+10]
}

// allocated returns how many bytes fn allocates: the least of a few runs, since
// the runtime and first uses of a pool count too.
func allocated(fn func()) uint64 {
	least := uint64(math.MaxUint64)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		fn()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

func FuzzDecode(f *testing.F) {
	for _, r := range goldens() {
		f.Add(encode(f, r))
	}
	f.Add([]byte{0x96, 1, 0, 0, 0, 0, 0x91, 0x93})
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		r, err := record.Decode(data)
		if !bytes.Equal(data, before) {
			t.Fatal("the bytes were changed")
		}
		if err != nil {
			var refused *record.FormatError
			var later *record.VersionError
			if !errors.As(err, &refused) && !errors.As(err, &later) {
				t.Fatalf("% x: error %#v", data, err)
			}
			return
		}
		again, err := record.Decode(encode(t, r))
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("%+v became %+v, error %v", r, again, err)
		}
	})
}
