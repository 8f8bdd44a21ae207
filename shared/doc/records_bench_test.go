package doc_test

import (
	"fmt"
	"iter"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// manyRecords returns the canonical text of a document of n records of five
// fields, about 150 bytes each. bench/peers makes the same.
func manyRecords(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"records":{`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"r%06d":{"count":%d,"done":%t,"email":"user%d@example.com","name":"User %d","note":"%s"}`,
			i, i, i%2 == 0, i, i, strings.Repeat("n", 60))
	}
	b.WriteString(`}}`)
	return []byte(b.String())
}

func BenchmarkOpenReadOne(b *testing.B) {
	text := manyRecords(10_000)
	b.Run("trusted", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d := doc.Open(text)
			if raw, ok := d.Value("/records").Field("r005000", "name"); !ok || raw != `"User 5000"` {
				b.Fatal(raw)
			}
		}
	})
	b.Run("validated", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d, err := doc.Parse(text)
			if err != nil {
				b.Fatal(err)
			}
			if raw, ok := d.Value("/records").Field("r005000", "name"); !ok || raw != `"User 5000"` {
				b.Fatal(raw)
			}
		}
	})
}

// BenchmarkRemoteField is one field change that somebody else made: validated,
// applied, with the checksum kept and one of 1,000 subscribers told.
func BenchmarkRemoteField(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			d := doc.Open(manyRecords(n))
			told := 0
			for i := range 1000 {
				p := delta.PointerOf("records", fmt.Sprintf("r%06d", i*n/1000), "name")
				d.Subscribe(p, doc.Prefix, func(doc.Event) { told++ })
			}
			d.Checksum()
			const patches = 4096
			texts := make([][]byte, patches)
			for i := range texts {
				texts[i] = fmt.Appendf(nil, `{"records":{"r%06d":{"name":"Changed %d"}}}`, (i*7919%1000)*n/1000, i)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				patch, err := delta.Parse(texts[i%patches])
				if err != nil {
					b.Fatal(err)
				}
				d.Apply(patch)
				i++
			}
			b.StopTimer()
			if n >= 1000 && told != i {
				b.Fatalf("%d changes, %d told", i, told)
			}
		})
	}
}

// BenchmarkMemory reports the heap that a document of 10,000 records takes when
// every field has been read, as a multiple of its text.
func BenchmarkMemory(b *testing.B) {
	text := manyRecords(10_000)
	var ratio float64
	for b.Loop() {
		before := heap()
		d := doc.Open(text)
		fields := 0
		for _, record := range d.Value("/records").Members() {
			for _, field := range record.Members() {
				fields += len(field.Raw())
			}
		}
		ratio = float64(heap()-before) / float64(len(text))
		runtime.KeepAlive(d)
		if fields == 0 {
			b.Fatal("nothing was read")
		}
	}
	b.ReportMetric(ratio, "x-json")
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// ignore is derived state that there is none of.
type ignore struct{}

func (ignore) Reset(iter.Seq2[string, doc.Value]) {}
func (ignore) Changed(string, doc.Value)          {}

// BenchmarkObjectSet is what a keystroke costs the document: one member of an
// object that something is derived from is replaced in a transaction.
func BenchmarkObjectSet(b *testing.B) {
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, `,"%05d":"chunk"`, i)
	}
	d := doc.Open([]byte(`{"t":{"$":"text"` + text.String() + `}}`))
	d.Derive("/t", ignore{})
	values := []string{`"some text"`, `"some other"`}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		change, err := d.Update(func(tx *doc.Tx) error {
			o, _ := tx.Object("/t")
			o.ReadValue("01000")
			o.Set("01000", values[i&1])
			return nil
		})
		if err != nil || change.Empty() {
			b.Fatal(err)
		}
		i++
	}
}
