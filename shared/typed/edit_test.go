package typed_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/typed"
)

type task struct {
	Title string           `json:"title"`
	Rank  float64          `json:"rank,omitempty"`
	Due   *int             `json:"due"`
	Tags  []string         `json:"tags"`
	Votes map[string]int   `json:"votes,omitempty"`
	Sub   *task            `json:"sub"`
	Attrs map[string]*Card `json:"attrs"`
	Done  bool             `json:"done"`
}

type tasks struct {
	typed.Document
	Tasks typed.Table[task] `doc:"tasks" index:"title"`
}

// randomTask returns a task, none of whose entries is nil.
func randomTask(r *rand.Rand, depth int) task {
	var x task
	for range 6 {
		change(r, &x, depth)
	}
	return x
}

// change changes one member of a task, or nothing.
func change(r *rand.Rand, x *task, depth int) {
	name := func() string { return string(rune('a' + r.IntN(3))) }
	switch r.IntN(9) {
	case 0:
		x.Title = name()
	case 1:
		x.Rank = []float64{0, 1, 2.5}[r.IntN(3)]
	case 2:
		if n := r.IntN(3); n == 0 {
			x.Due = nil
		} else {
			x.Due = &n
		}
	case 3:
		x.Tags = slices.Clone([][]string{nil, {}, {"x"}, {"x", "null"}}[r.IntN(4)])
	case 4:
		x.Votes = maps.Clone(x.Votes)
		if delete(x.Votes, name()); r.IntN(2) == 0 {
			if x.Votes == nil {
				x.Votes = map[string]int{}
			}
			x.Votes[name()] = r.IntN(3)
		}
		if len(x.Votes) == 0 {
			x.Votes = nil // which omitempty makes of it
		}
	case 5:
		switch {
		case depth == 0 || r.IntN(4) == 0:
			x.Sub = nil
		case x.Sub == nil:
			sub := randomTask(r, depth-1)
			x.Sub = &sub
		default:
			change(r, x.Sub, depth-1)
		}
	case 6:
		if x.Attrs == nil {
			x.Attrs = map[string]*Card{}
		}
		x.Attrs[name()] = &Card{Title: name()}
	case 7:
		for _, card := range x.Attrs {
			card.Rank = r.IntN(3)
		}
	case 8:
		x.Done = !x.Done
	}
}

// Edit leads to what Put leads to, writes the least, and keeps what it does not see:
// members that the type does not have, and numbers that are written in another way.
func TestEditIsTheLeastPut(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 11))
		d, e := doc.New(), doc.New()
		edited, put := bind[tasks](t, d), bind[tasks](t, e)
		start := randomTask(r, 2)
		for _, b := range []*tasks{edited, put} {
			if _, err := b.Update(func(tx *doc.Tx) error { return b.Tasks.Put(tx, "t", start) }); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		d.Apply(patch(t, `{"tasks":{"t":{"unseen":{"x":1.0}}}}`))
		if start.Rank == 1 {
			d.Apply(patch(t, `{"tasks":{"t":{"rank":1.0}}}`))
		}
		for step := range 10 {
			fail := func(what string, args ...any) {
				t.Helper()
				t.Fatalf("seed %d, step %d: %s", seed, step, fmt.Sprintf(what, args...))
			}
			before, _ := put.Tasks.Get("t")
			text := e.Canonical()
			var now task
			done, err := edited.Update(func(tx *doc.Tx) error {
				return edited.Tasks.Edit(tx, "t", func(x *task) {
					if !reflect.DeepEqual(*x, before) {
						fail("the edit begins with %+v, want %+v", *x, before)
					}
					for range r.IntN(3) {
						change(r, x, 2)
					}
					now = *x
				})
			})
			if err != nil {
				fail("%v", err)
			}
			if _, err := put.Update(func(tx *doc.Tx) error { return put.Tasks.Put(tx, "t", now) }); err != nil {
				fail("%v", err)
			}
			if got, ok := edited.Tasks.Get("t"); !ok || !reflect.DeepEqual(got, now) {
				fail("edited, it is %+v, %v; want %+v", got, ok, now)
			}
			least, err := delta.Diff(text, e.Canonical())
			if err != nil {
				fail("%v", err)
			}
			if string(done.Delta.Bytes()) != string(least.Bytes()) {
				fail("the edit writes %s; the least is %s", done.Delta.Bytes(), least.Bytes())
			}
			if unseen, _ := d.Get("/tasks/t/unseen"); string(unseen) != `{"x":1.0}` {
				fail("what the type does not see is %s", unseen)
			}
		}
	}
}

// Edit writes a number only if it is another one.
func TestEditKeepsLiterals(t *testing.T) {
	d := parse(t, `{"tasks":{"t":{"rank":1.0,"title":"\u0061","votes":{"x":1}}}}`)
	b := bind[tasks](t, d)
	c := update(t, d, func(tx *doc.Tx) error {
		return b.Tasks.Edit(tx, "t", func(x *task) { x.Votes["y"] = 2 })
	})
	if got := string(c.Delta.Bytes()); got != `{"tasks":{"t":{"votes":{"y":2}}}}` {
		t.Errorf("the edit writes %s", got)
	}
	wantDoc(t, d, `{"tasks":{"t":{"rank":1.0,"title":"a","votes":{"x":1,"y":2}}}}`)
}

// An edit to what cannot be written writes nothing.
func TestEditRefuses(t *testing.T) {
	d := parse(t, `{"tasks":{"t":{"attrs":{"x":{}}}}}`)
	b := bind[tasks](t, d)
	before := string(d.Canonical())
	_, err := b.Update(func(tx *doc.Tx) error {
		b.Tasks.Edit(tx, "t", func(x *task) { x.Title, x.Attrs["x"] = "changed", nil })
		return nil
	})
	if encode, ok := err.(*typed.EncodeError); !ok || encode.Path != "/tasks/t" {
		t.Errorf("error %v", err)
	}
	wantDoc(t, d, before)
}

// Field.Edit is for values of any kind; only objects are written in part.
func TestEditOfFields(t *testing.T) {
	d := parse(t, `{"v":{"lane":"todo","rank":1,"title":"x"}}`)
	b := bind[one[any]](t, d)
	c := update(t, d, func(tx *doc.Tx) error {
		return b.Value.Edit(tx, func(v *any) {
			m := (*v).(map[string]any)
			m["rank"] = json.Number("2")
			delete(m, "lane")
		})
	})
	if got := string(c.Delta.Bytes()); got != `{"v":{"lane":null,"rank":2}}` {
		t.Errorf("the edit writes %s", got)
	}
	update(t, d, func(tx *doc.Tx) error { return b.Value.Edit(tx, func(v *any) { *v = []int{1} }) })
	update(t, d, func(tx *doc.Tx) error { return b.Value.Edit(tx, func(v *any) { *v = append((*v).([]any), nil) }) })
	wantDoc(t, d, `{"v":[1,null]}`)
}

type tagged struct {
	typed.Document
	Records typed.Table[record] `doc:"records"`
}

func TestSetMember(t *testing.T) {
	d := parse(t, `{"records":{"r":{"kind":"a","n":"1","opt":3,"s":["x"],"unseen":1}}}`)
	b := bind[tagged](t, d)
	seven := 7
	update(t, d, b.Checked(func(tx *doc.Tx) error {
		b.Records.SetMember(tx, "r", "kind", "b")   // of an embedded struct
		b.Records.SetMember(tx, "r", "n", int64(2)) // a string in JSON
		b.Records.SetMember(tx, "r", "opt", 0)      // left out if empty
		b.Records.SetMember(tx, "r", "s", nil)
		b.Records.SetMember(tx, "r", "any", 1.5)
		return b.Records.SetMember(tx, "r", "p", &inner{X: &seven})
	}))
	wantDoc(t, d, `{"records":{"r":{"any":1.5,"kind":"b","n":"2","p":{"x":7},"unseen":1}}}`)
	before := string(d.Canonical())
	for name, value := range map[string]any{"nothing": 1, "kind": 1, "n": nil, "s": []string{"\xff"}, "by": map[string]*inner{}} {
		_, err := b.Update(func(tx *doc.Tx) error { b.Records.SetMember(tx, "r", name, value); return nil })
		if encode, ok := err.(*typed.EncodeError); !ok || encode.Path != delta.PointerOf("records", "r", name) {
			t.Errorf("member %s: error %v", name, err)
		}
	}
	wantDoc(t, d, before)
}
