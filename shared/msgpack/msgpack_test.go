package msgpack_test

import (
	"bytes"
	"errors"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/msgpack"
)

// TestImportsAreLight holds the reason why this package exists: what it imports
// is what every browser downloads.
func TestImportsAreLight(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"errors", "math", "strconv"}
	checked := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		checked++
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil || !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s; allowed are %v", file, spec.Path.Value, allowed)
			}
		}
	}
	if checked == 0 {
		t.Error("found no file to check")
	}
}

// TestL11_EveryPrefixIsCutShort cuts values of every width at every byte.
func TestL11_EveryPrefixIsCutShort(t *testing.T) {
	long := strings.Repeat("x", 70000)
	for name, c := range map[string]struct {
		whole []byte
		read  read
	}{
		"bool":     {msgpack.AppendBool(nil, true), reads(msgpack.ReadBoolBytes)},
		"uint64":   {msgpack.AppendUint64(nil, 1<<40), reads(msgpack.ReadUint64Bytes)},
		"int64":    {msgpack.AppendInt64(nil, -1<<20), reads(msgpack.ReadInt64Bytes)},
		"array":    {msgpack.AppendArrayHeader(nil, 70000), reads(msgpack.ReadArrayHeaderBytes)},
		"bytes":    {msgpack.AppendBytes(nil, []byte("0123456789")), bytesAsString(msgpack.ReadBytesZC)},
		"exact":    {msgpack.AppendBytes(nil, []byte("0123")), exact(4, msgpack.ReadExactBytes)},
		"string":   {msgpack.AppendString(nil, "short"), reads(msgpack.ReadStringBytes)},
		"string8":  {msgpack.AppendString(nil, long[:200]), reads(msgpack.ReadStringBytes)},
		"string16": {msgpack.AppendString(nil, long[:300]), reads(msgpack.ReadStringBytes)},
		"string32": {msgpack.AppendString(nil, long), reads(msgpack.ReadStringBytes)},
	} {
		if _, rest, err := c.read(c.whole); err != nil || len(rest) != 0 {
			t.Errorf("%s: %v with %d bytes left", name, err, len(rest))
		}
		for n := range min(len(c.whole), 400) {
			if _, _, err := c.read(c.whole[:n]); !errors.Is(err, msgpack.ErrShortBytes) {
				t.Errorf("%s cut after %d of %d bytes: error %v", name, n, len(c.whole), err)
			}
		}
	}
}

// TestL11_ClaimsAllocateNothing reads headers that claim 4 GiB.
func TestL11_ClaimsAllocateNothing(t *testing.T) {
	claim := []byte("\xc6\xff\xff\xff\xff and not much more")
	text := []byte("\xdb\xff\xff\xff\xff and not much more")
	into := make([]byte, 16)
	if n := testing.AllocsPerRun(100, func() {
		msgpack.ReadBytesZC(claim)
		msgpack.ReadExactBytes(claim, into)
		msgpack.ReadStringBytes(text)
		msgpack.ReadBytesHeader(claim)
		msgpack.ReadUint64Bytes(claim)
	}); n > 1 { // the ArrayError
		t.Errorf("%v allocations", n)
	}
}

// TestZeroCopyCannotBeAppendedInto checks that what follows a value survives an
// append to it.
func TestZeroCopyCannotBeAppendedInto(t *testing.T) {
	data := msgpack.AppendUint8(msgpack.AppendBytes(nil, []byte("abc")), 7)
	v, rest, err := msgpack.ReadBytesZC(data)
	if err != nil {
		t.Fatal(err)
	}
	if &v[0] != &data[2] {
		t.Error("the value is a copy")
	}
	_ = append(v, 9)
	if u, _, err := msgpack.ReadUint8Bytes(rest); u != 7 || err != nil {
		t.Errorf("the next value is %d (%v), want 7", u, err)
	}
}

func TestRequire(t *testing.T) {
	for _, start := range [][]byte{nil, []byte("abc"), make([]byte, 3, 100)} {
		for _, extra := range []int{0, 1, 50, 1000} {
			got := msgpack.Require(start, extra)
			if !bytes.Equal(got, start) || cap(got)-len(got) < extra {
				t.Errorf("Require(%d of %d, %d): %d of %d", len(start), cap(start), extra, len(got), cap(got))
			}
		}
	}
}

func TestErrorsNameTheField(t *testing.T) {
	cause := msgpack.ArrayError{Wanted: 2, Got: 3}
	err := msgpack.WrapError(msgpack.WrapError(msgpack.WrapError(cause), "Path"), "Reads", 4)
	if want := "length is 3, must be 2 at Reads/4/Path"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	var inner msgpack.ArrayError
	if !errors.As(err, &inner) || inner != cause {
		t.Errorf("%v does not wrap its cause", err)
	}
	if err := msgpack.WrapError(msgpack.ErrShortBytes, "Delta"); err != msgpack.ErrShortBytes {
		t.Errorf("ErrShortBytes became %v", err)
	}
	if err := msgpack.WrapError(cause); err.Error() != cause.Error() {
		t.Errorf("%q, want %q", err, cause)
	}
}
