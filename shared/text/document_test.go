package text_test

import (
	"errors"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/text"
	"github.com/rivulet-sync/rivulet/shared/undo"
)

// BenchmarkPaperDocument replays the keystrokes on a document.
func BenchmarkPaperDocument(b *testing.B) {
	strokes, end := paper()
	b.ReportAllocs()
	collect()
	b.ResetTimer()
	var d *doc.Doc
	var t *text.Text
	bytes := 0
	for range b.N {
		d = doc.New()
		t = text.Open(d, "/t")
		bytes = 0
		strokes.each(func(pos, del int, ins string) {
			change, err := d.Update(func(tx *doc.Tx) error { return t.Splice(tx, pos, del, ins) })
			if err != nil {
				b.Fatal(err)
			}
			bytes += change.Delta.Len()
		})
	}
	b.StopTimer()
	if t.String() != end {
		b.Fatal("another text")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(strokes.all)), "ns/keystroke")
	b.ReportMetric(float64(bytes)/float64(len(strokes.all)), "delta-B/keystroke")
	b.ReportMetric(float64(d.Size()), "stored-B")
}

// TestUndoOfTwoEditsInOneTransaction takes back two splices of one transaction after
// somebody else has written between them; an attempt that fails costs nothing.
func TestUndoOfTwoEditsInOneTransaction(t *testing.T) {
	d := doc.New()
	tx := text.Open(d, "/t")
	update := func(fn func(*doc.Tx) error) {
		t.Helper()
		if _, err := d.Update(fn); err != nil {
			t.Fatal(err)
		}
	}
	update(func(x *doc.Tx) error { return tx.Insert(x, 0, "one two") })
	var stack undo.Stack
	change, err := d.Update(func(x *doc.Tx) error {
		if err := tx.Insert(x, 3, " and"); err != nil {
			return err
		}
		return tx.Delete(x, 0, 4)
	})
	if err != nil {
		t.Fatal(err)
	}
	stack.Did(change)
	update(func(x *doc.Tx) error { return tx.Insert(x, 3, "<") })
	update(func(x *doc.Tx) error { return tx.Insert(x, tx.Len(), ">") })
	refused := errors.New("refused")
	if _, err := stack.Undo(func(fn func(*doc.Tx) error) (doc.Change, error) {
		return d.Update(func(x *doc.Tx) error {
			if err := fn(x); err != nil {
				return err
			}
			return refused
		})
	}); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if got := tx.String(); got != "and< two>" {
		t.Fatalf("after an undo that was refused the text is %q", got)
	}
	if _, err := stack.Undo(d.Update); err != nil {
		t.Fatal(err)
	}
	if got := tx.String(); got != "one< two>" {
		t.Fatalf("the text is %q", got)
	}
}
