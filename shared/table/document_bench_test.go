package table_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/table"
)

// BenchmarkRemoteRow is a field of one row among 100,000 changed by somebody
// else: the delta is validated and applied, and the live result of an indexed
// query, whose order the field decides, is brought up to date and told.
// deleted is the number of rows that were made and deleted before.
func BenchmarkRemoteRow(b *testing.B) {
	const rows, lanes = 100_000, 10
	for _, deleted := range []int{0, 300_000} {
		b.Run("deleted="+strconv.Itoa(deleted), func(b *testing.B) {
			var text strings.Builder
			text.WriteString(`{"cards":{`)
			for i := range rows {
				if i > 0 {
					text.WriteByte(',')
				}
				fmt.Fprintf(&text, `"c%06d":{"lane":"lane%d","rank":%d,"title":"card %d"}`, i, i%lanes, i, i)
			}
			text.WriteString(`}}`)
			d := doc.Open([]byte(text.String()))
			cards, err := table.Open(d, "/cards", table.Config{Indexes: []table.Index{table.On(table.Asc("lane"), table.Asc("rank"))}})
			if err != nil {
				b.Fatal(err)
			}
			events := 0
			for lane := range lanes {
				view, err := cards.Where(table.Eq("lane", "lane"+strconv.Itoa(lane))).OrderBy(table.Asc("rank")).Live()
				if err != nil {
					b.Fatal(err)
				}
				view.OnChange(func(e []table.Event) { events += len(e) })
			}
			for i := range deleted {
				d.Apply(patch(b, fmt.Sprintf(`{"cards":{"x%d":{"lane":"lane1","rank":%d}}}`, i, i)))
				d.Apply(patch(b, fmt.Sprintf(`{"cards":{"x%d":null}}`, i)))
			}
			texts := make([][]byte, 8192)
			for i := range texts {
				texts[i] = fmt.Appendf(nil, `{"cards":{"c%06d":{"rank":%d}}}`, i*7919%rows, i*104729%rows)
			}
			events = 0
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				p, err := delta.Parse(texts[i%len(texts)])
				if err != nil {
					b.Fatal(err)
				}
				d.Apply(p)
				i++
			}
			b.StopTimer()
			if events == 0 || cards.Len() != rows {
				b.Fatalf("%d events, %d records", events, cards.Len())
			}
		})
	}
}

func patch(b *testing.B, text string) delta.Delta {
	b.Helper()
	p, err := delta.Parse([]byte(text))
	if err != nil {
		b.Fatal(err)
	}
	return p
}
