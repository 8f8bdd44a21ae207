package doc_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// records returns a document of n records.
func records(n int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"r` + strconv.Itoa(i) + `":{"title":"record","done":false,"tags":["x","y"]}`)
	}
	b.WriteByte('}')
	return b.String()
}

var sizes = []int{10, 10000}

const leaf = delta.Pointer("/r7/done")

// setLeaf returns a function that flips one leaf of the document.
func setLeaf(t testing.TB, d *doc.Doc) func() {
	values := [][]byte{[]byte("true"), []byte("false")}
	i := 0
	return func() {
		change, err := d.Update(func(tx *doc.Tx) error { return tx.Set(leaf, values[i%2]) })
		if err != nil || change.Empty() {
			t.Fatalf("change %s, error %v", change.Delta.Bytes(), err)
		}
		i++
	}
}

// revertLeaf returns a function that flips one leaf and takes it back.
func revertLeaf(t testing.TB, d *doc.Doc) func() {
	return func() {
		if _, err := d.Update(func(tx *doc.Tx) error {
			if err := tx.Set(leaf, []byte(`"changed"`)); err != nil {
				return err
			}
			return errRefused
		}); err != errRefused {
			t.Fatal(err)
		}
	}
}

// applyLeaf returns a function that flips one leaf by a delta from elsewhere.
func applyLeaf(t testing.TB, d *doc.Doc) func() {
	patches := []delta.Delta{parseDelta(t, `{"r7":{"done":true}}`), parseDelta(t, `{"r7":{"done":false}}`)}
	i := 0
	return func() {
		if effect := d.Apply(patches[i%2]); len(effect.Writes) != 1 {
			t.Fatalf("writes %v", effect.Writes)
		}
		i++
	}
}

var oneLeaf = []struct {
	name string
	make func(testing.TB, *doc.Doc) func()
}{{"Update", setLeaf}, {"Revert", revertLeaf}, {"Apply", applyLeaf}}

// TestL6_OneLeafCostsTheSameInALargeDocument counts allocations, which unlike
// time are the same on every machine.
func TestL6_OneLeafCostsTheSameInALargeDocument(t *testing.T) {
	for _, op := range oneLeaf {
		small := testing.AllocsPerRun(200, op.make(t, parseDoc(t, records(sizes[0]))))
		large := testing.AllocsPerRun(200, op.make(t, parseDoc(t, records(sizes[1]))))
		if large > small {
			t.Errorf("%s: %v allocations among %d records, %v among %d", op.name, small, sizes[0], large, sizes[1])
		}
	}
}

func BenchmarkOneLeaf(b *testing.B) {
	for _, op := range oneLeaf {
		for _, n := range sizes {
			b.Run(op.name+"/"+strconv.Itoa(n), func(b *testing.B) {
				run := op.make(b, parseDoc(b, records(n)))
				b.ReportAllocs()
				for b.Loop() {
					run()
				}
			})
		}
	}
}

func BenchmarkParse(b *testing.B) {
	text := []byte(records(1000))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := doc.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCanonical(b *testing.B) {
	d := parseDoc(b, records(1000))
	b.SetBytes(int64(len(d.Canonical())))
	b.ReportAllocs()
	for b.Loop() {
		d.Canonical()
	}
}
