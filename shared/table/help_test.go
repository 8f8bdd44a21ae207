package table_test

import (
	"cmp"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/table"
)

// row is a record of plain JSON text.
type row string

func newRow(text string) table.Row {
	return row(jsontext.AppendCanonical(nil, []byte(text)))
}

func (r row) Raw() string { return string(r) }

func (r row) Field(path ...string) (string, bool) {
	raw := []byte(r)
next:
	for _, name := range path {
		if jsontext.KindOf(raw) != jsontext.Object {
			return "", false
		}
		for n, value := range jsontext.Members(raw) {
			if n == name {
				raw = value
				continue next
			}
		}
		return "", false
	}
	return string(raw), true
}

// value is a scalar as the dumb versions know it.
type value struct {
	kind int // 0 null, 1 false, 2 true, 3 number, 4 string, 5 other
	text string
	// A number is sign * 0.digits * 10^exponent.
	sign     int
	digits   string
	exponent *big.Int
}

func valueOf(raw string, ok bool) value {
	if !ok {
		return value{}
	}
	switch jsontext.KindOf([]byte(raw)) {
	case jsontext.Null:
		return value{}
	case jsontext.False:
		return value{kind: 1}
	case jsontext.True:
		return value{kind: 2}
	case jsontext.String:
		return value{kind: 4, text: jsontext.Unquote([]byte(raw))}
	case jsontext.Object, jsontext.Array:
		return value{kind: 5}
	}
	v := value{kind: 3, sign: 1, exponent: new(big.Int)}
	if raw[0] == '-' {
		v.sign, raw = -1, raw[1:]
	}
	mantissa, exponent, found := strings.Cut(strings.ToLower(raw), "e")
	if found {
		v.exponent.SetString(strings.TrimPrefix(exponent, "+"), 10)
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	v.exponent.Add(v.exponent, big.NewInt(int64(len(whole))))
	for strings.HasPrefix(digits, "0") {
		digits = digits[1:]
		v.exponent.Sub(v.exponent, big.NewInt(1))
	}
	v.digits = strings.TrimRight(digits, "0")
	if v.digits == "" {
		v.sign, v.exponent = 0, new(big.Int)
	}
	return v
}

func compareValues(a, b value) int {
	if a.kind != b.kind {
		return cmp.Compare(a.kind, b.kind)
	}
	if a.kind != 3 {
		return strings.Compare(a.text, b.text)
	}
	if a.sign != b.sign {
		return cmp.Compare(a.sign, b.sign)
	}
	if c := a.exponent.Cmp(b.exponent); c != 0 {
		return a.sign * c
	}
	return a.sign * strings.Compare(a.digits, b.digits)
}

func fieldValue(r table.Row, name string) value {
	path := []string{name}
	if strings.HasPrefix(name, "/") {
		path = strings.Split(name[1:], "/")
	}
	return valueOf(r.Field(path...))
}

// query is a query with its dumb version.
type query struct {
	*table.Query
	wants         func(table.Row) bool
	compare       func(a, b table.Row) int
	offset, limit int
}

// model is the table as a map.
type model map[string]table.Row

// matching returns the ids of all rows that the query wants, in order.
func (m model) matching(q query) []string {
	var ids []string
	for id, r := range m {
		if q.wants(r) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(q.compare(m[a], m[b]), strings.Compare(a, b))
	})
	return ids
}

// result returns those within the window.
func (m model) result(q query) []string {
	ids := m.matching(q)
	ids = ids[min(q.offset, len(ids)):]
	if q.limit >= 0 {
		ids = ids[:min(q.limit, len(ids))]
	}
	return ids
}

// groups returns, by group, count, numbers, minimum and maximum of a field.
func (m model) groups(q query, by, of string) []string {
	type group struct {
		key      value
		count    int
		numbers  []value
		literals []string
	}
	var all []*group
	for _, id := range m.matching(q) {
		key := fieldValue(m[id], by)
		i := slices.IndexFunc(all, func(g *group) bool { return compareValues(g.key, key) == 0 })
		if i < 0 {
			i = len(all)
			all = append(all, &group{key: key})
		}
		g := all[i]
		g.count++
		if n := fieldValue(m[id], of); n.kind == 3 {
			raw, _ := m[id].Field(of)
			g.numbers = append(g.numbers, n)
			g.literals = append(g.literals, raw)
		}
	}
	slices.SortFunc(all, func(a, b *group) int { return compareValues(a.key, b.key) })
	var out []string
	for _, g := range all {
		out = append(out, describe(g.key, g.count, g.numbers, table.Sum(g.literals, nil)))
	}
	return out
}

func describe(key value, count int, numbers []value, sum float64) string {
	s := key.String() + " " + strconv.Itoa(count) + " " + strconv.Itoa(len(numbers))
	if len(numbers) > 0 {
		s += " " + slices.MinFunc(numbers, compareValues).String() + " " + slices.MaxFunc(numbers, compareValues).String() +
			" " + strconv.FormatFloat(sum, 'g', -1, 64)
	}
	return s
}

func (v value) String() string {
	switch v.kind {
	case 3:
		return strconv.Itoa(v.sign) + "*0." + v.digits + "e" + v.exponent.String()
	case 4:
		return strconv.Quote(v.text)
	}
	return "kind " + strconv.Itoa(v.kind)
}

// described is a Group in the form of model.groups.
func described(groups []table.Group) []string {
	var out []string
	for _, g := range groups {
		s := valueOf(g.Key, true).String() + " " + strconv.Itoa(g.Count) + " " + strconv.Itoa(g.Numbers)
		if g.Numbers > 0 {
			s += " " + valueOf(g.Min, true).String() + " " + valueOf(g.Max, true).String() + " " + strconv.FormatFloat(g.Sum, 'g', -1, 64)
		}
		out = append(out, s)
	}
	return out
}

func newTable(t testing.TB, indexes ...table.Index) *table.Table {
	t.Helper()
	tab, err := table.New(table.Config{Indexes: indexes})
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// must returns what a query gave, which has no mistake.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
