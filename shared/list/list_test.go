package list_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/list"
	"github.com/rivulet-sync/rivulet/shared/orderkey"
)

// TestAgainstSlice does random operations on a list and on a slice of items.
func TestAgainstSlice(t *testing.T) {
	for seed := range uint64(12) {
		r := logSeed(t, seed)
		o := newObject("x7b")
		var model []list.Item
		for step := range 600 {
			o.begin()
			at := r.IntN(len(model) + 1)
			value := fmt.Sprint(step)
			switch op := r.IntN(10); {
			case op < 5 || len(model) == 0:
				values := []string{value, `{"a":[1,null]}`, "null"}[:1+r.IntN(3)]
				ids := o.list.Insert(o, at, values...)
				for i, id := range ids {
					model = slices.Insert(model, at+i, list.Item{ID: id, Value: values[i]})
				}
			case op < 7:
				from := r.IntN(len(model))
				it := model[from]
				model = slices.Delete(model, from, from+1)
				to := min(at, len(model))
				model = slices.Insert(model, to, it)
				if !o.list.Move(o, it.ID, to) {
					t.Fatal("not moved")
				}
				if from == to && len(o.tx.writes) != 0 {
					t.Fatalf("a move to its own place writes %v", o.tx.writes)
				}
			case op < 8:
				from := r.IntN(len(model))
				if !o.list.Delete(o, model[from].ID) {
					t.Fatal("not deleted")
				}
				model = slices.Delete(model, from, from+1)
			default:
				it := &model[r.IntN(len(model))]
				if it.Value = value; r.IntN(4) == 0 {
					it.Value = "null"
				}
				if !o.list.Set(o, it.ID, it.Value) {
					t.Fatal("not set")
				}
			}
			got := make([]list.Item, 0, len(model))
			for id, value := range o.list.All() {
				got = append(got, list.Item{ID: id, Value: value})
			}
			if !slices.Equal(got, model) {
				t.Fatalf("seed %d, step %d: %v, want %v", seed, step, got, model)
			}
			if step%50 == 0 {
				o.check(t)
			}
		}
		o.check(t)
		// A list that is told all at once is the same, whatever it was before.
		again := newObject("x7b")
		again.list.Insert(again, 0, "1", "2", "3")
		again.items = o.items
		again.list.Reset(func(yield func(string, string) bool) {
			for id, members := range o.items {
				if !yield(id, raw(members)) {
					return
				}
			}
		})
		again.check(t)
	}
}

func TestRange(t *testing.T) {
	o := newObject("x7b")
	ids := o.list.Insert(o, -5, "1", "2")
	ids = append(ids, o.list.Insert(o, 99, "3")...)
	if !o.list.Move(o, ids[0], 99) || o.list.IndexOf(ids[0]) != 2 || !o.list.Move(o, ids[0], -1) || o.list.IndexOf(ids[0]) != 0 {
		t.Error("a move beyond an end")
	}
	if id, value := o.list.At(3); id != "" || value != "" {
		t.Error("an item behind the end")
	}
	if id, _ := o.list.At(-1); id != "" {
		t.Error("an item before the beginning")
	}
	if _, ok := o.list.Get("x"); ok || o.list.IndexOf("x") != -1 {
		t.Error("an item that is not there")
	}
	if o.list.Move(o, "x", 0) || o.list.Delete(o, "x") || o.list.Set(o, "x", "1") || o.list.Len() != 3 {
		t.Error("changed what is not there")
	}
	if o.list.Insert(o, 0); o.list.Len() != 3 {
		t.Error("inserted nothing, got something")
	}
	o.check(t)
}

// TestMalformed: whatever is in the object, the list holds it, and can be edited.
func TestMalformed(t *testing.T) {
	build := func() *object {
		o := newObject("x7b")
		o.list.Insert(o, 0, "1", "2")
		for i, text := range []string{
			`5`, `"text"`, `[1,{"o":"H"}]`, `{}`, `{"v":1}`, `{"o":5,"v":1}`, `{"o":"","v":1}`, `{"o":"H0","v":1}`, `{"o":"H\n"}`,
			`{"o":"é"}`, `{"o":"HHHHHHHHHHHHHHHHHHHHHHHHH"}`, `{"o":{"o":"H"}}`, `{"a":{"o":"H"},"o":"-"}`,
		} {
			o.apply(write{[]string{fmt.Sprint("bad", i)}, text})
		}
		o.apply(write{[]string{"odd"}, `{"a":1,"o":"ZZ","z":[]}`})
		o.apply(write{[]string{"$"}, `"list"`})
		o.check(t)
		return o
	}
	o := build()
	if o.list.Len() != 3+13 {
		t.Fatal(o.list.Len(), "items")
	}
	if _, value := o.list.At(2); value != "null" {
		t.Errorf("an item without a value is %s", value)
	}
	id := o.list.Insert(o, o.list.Len(), `"end"`)[0]
	if at := o.list.IndexOf(id); at != 3 {
		t.Errorf("inserted at %d, want before what is malformed", at)
	}
	for i := range 13 {
		bad := fmt.Sprint("bad", i)
		o := build()
		before, _ := o.list.Get(bad)
		if !o.list.Move(o, bad, 1) || o.list.IndexOf(bad) != 1 {
			t.Errorf("%s is at %d", before, o.list.IndexOf(bad))
		}
		if value, _ := o.list.Get(bad); value != before {
			t.Errorf("%s was moved and is %s", before, value)
		}
		o.check(t)
		o = build()
		if !o.list.Set(o, bad, `{"o":"A"}`) {
			t.Errorf("%s is not set", before)
		}
		if value, _ := o.list.Get(bad); value != `{"o":"A"}` {
			t.Errorf("%s was set and is %s", before, value)
		}
		o.check(t)
		if !o.list.Delete(o, bad) || o.list.Len() != 15 {
			t.Errorf("%s is not deleted", before)
		}
		o.check(t)
	}
}

// TestEqualKeys: items that came to have one order key can be told apart again.
func TestEqualKeys(t *testing.T) {
	o := newObject("x7b")
	for i := range 50 {
		o.apply(write{[]string{fmt.Sprintf("i%02d", i)}, `{"o":"H","v":1}`})
	}
	for at := range 50 {
		id := o.list.Insert(o, 2*at+1, "2")[0]
		if got := o.list.IndexOf(id); got != 2*at+1 {
			t.Fatalf("inserted at %d, not %d", got, 2*at+1)
		}
	}
	if !o.list.Move(o, "i40", 7) || o.list.IndexOf("i40") != 7 {
		t.Error("moved to another place")
	}
	o.check(t)
}

// TestReads holds the operations to what they say that they read.
func TestReads(t *testing.T) {
	o := newObject("x7b")
	ids := o.list.Insert(o, 0, "1", "2", "3", "4")
	expect := func(what string, values, exists []string) {
		t.Helper()
		tx := o.begin()
		if got := slices.Sorted(maps.Keys(tx.values)); !slices.Equal(got, values) {
			t.Errorf("%s reads values %v, want %v", what, got, values)
		}
		if got := slices.Sorted(maps.Keys(tx.exists)); !slices.Equal(got, exists) {
			t.Errorf("%s reads whether there are %v, want %v", what, got, exists)
		}
		if tx.members {
			t.Errorf("%s reads the members", what)
		}
	}
	o.begin()
	o.list.Insert(o, 2, "5")
	expect("insertion", []string{ids[1] + "/o", ids[2] + "/o"}, nil)
	o.list.Insert(o, 0, "6")
	expect("insertion at the front", []string{ids[0] + "/o"}, nil)
	o.list.Insert(o, 6, "7")
	expect("insertion at the end", []string{ids[3] + "/o"}, nil)
	o.list.Move(o, ids[3], 2)
	expect("move", []string{ids[0] + "/o", ids[1] + "/o"}, []string{ids[3]})
	o.list.Move(o, "gone", 2)
	expect("move of nothing", nil, []string{"gone"})
	o.list.Set(o, ids[3], "8")
	expect("set", nil, []string{ids[3]})
	o.list.Delete(o, ids[3])
	expect("deletion", nil, nil)
}

// TestRebalanceReads: it reads the members and every key that it rewrites.
func TestRebalanceReads(t *testing.T) {
	o := newObject("x7b")
	at, rebalanced := 0, 0
	for step := range 200 {
		at = min(at+step%2, o.list.Len())
		o.list.Insert(o, at, "1")
		tx := o.begin()
		if len(tx.writes) == 1 {
			if tx.members {
				t.Fatal("an insertion reads the members")
			}
			continue
		}
		rebalanced++
		if !tx.members {
			t.Fatal("members are not read")
		}
		for _, w := range tx.writes[:len(tx.writes)-1] {
			if len(w.path) != 2 || w.path[1] != "o" || !tx.values[w.path[0]+"/o"] {
				t.Fatalf("%v is written, and not read before", w.path)
			}
		}
	}
	if rebalanced < 3 {
		t.Errorf("rebalanced %d times", rebalanced)
	}
	o.check(t)
}

func TestNewRefusesTags(t *testing.T) {
	for _, tag := range []string{"", "x0", "a-b", "123456789", "\xff"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("tag %q", tag)
				}
			}()
			list.New(tag, nil)
		}()
	}
}

func TestEditValidate(t *testing.T) {
	item := []list.Item{{ID: "a", Value: "1"}}
	for _, e := range []list.Edit{
		{Op: list.OpInsert, Items: item, Tag: "x"}, {Op: list.OpMove, Items: item, Tag: "x"}, {Op: list.OpDelete, Items: item}, {Op: list.OpSet, Items: item},
	} {
		if err := e.Validate(); err != nil {
			t.Errorf("%v: %v", e, err)
		}
	}
	var invalid *list.EditError
	for _, e := range []list.Edit{
		{}, {Op: 9, Items: item, Tag: "x"}, {Op: list.OpInsert, Tag: "x"}, {Op: list.OpDelete, Items: append(item, item...)},
		{Op: list.OpInsert, Items: item}, {Op: list.OpSet, Items: []list.Item{{ID: "$", Value: "1"}}},
	} {
		if err := e.Validate(); !errors.As(err, &invalid) {
			t.Errorf("%v: %v", e, err)
		}
	}
	var key *orderkey.Error
	for _, e := range []list.Edit{
		{Op: list.OpInsert, Items: item, Tag: "-"}, {Op: list.OpInsert, Items: item, Tag: "x", Place: list.Place{LeftKey: "H0"}},
	} {
		if err := e.Validate(); !errors.As(err, &key) {
			t.Errorf("%v: %v", e, err)
		}
	}
	if err := (list.Edit{Op: list.OpSet, Items: []list.Item{{ID: "a", Value: "{"}}}).Validate(); err == nil {
		t.Error("a value that is no JSON")
	}
}
