package list_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/list"
	"github.com/rivulet-sync/rivulet/shared/orderkey"
)

// object is a list's object in memory, with one index of it: items by id, and
// their members by name. An item that is no object is a single member "".
type object struct {
	items map[string]map[string]string
	list  *list.List
	tx    transaction // what is going on
}

// transaction is what was read and written, in the notation id/member; a path
// without a slash is a whole item, "" the object.
type transaction struct {
	values, exists map[string]bool
	members        bool
	writes         []write
}

type write struct {
	path []string
	raw  string // "" for a deletion
}

func newObject(tag string) *object {
	n := 0
	o := &object{items: make(map[string]map[string]string)}
	o.list = list.New(tag, func() string { n++; return fmt.Sprint(tag, "-", n) })
	o.begin()
	return o
}

// begin starts a transaction and returns the one before.
func (o *object) begin() transaction {
	before := o.tx
	o.tx = transaction{values: make(map[string]bool), exists: make(map[string]bool)}
	return before
}

func (o *object) Set(path []string, raw string) { o.write(write{path, raw}) }
func (o *object) Delete(path []string)          { o.write(write{path, ""}) }

func (o *object) ReadValue(path []string)   { o.tx.values[strings.Join(path, "/")] = true }
func (o *object) ReadExists(path []string)  { o.tx.exists[strings.Join(path, "/")] = true }
func (o *object) ReadMembers(path []string) { o.tx.members = true }

func (o *object) write(w write) {
	if len(w.path) == 2 {
		o.ReadExists(w.path[:1])
	}
	o.tx.writes = append(o.tx.writes, w)
	o.apply(w)
}

// apply does a write and tells the list.
func (o *object) apply(w write) {
	id := w.path[0]
	merge(o.items, w)
	o.list.Changed(id, raw(o.items[id]), o.items[id] != nil)
}

// merge does a write as a merge patch would.
func merge(items map[string]map[string]string, w write) {
	id := w.path[0]
	switch {
	case len(w.path) == 2 && w.raw == "":
		delete(items[id], w.path[1])
	case len(w.path) == 2:
		if _, scalar := items[id][""]; scalar || items[id] == nil {
			items[id] = make(map[string]string)
		}
		items[id][w.path[1]] = w.raw
	case w.raw == "":
		delete(items, id)
	case jsontext.KindOf(w.raw) == jsontext.Object:
		items[id] = maps.Collect(jsontext.Members(w.raw))
	default:
		items[id] = map[string]string{"": w.raw}
	}
}

func raw(members map[string]string) string {
	if scalar, ok := members[""]; ok {
		return scalar
	}
	var b strings.Builder
	b.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(members)) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(string(jsontext.AppendString(nil, name)) + ":" + members[name])
	}
	return b.String() + "}"
}

// dump returns the object as JSON.
func (o *object) dump() string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(o.items)) {
		fmt.Fprintf(&b, "%s:%s\n", id, raw(o.items[id]))
	}
	return b.String()
}

// check compares the list with what is in the object, sorted anew.
func (o *object) check(t *testing.T) {
	t.Helper()
	type sorted struct{ order, id, value string }
	var want []sorted
	for id, members := range o.items {
		if id == "$" {
			continue
		}
		s := sorted{"~", id, raw(members)}
		if quoted, ok := members["o"]; ok && quoted[0] == '"' {
			if key := jsontext.Unquote(quoted); orderkey.Valid(key) && len(key) <= orderkey.MaxLen {
				s.order, s.value = key, members["v"]
				if s.value == "" {
					s.value = "null"
				}
			}
		}
		want = append(want, s)
	}
	slices.SortFunc(want, func(a, b sorted) int {
		if a.order != b.order {
			return strings.Compare(a.order, b.order)
		}
		return strings.Compare(a.id, b.id)
	})
	if o.list.Len() != len(want) {
		t.Fatalf("%d items, want %d", o.list.Len(), len(want))
	}
	i := 0
	for id, value := range o.list.All() {
		w := want[i]
		if id != w.id || value != w.value {
			t.Fatalf("item %d is %s = %s, want %s = %s", i, id, value, w.id, w.value)
		}
		atID, atValue := o.list.At(i)
		got, ok := o.list.Get(id)
		if atID != id || atValue != value || !ok || got != value || o.list.IndexOf(id) != i {
			t.Fatalf("item %d is looked up as %s = %s, %s, index %d", i, atID, atValue, got, o.list.IndexOf(id))
		}
		i++
	}
}

func (o *object) key(id string) string { return jsontext.Unquote(o.items[id]["o"]) }

// logSeed prints the seed of a test that fails.
func logSeed(t *testing.T, seed uint64) *rand.Rand {
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("seed", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}
