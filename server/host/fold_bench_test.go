package host_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// window has as many records as are kept, which write so many places, one after the other.
// The deltas have so many bytes.
func window(tb testing.TB, places, size int) (w *host.Window, add func()) {
	tb.Helper()
	w = host.NewWindow()
	n := 0
	add = func() {
		p := delta.PointerOf("cards", fmt.Sprintf("c%d", n%places), "x")
		patch := fmt.Sprintf(`{"cards":{"c%d":{"x":"%d%s"}}}`, n%places, n, strings.Repeat("y", size-30))
		rec := record.Record{Mutations: []record.Mutation{{Delta: []byte(patch)}}}
		data, err := rec.Encode()
		if err != nil {
			tb.Fatal(err)
		}
		n++
		w.Add(record.Revision(n), data, []delta.Write{{Kind: delta.WroteMember, Path: p}})
	}
	for range 5000 {
		add()
	}
	return w, add
}

// BenchmarkFoldWindow folds all that is kept for one who asks: a host does nothing else
// meanwhile. Nearly a block of it is loose.
func BenchmarkFoldWindow(b *testing.B) {
	for _, c := range []struct{ places, size int }{{1, 40}, {1, 900}, {1, 50_000}, {30, 100}, {100, 100}, {250, 100}, {20, 900}} {
		b.Run(fmt.Sprintf("%d places, deltas of %d bytes", c.places, c.size), func(b *testing.B) {
			w, add := window(b, c.places, c.size)
			for range 60000 / (c.size + 50) {
				add()
			}
			records, kept := w.Kept()
			size := 0
			for b.Loop() {
				patches, ok := w.Fold(records - 1)
				if size = 0; ok {
					for _, p := range patches {
						size += p.Len()
					}
				}
			}
			b.ReportMetric(float64(records), "records")
			b.ReportMetric(float64(kept), "B/window")
			b.ReportMetric(float64(size), "B/fold")
		})
	}
}

// BenchmarkWindowAdd is what it costs a host to keep a record, with folding what comes in
// blocks and without: what is written once is not folded.
func BenchmarkWindowAdd(b *testing.B) {
	for _, places := range []int{1, 100, 1 << 30} {
		b.Run(fmt.Sprintf("%d places", places), func(b *testing.B) {
			_, add := window(b, places, 100)
			b.ReportAllocs()
			for b.Loop() {
				add()
			}
		})
	}
}
