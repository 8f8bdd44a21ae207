package mutator_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/mutator"
)

func set(tx *doc.Tx, args []byte) error { return tx.Set("/a", args) }

func TestRegistry(t *testing.T) {
	var r mutator.Registry
	r.Register("b", set)
	r.Register("a.b:c/d-e_F9", set)
	r.Register(strings.Repeat("n", mutator.MaxName), set)
	if r.Lookup("b") == nil || r.Lookup("") != nil || r.Lookup("c") != nil {
		t.Error("it does not have what was registered, or more")
	}
	if names := r.Names(); len(names) != 3 || !slices.IsSorted(names) {
		t.Errorf("names %q", names)
	}
	var none *mutator.Registry
	if none.Lookup("b") != nil || none.Names() != nil {
		t.Error("a nil registry has something")
	}
}

// TestRegisterPanics: a mistake in a program's set shows when it starts, in words.
func TestRegisterPanics(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   mutator.Func
		says string
	}{
		{"", set, `"" cannot be the name`},
		{"a b", set, `"a b" cannot be the name`},
		{"ä", set, `"ä" cannot be the name`},
		{strings.Repeat("n", mutator.MaxName+1), set, "cannot be the name"},
		{"new", nil, `"new" has no function`},
		{"old", set, `"old" is registered twice`},
	} {
		var r mutator.Registry
		r.Register("old", set)
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, c.says) {
					t.Errorf("%q: it panicked with %q, want %q", c.name, text, c.says)
				}
			}()
			r.Register(c.name, c.fn)
		}()
	}
}

// TestL7_PanicLeavesNothing: a function that panics is one that fails.
func TestL7_PanicLeavesNothing(t *testing.T) {
	for _, c := range []struct {
		value any
		says  string
	}{{"oh", "panicked: oh"}, {errors.New("no"), "panicked: no"}, {7, "panicked"}} {
		d := doc.New()
		change, err := mutator.Run(d, func(tx *doc.Tx, args []byte) error {
			if err := set(tx, args); err != nil {
				t.Error(err)
			}
			panic(c.value)
		}, []byte("1"))
		var panicked *mutator.PanicError
		if !errors.As(err, &panicked) || !strings.HasSuffix(err.Error(), c.says) || !change.Empty() {
			t.Errorf("%v: %+v, %v", c.value, change, err)
		}
		if got := string(d.Canonical()); got != "{}" {
			t.Errorf("the document is %s", got)
		}
		if _, err := mutator.Run(d, set, []byte("1")); err != nil || string(d.Canonical()) != `{"a":1}` {
			t.Errorf("afterwards: %s, %v", d.Canonical(), err)
		}
	}
}
