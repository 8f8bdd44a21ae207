package doc_test

import (
	"bytes"
	"cmp"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

var errRefused = errors.New("refused")

// step is one operation of a scripted transaction.
type step func(*doc.Tx) error

func set(path delta.Pointer, value string) step {
	return func(tx *doc.Tx) error { return tx.Set(path, []byte(value)) }
}

func remove(path delta.Pointer) step {
	return func(tx *doc.Tx) error { return tx.Delete(path) }
}

func merge(t testing.TB, patch string) step {
	p := parseDelta(t, patch)
	return func(tx *doc.Tx) error { return tx.Merge(p) }
}

func get(path delta.Pointer) step {
	return func(tx *doc.Tx) error { tx.Get(path); return nil }
}

func isObject(path delta.Pointer) step {
	return func(tx *doc.Tx) error { tx.IsObject(path); return nil }
}

func members(path delta.Pointer) step {
	return func(tx *doc.Tx) error { tx.Members(path); return nil }
}

func script(steps ...step) func(*doc.Tx) error {
	return func(tx *doc.Tx) error {
		for _, s := range steps {
			if err := s(tx); err != nil {
				return err
			}
		}
		return nil
	}
}

// describe writes reads as "kind path", sorted.
func describe(reads []delta.Read) []string {
	out := make([]string, 0, len(reads))
	for _, r := range reads {
		out = append(out, string(rune(r.Kind))+" "+string(r.Path))
	}
	slices.Sort(out)
	return out
}

func TestUpdate(t *testing.T) {
	const before = `{"a":{"x":1,"y":{"z":2}},"b":5}`
	for name, c := range map[string]struct {
		steps []step
		// patch is the delta as committed, reads as describe gives them, joined.
		patch, reads string
	}{
		"nothing":                 {nil, `{}`, ``},
		"a leaf":                  {[]step{set("/b", `6`)}, `{"b":6}`, `e `},
		"a leaf deep down":        {[]step{set("/a/y/z", `3`)}, `{"a":{"y":{"z":3}}}`, `e /a/y`},
		"a leaf, as it was":       {[]step{set("/b", ` 5 `)}, `{}`, `e ,v /b`},
		"a leaf, there and back":  {[]step{set("/b", `6`), set("/b", `5`)}, `{}`, `e ,v /b`},
		"a leaf, twice":           {[]step{set("/b", `6`), set("/b", `7`)}, `{"b":7}`, `e `},
		"read of one's own write": {[]step{set("/b", `6`), get("/b")}, `{"b":6}`, `e `},
		"a new member":            {[]step{set("/c", `"new"`)}, `{"c":"new"}`, `e `},
		"a new object":            {[]step{set("/c", `{"d":{}}`)}, `{"c":{"d":{}}}`, `e ,v /c`},
		"an object for a leaf":    {[]step{set("/b", `{}`)}, `{"b":{}}`, `e ,v /b`},
		"a leaf for an object":    {[]step{set("/a", `1`)}, `{"a":1}`, `e ,m /a,m /a/y`},
		"an object for an object": {[]step{set("/a", `{"x":1,"w":2}`)}, `{"a":{"w":2,"y":null}}`, `e ,m /a,m /a/y,v /a/x`},
		"delete a leaf":           {[]step{remove("/b")}, `{"b":null}`, `e `},
		"delete an object":        {[]step{remove("/a")}, `{"a":null}`, `e ,m /a,m /a/y`},
		"delete nothing":          {[]step{remove("/c")}, `{}`, `e ,v /c`},
		"create and delete":       {[]step{set("/c", `{"d":1}`), remove("/c")}, `{}`, `e ,v /c`},
		"delete and create": {[]step{remove("/a"), set("/a", `{"n":1}`)},
			`{"a":{"n":1,"x":null,"y":null}}`, `e ,m /a,m /a/y`},
		"delete, create, fill": {[]step{remove("/a"), set("/a", `{}`), set("/a/x", `1`), get("/a/y")},
			`{"a":{"y":null}}`, `e ,m /a,m /a/y,v /a/x`},
		"write within, then delete": {[]step{set("/a/x", `9`), remove("/a")}, `{"a":null}`, `e ,e /a,m /a,m /a/y`},
		"the root":                  {[]step{set("", `{"b":5,"n":0}`)}, `{"a":null,"n":0}`, `v ,v /b`},
		"merge": {[]step{merge(t, `{"a":{"x":null,"n":1},"b":6}`)},
			`{"a":{"n":1,"x":null},"b":6}`, `e /a`},
		"merge into nothing": {[]step{merge(t, `{"c":{"d":{"n":null}}}`)}, `{"c":{"d":{}}}`, `v /c`},
		"merge that changes nothing": {[]step{merge(t, `{"a":{"y":{},"n":null},"b":5}`)},
			`{}`, `e /a,e /a/y,v /a/n,v /b`},
		"merge null, then an object": {[]step{merge(t, `{"a":null}`), merge(t, `{"a":{"n":1}}`)},
			`{"a":{"n":1,"x":null,"y":null}}`, `m /a`},
		"look at an object":   {[]step{isObject("/a"), isObject("/b"), isObject("/c")}, `{}`, `e /a,v /b,v /c`},
		"look at the members": {[]step{members("/a"), members("/b"), members("/c")}, `{}`, `m /a,v /b,v /c`},
	} {
		t.Run(name, func(t *testing.T) {
			d := parseDoc(t, before)
			change, err := d.Update(script(c.steps...))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(change.Delta.Bytes()); got != c.patch {
				t.Errorf("delta %s, want %s", got, c.patch)
			}
			if got := strings.Join(describe(change.Reads), ","); got != c.reads {
				t.Errorf("reads %q, want %q", got, c.reads)
			}
			if change.Empty() != (c.patch == `{}`) {
				t.Errorf("Empty is %v", change.Empty())
			}
			wantSize(t, d)
			other := parseDoc(t, before)
			other.Apply(change.Delta)
			wantText(t, other, string(d.Canonical()))
			d.Apply(change.Inverse)
			wantText(t, d, before)
		})
	}
}

// TestL12_DeleteThenObjectKeepsTheDeletion is the fault that folding patches has:
// {"k":null} then {"k":{"b":1}} folded naively is {"k":{"b":1}}, which keeps the
// other members of k.
func TestL12_DeleteThenObjectKeepsTheDeletion(t *testing.T) {
	d := parseDoc(t, `{"k":{"a":1,"deep":{"b":2}}}`)
	change, err := d.Update(script(merge(t, `{"k":null}`), merge(t, `{"k":{"b":1}}`)))
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, d, `{"k":{"b":1}}`)
	other := parseDoc(t, `{"k":{"a":1,"deep":{"b":2}}}`)
	other.Apply(change.Delta)
	wantText(t, other, `{"k":{"b":1}}`)
}

// TestL7_RecreatedObjectIsEmpty: what was deleted does not come back with the
// name, also when parts of it were written before in the same transaction.
func TestL7_RecreatedObjectIsEmpty(t *testing.T) {
	const before = `{"k":{"a":1,"deep":{"b":2}}}`
	d := parseDoc(t, before)
	change, err := d.Update(func(tx *doc.Tx) error {
		if err := script(set("/k/deep/b", `3`), remove("/k"), set("/k", `{}`))(tx); err != nil {
			return err
		}
		if names := tx.Members("/k"); len(names) != 0 {
			t.Errorf("the new object has members %q", names)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, d, `{"k":{}}`)
	d.Apply(change.Inverse)
	wantText(t, d, before)
}

// TestL7_RevertLeavesNoTrace reverts one transaction that writes in every way,
// by every way to end it early.
func TestL7_RevertLeavesNoTrace(t *testing.T) {
	const before = `{"a":{"x":1,"y":{"z":2}},"b":[1,null],"c":"s"}`
	writes := []step{
		set("/a/y/z", `3`), merge(t, `{"a":{"y":null,"n":{}},"c":{"d":1}}`), set("/a/n/deep", `{"e":1}`),
		remove("/a"), set("/a", `{"y":{"z":4}}`), set("/a/y/z", `5`), remove("/b"), set("", `{"only":1}`),
	}
	ends := map[string]func(d *doc.Doc, fn func(*doc.Tx)){
		"error": func(d *doc.Doc, fn func(*doc.Tx)) {
			change, err := d.Update(func(tx *doc.Tx) error { fn(tx); return errRefused })
			if err != errRefused || !change.Empty() || change.Reads != nil {
				t.Errorf("change %+v, error %v", change, err)
			}
		},
		"panic": func(d *doc.Doc, fn func(*doc.Tx)) {
			defer func() {
				if p := recover(); p != "stop" {
					t.Errorf("recovered %v", p)
				}
			}()
			d.Update(func(tx *doc.Tx) error { fn(tx); panic("stop") })
		},
		"Goexit": func(d *doc.Doc, fn func(*doc.Tx)) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				d.Update(func(tx *doc.Tx) error { fn(tx); runtime.Goexit(); return nil })
			}()
			<-done
		},
	}
	for name, end := range ends {
		for n := range len(writes) + 1 {
			d := parseDoc(t, before)
			canonical, size := d.Canonical(), d.Size()
			end(d, func(tx *doc.Tx) {
				if err := script(writes[:n]...)(tx); err != nil {
					t.Fatal(err)
				}
			})
			if !bytes.Equal(d.Canonical(), canonical) || d.Size() != size {
				t.Errorf("%s after %d writes: %s (size %d), want %s (%d)", name, n, d.Canonical(), d.Size(), canonical, size)
			}
		}
	}
}

// TestL7_RefusedWriteChangesNothing: the transaction may go on after a refused
// write, which has had no effect.
func TestL7_RefusedWriteChangesNothing(t *testing.T) {
	deep := strings.Repeat(`{"d":`, jsontext.MaxDepth-1) + `{}` + strings.Repeat(`}`, jsontext.MaxDepth-1)
	deepest := delta.PointerOf(slices.Repeat([]string{"d"}, jsontext.MaxDepth-1)...)
	for name, c := range map[string]struct {
		before string
		step   step
		reason string
	}{
		"null":                  {`{}`, set("/a", `null`), "cannot hold null"},
		"null within":           {`{}`, set("/a", `{"b":{"c":null}}`), "is null"},
		"no JSON":               {`{}`, set("/a", `{"b":`), "ends where"},
		"duplicate":             {`{}`, set("/a", `{"b":1,"b":2}`), "twice"},
		"no parent":             {`{}`, set("/a/b", `1`), "is not an object"},
		"parent is a leaf":      {`{"a":1}`, set("/a/b", `1`), "is not an object"},
		"parent is an array":    {`{"a":[1]}`, set("/a/0", `1`), "is not an object"},
		"delete without parent": {`{"a":1}`, remove("/a/b"), "is not an object"},
		"root to a leaf":        {`{"a":1}`, set("", `1`), "must be an object"},
		"root to an array":      {`{"a":1}`, set("", `[]`), "must be an object"},
		"delete the root":       {`{"a":1}`, remove(""), "must be an object"},
		"too deep an object":    {deep, set(deepest+"/d", `{}`), "nested deeper"},
		"too deep an array":     {deep, set(deepest+"/d", `[]`), "nested deeper"},
		"not a pointer":         {`{}`, set("a", `1`), "not a JSON pointer"},
		"not in normal form":    {`{}`, set("/a~2", `1`), "not a JSON pointer"},
		"not UTF-8":             {`{}`, set("/\xff", `1`), "not a JSON pointer"},
		"delete not a pointer":  {`{}`, remove("a"), "not a JSON pointer"},
	} {
		d := parseDoc(t, c.before)
		change, err := d.Update(func(tx *doc.Tx) error {
			err := c.step(tx)
			var place *doc.PathError
			var syntax *jsontext.Error
			if !errors.As(err, &place) && !errors.As(err, &syntax) || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("%s: error %v, want %q", name, err, c.reason)
			}
			return nil
		})
		if err != nil || !change.Empty() {
			t.Errorf("%s: delta %s, error %v", name, change.Delta.Bytes(), err)
		}
		wantText(t, d, c.before)
	}
	d := parseDoc(t, deep)
	if _, err := d.Update(set(deepest+"/d", `1`)); err != nil {
		t.Errorf("a leaf at the greatest depth: %v", err)
	}
	parseDoc(t, string(d.Canonical()))
}

// TestReadsAreSorted: one transaction on one document makes one Change, byte for
// byte, however often it is run.
func TestReadsAreSorted(t *testing.T) {
	d := parseDoc(t, records(20))
	change, err := d.Update(func(tx *doc.Tx) error {
		for i := range 20 {
			tx.Members(delta.PointerOf("r" + strconv.Itoa(19-i)))
			tx.IsObject(delta.PointerOf("r" + strconv.Itoa(19-i)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sorted := slices.IsSortedFunc(change.Reads, func(a, b delta.Read) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind))
	})
	if len(change.Reads) != 40 || !sorted {
		t.Errorf("%d reads: %q", len(change.Reads), change.Reads)
	}
}

// TestL9_ManyReadsBecomeOne checks the bound on reads and what happens there.
func TestL9_ManyReadsBecomeOne(t *testing.T) {
	d := parseDoc(t, records(doc.MaxReads+1))
	for _, c := range []struct {
		reads int
		whole bool
	}{{doc.MaxReads, false}, {doc.MaxReads + 1, true}} {
		change, err := d.Update(func(tx *doc.Tx) error {
			for _, name := range tx.Members("")[:c.reads-1] {
				tx.Get(delta.PointerOf(name, "title"))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		whole := len(change.Reads) == 1 && change.Reads[0] == delta.WholeDocument
		if whole != c.whole || !whole && len(change.Reads) != c.reads {
			t.Errorf("%d reads: %d recorded", c.reads, len(change.Reads))
		}
	}
}
