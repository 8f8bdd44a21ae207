package doc_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// objectWrites returns a function that writes a few members of one object, or of
// two, with savepoints that are taken back, and reads between.
func objectWrites(r random, deep bool) func(t *testing.T, tx *doc.Tx) {
	places := []delta.Pointer{"/a", "/a", "/b", "/a/c", ""}
	at := pick(r, places)
	seed := r.Uint64()
	n := 1 + r.IntN(6)
	if r.IntN(5) == 0 {
		n = r.IntN(40)
	}
	return func(t *testing.T, tx *doc.Tx) {
		r := newRandom(seed)
		root, _ := tx.Object("")
		value := func() string {
			if deep && r.IntN(10) == 0 {
				return pick(r, []string{`{}`, `{"a":1}`, `{"a":{"b":2},"x":` + scalars[len(scalars)-1] + `}`})
			}
			return pick(r, scalars)
		}
		var some func(tx *doc.Tx, n int)
		some = func(tx *doc.Tx, n int) {
			for range n {
				if r.IntN(12) == 0 {
					at = pick(r, places)
				}
				o, ok := tx.Object(at)
				if !ok {
					tx.Set(at, []byte(value()))
					continue
				}
				name := pick(r, []string{"a", "b", "c", "d", "e/f", "~", "é\n"})
				switch r.IntN(13) {
				case 0, 1, 2, 3:
					if deep || !o.Value(name).IsObject() {
						o.Set(name, value())
					}
				case 4, 5:
					if deep || !o.Value(name).IsObject() {
						o.Delete(name)
					}
				case 6:
					o.ReadValue(name)
				case 7:
					o.ReadGap("a", name)
				case 8:
					o.ReadMembers()
				case 9:
					tx.Get(pick(r, places).Member(name))
				case 10:
					savepoint(t, tx, fails, func(tx *doc.Tx) { some(tx, r.IntN(4)) })
				case 11:
					if name := pick(r, plainNames); deep {
						root.Set(name, value())
					}
				case 12:
					tx.Do(&noted{func(tx *doc.Tx) { some(tx, r.IntN(3)) }})
				}
			}
		}
		start := at
		some(tx, n)
		at = start // it runs again
	}
}

// noted is an edit of anything.
type noted struct{ fn func(*doc.Tx) }

func (e *noted) Do(tx *doc.Tx) error { e.fn(tx); return nil }
func (e *noted) At() delta.Pointer   { return "" }
func (e *noted) Inverse() doc.Edit   { return nil }

func said(c doc.Change) string {
	return fmt.Sprintf("delta %s\ninverse %s\nwrites %q\nreads %q\nseen %q\n%d edits", c.Delta.Bytes(), c.Inverse.Bytes(), c.Writes, c.Reads, c.Seen, len(c.Edits))
}

// TestSmallTransactionsSayTheSame: what is known of a small transaction without a
// tree of the places written, on a document that remembers where the last one was,
// is what a document says that was just opened, and what it says when the transaction
// is made one that needs the tree.
func TestSmallTransactionsSayTheSame(t *testing.T) {
	const general = delta.Pointer("/general")
	long := scalars[len(scalars)-1]
	for seed := range uint64(400) {
		r := newRandom(seed)
		d := parseDoc(t, `{"a":{"a":1,"c":{"a":1,"b":`+long+`},"d":`+long+`},"b":{"a":1},"general":{"x":`+long+`}}`)
		known := r.IntN(2) == 0
		all := mirrorsAt(d, "/general")
		for range 30 {
			switch r.IntN(8) {
			case 0:
				all.end()
				all = mirrorsAt(d, []delta.Pointer{"/a", "/b", "/a/c", ""}[:r.IntN(5)]...)
			case 1:
				d.Apply(parseDelta(t, pick(r, []string{`{"a":null}`, `{"a":{"c":null}}`, `{"a":{"a":2,"b":null}}`, `{"a":{"c":{"b":` + long + `}}}`, `{"b":7}`, `{"b":{"a":{"b":1}}}`})))
			case 2:
				d.Load(parseDoc(t, string(d.Canonical())))
			}
			before := string(d.Canonical())
			fresh, other := parseDoc(t, before), parseDoc(t, before)
			if known {
				d.Checksum()
				fresh.Checksum()
				other.Checksum()
			}
			run := objectWrites(r, r.IntN(3) == 0)
			abort := r.IntN(6) == 0
			update := func(d *doc.Doc, generally bool) doc.Change {
				change, err := d.Update(func(tx *doc.Tx) error {
					run(t, tx)
					if generally {
						o, _ := tx.Object(general)
						o.Delete("none")
					}
					if abort {
						return errRefused
					}
					return nil
				})
				if (err != nil) != abort {
					t.Fatalf("seed %d: %v", seed, err)
				}
				return change
			}
			here, there, wide := update(d, false), update(fresh, false), update(other, true)
			all.check(t, d)
			extra := delta.Read{Kind: delta.ReadValue, Path: general + "/none"}
			notExtra := func(reads []delta.Read) []delta.Read {
				return slices.DeleteFunc(slices.Clone(reads), func(r delta.Read) bool { return r == extra })
			}
			wide.Reads, wide.Seen = notExtra(wide.Reads), notExtra(wide.Seen)
			if said(here) != said(there) || said(here) != said(wide) {
				t.Fatalf("seed %d: %s\nremembering: %s\nopened: %s\ngeneral: %s", seed, shorten(before), shorten(said(here)), shorten(said(there)), shorten(said(wide)))
			}
			for name, x := range map[string]*doc.Doc{"opened": fresh, "general": other} {
				if string(d.Canonical()) != string(x.Canonical()) || d.Size() != x.Size() || d.Checksum() != x.Checksum() {
					t.Fatalf("seed %d: %s is %s (%d bytes), %s %s (%d)", seed, shorten(before), shorten(string(d.Canonical())), d.Size(), name, shorten(string(x.Canonical())), x.Size())
				}
			}
			wantSize(t, d)
			if !known {
				continue
			}
			if abort {
				if string(d.Canonical()) != before {
					t.Fatalf("seed %d: reverted, %s is %s", seed, shorten(before), shorten(string(d.Canonical())))
				}
				continue
			}
			fresh.Apply(here.Inverse)
			if string(fresh.Canonical()) != before {
				t.Fatalf("seed %d: back from %s to %s, want %s", seed, shorten(string(d.Canonical())), shorten(string(fresh.Canonical())), shorten(before))
			}
		}
		all.end()
	}
}

// shorten makes long texts readable.
func shorten(text string) string {
	return strings.ReplaceAll(text, scalars[len(scalars)-1], `"xxx"`)
}

// TestL8_OwnObjectsAreNotRead: what is in an object that the transaction made does
// not count as read, however much it has written before.
func TestL8_OwnObjectsAreNotRead(t *testing.T) {
	for _, writes := range []int{0, 1, 15, 16, 40} {
		d := parseDoc(t, `{"x":1}`)
		change, err := d.Update(func(tx *doc.Tx) error {
			root, _ := tx.Object("")
			for i := range writes {
				root.Set("w"+strconv.Itoa(i), "0")
			}
			root.Set("p", `{"leaf":1,"sub":{"x":1}}`)
			for _, p := range []delta.Pointer{"/p", "/p/sub"} {
				o, _ := tx.Object(p)
				o.ReadValue("leaf")
				o.ReadExists("sub")
				o.ReadMembers()
				o.ReadGap("a", "b")
				tx.Get(p.Member("x"))
			}
			root.ReadValue("p")
			root.ReadValue("other")
			return nil
		})
		want := []delta.Read{{Kind: delta.ReadValue, Path: "/other"}, {Kind: delta.ReadValue, Path: "/p"}}
		if err != nil || !slices.Equal(change.Reads, want) {
			t.Errorf("after %d writes: reads %q, error %v", writes, change.Reads, err)
		}
	}
}
