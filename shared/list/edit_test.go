package list_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/list"
	"github.com/rivulet-sync/rivulet/shared/orderkey"
)

// story returns a list of items whose ids and keys are given as "id:key".
func story(items ...string) *object {
	o := newObject("me")
	for _, it := range items {
		id, key, _ := strings.Cut(it, ":")
		o.apply(write{[]string{id}, `{"o":"` + key + `","v":1}`})
	}
	return o
}

func (o *object) ids() string {
	var ids []string
	for id := range o.list.All() {
		ids = append(ids, id)
	}
	return strings.Join(ids, " ")
}

// TestEditOnAnotherState: an edit made on one list finds its place in another.
func TestEditOnAnotherState(t *testing.T) {
	for _, c := range []struct {
		name           string
		before         []string
		index          int
		after          []string
		inserts, moves string // the list afterwards
	}{
		{"nothing changed", []string{"a:H", "b:I", "c:J"}, 1,
			[]string{"a:H", "b:I", "c:J"}, "a NEW b c", "a c b"},
		{"behind the left, which was moved", []string{"a:H", "b:I", "c:J"}, 1,
			[]string{"b:I", "c:J", "a:L"}, "b c a NEW", "b a c"},
		{"before the right, as the left is gone", []string{"a:H", "b:I", "c:J"}, 1,
			[]string{"x:G", "y:HV", "b:I", "c:J"}, "x y NEW b c", "x y c b"},
		{"where the left was", []string{"a:H", "b:I", "c:J"}, 1,
			[]string{"x:G", "y:HV", "c:J"}, "x NEW y c", "x c y"},
		{"at the beginning", []string{"b:I", "c:J"}, 0,
			[]string{"x:A", "c:J"}, "NEW x c", "c x"},
		{"in an empty list", []string{"a:H", "b:I", "c:J"}, 2,
			[]string{"c:J"}, "NEW c", "c"},
		{"behind the run of the left, which went on", []string{"a:Hxx", "b:Hxx-A", "z:J", "c:K"}, 2,
			[]string{"a:Hxx", "b:Hxx-A", "u:Hxx-B", "v:Hxx-BVyy", "z:J", "c:K"}, "a b u v NEW z c", "a b u v c z"},
		{"the same, with the right gone", []string{"a:Hxx", "b:Hxx-A", "z:J", "c:K"}, 2,
			[]string{"a:Hxx", "b:Hxx-A", "u:Hxx-B", "v:Hxx-BVyy", "c:K"}, "a b u v NEW c", "a b u v c"},
		{"inside the run of the left", []string{"a:Hxx", "b:Hxx-A", "z:Hxx-B", "c:K"}, 2,
			[]string{"a:Hxx", "b:Hxx-A", "u:Hxx-A-A", "z:Hxx-B", "c:K"}, "a b u NEW z c", "a b u c z"},
		{"the same, with the right gone", []string{"a:Hxx", "b:Hxx-A", "z:Hxx-B", "c:K"}, 2,
			[]string{"a:Hxx", "b:Hxx-A", "u:Hxx-A-A", "y:Hxx-C", "c:K"}, "a b u NEW y c", "a b u c y"},
	} {
		o := story(c.before...)
		insert, move := o.list.InsertEdit(c.index, "1"), o.list.MoveEdit("c", c.index)
		insert.Items[0].ID = "NEW"
		o = story(c.after...)
		if insert.Apply(o.list, o); o.ids() != c.inserts {
			t.Errorf("%s: inserted %s, want %s", c.name, o.ids(), c.inserts)
		}
		o.check(t)
		if n := len(o.begin().writes); insert.Apply(o.list, o) || len(o.tx.writes) != 0 || n != 1 {
			t.Errorf("%s: inserted again", c.name)
		}
		o = story(c.after...)
		if move.Apply(o.list, o); o.ids() != c.moves {
			t.Errorf("%s: moved %s, want %s", c.name, o.ids(), c.moves)
		}
		o.check(t)
	}
}

// TestDeletionWins: what is done again on a list without the item does nothing.
func TestDeletionWins(t *testing.T) {
	o := story("a:H", "b:I", "c:J")
	edits := []list.Edit{o.list.MoveEdit("b", 0), list.SetEdit("b", "2"), list.DeleteEdit("b")}
	o = story("a:H", "c:J")
	for _, e := range edits {
		if e.Apply(o.list, o) || o.ids() != "a c" || len(o.tx.writes) != 0 {
			t.Errorf("%v has an effect: %s", e, o.ids())
		}
	}
}

// TestRunIsContinued: items inserted one behind the other share the key of the first.
func TestRunIsContinued(t *testing.T) {
	o := story("a:H", "z:I")
	keys := make([]string, 4)
	for i := range keys {
		keys[i] = o.key(o.list.Insert(o, 1+i, "1")[0])
	}
	for i, key := range keys {
		if want := keys[0] + []string{"", "-A", "-B", "-C"}[i]; key != want {
			t.Errorf("key %d is %s, want %s", i, key, want)
		}
	}
	if key := o.key(o.list.Insert(o, 3, "1")[0]); orderkey.Root(key) != key {
		t.Errorf("another place, and yet %s goes on with a run", key)
	}
}

// FuzzEdits: no object and no edit from outside makes a list panic or leaves it
// in disorder.
func FuzzEdits(f *testing.F) {
	f.Add([]byte(`{"a":{"o":"H","v":1},"b":{"o":"H"},"c":5,"$":"list"}`), []byte(`{"Op":1,"Items":[{"ID":"n","Value":"1"}],"Left":"a","Right":"b","Tag":"x"}`))
	f.Add([]byte(`{}`), []byte(`{"Op":1,"Items":[{"ID":"n","Value":"1"},{"ID":"n","Value":"2"}],"LeftKey":"zzzzzzzzzzzzzzzzzzzzzzzzzzz","Left":"q","Continues":true,"Tag":"12345678"}`))
	f.Add([]byte(`{"a":{"o":"zzzzzzzzzzzzzzzzzzzzzzzz"}}`), []byte(`{"Op":1,"Items":[{"ID":"n","Value":"1"}],"Left":"a","Continues":true,"Tag":"x"}`))
	f.Add([]byte(`{"a":{"o":"H"},"b":{"o":"I"}}`), []byte(`{"Op":2,"Items":[{"ID":"a"}],"Left":"a","Right":"a","Index":-7,"Tag":"x"}`))
	f.Add([]byte(`{"a":[],"b":{"o":"I"}}`), []byte(`{"Op":2,"Items":[{"ID":"a"}],"Left":"b","LeftKey":"J","Inside":true,"Tag":"x"}`))
	f.Fuzz(func(t *testing.T, object, text []byte) {
		var e list.Edit
		if jsontext.ValidateObject(object) != nil || json.Unmarshal(text, &e) != nil || e.Validate() != nil {
			return
		}
		o := newObject("me")
		for id, value := range jsontext.Members(string(jsontext.AppendCanonical(nil, object))) {
			if value != "null" && jsontext.KindOf(value) != jsontext.Object || !strings.Contains(value, "null") {
				o.apply(write{[]string{id}, value})
			}
		}
		before := o.list.Len()
		known := 0
		for _, it := range e.Items {
			if _, ok := o.list.Get(it.ID); ok {
				known++
			}
		}
		e.Apply(o.list, o)
		o.check(t)
		if e.Op == list.OpInsert && known == 0 && o.list.Len() == before || e.Op == list.OpMove && o.list.Len() != before {
			t.Fatalf("%d items became %d", before, o.list.Len())
		}
	})
}
