package doc_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// fate is how a savepoint ends.
type fate int

const (
	commits fate = iota
	fails
	panics
)

// savepoint runs fn as a part of the transaction and has it end in that way.
func savepoint(t testing.TB, tx *doc.Tx, end fate, fn func(*doc.Tx)) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil && p != errRefused {
			panic(p)
		}
	}()
	err := tx.Update(func(tx *doc.Tx) error {
		switch fn(tx); end {
		case fails:
			return errRefused
		case panics:
			panic(errRefused)
		}
		return nil
	})
	if (err == errRefused) != (end == fails) {
		t.Fatalf("the savepoint returned %v", err)
	}
}

// inSavepoint is a step that runs others in a savepoint.
func inSavepoint(t testing.TB, end fate, steps ...step) step {
	return func(tx *doc.Tx) error {
		savepoint(t, tx, end, func(tx *doc.Tx) {
			if err := script(steps...)(tx); err != nil {
				t.Fatal(err)
			}
		})
		return nil
	}
}

// nest makes random operations with savepoints among them, up to that many
// within each other, calling check after each.
func nest(t *testing.T, r random, tx *doc.Tx, m *model, depth int, check func()) {
	for range 1 + r.IntN(4) {
		transact(t, r, tx, m, 1)
		check()
		if depth == 0 || r.IntN(2) == 0 {
			continue
		}
		before, end := encode(t, m.root), fate(r.IntN(3))
		savepoint(t, tx, end, func(tx *doc.Tx) { nest(t, r, tx, m, depth-1, check) })
		if end != commits {
			m.root = decodeObject(t, before)
		}
		check()
	}
}

// TestL7_RandomSavepoints runs transactions with savepoints three deep and
// compares the document with a model that is copied whole at each of them.
func TestL7_RandomSavepoints(t *testing.T) {
	r := newRandom(71)
	for range 60 {
		d := parseDoc(t, r.object(documentShape))
		for range 12 {
			before, size, sum := d.Canonical(), d.Size(), d.Checksum()
			m := &model{decodeObject(t, before)}
			check := func() {
				if got := d.Canonical(); !same(decode(t, got), m.root) {
					t.Fatalf("in a transaction on %s there is %s, the model says %s", before, got, encode(t, m.root))
				}
			}
			if r.IntN(4) == 0 {
				revert(d, r.IntN(2) == 0, func(tx *doc.Tx) { nest(t, r, tx, m, 3, check) })
				if !bytes.Equal(d.Canonical(), before) || d.Size() != size || d.Checksum() != sum {
					t.Fatalf("reverted to %s (size %d), want %s (%d)", d.Canonical(), d.Size(), before, size)
				}
				continue
			}
			change, err := d.Update(func(tx *doc.Tx) error { nest(t, r, tx, m, 3, check); return nil })
			if err != nil {
				t.Fatal(err)
			}
			checkChange(t, d, before, m, change)
		}
	}
}

// TestL7_Savepoints has one place replaced before, in and after a savepoint that
// is taken back, in every way that differs.
func TestL7_Savepoints(t *testing.T) {
	const before = `{"a":{"x":1,"y":{"z":2}},"b":5}`
	large := `"` + strings.Repeat("l", 600) + `"`
	for name, c := range map[string]struct {
		first, within, after []step
		patch                string
	}{
		"write, write":            {[]step{set("/b", `6`)}, []step{set("/b", `7`)}, nil, `{"b":6}`},
		"only within":             {nil, []step{set("/b", `7`)}, nil, `{}`},
		"within and after":        {nil, []step{set("/b", `7`)}, []step{set("/b", `8`)}, `{"b":8}`},
		"deep, then its parent":   {[]step{set("/a/y/z", `3`)}, []step{set("/a", `{"n":1}`), set("/a/n", `2`)}, nil, `{"a":{"y":{"z":3}}}`},
		"deep, parent, deep":      {[]step{set("/a/y/z", `3`)}, []step{remove("/a")}, []step{set("/a/y/z", `4`)}, `{"a":{"y":{"z":4}}}`},
		"parent, then deep":       {[]step{set("/a", `{"n":{"m":1}}`)}, []step{set("/a/n/m", `2`), remove("/a/n")}, nil, `{"a":{"n":{"m":1},"x":null,"y":null}}`},
		"delete, create within":   {[]step{remove("/a")}, []step{set("/a", `{"x":9}`)}, nil, `{"a":null}`},
		"delete within, create":   {nil, []step{remove("/a")}, []step{set("/a", `{"x":1}`)}, `{"a":{"y":null}}`},
		"create within, create":   {nil, []step{set("/c", `{"n":1}`)}, []step{set("/c", `{}`)}, `{"c":{}}`},
		"delete and create":       {nil, []step{remove("/a"), set("/a", `{"new":1}`)}, []step{set("/a/x", `2`)}, `{"a":{"x":2}}`},
		"delete and create, deep": {[]step{set("/a/y/z", `3`)}, []step{remove("/a"), set("/a", `{"y":{}}`), set("/a/y/z", `8`)}, []step{set("/a/y/w", `1`)}, `{"a":{"y":{"w":1,"z":3}}}`},
		"written, and each above": {[]step{set("/a/y/z", `3`), set("/a/y", `{"w":1}`), set("/a", `{"n":1}`)}, nil, nil, `{"a":{"n":1,"x":null,"y":null}}`},
		"each above within":       {[]step{set("/a/y/z", `3`)}, []step{set("/a/y", `{"w":1}`), set("/a", `{"n":1}`)}, []step{set("/a/y", `{"z":4}`), set("/a", `{"x":1}`)}, `{"a":{"y":null}}`},
		"root":                    {[]step{set("/b", `6`)}, []step{set("", `{}`)}, []step{set("/a/x", `2`)}, `{"a":{"x":2},"b":6}`},
		"delete of nothing":       {nil, []step{remove("/c")}, []step{set("/c", `1`)}, `{"c":1}`},
		"large":                   {[]step{set("/a/l", large)}, []step{set("/a/y/l", large), remove("/a/x")}, []step{remove("/a/l")}, `{}`},
		"object for leaf":         {nil, []step{set("/b", `{"n":1}`), set("/b/m", `2`)}, []step{set("/b", `{"o":1}`)}, `{"b":{"o":1}}`},
	} {
		for end, how := range map[fate]string{fails: "error", panics: "panic"} {
			t.Run(name+"/"+how, func(t *testing.T) {
				d := parseDoc(t, before)
				d.Checksum()
				change, err := d.Update(script(append(append(c.first, inSavepoint(t, end, c.within...)), c.after...)...))
				if err != nil {
					t.Fatal(err)
				}
				if got := string(change.Delta.Bytes()); got != c.patch {
					t.Errorf("delta %s, want %s", got, c.patch)
				}
				wantSize(t, d)
				plain := parseDoc(t, before)
				if _, err := plain.Update(script(append(c.first, c.after...)...)); err != nil {
					t.Fatal(err)
				}
				wantText(t, d, string(plain.Canonical()))
				d.Apply(change.Inverse)
				wantText(t, d, before)
			})
		}
	}
}

// TestL8_SavepointKeepsReads: what was read in a savepoint that was taken back
// has had its effect. What was written there has not, so a read of the same place
// afterwards is one of the base.
func TestL8_SavepointKeepsReads(t *testing.T) {
	for name, c := range map[string]struct {
		steps []step
		reads string
	}{
		"read within":                     {[]step{inSavepoint(t, fails, get("/b"))}, "v /b"},
		"own write within":                {[]step{inSavepoint(t, fails, set("/b", `6`), get("/b"))}, "e "},
		"read after":                      {[]step{inSavepoint(t, fails, set("/b", `6`)), get("/b")}, "e ,v /b"},
		"read after delete":               {[]step{inSavepoint(t, fails, remove("/b")), get("/b")}, "e ,v /b"},
		"read after delete of nothing":    {[]step{inSavepoint(t, fails, remove("/c")), get("/c"), set("/c", `1`)}, "e ,v /c"},
		"read below after":                {[]step{inSavepoint(t, fails, set("/a", `1`)), get("/a/x")}, "e ,m /a,v /a/x"},
		"read after commit is of oneself": {[]step{inSavepoint(t, commits, set("/b", `6`)), get("/b")}, "e "},
	} {
		d := parseDoc(t, `{"a":{"x":1},"b":5}`)
		change, err := d.Update(script(c.steps...))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(describe(change.Reads), ","); got != c.reads {
			t.Errorf("%s: reads %q, want %q", name, got, c.reads)
		}
	}
}

// TestL7_ObjectHandles: an Object got before a savepoint is good after it, though
// what is above it was deleted and made again within; and several are good at once.
func TestL7_ObjectHandles(t *testing.T) {
	d := parseDoc(t, `{"a":{"b":{"n":1}},"c":{"d":{"n":1}}}`)
	mirrors := mirrorsAt(d, "", "/a", "/a/b", "/c", "/c/d")
	change, err := d.Update(func(tx *doc.Tx) error {
		ab, _ := tx.Object("/a/b")
		cd, _ := tx.Object("/c/d")
		ab.Set("n", "2")
		mirrors.check(t, d)
		savepoint(t, tx, panics, func(tx *doc.Tx) {
			if err := script(remove("/a"), set("/a", `{"b":{"x":1}}`), set("/c", `{}`))(tx); err != nil {
				t.Fatal(err)
			}
			mirrors.check(t, d)
		})
		mirrors.check(t, d)
		ab.Set("m", `{"k":[]}`)
		cd.Delete("n")
		mirrors.check(t, d)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(change.Delta.Bytes()), `{"a":{"b":{"m":{"k":[]},"n":2}},"c":{"d":{"n":null}}}`; got != want {
		t.Errorf("delta %s, want %s", got, want)
	}
	wantSize(t, d)
}

// TestL6_SavepointCostsWhatItWrites counts the allocations of a savepoint that is
// taken back, in a small and in a large document.
func TestL6_SavepointCostsWhatItWrites(t *testing.T) {
	cost := func(n int) float64 {
		d := parseDoc(t, records(n))
		return testing.AllocsPerRun(50, func() {
			if _, err := d.Update(func(tx *doc.Tx) error {
				savepoint(t, tx, fails, func(tx *doc.Tx) {
					tx.Set(leaf, []byte(`"changed"`))
					tx.Delete("/r8")
					tx.Set(delta.PointerOf("new"), []byte(`{}`))
				})
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
	if small, large := cost(sizes[0]), cost(sizes[1]); large > small {
		t.Errorf("%v allocations among %d records, %v among %d", small, sizes[0], large, sizes[1])
	}
}
