package doc_test

import (
	"encoding/json"
	"iter"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// mirror is a dumb Derived: it holds the text of every member.
type mirror struct {
	at      delta.Pointer
	members map[string]string
	calls   int
	end     func()
}

func (m *mirror) Reset(members iter.Seq2[string, doc.Value]) {
	m.calls++
	m.members = map[string]string{}
	for name, value := range members {
		m.members[name] = value.Raw()
	}
}

func (m *mirror) Changed(name string, now doc.Value) {
	m.calls++
	if now.Present() {
		m.members[name] = now.Raw()
	} else {
		delete(m.members, name)
	}
}

type mirrors []*mirror

func mirrorsAt(d *doc.Doc, places ...delta.Pointer) mirrors {
	var all mirrors
	for _, p := range places {
		m := &mirror{at: p}
		m.end = d.Derive(p, m)
		all = append(all, m)
	}
	return all
}

// check fails unless every mirror shows what is in the document.
func (all mirrors) check(t *testing.T, d *doc.Doc) {
	t.Helper()
	for _, m := range all {
		want := map[string]string{}
		if text, ok := d.Get(m.at); ok && text[0] == '{' {
			var members map[string]json.RawMessage
			if err := json.Unmarshal(text, &members); err != nil {
				t.Fatal(err)
			}
			for name, raw := range members {
				want[name] = string(raw)
			}
		}
		if !maps.Equal(m.members, want) {
			t.Fatalf("derived at %q: %q\nof the document %s", m.at, m.members, d.Canonical())
		}
	}
}

func (all mirrors) end() {
	for _, m := range all {
		m.end()
	}
}

// TestL7_DerivedState changes documents in every way and compares what is derived
// after each single write, each taking back, each commit and each delta.
func TestL7_DerivedState(t *testing.T) {
	r := newRandom(72)
	for range 50 {
		d := parseDoc(t, r.object(documentShape))
		all := mirrorsAt(d, "", "/a", "/a/b", "/a/b/c", "/a/b", "/b")
		check := func() { all.check(t, d) }
		check()
		for range 15 {
			m := &model{decodeObject(t, d.Canonical())}
			switch r.IntN(4) {
			case 0:
				d.Apply(parseDelta(t, r.object(patchShape)))
			case 1:
				revert(d, r.IntN(2) == 0, func(tx *doc.Tx) { nest(t, r, tx, m, 2, check) })
			default:
				if _, err := d.Update(func(tx *doc.Tx) error { nest(t, r, tx, m, 2, check); return nil }); err != nil {
					t.Fatal(err)
				}
			}
			check()
			wantSize(t, d)
			if i := r.IntN(3 * len(all)); i < len(all) { // another one takes its place
				all[i].end()
				all[i] = mirrorsAt(d, r.pointer())[0]
				check()
			}
		}
		all.end()
		if n := d.WatchedPlaces() + d.WatchersOfRoot(); n != 0 {
			t.Fatalf("%d places are watched still", n)
		}
	}
}

// TestL7_DerivedOfFlatAndLargeObjects writes the same into an object that is kept
// as text and into one that is not.
func TestL7_DerivedOfFlatAndLargeObjects(t *testing.T) {
	for _, padding := range []int{0, 100, 250, 490, 520, 2000} {
		d := parseDoc(t, `{"a":{"b":{"x":1},"pad":"`+strings.Repeat("p", padding)+`"}}`)
		all := mirrorsAt(d, "/a/b", "/a")
		for _, patch := range []string{
			`{"a":{"b":{"x":2,"y":{}}}}`, `{"a":{"b":{"y":{"deep":[1]}}}}`, `{"a":{"b":null}}`, `{"a":{"b":{"z":1}}}`, `{"a":7}`, `{"a":{"b":{"x":3}}}`, `{}`, `{"a":{"b":{"x":3}}}`,
		} {
			p := parseDelta(t, patch)
			revert(d, false, func(tx *doc.Tx) { tx.Merge(p); all.check(t, d) })
			all.check(t, d)
			effect := d.Apply(p)
			all.check(t, d)
			d.Apply(effect.Inverse)
			all.check(t, d)
			if _, err := d.Update(merge(t, patch)); err != nil {
				t.Fatal(err)
			}
			all.check(t, d)
			wantSize(t, d)
		}
	}
}

// TestL6_DerivedIsToldOfItsOwn: a write elsewhere is not told, one within is told
// once, and once more if it is taken back.
func TestL6_DerivedIsToldOfItsOwn(t *testing.T) {
	for _, op := range oneLeaf {
		d := parseDoc(t, records(1000))
		root, r7, r8 := &mirror{}, &mirror{}, &mirror{}
		d.Derive("", root)
		d.Derive("/r7", r7)
		d.Derive("/r8", r8)
		root.calls, r7.calls, r8.calls = 0, 0, 0
		op.make(t, d)()
		want := map[string]int{"Update": 1, "Apply": 1, "Revert": 2}[op.name]
		if root.calls != want || r7.calls != want || r8.calls != 0 {
			t.Errorf("%s: told %d times at the root, %d in the record, %d in another one", op.name, root.calls, r7.calls, r8.calls)
		}
	}
}

// TestDeriveRefuses: state derived in a transaction could be of what is taken
// back; and what is told of a write must not write.
func TestDeriveRefuses(t *testing.T) {
	refuses := func(name string, fn func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s is not refused", name)
			}
		}()
		fn()
	}
	d := doc.New()
	if _, err := d.Update(func(*doc.Tx) error {
		refuses("Derive in a transaction", func() { d.Derive("", &mirror{}) })
		refuses("Apply in a transaction", func() { d.Apply(delta.Delta{}) })
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	writer := &meddler{}
	d.Derive("/a", writer)
	writer.fn = func() {
		refuses("Derive by what is derived", func() { d.Derive("", &mirror{}) })
		refuses("Apply by what is derived", func() { d.Apply(delta.Delta{}) })
		if _, err := d.Update(set("/b", `1`)); err != doc.ErrNested {
			t.Errorf("an update by what is derived: %v", err)
		}
	}
	d.Apply(parseDelta(t, `{"a":{"x":1}}`))
	wantText(t, d, `{"a":{"x":1}}`)
	if _, err := d.Update(set("/a/x", `2`)); err != nil {
		t.Fatal(err)
	}
	if writer.told < 2 {
		t.Errorf("told %d times", writer.told)
	}
}

// meddler is a Derived that does what it must not.
type meddler struct {
	fn   func()
	told int
}

func (m *meddler) Reset(iter.Seq2[string, doc.Value]) { m.meddle() }
func (m *meddler) Changed(string, doc.Value)          { m.meddle() }

func (m *meddler) meddle() {
	if m.fn != nil {
		m.told++
		m.fn()
	}
}

// TestDeriveEnd: ends twice, in a transaction, and beside another one.
func TestDeriveEnd(t *testing.T) {
	d := parseDoc(t, `{"a":{"n":0}}`)
	x := &mirror{at: "/a"}
	first, second := d.Derive("/a", x), d.Derive("/a", x)
	first()
	first()
	for i := range 3 {
		x.calls = 0
		if _, err := d.Update(func(tx *doc.Tx) error {
			err := tx.Set("/a/n", strconv.AppendInt(nil, int64(i+1), 10))
			if i == 1 {
				second()
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if want := map[int]int{0: 1, 1: 1, 2: 0}[i]; x.calls != want {
			t.Errorf("change %d: told %d times, want %d", i, x.calls, want)
		}
	}
	if n := d.WatchedPlaces(); n != 0 {
		t.Errorf("%d places are watched still", n)
	}
}

// TestDeriveEndsWithinACall, of itself and of the one before; the others are told.
func TestDeriveEndsWithinACall(t *testing.T) {
	d := parseDoc(t, `{"a":{"n":0}}`)
	var told [4]int
	var ends [4]func()
	for i := range ends {
		x := &meddler{}
		ends[i] = d.Derive("/a", x)
		x.fn = func() {
			if told[i]++; i == 1 {
				ends[0]()
				ends[1]()
			}
		}
	}
	d.Apply(parseDelta(t, `{"a":{"n":1}}`))
	d.Apply(parseDelta(t, `{"a":{"n":2}}`))
	if told != [4]int{1, 1, 2, 2} {
		t.Errorf("told %v times", told)
	}
	ends[2]()
	ends[3]()
	if n := d.WatchedPlaces(); n != 0 {
		t.Errorf("%d places are watched still", n)
	}
}
