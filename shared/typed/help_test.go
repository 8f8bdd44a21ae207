package typed_test

import (
	"fmt"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/typed"
)

// options returns those of a client, with ids that no other one makes.
func options(client string) typed.Options {
	n := 0
	return typed.Options{Tag: client, NewID: func() string { n++; return fmt.Sprint(client, n) }}
}

func bind[T any](t testing.TB, d *doc.Doc) *T {
	t.Helper()
	bound, err := typed.Bind[T](d, options("aa"))
	if err != nil {
		t.Fatal(err)
	}
	return bound
}

func parse(t testing.TB, text string) *doc.Doc {
	t.Helper()
	d, err := doc.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func update(t testing.TB, d *doc.Doc, fn func(*doc.Tx) error) doc.Change {
	t.Helper()
	change, err := d.Update(fn)
	if err != nil {
		t.Fatal(err)
	}
	return change
}

func patch(t testing.TB, text string) delta.Delta {
	t.Helper()
	p, err := delta.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wantDoc(t testing.TB, d *doc.Doc, want string) {
	t.Helper()
	if got := string(d.Canonical()); got != want {
		t.Errorf("the document is %s, want %s", got, want)
	}
}
