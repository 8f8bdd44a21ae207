package wire_test

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

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// fill sets everything in v to random values. As decoding has it, bytes are never
// nil and other slices are nil when they are empty.
func fill(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		u := r.Uint64() >> r.IntN(64)
		v.SetUint(u & (1<<v.Type().Bits() - 1))
	case reflect.String:
		v.SetString(strings.Repeat("é", r.IntN(300)>>r.IntN(9)))
	case reflect.Slice:
		n := r.IntN(300) >> r.IntN(9)
		if v.Type() == reflect.TypeFor[[]wire.Part]() {
			n %= wire.MaxParts + 1
		}
		if v.SetZero(); n > 0 || v.Type().Elem().Kind() == reflect.Uint8 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(r, v.Field(i))
		}
	default:
		panic("a frame has a field of kind " + v.Kind().String())
	}
}

func TestRandomFramesSurvive(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, f := range frames() {
		for range 200 {
			fill(r, reflect.ValueOf(f).Elem())
			data := wire.Encode(f)
			if got := decodeOne(t, data); !reflect.DeepEqual(got, f) {
				t.Fatalf("%s: %+v became %+v", nameOf(f), f, got)
			}
			if size := 2 + f.Msgsize(); len(data) > size {
				t.Fatalf("%s: %d bytes, Msgsize promised at most %d", nameOf(f), len(data), size)
			}
		}
	}
}

// TestFramesJoin: a message may hold several frames.
func TestFramesJoin(t *testing.T) {
	var message []byte
	for _, f := range frames() {
		message = wire.Append(message, f)
	}
	rest := message
	for _, want := range frames() {
		var got wire.Frame
		var err error
		if got, rest, err = wire.Decode(rest); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, %v, want %+v", got, err, want)
		}
	}
	if len(rest) != 0 {
		t.Errorf("%d bytes are left", len(rest))
	}
}

// TestL5_DecodeDoesNotCopy: byte fields are slices of the message.
func TestL5_DecodeDoesNotCopy(t *testing.T) {
	data := wire.EncodeCommit(5, 301, []byte("record"))
	commit := decodeOne(t, data).(*wire.Commit)
	if commit.Doc != 5 || commit.Revision != 301 || string(commit.Record) != "record" {
		t.Errorf("%+v", commit)
	}
	if i := bytes.Index(data, []byte("record")); &commit.Record[0] != &data[i] {
		t.Error("the record is a copy")
	}
}

func TestL11_DecodeRefuses(t *testing.T) {
	ping := wire.Encode(&wire.Ping{Number: 1})
	for name, c := range map[string]struct {
		data   []byte
		reason string
	}{
		"nothing":             {nil, "cut short"},
		"array of three":      {append([]byte{0x93}, ping[1:]...), "array of two"},
		"a long array":        {append([]byte{0xdc, 0, 2}, ping[1:]...), "array of two"},
		"unknown type":        {append([]byte{0x92, 31}, ping[2:]...), "unknown type 31"},
		"type as uint8":       {append([]byte{0x92, 0xcc, 6}, ping[2:]...), "unknown type 204"},
		"body no array":       {[]byte{0x92, byte(wire.TypePing), 1}, "type 6: "},
		"body too short":      {[]byte{0x92, byte(wire.TypePing), 0x90}, "type 6: "},
		"body too long":       {[]byte{0x92, byte(wire.TypePing), 0x92, 1, 1}, "type 6: "},
		"a text for a number": {[]byte{0x92, byte(wire.TypePing), 0x91, 0xa1, '1'}, "type 6: "},
		"a negative number":   {[]byte{0x92, byte(wire.TypePing), 0x91, 0xff}, "type 6: "},
		"too large a number":  {[]byte{0x92, byte(wire.TypeLeave), 0x91, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0}, "type 3: "},
	} {
		f, rest, err := wire.Decode(c.data)
		var refused *wire.FrameError
		if f != nil || rest != nil || !errors.As(err, &refused) || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v, %v, want %q", name, f, err, c.reason)
		}
	}
}

// TestL9_BoundsOfFrames: what is at its bound passes, one more does not; bytes
// have no bound but the message's.
func TestL9_BoundsOfFrames(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 4*wire.MaxMessage)
	for _, f := range []wire.Frame{
		&wire.Push{Reads: make([]delta.Read, wire.MaxReads), Delta: big[:wire.MaxDelta]},
		&wire.Opened{Snapshot: big},
		&wire.Commit{Record: big[:record.MaxSize]},
		&wire.LogPage{Entries: slices.Repeat([]wire.LogEntry{{Record: []byte("r")}}, wire.MaxEntries)},
		&wire.LogPage{Entries: []wire.LogEntry{{Record: big[:record.MaxSize]}}},
	} {
		if got := decodeOne(t, wire.Encode(f)); !reflect.DeepEqual(got, f) {
			t.Errorf("a large %s did not survive", nameOf(f))
		}
	}
	for _, f := range []wire.Frame{
		&wire.Push{Reads: make([]delta.Read, wire.MaxReads+1)},
		&wire.Invoke{Reads: make([]delta.Read, wire.MaxReads+1)},
		&wire.LogPage{Entries: make([]wire.LogEntry, wire.MaxEntries+1)},
		&wire.Transact{Parts: make([]wire.Part, wire.MaxParts+1)},
	} {
		if _, _, err := wire.Decode(wire.Encode(f)); err == nil {
			t.Errorf("a %s above its bound passed", nameOf(f))
		}
	}
}

// TestL9_LargestMutationFitsAMessage: a frame that is at all its bounds at once is one
// that a server takes, or a client would offer it for ever.
func TestL9_LargestMutationFitsAMessage(t *testing.T) {
	reads := slices.Repeat([]delta.Read{{Kind: delta.ReadValue, Path: "/sixteen/bytes/0"}}, wire.MaxReads)
	id := record.MutationID{Number: math.MaxUint64, Nonce: math.MaxUint64}
	size := len(wire.Encode(&wire.Invoke{
		Doc: math.MaxUint32, ID: id, Follows: id, Base: math.MaxUint64, Reads: reads, Name: strings.Repeat("n", 64),
		Args: make([]byte, wire.MaxArgs), Delta: make([]byte, wire.MaxDelta),
	}))
	if size > wire.MaxMessage {
		t.Errorf("%d bytes, a message has at most %d", size, wire.MaxMessage)
	}
}

// claims are headers of arrays, strings and bytes that promise much.
var claims = []string{"\xdc\x10\x00", "\xdc\xff\xff", "\xdd\x00\x00\x10\x00", "\xdd\xff\xff\xff\xff", "\xd9\xff", "\xda\xff\xff", "\xdb\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff"}

// TestL11_ClaimsAllocateLittle puts such a header at every place of every frame.
// What Decode then allocates is bounded by the bytes that are there.
func TestL11_ClaimsAllocateLittle(t *testing.T) {
	for _, f := range frames() {
		data := wire.Encode(f)
		for at := 2; at < len(data); at++ {
			for _, claim := range claims {
				hostile := slices.Concat(data[:at], []byte(claim), data[at:])
				limit := uint64(40*len(hostile) + 1024)
				if n := allocated(func() { wire.Decode(hostile) }); n > limit {
					t.Errorf("%s with % x at byte %d of %d: %d bytes allocated", nameOf(f), claim, at, len(data), n)
				}
			}
		}
	}
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
	for _, frame := range frames() {
		f.Add(wire.Encode(frame))
	}
	f.Add(wire.Append(wire.Encode(&wire.Ping{}), &wire.Leave{Key: "a/b"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		for rest := data; len(rest) > 0; {
			frame, next, err := wire.Decode(rest)
			if err != nil {
				var refused *wire.FrameError
				if frame != nil || !errors.As(err, &refused) {
					t.Fatalf("% x: %v, %v", rest, frame, err)
				}
				break
			}
			if !bytes.HasSuffix(rest, next) || len(next) >= len(rest) {
				t.Fatalf("% x: % x is left", rest, next)
			}
			if again := decodeOne(t, wire.Encode(frame)); !reflect.DeepEqual(again, frame) {
				t.Fatalf("%+v became %+v", frame, again)
			}
			rest = next
		}
		if !bytes.Equal(data, before) {
			t.Fatal("the message was changed")
		}
	})
}

func BenchmarkDecodePush(b *testing.B) {
	data := wire.Encode(frames()[3])
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := wire.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
