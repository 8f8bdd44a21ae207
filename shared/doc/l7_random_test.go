package doc_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// model is the dumb version of a transaction: decoded JSON, copied whole.
type model struct{ root map[string]any }

func (m *model) parent(p delta.Pointer) (map[string]any, string, bool) {
	up, ok := p.Parent()
	if !ok {
		return nil, "", false
	}
	value, _ := lookup(m.root, up)
	object, ok := value.(map[string]any)
	names := p.Names()
	return object, names[len(names)-1], ok
}

func (m *model) set(p delta.Pointer, value any) bool {
	if p == "" {
		object, ok := value.(map[string]any)
		if ok {
			m.root = object
		}
		return ok
	}
	object, name, ok := m.parent(p)
	if ok {
		object[name] = value
	}
	return ok
}

func (m *model) delete(p delta.Pointer) bool {
	object, name, ok := m.parent(p)
	if ok {
		delete(object, name)
	}
	return ok
}

// transact makes n random operations on the transaction and on the model, and
// compares what they tell.
func transact(t *testing.T, r random, tx *doc.Tx, m *model, n int) {
	for range n {
		p := r.pointer()
		switch r.IntN(7) {
		case 0, 1:
			value := r.value(documentShape)
			err := tx.Set(p, []byte(value))
			if ok := value != "null" && m.set(p, decode(t, []byte(value))); ok != (err == nil) {
				t.Fatalf("set %q to %s: error %v, the model says %v", p, value, err, ok)
			}
		case 2:
			err := tx.Delete(p)
			if ok := m.delete(p); ok != (err == nil) {
				t.Fatalf("delete %q: error %v, the model says %v", p, err, ok)
			}
		case 3:
			patch := r.object(patchShape)
			if err := tx.Merge(parseDelta(t, patch)); err != nil {
				t.Fatal(err)
			}
			m.root = mergePatch(m.root, decode(t, []byte(patch))).(map[string]any)
			m.root = decodeObject(t, encode(t, m.root)) // the model's values are its own
		case 4:
			got, ok := tx.Get(p)
			want, wantOK := lookup(m.root, p)
			if ok != wantOK || ok && !same(decode(t, got), want) {
				t.Fatalf("get %q: %s %v, the model says %v %v", p, got, ok, want, wantOK)
			}
		case 5:
			want, _ := lookup(m.root, p)
			object, ok := want.(map[string]any)
			if tx.IsObject(p) != ok {
				t.Fatalf("%q is an object: %v, the model says %v", p, !ok, ok)
			}
			if names := slices.Sorted(maps.Keys(object)); !slices.Equal(tx.Members(p), names) {
				t.Fatalf("members of %q: %q, the model says %q", p, tx.Members(p), names)
			}
		}
	}
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestL7_RandomTransactions commits and reverts random transactions on one
// document and compares it with the model after each.
func TestL7_RandomTransactions(t *testing.T) {
	r := newRandom(7)
	for range 300 {
		d := parseDoc(t, r.object(documentShape))
		for range 30 {
			before, size := d.Canonical(), d.Size()
			m := &model{decodeObject(t, before)}
			if r.IntN(3) == 0 {
				revert(d, r.IntN(2) == 0, func(tx *doc.Tx) { transact(t, r, tx, m, r.IntN(8)) })
				if !bytes.Equal(d.Canonical(), before) || d.Size() != size {
					t.Fatalf("reverted to %s (size %d), want %s (%d)", d.Canonical(), d.Size(), before, size)
				}
				continue
			}
			change, err := d.Update(func(tx *doc.Tx) error { transact(t, r, tx, m, r.IntN(8)); return nil })
			if err != nil {
				t.Fatal(err)
			}
			checkChange(t, d, before, m, change)
		}
	}
}

// revert runs fn in a transaction that ends with an error or with a panic.
func revert(d *doc.Doc, panics bool, fn func(*doc.Tx)) {
	defer func() {
		if p := recover(); p != nil && p != errRefused {
			panic(p)
		}
	}()
	d.Update(func(tx *doc.Tx) error {
		if fn(tx); panics {
			panic(errRefused)
		}
		return errRefused
	})
}

// checkChange checks a commit against the model, its delta against the oracle
// and against Apply, and its inverse.
func checkChange(t *testing.T, d *doc.Doc, before []byte, m *model, change doc.Change) {
	t.Helper()
	after := d.Canonical()
	if !same(decode(t, after), m.root) {
		t.Fatalf("%s became %s, the model says %s", before, after, encode(t, m.root))
	}
	wantSize(t, d)
	if change.Empty() != bytes.Equal(before, after) {
		t.Fatalf("Empty is %v from %s to %s", change.Empty(), before, after)
	}
	forward, inverse := parseDelta(t, string(change.Delta.Bytes())), parseDelta(t, string(change.Inverse.Bytes()))
	if !same(mergePatch(decode(t, before), decode(t, forward.Bytes())), decode(t, after)) {
		t.Fatalf("%s does not lead from %s to %s", forward.Bytes(), before, after)
	}
	other := parseDoc(t, string(before))
	effect := other.Apply(forward)
	if !bytes.Equal(other.Canonical(), after) {
		t.Fatalf("%s applied to %s is %s, want %s", forward.Bytes(), before, other.Canonical(), after)
	}
	for _, back := range []delta.Delta{inverse, effect.Inverse} {
		undone := parseDoc(t, string(after))
		undone.Apply(back)
		if !bytes.Equal(undone.Canonical(), before) {
			t.Fatalf("%s applied to %s is %s, want %s", back.Bytes(), after, undone.Canonical(), before)
		}
	}
}
