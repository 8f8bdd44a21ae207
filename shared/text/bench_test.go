package text_test

import (
	"testing"

	"github.com/rivulet-sync/rivulet/shared/text"
)

// BenchmarkPaper replays the keystrokes of a person who writes a paper, each a
// transaction with its own merge patch.
func BenchmarkPaper(b *testing.B) {
	strokes, end := paper()
	b.ReportAllocs()
	collect()
	b.ResetTimer()
	var o *object
	bytes := 0
	for range b.N {
		o = newObject()
		bytes = 0
		strokes.each(func(pos, del int, ins string) {
			if _, err := o.state.Splice(o, pos, del, ins); err != nil {
				b.Fatal(err)
			}
			bytes += o.commit()
		})
	}
	b.StopTimer()
	if o.state.String() != end {
		b.Fatal("another text")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(strokes.all)), "ns/keystroke")
	b.ReportMetric(float64(bytes)/float64(len(strokes.all)), "delta-B/keystroke")
	b.ReportMetric(float64(len(o.canonical())), "stored-B")
}

// bare is a Store without a document.
type bare struct{ state *text.State }

func (b bare) Set(key, raw string)      { b.state.Changed(key, raw, true) }
func (b bare) Delete(key string)        { b.state.Changed(key, "", false) }
func (bare) ReadValue(string)           {}
func (bare) ReadGap(left, right string) {}

// BenchmarkState is the same without what a document does.
func BenchmarkState(b *testing.B) {
	strokes, _ := paper()
	b.ReportAllocs()
	collect()
	for b.Loop() {
		s := text.New()
		strokes.each(func(pos, del int, ins string) {
			if _, err := s.Splice(bare{s}, pos, del, ins); err != nil {
				b.Fatal(err)
			}
		})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(strokes.all)), "ns/keystroke")
}
