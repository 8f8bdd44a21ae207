package table_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/table"
)

// TestL7_TableOfADocument runs random transactions, some of them reverted, and
// deltas of others, and compares a live query, an indexed count and what events
// add up to with a scan of the document.
func TestL7_TableOfADocument(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 5))
		d := doc.New()
		cards, err := table.Open(d, "/cards", table.Config{Indexes: []table.Index{table.On(table.Asc("lane"), table.Asc("rank"))}})
		if err != nil {
			t.Fatal(err)
		}
		view, err := cards.Where(table.Eq("lane", "todo")).OrderBy(table.Desc("rank")).Limit(5).Live()
		if err != nil {
			t.Fatal(err)
		}
		var replayed []string
		view.OnChange(func(events []table.Event) { replayed = replay(replayed, events) })
		refused := errors.New("refused")
		for step := range 200 {
			id := fmt.Sprint("c", r.IntN(12))
			record := fmt.Sprintf(`{"lane":%q,"rank":%d,"note":%q}`, pickLane(r), r.IntN(6), strings.Repeat("x", r.IntN(2)*600))
			switch r.IntN(6) {
			case 0:
				d.Apply(patchOf(t, fmt.Sprintf(`{"cards":{%q:%s}}`, id, record)))
			case 1:
				d.Apply(patchOf(t, fmt.Sprintf(`{"cards":{%q:null}}`, id)))
			case 2:
				d.Apply(patchOf(t, `{"cards":null}`))
			default:
				fail := r.IntN(3) == 0
				_, err := d.Update(func(tx *doc.Tx) error {
					if err := cards.Put(tx, id, []byte(record)); err != nil {
						return err
					}
					tx.Set(cards.At().Member(id).Member("rank"), []byte("9"))
					ids, err := cards.In(tx).Where(table.Eq("rank", 9)).IDs()
					if err != nil || !slices.Contains(ids, id) {
						t.Errorf("seed %d, step %d: a transaction finds %v, error %v", seed, step, ids, err)
					}
					if r.IntN(2) == 0 {
						cards.Delete(tx, fmt.Sprint("c", r.IntN(12)))
					}
					if fail {
						return refused
					}
					return nil
				})
				if fail != (err != nil) {
					t.Fatal(err)
				}
			}
			want := scan(d)
			if got := view.IDs(); !slices.Equal(got, want) || !slices.Equal(replayed, want) {
				t.Fatalf("seed %d, step %d: the view has %v, its events add up to %v, the document says %v", seed, step, got, replayed, want)
			}
			if n := cards.Len(); n != len(slices.Collect(keys(d))) {
				t.Fatalf("seed %d, step %d: %d records", seed, step, n)
			}
		}
	}
}

// scan is the query of the test, done by looking at everything.
func scan(d *doc.Doc) []string {
	type row struct{ id, rank string }
	var rows []row
	for id, v := range d.Value("/cards").Members() {
		if lane, _ := v.Field("lane"); lane == `"todo"` {
			rank, _ := v.Field("rank")
			rows = append(rows, row{id, rank})
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		if a.rank != b.rank {
			return strings.Compare(b.rank, a.rank) // one digit each
		}
		return strings.Compare(a.id, b.id)
	})
	ids := make([]string, 0, 5)
	for _, r := range rows[:min(5, len(rows))] {
		ids = append(ids, r.id)
	}
	return ids
}

func keys(d *doc.Doc) func(func(string) bool) {
	return func(yield func(string) bool) {
		for id := range d.Value("/cards").Members() {
			if !yield(id) {
				return
			}
		}
	}
}

// replay applies events to a list of ids.
func replay(ids []string, events []table.Event) []string {
	for _, e := range events {
		switch e.Kind {
		case table.Add:
			ids = slices.Insert(ids, e.To, e.ID)
		case table.Remove:
			ids = slices.Delete(ids, e.From, e.From+1)
		case table.Move:
			ids = slices.Delete(ids, e.From, e.From+1)
			ids = slices.Insert(ids, e.To, e.ID)
		}
	}
	return ids
}

func pickLane(r *rand.Rand) string { return []string{"todo", "done"}[r.IntN(2)] }

func patchOf(t *testing.T, text string) delta.Delta {
	t.Helper()
	d, err := delta.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}
