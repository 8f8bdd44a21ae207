package table_test

import (
	"runtime"
	"strconv"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/table"
)

// flat is a record whose fields are there already, as in a document that was
// read: what is measured is the table, not the reading of JSON.
type flat struct{ lane, rank, title, raw string }

func (f *flat) Raw() string { return f.raw }

func (f *flat) Field(path ...string) (string, bool) {
	switch path[0] {
	case "lane":
		return f.lane, true
	case "rank":
		return f.rank, true
	case "title":
		return f.title, true
	}
	return "", false
}

func flatCard(i, rank int) *flat {
	f := &flat{lane: `"lane` + strconv.Itoa(i%10) + `"`, rank: strconv.Itoa(rank), title: `"card number ` + strconv.Itoa(i) + `"`}
	f.raw = `{"lane":` + f.lane + `,"rank":` + f.rank + `,"title":` + f.title + `}`
	return f
}

const benchRows = 100_000

// fill makes a table of rows, after so many others were created and deleted.
func fill(b *testing.B, rows, deleted int) *table.Table {
	tab := newTable(b, laneRank())
	for i := range rows {
		tab.Changed("card"+strconv.Itoa(i), flatCard(i, i))
	}
	tab.Flush()
	// An index is built by the first query of a table that has rows.
	if n, err := tab.Where(table.Eq("lane", "lane0")).Count(); n != rows/10 || err != nil {
		b.Fatal(n, err)
	}
	for i := 0; i < deleted; i += 10_000 {
		for j := range 10_000 {
			tab.Changed("gone"+strconv.Itoa(i+j), flatCard(j, j))
		}
		tab.Flush()
		for j := range 10_000 {
			tab.Changed("gone"+strconv.Itoa(i+j), nil)
		}
		tab.Flush()
	}
	if n := tab.IndexLen(0); n != rows || tab.Records() != rows {
		b.Fatalf("%d rows, %d records, %d index entries", rows, tab.Records(), n)
	}
	return tab
}

// benchUpdate measures one row changed in an indexed field, and the live result
// and its listener brought up to date.
func benchUpdate(b *testing.B, rows, deleted, views int, live func(t *table.Table, i int) *table.View) {
	tab := fill(b, rows, deleted)
	told := 0
	for i := range views {
		live(tab, i).OnChange(func([]table.Event) { told++ })
	}
	// Each round of changes takes every row once, far from the one before it, so
	// that nothing is in the processor's caches for having been changed just now.
	changes := make([]*flat, 2*rows)
	ids := make([]string, rows)
	for i := range changes {
		n := i % rows * 7919 % rows
		rank := n
		if i < rows {
			rank = (n*31 + 17) % rows
		}
		changes[i], ids[i%rows] = flatCard(n, rank), "card"+strconv.Itoa(n)
	}
	runtime.GC()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		tab.Changed(ids[i%rows], changes[i%len(changes)])
		tab.Flush()
	}
	b.StopTimer()
	if n := tab.IndexLen(0); n != rows || told == 0 && b.N > 1000 {
		b.Fatalf("%d index entries for %d rows, %d batches told", n, rows, told)
	}
}

func lane(tab *table.Table, i int) *table.Query {
	return tab.Where(table.Eq("lane", "lane"+strconv.Itoa(i))).OrderBy(table.Asc("rank"))
}

func liveView(q *table.Query) *table.View {
	v, err := q.Live()
	if err != nil {
		panic(err)
	}
	return v
}

func BenchmarkUpdate(b *testing.B) {
	whole := func(tab *table.Table, _ int) *table.View { return liveView(tab.OrderBy(table.Asc("rank"))) }
	window := func(tab *table.Table, _ int) *table.View {
		return liveView(tab.OrderBy(table.Asc("rank")).Offset(benchRows / 2).Limit(50))
	}
	b.Run("rows=100000", func(b *testing.B) { benchUpdate(b, benchRows, 0, 1, whole) })
	b.Run("rows=100000/deleted=1000000", func(b *testing.B) { benchUpdate(b, benchRows, 1_000_000, 1, whole) })
	b.Run("rows=100000/offset=50000/limit=50", func(b *testing.B) { benchUpdate(b, benchRows, 0, 1, window) })
	b.Run("rows=100000/lanes=10", func(b *testing.B) {
		benchUpdate(b, benchRows, 0, 10, func(tab *table.Table, i int) *table.View { return liveView(lane(tab, i)) })
	})
	b.Run("rows=100000/lanes=10/others=1000", func(b *testing.B) {
		benchUpdate(b, benchRows, 0, 1010, func(tab *table.Table, i int) *table.View { return liveView(lane(tab, i)) })
	})
	b.Run("rows=1000", func(b *testing.B) { benchUpdate(b, 1000, 0, 1, whole) })
}

// BenchmarkChanged measures what a write costs at once.
func BenchmarkChanged(b *testing.B) {
	tab := fill(b, benchRows, 0)
	row := flatCard(1, 1)
	b.ReportAllocs()
	for b.Loop() {
		tab.Changed("card1", row)
	}
}

func BenchmarkQuery(b *testing.B) {
	tab := fill(b, benchRows, 0)
	b.Run("count", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if n, err := lane(tab, 3).Count(); n != benchRows/10 || err != nil {
				b.Fatal(n, err)
			}
		}
	})
	b.Run("limit=50", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if rows, err := lane(tab, 3).Limit(50).All(); len(rows) != 50 || err != nil {
				b.Fatal(len(rows), err)
			}
		}
	})
	b.Run("live", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			liveView(lane(tab, 3)).Close()
		}
	})
}

// BenchmarkMemory reports the bytes that the table adds to each row: without an
// index, for an index, and for a live view of all.
func BenchmarkMemory(b *testing.B) {
	rows := make([]*flat, benchRows)
	ids := make([]string, benchRows)
	for i := range rows {
		rows[i], ids[i] = flatCard(i, i), "card"+strconv.Itoa(i)
	}
	heap := func() float64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	for range b.N {
		start := heap()
		tab := newTable(b, laneRank())
		for i := range rows {
			tab.Changed(ids[i], rows[i])
		}
		tab.Flush()
		plain := heap()
		if _, err := tab.Where(table.Eq("lane", "lane0")).IDs(); err != nil {
			b.Fatal(err)
		}
		indexed := heap()
		view := liveView(tab.OrderBy(table.Asc("rank")))
		live := heap()
		b.ReportMetric((plain-start)/benchRows, "B/row")
		b.ReportMetric((indexed-plain)/benchRows, "B/row/index")
		b.ReportMetric((live-indexed)/benchRows, "B/row/view")
		runtime.KeepAlive(view)
		runtime.KeepAlive(tab)
	}
	runtime.KeepAlive(rows)
}
