package table_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/table"
)

func card(lane string, rank int) table.Row {
	return newRow(fmt.Sprintf(`{"lane":%q,"rank":%d,"title":"card"}`, lane, rank))
}

func laneRank() table.Index { return table.On(table.Asc("lane"), table.Asc("rank")) }

func events(t *testing.T, v *table.View) func() string {
	var got []string
	v.OnChange(func(events []table.Event) {
		for _, e := range events {
			switch e.Kind {
			case table.Add, table.Change:
				got = append(got, fmt.Sprintf("%v %s at %d", e.Kind, e.ID, e.To))
			case table.Remove:
				got = append(got, fmt.Sprintf("%v %s at %d", e.Kind, e.ID, e.From))
			case table.Move:
				got = append(got, fmt.Sprintf("%v %s from %d to %d", e.Kind, e.ID, e.From, e.To))
			default:
				t.Errorf("kind %d", e.Kind)
			}
		}
	})
	return func() string {
		s := strings.Join(got, ", ")
		got = nil
		return s
	}
}

// The ancestor kept deleted rows in its indexes: with 1 live row an indexed query
// cost 4030 steps after 2004 rows ever created.
func TestDeletedRowsLeaveNothing(t *testing.T) {
	tab := newTable(t, laneRank(), table.On(table.Desc("rank")))
	q := tab.Where(table.Eq("lane", "todo"), table.Ge("rank", 0))
	view := must(q.OrderBy(table.Asc("rank")).Live())
	ordered := tab.OrderBy(table.Desc("rank")).Limit(1)
	tab.Changed("stays", card("todo", 1))
	must(q.IDs()) // an index is built by the first query of a table that has rows
	must(ordered.IDs())
	if tab.IndexLen(0) != 1 || tab.IndexLen(1) != 1 {
		t.Fatal("the indexes are not built: nothing would be tested")
	}
	for i := range 2004 {
		tab.Changed("card"+strconv.Itoa(i), card("todo", i))
		if i%3 == 0 {
			tab.Flush()
		}
		tab.Changed("card"+strconv.Itoa(i), nil)
		if i%2 == 0 {
			tab.Flush()
		}
	}
	tab.Flush()
	if tab.Records() != 1 || tab.IndexLen(0) != 1 || tab.IndexLen(1) != 1 || tab.Held() != 1 || view.Total() != 1 {
		t.Errorf("1 row is left, and %d records, %d and %d index entries, %d held", tab.Records(), tab.IndexLen(0), tab.IndexLen(1), tab.Held())
	}
	before := tab.Read()
	if ids := must(q.IDs()); !slices.Equal(ids, []string{"stays"}) {
		t.Errorf("the query gives %q", ids)
	}
	if steps := tab.Read() - before; steps != 1 {
		t.Errorf("an indexed query over 1 row read %d", steps)
	}
}

// The ancestor left old and new value of an indexed field both matching.
func TestUpdateInPlaceMovesTheRow(t *testing.T) {
	tab := newTable(t, laneRank())
	count := func(lane string, rank int) int {
		return must(tab.Where(table.Eq("lane", lane), table.Eq("rank", rank)).Count())
	}
	tab.Changed("a", card("todo", 1))
	if count("todo", 1) != 1 {
		t.Error("the row is not found")
	}
	tab.Changed("a", card("todo", 2))
	if count("todo", 1) != 0 || count("todo", 2) != 1 {
		t.Error("after an increment in place the old value matches or the new one does not")
	}
	tab.Changed("a", card("done", 2))
	tab.Flush()
	if count("todo", 2) != 0 || count("done", 2) != 1 || tab.IndexLen(0) != 1 {
		t.Error("after a change of the first field the old value matches or the new one does not")
	}
}

func TestEvents(t *testing.T) {
	tab := newTable(t)
	for i, id := range []string{"a", "b", "c", "d", "e"} {
		tab.Changed(id, card("todo", i*10))
	}
	tab.Flush()
	q := tab.Where(table.Eq("lane", "todo")).OrderBy(table.Asc("rank"))
	all, part := events(t, must(q.Live())), events(t, must(q.Offset(1).Limit(2).Live())) // part: b, c
	for _, step := range []struct {
		what     string
		do       func()
		all, win string
	}{
		{"nothing", func() {}, "", ""},
		{"same content", func() { tab.Changed("b", card("todo", 10)) }, "", ""},
		{"content", func() { tab.Changed("b", newRow(`{"lane":"todo","rank":10.0}`)) }, "change b at 1", "change b at 0"},
		{"place kept", func() { tab.Changed("b", card("todo", 11)) }, "change b at 1", "change b at 0"},
		{"move in the window", func() { tab.Changed("b", card("todo", 25)) }, "move b from 1 to 2", "move b from 0 to 1"},
		{"move out of the window", func() { tab.Changed("b", card("todo", 99)) }, "move b from 2 to 4", "remove b at 1, add d at 1"},
		{"over the whole window", func() { tab.Changed("a", card("todo", 100)) }, "move a from 0 to 4", "remove c at 0, add e at 1"},
		{"beyond the window", func() { tab.Changed("a", card("todo", 98)) }, "move a from 4 to 3", ""},
		{"leaves before it", func() { tab.Changed("c", card("done", 20)) }, "remove c at 0", "remove d at 0, add a at 1"},
		{"comes in before it", func() { tab.Changed("c", card("todo", 0)) }, "add c at 0", "remove a at 1, add d at 0"},
		{"deleted in it", func() { tab.Changed("d", nil) }, "remove d at 1", "remove d at 0, add a at 1"},
		{"swapped at once", func() { tab.Changed("e", nil); tab.Changed("f", card("todo", 1)) }, "remove e at 1, add f at 1", "remove e at 0, add f at 0"},
		{"made and deleted", func() { tab.Changed("g", card("todo", 1)); tab.Changed("g", nil) }, "", ""},
	} {
		step.do()
		tab.Flush()
		if got := all(); got != step.all {
			t.Errorf("%s: %q, want %q", step.what, got, step.all)
		}
		if got := part(); got != step.win {
			t.Errorf("%s: %q in the window, want %q", step.what, got, step.win)
		}
	}
}

func TestL7_AbortedTransactionIsNotTold(t *testing.T) {
	tab := newTable(t, laneRank())
	rows := map[string]table.Row{"a": card("todo", 1), "b": card("todo", 2), "c": card("done", 3)}
	tab.Reset(maps.All(rows))
	tab.Flush()
	view := must(tab.Where(table.Eq("lane", "todo")).OrderBy(table.Asc("rank")).Limit(2).Live())
	count := must(tab.Where(table.Eq("lane", "todo")).LiveCount())
	groups := must(tab.GroupBy("lane").Of("rank").Live())
	told := 0
	view.OnChange(func([]table.Event) { told++ })
	count.OnChange(func(int) { told++ })
	groups.OnChange(func([]table.GroupEvent) { told++ })

	tab.Changed("a", card("done", 9))
	tab.Changed("new", card("todo", 0))
	tab.Changed("b", nil)
	if n := must(tab.Where(table.Eq("lane", "todo")).Count()); n != 1 {
		t.Errorf("the transaction sees %d rows, want its own 1", n)
	}
	if !slices.Equal(view.IDs(), []string{"a", "b"}) || count.N() != 2 || groups.At(1).Count != 2 {
		t.Error("a live result shows an unfinished transaction")
	}
	tab.Changed("b", rows["b"])
	tab.Changed("new", nil)
	tab.Changed("a", rows["a"])
	tab.Flush()
	if told != 0 || tab.Records() != 3 || tab.IndexLen(0) != 3 {
		t.Errorf("after the revert: %d were told, %d records, %d index entries", told, tab.Records(), tab.IndexLen(0))
	}
	tab.Reset(maps.All(rows))
	tab.Flush()
	if told != 0 {
		t.Error("a reset to the same content was told")
	}
	tab.Reset(maps.All(map[string]table.Row{"a": rows["a"]}))
	tab.Flush()
	if told != 3 || tab.Len() != 1 || !slices.Equal(view.IDs(), []string{"a"}) {
		t.Errorf("after a reset to one row: %d were told, view %q", told, view.IDs())
	}
}

func TestL6_ChangeTouchesOnlyConcernedViews(t *testing.T) {
	const lanes, perLane = 1000, 3
	tab := newTable(t, laneRank())
	for i := range lanes * perLane {
		tab.Changed("card"+strconv.Itoa(i), card("lane"+strconv.Itoa(i%lanes), i))
	}
	tab.Flush()
	calls := make([]int, lanes)
	for i := range lanes {
		lane := table.Eq("lane", "lane"+strconv.Itoa(i))
		view := must(tab.Where(lane).OrderBy(table.Asc("rank")).Live())
		view.OnChange(func([]table.Event) { calls[i]++ })
		must(tab.Where(lane, table.Ge("rank", -1)).LiveCount())
		must(tab.Where(table.Eq("title", "card"), lane).GroupBy("lane").Live())
	}
	if routes, general := tab.Routes(); routes != 2 || general != 0 {
		t.Fatalf("%d routes and %d results without one", routes, general)
	}
	for _, step := range []struct {
		what    string
		row     table.Row
		matched int // predicates evaluated: three results in each lane concerned
		told    []int
	}{
		{"another rank", card("lane5", -1), 3, []int{5}},
		{"another lane", card("lane7", -1), 6, []int{5, 7}},
		{"an unknown lane", card("nowhere", 1), 3, []int{7}},
		{"of no concern", card("nowhere", 2), 0, nil},
		{"back", card("lane5", 5), 3, []int{5}},
		{"nothing", card("lane5", 5), 0, nil},
		{"gone", nil, 0, []int{5}},
	} {
		before := tab.Matched()
		clear(calls)
		tab.Changed("card5", step.row)
		tab.Flush()
		if n := tab.Matched() - before; n != step.matched {
			t.Errorf("%s: %d predicates were evaluated, want %d", step.what, n, step.matched)
		}
		var told []int
		for lane, n := range calls {
			if n > 0 {
				told = append(told, lane)
			}
		}
		if !slices.Equal(told, step.told) {
			t.Errorf("%s: views of lanes %v were told, want %v", step.what, told, step.told)
		}
	}
}

func TestListenersMayUseTheTable(t *testing.T) {
	tab := newTable(t)
	q := tab.Where(table.Eq("lane", "todo"))
	first, second := must(q.Live()), must(q.Live())
	var late *follower
	m := model{"a": card("todo", 1)}
	var log []string
	stop := first.OnChange(func(events []table.Event) {
		log = append(log, "first "+events[0].ID)
		if len(log) > 1 {
			return
		}
		m["b"] = card("todo", 2)
		tab.Changed("b", m["b"])
		tab.Flush()
		late = follow(m, query{Query: q, wants: func(table.Row) bool { return true }, compare: func(a, b table.Row) int { return 0 }, limit: -1})
		// Who comes now knows what is due to the others.
		second.OnChange(func(events []table.Event) { log = append(log, "new "+events[0].ID) })
	})
	second.OnChange(func(events []table.Event) {
		log = append(log, fmt.Sprint("second ", len(events), " ", second.Len()))
	})
	tab.Changed("a", m["a"])
	tab.Flush()
	if want := []string{"first a", "second 2 2", "first b"}; !slices.Equal(log, want) {
		t.Errorf("told %q, want %q", log, want)
	}
	log = nil
	stop()
	stop()
	delete(m, "b")
	tab.Changed("b", nil)
	tab.Flush()
	if want := []string{"second 1 1", "new b"}; !slices.Equal(log, want) {
		t.Errorf("told %q, want %q", log, want)
	}
	late.check(t, m)
	third := must(q.Live())
	for _, v := range []*table.View{first, second, third} {
		v.OnChange(func([]table.Event) {
			log = append(log, "closing")
			first.Close()
			second.Close()
			second.Close()
			third.Close()
		})
	}
	log = nil
	tab.Changed("a", nil)
	tab.Flush()
	tab.Changed("a", m["a"])
	tab.Flush()
	if n := len(slices.DeleteFunc(log, func(s string) bool { return s != "closing" })); n != 1 {
		t.Errorf("closed views were told: %q", log)
	}
	if first.Len() != 0 || second.Len() != 0 || third.Len() != 0 {
		t.Error("a closed view has rows")
	}
}

func TestExplain(t *testing.T) {
	tab := newTable(t, laneRank(), table.On(table.Asc("title")), table.On(table.Desc("/size/w")))
	for i := range 100 {
		tab.Changed(strconv.Itoa(i), newRow(fmt.Sprintf(`{"lane":"l%d","rank":%d,"title":"t%02d","size":{"w":%d}}`, i%4, i, i, i)))
	}
	lane := tab.Where(table.Eq("lane", "l1"))
	for want, q := range map[string]*table.Query{
		`full scan; reads 100 of 100 rows; sorts by id`:                                                                        tab.Where(),
		`full scan; reads 100 of 100 rows; filters other = 1; sorts by id`:                                                     tab.Where(table.Eq("other", 1)),
		`index (lane, rank): lane = "l1"; reads 25 of 100 rows; sorts by id`:                                                   lane,
		`index (lane, rank): lane = "l1"; reads 25 of 100 rows`:                                                                lane.OrderBy(table.Asc("rank")),
		`index (lane, rank): lane = "l1"; reads 25 of 100 rows; backwards`:                                                     lane.OrderBy(table.Desc("lane"), table.Desc("rank")),
		`index (lane, rank): lane = "l1", rank >= 50; reads 12 of 100 rows; sorts by id`:                                       lane.Where(table.Ge("rank", 50)),
		`index (lane, rank): lane = "l1", rank > 50, rank < 60.5; reads 2 of 100 rows; filters rank != 53; sorts by title, id`: lane.Where(table.Gt("rank", 50), table.Lt("rank", 60.5), table.Ne("rank", 53)).OrderBy(table.Asc("title")),
		`index (lane, rank): lane in ("l1", "l3"); reads 50 of 100 rows; sorts by id`:                                          tab.Where(table.In("lane", "l1", "l3")),
		`index (title): title begins with "t0"; reads 10 of 100 rows; filters lane = "l1"; sorts by id`:                        lane.Where(table.Prefix("title", "t0")),
		`index (/size/w desc): /size/w <= 3; reads 4 of 100 rows; filters (func or not title exists); backwards`:               tab.Where(table.Le("/size/w", 3), table.Or(table.Func(func(table.Row) bool { return true }), table.Not(table.Exists("title")))).OrderBy(table.Asc("/size/w")),
		`index (title); reads 100 of 100 rows`:                                                                                 tab.OrderBy(table.Asc("title")).Limit(3),
		`error: table: negative limit`:                                                                                         tab.Where().Limit(-1),
	} {
		if got := q.Explain(); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
	before := tab.Read()
	ids := must(tab.OrderBy(table.Desc("title")).Offset(1).Limit(2).IDs())
	if !slices.Equal(ids, []string{"98", "97"}) || tab.Read()-before != 3 {
		t.Errorf("the last rows are %q, and %d were read", ids, tab.Read()-before)
	}
}

func TestMistakes(t *testing.T) {
	tab := newTable(t)
	var tooMany []table.Index
	for i := range table.MaxIndexes + 1 {
		tooMany = append(tooMany, table.On(table.Asc(strconv.Itoa(i))))
	}
	for i, indexes := range [][]table.Index{
		{table.On()}, {laneRank(), laneRank()}, {table.On(table.Asc("a"), table.Desc("/a"))}, {table.On(table.Asc("/a~2"))},
		{table.On(table.Order{})}, {table.On(table.Asc("\xff"))}, tooMany,
	} {
		_, err := table.New(table.Config{Indexes: indexes})
		if e := (*table.Error)(nil); !errors.As(err, &e) || e.Fault != table.FaultField && e.Fault != table.FaultIndex {
			t.Errorf("indexes %d: %v", i, err)
		}
	}
	for text, q := range map[string]*table.Query{
		`table: field "a": a parameter is none of string, bool, int, int64, float64, Literal`:     tab.Where(table.Eq("a", nil)),
		`table: field "b": a parameter is none of string, bool, int, int64, float64, Literal`:     tab.Where(table.Not(table.And(table.Lt("b", uint8(1))))),
		`table: field "a": a parameter is no finite number`:                                       tab.Where(table.Eq("a", math.NaN())),
		`table: field "a": a parameter is not UTF-8`:                                              tab.Where(table.Prefix("a", "\xff")),
		`table: field "a": a parameter is an object or array: only scalars are compared`:          tab.Where(table.In("a", 1, table.Literal("[]"))),
		`table: field "a": a parameter is not JSON: json at byte 0: ends where a value should be`: tab.Where(table.Eq("a", table.Literal(""))),
		`table: field "/a~": is not a JSON pointer`:                                               tab.Where(table.Exists("/a~")).Limit(-1),
		`table: field "x": is named twice`:                                                        tab.OrderBy(table.Asc("x")).OrderBy(table.Desc("/x")),
		`table: an empty Predicate: use the functions that make one`:                              tab.Where(table.Predicate{}),
		`table: Func without a function`:                                                          tab.Where(table.Func(nil)),
		`table: negative limit`:                                                                   tab.Where().Limit(-1).Offset(-1),
		`table: negative offset`:                                                                  tab.Where().Offset(-1).Limit(1),
	} {
		_, e1 := q.All()
		_, e2 := q.IDs()
		_, e3 := q.Count()
		_, e4 := q.Live()
		_, e5 := q.LiveCount()
		_, e6 := q.GroupBy("a").All()
		_, e7 := q.GroupBy("a").Of("b").Live()
		for i, err := range []error{e1, e2, e3, e4, e5, e6, e7, q.Err()} {
			if e := (*table.Error)(nil); !errors.As(err, &e) || e.Error() != text {
				t.Errorf("way %d: %v, want %s", i, err, text)
			}
		}
	}
	if _, err := tab.GroupBy("/~").Live(); err == nil {
		t.Error("groups by no field")
	}
	if _, err := tab.GroupBy("a").Of("/~").Live(); err == nil {
		t.Error("sums of no field")
	}
}

// A query is a value: building on it twice gives two independent queries.
func TestQueriesAreIndependent(t *testing.T) {
	tab := newTable(t)
	for i := range 4 {
		tab.Changed(strconv.Itoa(i), newRow(fmt.Sprintf(`{"a":%d,"b":%d,"c":%d}`, i&1, i>>1, i)))
	}
	base := tab.Where(table.Exists("a")).Where(table.Exists("b")).Where(table.Exists("c"))
	a, b := base.Where(table.Eq("a", 1)), base.Where(table.Eq("b", 1))
	up, down := base.OrderBy(table.Asc("a")).OrderBy(table.Asc("b")), base.OrderBy(table.Asc("a")).OrderBy(table.Desc("b"))
	for want, q := range map[string]*table.Query{"1 3": a, "2 3": b, "0 1 2 3": base, "0 2 1 3": up, "2 0 3 1": down, "1": a.Limit(1), "3": a.Offset(1), "": a.Limit(0)} {
		if got := strings.Join(must(q.IDs()), " "); got != want {
			t.Errorf("%s: %s, want %s", q.Explain(), got, want)
		}
	}
	if row := tab.Row("3"); row == nil || row.Raw() != `{"a":1,"b":1,"c":3}` || tab.Row("4") != nil {
		t.Error("Row does not find the row")
	}
}
