package text_test

import (
	"testing"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/text"
)

// BenchmarkPaperDocument replays the keystrokes on a document.
func BenchmarkPaperDocument(b *testing.B) {
	tr := readTrace(b, "automerge-paper.json.gz")
	var patches []patch
	for _, txn := range tr.Txns {
		patches = append(patches, txn.Patches...)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var d *doc.Doc
	bytes := 0
	for range b.N {
		d = doc.New()
		t := text.Open(d, "/t")
		bytes = 0
		for _, p := range patches {
			change, err := d.Update(func(tx *doc.Tx) error { return t.Splice(tx, p.pos, p.del, p.ins) })
			if err != nil {
				b.Fatal(err)
			}
			bytes += change.Delta.Len()
		}
		if b.N == 1 && t.String() != tr.EndContent {
			b.Fatal("another text")
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(patches)), "ns/keystroke")
	b.ReportMetric(float64(bytes)/float64(len(patches)), "delta-B/keystroke")
	b.ReportMetric(float64(d.Size()), "stored-B")
}
