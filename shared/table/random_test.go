package table_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/table"
)

var (
	scalars = []string{
		"null", "false", "true", `""`, `"a"`, `"b"`, `"ab"`, `"abc"`, `"\u0000"`, `"\u0000a"`, `"é"`, `"\ue000"`, `"𝄞"`, `"a\"\\\n"`,
		"0", "-0", "0e9", "1", "1.0", "1e0", "10E-1", "1.50", "1.5", "-1.5", "-1.50001", "2", "3", "-3", "1e400", "-1e400", "1e-400",
		"9007199254740992", "9007199254740993", "123456789012345678901234567890", "123456789012345678901234567891", "0.1", "0.10000000000000000001",
	}
	composites = []string{`[]`, `[1,null]`, `{}`, `{"x":1}`, `{"deep":7}`, `{"deep":"b"}`}
	fields     = []string{"lane", "rank", "title", "/nested/deep", "done"}
	predicates = 11
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// few returns one of the first n scalars that are not null, so that rows collide.
func few(r *rand.Rand) string {
	return pick(r, []string{`"a"`, `"b"`, `"ab"`, "1", "2", "3", "1.0", "true"})
}

func randomRow(r *rand.Rand) table.Row {
	var members []string
	add := func(name, raw string) { members = append(members, strconv.Quote(name)+":"+raw) }
	for _, name := range []string{"lane", "rank", "title", "done", "unseen"} {
		switch r.IntN(8) {
		case 0: // missing
		case 1:
			add(name, pick(r, scalars[1:]))
		case 2:
			add(name, pick(r, composites))
		default:
			add(name, few(r))
		}
	}
	switch r.IntN(4) {
	case 0:
		add("nested", few(r))
	case 1:
		add("nested", pick(r, composites))
	case 2:
		add("nested", `{"deep":`+few(r)+`}`)
	}
	return newRow("{" + strings.Join(members, ",") + "}")
}

// parameter returns a random scalar, as a Go value where one holds it exactly.
func parameter(r *rand.Rand) (any, value) {
	raw := few(r)
	if r.IntN(3) == 0 {
		raw = pick(r, scalars)
	}
	v := valueOf(raw, true)
	if r.IntN(2) == 0 {
		switch raw {
		case "true":
			return true, v
		case `"a"`, `"b"`, `"ab"`:
			return v.text, v
		case "1", "2", "3":
			return int(raw[0] - '0'), v
		case "1.5":
			return 1.5, v
		case "9007199254740993":
			return int64(9007199254740993), v
		}
	}
	return table.Literal(raw), v
}

func randomPredicate(r *rand.Rand, depth int) (table.Predicate, func(table.Row) bool) {
	name := pick(r, fields)
	p, v := parameter(r)
	compare := func(wanted func(c int) bool) func(table.Row) bool {
		return func(row table.Row) bool {
			f := fieldValue(row, name)
			boolean := (f.kind == 1 || f.kind == 2) && (v.kind == 1 || v.kind == 2)
			return (f.kind == v.kind || boolean) && wanted(compareValues(f, v))
		}
	}
	equal := func(row table.Row) bool { return compareValues(fieldValue(row, name), v) == 0 }
	n := predicates + 3
	if depth > 1 {
		n = predicates
	}
	switch r.IntN(n) {
	case 0, 1:
		return table.Eq(name, p), equal
	case 2:
		return table.Ne(name, p), func(row table.Row) bool { return !equal(row) }
	case 3:
		return table.Lt(name, p), compare(func(c int) bool { return c < 0 })
	case 4:
		return table.Le(name, p), compare(func(c int) bool { return c <= 0 })
	case 5:
		return table.Gt(name, p), compare(func(c int) bool { return c > 0 })
	case 6:
		return table.Ge(name, p), compare(func(c int) bool { return c >= 0 })
	case 7:
		p2, v2 := parameter(r)
		return table.In(name, p, p2, p), func(row table.Row) bool {
			return equal(row) || compareValues(fieldValue(row, name), v2) == 0
		}
	case 8:
		prefix := pick(r, []string{"", "a", "ab", "\x00", "é"})
		return table.Prefix(name, prefix), func(row table.Row) bool {
			f := fieldValue(row, name)
			return f.kind == 4 && strings.HasPrefix(f.text, prefix)
		}
	case 9:
		return table.Exists(name), func(row table.Row) bool {
			_, ok := row.Field(strings.Split(strings.TrimPrefix(name, "/"), "/")...)
			return ok
		}
	case 10:
		long := func(row table.Row) bool { return len(row.Raw()) > 60 }
		return table.Func(long), long
	case predicates:
		a, wantsA := randomPredicate(r, depth+1)
		b, wantsB := randomPredicate(r, depth+1)
		return table.And(a, b), func(row table.Row) bool { return wantsA(row) && wantsB(row) }
	case predicates + 1:
		a, wantsA := randomPredicate(r, depth+1)
		b, wantsB := randomPredicate(r, depth+1)
		return table.Or(a, b), func(row table.Row) bool { return wantsA(row) || wantsB(row) }
	default:
		a, wantsA := randomPredicate(r, depth+1)
		return table.Not(a), func(row table.Row) bool { return !wantsA(row) }
	}
}

func randomQuery(r *rand.Rand, t *table.Table) query {
	q := query{Query: t.Where(), limit: -1}
	var wants []func(table.Row) bool
	for range r.IntN(3) {
		p, w := randomPredicate(r, 0)
		q.Query = q.Where(p)
		wants = append(wants, w)
	}
	q.wants = func(row table.Row) bool {
		return !slices.ContainsFunc(wants, func(w func(table.Row) bool) bool { return !w(row) })
	}
	names := slices.Clone(fields)
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	names = names[:r.IntN(3)]
	desc := make([]bool, len(names))
	for i, name := range names {
		if desc[i] = r.IntN(2) == 0; desc[i] {
			q.Query = q.OrderBy(table.Desc(name))
		} else {
			q.Query = q.OrderBy(table.Asc(name))
		}
	}
	q.compare = func(a, b table.Row) int {
		for i, name := range names {
			if c := compareValues(fieldValue(a, name), fieldValue(b, name)); c != 0 {
				if desc[i] {
					return -c
				}
				return c
			}
		}
		return 0
	}
	if r.IntN(2) == 0 {
		q.offset = r.IntN(4)
		q.Query = q.Offset(q.offset)
	}
	if r.IntN(2) == 0 {
		q.limit = r.IntN(6)
		q.Query = q.Limit(q.limit)
	}
	return q
}

// follower is a view with what its events made of its first result.
type follower struct {
	query query
	view  *table.View
	ids   []string
	raws  map[string]string
	calls int
	fault string
	// early: the view was opened in the middle of the batch that is next.
	early bool
}

func follow(m model, q query) *follower {
	v := must(q.Live())
	f := &follower{query: q, view: v, raws: map[string]string{}}
	f.ids = v.IDs()
	for _, id := range f.ids {
		f.raws[id] = m[id].Raw()
	}
	v.OnChange(f.apply)
	return f
}

func (f *follower) apply(events []table.Event) {
	f.calls++
	seen := map[string]bool{}
	for _, e := range events {
		if seen[e.ID] {
			f.fault = "two events for " + e.ID
		}
		seen[e.ID] = true
		switch e.Kind {
		case table.Remove, table.Move:
			if f.ids[e.From] != e.ID {
				f.fault = e.Kind.String() + " of " + e.ID + " names " + f.ids[e.From]
			}
			f.ids = slices.Delete(f.ids, e.From, e.From+1)
			delete(f.raws, e.ID)
		case table.Change:
			if f.ids[e.To] != e.ID || !f.early && f.raws[e.ID] == e.Row.Raw() {
				f.fault = "change of " + e.ID + " without a change"
			}
		}
		if e.Kind == table.Add || e.Kind == table.Move {
			f.ids = slices.Insert(f.ids, e.To, e.ID)
		}
		if e.Kind != table.Remove {
			f.raws[e.ID] = e.Row.Raw()
		}
	}
}

func (f *follower) check(t *testing.T, m model) {
	t.Helper()
	want := m.result(f.query)
	if got := f.view.IDs(); !slices.Equal(got, want) || f.view.Len() != len(want) {
		t.Fatalf("%s: the view is %q, want %q", f.query.Explain(), got, want)
	}
	if n := len(m.matching(f.query)); f.view.Total() != n {
		t.Fatalf("%s: %d rows in total, want %d", f.query.Explain(), f.view.Total(), n)
	}
	if !slices.Equal(f.ids, want) || f.fault != "" {
		t.Fatalf("%s: the events lead to %q, want %q %s", f.query.Explain(), f.ids, want, f.fault)
	}
	for i, id := range want {
		if f.raws[id] != m[id].Raw() || f.view.At(i).Row.Raw() != m[id].Raw() {
			t.Fatalf("%s: row %s is %s by the events, want %s", f.query.Explain(), id, f.raws[id], m[id].Raw())
		}
	}
}

func (f *follower) compare(t *testing.T, m model) {
	t.Helper()
	want := m.result(f.query)
	if got := must(f.query.IDs()); !slices.Equal(got, want) {
		t.Fatalf("%s: the result is %q, want %q", f.query.Explain(), got, want)
	}
	if n := must(f.query.Count()); n != len(m.matching(f.query)) {
		t.Fatalf("%s: %d rows, want %d", f.query.Explain(), n, len(m.matching(f.query)))
	}
}

// tally is a live count and live groups of a query, with what events made of them.
type tally struct {
	query   query
	counter *table.Counter
	n       int
	groups  *table.Groups
	list    []table.Group
	by, of  string
	calls   int
}

func newTally(r *rand.Rand, q query) *tally {
	c := must(q.LiveCount())
	y := &tally{query: q, counter: c, n: c.N(), by: pick(r, fields), of: "rank"}
	c.OnChange(func(n int) { y.n, y.calls = n, y.calls+1 })
	g := must(q.GroupBy(y.by).Of(y.of).Live())
	y.groups = g
	y.list = g.All()
	g.OnChange(func(events []table.GroupEvent) {
		y.calls++
		for _, e := range events {
			switch e.Kind {
			case table.Add:
				y.list = slices.Insert(y.list, e.Index, e.Group)
			case table.Remove:
				y.list = slices.Delete(y.list, e.Index, e.Index+1)
			case table.Change:
				y.list[e.Index] = e.Group
			}
		}
	})
	return y
}

func (y *tally) check(t *testing.T, m model) {
	t.Helper()
	n := len(m.matching(y.query))
	if y.counter.N() != n || y.n != n {
		t.Fatalf("%s: counted %d, told %d, want %d", y.query.Explain(), y.counter.N(), y.n, n)
	}
	want := m.groups(y.query, y.by, y.of)
	now := must(y.query.GroupBy(y.by).Of(y.of).All())
	for name, got := range map[string][]table.Group{"now": now, "live": y.groups.All(), "told": y.list} {
		if !slices.Equal(described(got), want) {
			t.Fatalf("%s by %s: groups %s are\n%q, want\n%q", y.query.Explain(), y.by, name, described(got), want)
		}
	}
}

func TestAgainstFullScan(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { againstFullScan(t, seed) })
	}
}

func againstFullScan(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	tab := newTable(t,
		table.On(table.Asc("lane"), table.Asc("rank")), table.On(table.Desc("lane"), table.Desc("title"), table.Asc("rank")),
		table.On(table.Asc("/nested/deep")), table.On(table.Asc("rank")), table.On(table.Desc("title")))
	m := model{}
	ids := make([]string, 14)
	for i := range ids {
		ids[i] = "r" + strconv.Itoa(i)
	}
	write := func(id string, row table.Row) {
		if row == nil {
			delete(m, id)
		} else {
			m[id] = row
		}
		tab.Changed(id, row)
	}
	for range r.IntN(12) {
		write(pick(r, ids), randomRow(r))
	}
	tab.Flush()
	var views []*follower
	var tallies []*tally
	for range 6 {
		views = append(views, follow(m, randomQuery(r, tab)))
	}
	for range 2 {
		tallies = append(tallies, newTally(r, randomQuery(r, tab)))
	}
	for range 40 {
		before := maps.Clone(m)
		calls := 0
		for _, f := range views {
			calls -= f.calls
		}
		for _, y := range tallies {
			calls -= y.calls
		}
		for range 1 + r.IntN(1+r.IntN(8)) {
			id := pick(r, ids)
			switch {
			case m[id] == nil || r.IntN(3) > 0:
				write(id, randomRow(r))
			default:
				write(id, nil)
			}
			if r.IntN(4) == 0 {
				pick(r, views).compare(t, m) // in the middle of a transaction
			}
		}
		abort := r.IntN(4) == 0
		opened := r.IntN(6) == 0
		if opened { // in the middle of a transaction
			i := r.IntN(len(views))
			views[i].view.Close()
			views[i] = follow(m, randomQuery(r, tab))
			views[i].early = true
		}
		if abort {
			for _, id := range ids {
				if m[id] != before[id] {
					write(id, before[id])
				}
			}
		}
		tab.Flush()
		for _, f := range views {
			f.early = false
			f.check(t, m)
			f.compare(t, m)
			calls += f.calls
		}
		for _, y := range tallies {
			y.check(t, m)
			calls += y.calls
		}
		if abort && !opened && calls != 0 {
			t.Fatal("an aborted transaction was told to somebody")
		}
		if tab.Len() != len(m) || tab.Records() != len(m) {
			t.Fatalf("%d rows, %d records, want %d", tab.Len(), tab.Records(), len(m))
		}
	}
	for _, f := range views {
		f.view.Close()
	}
	for _, y := range tallies {
		y.counter.Close()
		y.groups.Close()
	}
	if routes, general := tab.Routes(); tab.Held() != 0 || routes != 0 || general != 0 {
		t.Fatalf("after closing all, %d rows are held, %d routes and %d others are left", tab.Held(), routes, general)
	}
}
