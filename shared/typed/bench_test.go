package typed_test

import (
	"fmt"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/table"
	"github.com/rivulet-sync/rivulet/shared/typed"
)

// cards returns a document of so many cards, bound.
func cards(b *testing.B, n int) (*doc.Doc, *shared) {
	d := doc.New()
	s := bind[shared](b, d)
	update(b, d, s.Checked(func(tx *doc.Tx) error {
		s.Name.Set(tx, "Plan")
		for i := range n {
			s.Cards.Put(tx, fmt.Sprint("c", i), Card{Title: "Write the tests", Lane: []string{"todo", "done"}[i%2], Rank: i})
		}
		return nil
	}))
	return d, s
}

func BenchmarkBind(b *testing.B) {
	for _, n := range []int{0, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d, _ := cards(b, n)
			text := d.Canonical()
			b.ReportAllocs()
			for b.Loop() {
				bound, err := typed.Bind[shared](doc.Open(text), options("aa"))
				if err != nil {
					b.Fatal(err)
				}
				bound.Close()
			}
		})
	}
}

func BenchmarkFieldGet(b *testing.B) {
	_, s := cards(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		if name, ok := s.Name.Get(); !ok || name != "Plan" {
			b.Fatal(name)
		}
	}
}

// BenchmarkUpdate runs a transaction of one write, by hand and by this package.
func BenchmarkUpdate(b *testing.B) {
	d, s := cards(b, 10_000)
	i := 0
	for _, c := range []struct {
		name string
		fn   func(*doc.Tx) error
	}{
		{"FieldSet/doc", func(tx *doc.Tx) error { return tx.Set("/name", fmt.Appendf(nil, `"%d"`, i)) }},
		{"FieldSet/typed", func(tx *doc.Tx) error { return s.Name.Set(tx, fmt.Sprint(i)) }},
		{"Put/doc", func(tx *doc.Tx) error {
			return tx.Set("/cards/c7", fmt.Appendf(nil, `{"lane":"todo","rank":%d,"title":"Write the tests"}`, i))
		}},
		{"Put/typed", func(tx *doc.Tx) error { return s.Cards.Put(tx, "c7", Card{"Write the tests", "todo", i}) }},
		{"OneMember/doc", func(tx *doc.Tx) error { return tx.Set("/cards/c9/rank", fmt.Append(nil, i)) }},
		{"OneMember/SetMember", func(tx *doc.Tx) error { return s.Cards.SetMember(tx, "c9", "rank", i) }},
		{"OneMember/Edit", func(tx *doc.Tx) error { return s.Cards.Edit(tx, "c9", func(c *Card) { c.Rank = i }) }},
		{"Add", func(tx *doc.Tx) error { return s.Votes.Add(tx, 1) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			fn := s.Checked(c.fn)
			b.ReportAllocs()
			for b.Loop() {
				i++
				if _, err := d.Update(fn); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTableGet(b *testing.B) {
	_, s := cards(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		if card, ok := s.Cards.Get("c7"); !ok || card.Rank != 7 {
			b.Fatal(card)
		}
	}
}

// BenchmarkViewAll shows a page of 50 cards; BenchmarkViewChange changes one that a
// view shows and looks at what the event says.
func BenchmarkViewAll(b *testing.B) {
	_, s := cards(b, 10_000)
	view, err := s.Cards.Where(table.Eq("lane", "todo")).OrderBy(table.Desc("rank")).Limit(50).Live()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for range view.All() {
			n++
		}
		if n != 50 {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/50, "ns/row")
}

func BenchmarkViewChange(b *testing.B) {
	d, s := cards(b, 10_000)
	view, err := s.Cards.Where(table.Eq("lane", "todo")).OrderBy(table.Desc("rank")).Limit(50).Live()
	if err != nil {
		b.Fatal(err)
	}
	told, i := 0, 0
	view.OnChange(func(events []typed.Event[Card]) { told += len(events) })
	fn := s.Checked(func(tx *doc.Tx) error {
		return s.Cards.Edit(tx, "c9998", func(c *Card) { i++; c.Title = fmt.Sprint(i) })
	})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Update(fn); err != nil {
			b.Fatal(err)
		}
	}
	if told != i {
		b.Fatalf("%d events of %d changes", told, i)
	}
}
