package payload_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/rivulet-sync/rivulet/server/payload"
)

// inflate reads the payload of a compressed message as RFC 7692 says, section 7.2.2.
func inflate(t *testing.T, data []byte) []byte {
	t.Helper()
	r := flate.NewReader(io.MultiReader(bytes.NewReader(data), bytes.NewReader([]byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff})))
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func joined(before, shared, after []byte) []byte {
	return bytes.Join([][]byte{before, shared, after}, nil)
}

// TestDeflateIsReadByOthers: the standard library reads what was put together.
func TestDeflateIsReadByOthers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	some := func(n int) []byte {
		text := make([]byte, 0, n+32)
		for len(text) < n {
			text = fmt.Appendf(text, `"card %d":{"title":"do %d"},`, random.IntN(1000), random.Uint32())
		}
		return text[:n]
	}
	for _, size := range []int{0, 1, 1000, 65535, 65536, 200_000} {
		shared := payload.NewShared(some(size))
		for _, own := range []int{0, 1, 70, 65535, 65536, 140_000} {
			a := payload.Answer{Before: some(own), Shared: shared, After: some(own / 2)}
			if got := inflate(t, joined(a.Deflated())); !bytes.Equal(got, a.Bytes()) || len(got) != a.Len() {
				t.Fatalf("%d bytes between %d and %d: %d came back", size, own, own/2, len(got))
			}
		}
	}
	text := some(200_000)
	a := payload.Answer{Shared: payload.NewShared(text)}
	if n := len(joined(a.Deflated())); n > len(text)/2 {
		t.Errorf("%d bytes were compressed to %d", len(text), n)
	}
}

// TestL5_CompressedOnce: all who ask get the same bytes; the shared part is not compressed
// again for each.
func TestL5_CompressedOnce(t *testing.T) {
	shared := payload.NewShared(bytes.Repeat([]byte(`{"a":1}`), 100_000))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			a := payload.Answer{Before: []byte{byte(i)}, Shared: shared}
			a.Deflated()
		})
	}
	wg.Wait()
	a := payload.Answer{Shared: shared}
	_, first, _ := a.Deflated()
	_, second, _ := a.Deflated()
	if &first[0] != &second[0] {
		t.Error("the shared part was compressed twice")
	}
}
