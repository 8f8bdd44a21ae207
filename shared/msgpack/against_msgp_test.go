package msgpack_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"github.com/rivulet-sync/rivulet/shared/msgpack"
)

// read is a reader with its result as any, so that all fit in one table.
type read func(b []byte) (value any, rest []byte, err error)

func reads[T any](f func([]byte) (T, []byte, error)) read {
	return func(b []byte) (any, []byte, error) {
		v, rest, err := f(b)
		return v, rest, err
	}
}

// exact reads a bin of n bytes.
func exact(n int, f func(b, into []byte) ([]byte, error)) read {
	return func(b []byte) (any, []byte, error) {
		into := make([]byte, n)
		rest, err := f(b, into)
		return string(into), rest, err
	}
}

func bytesAsString(f func([]byte) (v, rest []byte, err error)) read {
	return func(b []byte) (any, []byte, error) {
		v, rest, err := f(b)
		return string(v), rest, err
	}
}

var readers = []struct {
	name         string
	ours, theirs read
}{
	{"bool", reads(msgpack.ReadBoolBytes), reads(msgp.ReadBoolBytes)},
	{"uint8", reads(msgpack.ReadUint8Bytes), reads(msgp.ReadUint8Bytes)},
	{"uint16", reads(msgpack.ReadUint16Bytes), reads(msgp.ReadUint16Bytes)},
	{"uint32", reads(msgpack.ReadUint32Bytes), reads(msgp.ReadUint32Bytes)},
	{"uint64", reads(msgpack.ReadUint64Bytes), reads(msgp.ReadUint64Bytes)},
	{"int64", reads(msgpack.ReadInt64Bytes), reads(msgp.ReadInt64Bytes)},
	{"array header", reads(msgpack.ReadArrayHeaderBytes), reads(msgp.ReadArrayHeaderBytes)},
	{"bytes header", reads(msgpack.ReadBytesHeader), reads(msgp.ReadBytesHeader)},
	{"bytes", bytesAsString(msgpack.ReadBytesZC), bytesAsString(msgp.ReadBytesZC)},
	{"string", reads(msgpack.ReadStringBytes), reads(msgp.ReadStringBytes)},
	{"exact 0", exact(0, msgpack.ReadExactBytes), exact(0, msgp.ReadExactBytes)},
	{"exact 3", exact(3, msgpack.ReadExactBytes), exact(3, msgp.ReadExactBytes)},
	{"exact 16", exact(16, msgpack.ReadExactBytes), exact(16, msgp.ReadExactBytes)},
}

// compareReaders gives the same bytes to both runtimes. Ours gets them with
// more bytes behind its end, which it must not see.
func compareReaders(t *testing.T, data []byte) {
	t.Helper()
	roomy := append(bytes.Clone(data), "beyond the end"...)[:len(data)]
	for _, r := range readers {
		value, rest, err := r.ours(roomy)
		wantValue, wantRest, wantErr := r.theirs(bytes.Clone(data))
		if strings.HasPrefix(r.name, "exact") && wantErr == nil && isCutShort(data) {
			wantErr = msgp.ErrShortBytes // the one documented difference
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%s of % x: error %v, msgp says %v", r.name, data, err, wantErr)
		}
		if errors.Is(err, msgpack.ErrShortBytes) != errors.Is(wantErr, msgp.ErrShortBytes) {
			t.Fatalf("%s of % x: error %v, msgp says %v: only one of them is about the length", r.name, data, err, wantErr)
		}
		if err == nil && (value != wantValue || !bytes.Equal(rest, wantRest)) {
			t.Fatalf("%s of % x: %v and % x, msgp says %v and % x", r.name, data, value, rest, wantValue, wantRest)
		}
	}
}

// isCutShort reports whether data is a bin with fewer bytes than it claims.
func isCutShort(data []byte) bool {
	n, rest, err := msgp.ReadBytesHeader(data)
	return err == nil && uint64(len(rest)) < uint64(n)
}

// compareAppenders encodes the same values with both runtimes, behind what is
// there already, and reads them back.
func compareAppenders(t *testing.T, u uint64, s string) {
	t.Helper()
	for _, a := range []struct {
		name         string
		ours, theirs func([]byte) []byte
	}{
		{"uint8", with(msgpack.AppendUint8, uint8(u)), with(msgp.AppendUint8, uint8(u))},
		{"uint16", with(msgpack.AppendUint16, uint16(u)), with(msgp.AppendUint16, uint16(u))},
		{"uint32", with(msgpack.AppendUint32, uint32(u)), with(msgp.AppendUint32, uint32(u))},
		{"uint64", with(msgpack.AppendUint64, u), with(msgp.AppendUint64, u)},
		{"int64", with(msgpack.AppendInt64, int64(u)), with(msgp.AppendInt64, int64(u))},
		{"bool", with(msgpack.AppendBool, u&1 == 1), with(msgp.AppendBool, u&1 == 1)},
		{"array header", with(msgpack.AppendArrayHeader, uint32(u)), with(msgp.AppendArrayHeader, uint32(u))},
		{"string", with(msgpack.AppendString, s), with(msgp.AppendString, s)},
		{"bytes", with(msgpack.AppendBytes, []byte(s)), with(msgp.AppendBytes, []byte(s))},
	} {
		before := []byte("before")
		got, want := a.ours(bytes.Clone(before)), a.theirs(bytes.Clone(before))
		if !bytes.Equal(got, want) {
			t.Fatalf("%s of %d, %d bytes: % x, msgp writes % x", a.name, u, len(s), got, want)
		}
		compareReaders(t, got[len(before):])
	}
}

func with[T any](f func([]byte, T) []byte, v T) func([]byte) []byte {
	return func(b []byte) []byte { return f(b, v) }
}

func TestAppendAgainstMsgp(t *testing.T) {
	for bit := range 64 {
		for around := range uint64(5) {
			u := uint64(1)<<bit + around - 2
			compareAppenders(t, u, "")
			compareAppenders(t, -u, "")
		}
	}
	for _, n := range []int{0, 1, 31, 32, 33, 255, 256, 65535, 65536} {
		compareAppenders(t, 0, strings.Repeat("s", n))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		compareAppenders(t, rng.Uint64()>>rng.IntN(64), strings.Repeat("é", rng.IntN(40)))
	}
}

// TestReadAgainstMsgp tries every leading byte with tails of every length that
// an encoding can need, and more.
func TestReadAgainstMsgp(t *testing.T) {
	compareReaders(t, nil)
	rng := rand.New(rand.NewPCG(3, 4))
	for lead := range 256 {
		for length := range 24 {
			for _, fill := range []byte{0x00, 0x01, 0x03, 0x10, 0x7f, 0x80, 0xff} {
				compareReaders(t, append([]byte{byte(lead)}, bytes.Repeat([]byte{fill}, length)...))
			}
			for range 5 {
				data := make([]byte, 1+length)
				for i := range data {
					data[i] = byte(rng.Uint32())
				}
				data[0] = byte(lead)
				compareReaders(t, data)
				data[1%len(data)] = byte(length) // likely a plausible length
				compareReaders(t, data)
			}
		}
	}
}

func TestSizesAgainstMsgp(t *testing.T) {
	for _, s := range []struct {
		name         string
		ours, theirs int
	}{
		{"BoolSize", msgpack.BoolSize, msgp.BoolSize},
		{"ByteSize", msgpack.ByteSize, msgp.ByteSize},
		{"Uint8Size", msgpack.Uint8Size, msgp.Uint8Size},
		{"Uint16Size", msgpack.Uint16Size, msgp.Uint16Size},
		{"Uint32Size", msgpack.Uint32Size, msgp.Uint32Size},
		{"Uint64Size", msgpack.Uint64Size, msgp.Uint64Size},
		{"Int64Size", msgpack.Int64Size, msgp.Int64Size},
		{"ArrayHeaderSize", msgpack.ArrayHeaderSize, msgp.ArrayHeaderSize},
		{"BytesPrefixSize", msgpack.BytesPrefixSize, msgp.BytesPrefixSize},
		{"StringPrefixSize", msgpack.StringPrefixSize, msgp.StringPrefixSize},
	} {
		if s.ours != s.theirs {
			t.Errorf("%s = %d, msgp has %d", s.name, s.ours, s.theirs)
		}
	}
	if got := len(msgpack.AppendUint64(nil, math.MaxUint64)); got != msgpack.Uint64Size {
		t.Errorf("the longest number takes %d bytes, Uint64Size is %d", got, msgpack.Uint64Size)
	}
}

func FuzzAgainstMsgp(f *testing.F) {
	f.Add(uint64(0), []byte{})
	f.Add(uint64(1)<<63, []byte("\xc4\x10 shorter"))
	f.Add(uint64(255), []byte("\xdb\xff\xff\xff\xff"))
	f.Add(uint64(65536), []byte("\xd1\x80\x00"))
	f.Fuzz(func(t *testing.T, u uint64, data []byte) {
		compareReaders(t, data)
		compareAppenders(t, u, string(data))
	})
}
