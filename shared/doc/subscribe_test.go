package doc_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// written compares two decoded documents and returns the places that a delta
// between them has to write.
func written(before, after any, at delta.Pointer) []delta.Write {
	was, isOld := before.(map[string]any)
	is, isNew := after.(map[string]any)
	if !isOld || !isNew {
		if same(before, after) {
			return nil
		}
		return []delta.Write{{Kind: delta.WroteValue, Path: at}}
	}
	names := maps.Clone(was)
	maps.Copy(names, is)
	var writes []delta.Write
	for _, name := range slices.Sorted(maps.Keys(names)) {
		b, had := was[name]
		a, has := is[name]
		if had && has {
			writes = append(writes, written(b, a, at.Member(name))...)
		} else {
			writes = append(writes, delta.Write{Kind: delta.WroteMember, Path: at.Member(name)})
		}
	}
	return writes
}

// listener is a subscription with what it was told, and what a dumb comparison
// says that it has to be told.
type listener struct {
	at        delta.Pointer
	scope     doc.Scope
	got, want [][]string
	end       func()
}

func listen(d *doc.Doc, p delta.Pointer, scope doc.Scope) *listener {
	l := &listener{at: p, scope: scope}
	l.end = d.Subscribe(p, scope, func(e doc.Event) { l.got = append(l.got, sortedPaths(e.Paths)) })
	return l
}

func sortedPaths(paths []delta.Pointer) []string {
	out := []string{}
	for _, p := range paths {
		out = append(out, string(p))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// expect notes what is to be told of the writes.
func (l *listener) expect(writes []delta.Write) {
	var paths []delta.Pointer
	for _, w := range writes {
		if w.Path.Contains(l.at) || l.scope == doc.Prefix && l.at.Contains(w.Path) {
			paths = append(paths, w.Path)
		}
	}
	if len(paths) > 0 {
		l.want = append(l.want, sortedPaths(paths))
	}
}

// wantOnce expects one event of the paths, if there are any.
func (l *listener) wantOnce(paths string) {
	if paths != "" {
		l.want = [][]string{strings.Fields(paths)}
	}
}

// check fails unless what was told is what was expected.
func (l *listener) check(t *testing.T, what string) {
	t.Helper()
	if !slices.EqualFunc(l.got, l.want, slices.Equal) {
		t.Fatalf("%s: the subscription %d of %q was told %q, want %q", what, l.scope, l.at, l.got, l.want)
	}
	l.got, l.want = nil, nil
}

// randomChange makes a change, which may come to nothing.
func randomChange(t *testing.T, r random, d *doc.Doc) {
	m := &model{decodeObject(t, d.Canonical())}
	switch r.IntN(5) {
	case 0, 1:
		d.Apply(parseDelta(t, r.object(patchShape)))
	case 2:
		revert(d, r.IntN(2) == 0, func(tx *doc.Tx) { nest(t, r, tx, m, 2, func() {}) })
	default:
		if _, err := d.Update(func(tx *doc.Tx) error { nest(t, r, tx, m, 2, func() {}); return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSubscriptionsAgainstModel: after every change each subscription has been
// told once, with the very places that differ, if any concerns it; after none it
// was told while the change was under way.
func TestSubscriptionsAgainstModel(t *testing.T) {
	r := newRandom(61)
	told := 0
	for range 60 {
		d := parseDoc(t, r.object(documentShape))
		var listeners []*listener
		for range 25 {
			for range r.IntN(4) {
				listeners = append(listeners, listen(d, r.pointer(), doc.Scope(1+r.IntN(2))))
			}
			if n := len(listeners); n > 0 && r.IntN(3) == 0 {
				i := r.IntN(n)
				listeners[i].end()
				if len(listeners[i].got) > 0 {
					t.Fatal("told of nothing")
				}
				listeners = slices.Delete(listeners, i, i+1)
			}
			var writes []delta.Write
			step := func() {
				before := decode(t, d.Canonical())
				randomChange(t, r, d)
				writes = append(writes, written(before, decode(t, d.Canonical()), "")...)
			}
			what := string(d.Canonical())
			if r.IntN(4) > 0 {
				step()
			} else {
				d.Batch(func() {
					for range r.IntN(4) {
						step()
					}
					for _, l := range listeners {
						l.check(t, "within a batch")
					}
				})
			}
			what += " to " + string(d.Canonical())
			for _, l := range listeners {
				l.expect(writes)
				told += len(l.want)
				l.check(t, what)
			}
		}
		for _, l := range listeners {
			l.end()
			l.end()
		}
		if n := d.WatchedPlaces() + d.WatchersOfRoot(); n != 0 {
			t.Fatalf("%d places are watched still", n)
		}
	}
	if told < 1000 {
		t.Errorf("only %d events: the test shows nothing", told)
	}
}

// TestScopes is the table of what each scope is told of.
func TestScopes(t *testing.T) {
	const before = `{"a":{"b":{"c":1},"k":1},"n":1}`
	for _, c := range []struct {
		patch         string
		place, prefix string // what subscribers of /a/b are told
	}{
		{`{"a":{"b":{"c":2}}}`, "", "/a/b/c"},
		{`{"a":{"b":{"d":2}}}`, "", "/a/b/d"},
		{`{"a":{"b":{"c":2,"d":{"e":1}}}}`, "", "/a/b/c /a/b/d"},
		{`{"a":{"b":{"c":1}}}`, "", ""},
		{`{"a":{"b":{"x":null}}}`, "", ""},
		{`{"a":{"b":{}}}`, "", ""},
		{`{"a":{"b":2}}`, "/a/b", "/a/b"},
		{`{"a":{"b":null}}`, "/a/b", "/a/b"},
		{`{"a":{"k":2,"bc":1}}`, "", ""},
		{`{"a":null}`, "/a", "/a"},
		{`{"a":[]}`, "/a", "/a"},
		{`{"n":2}`, "", ""},
		{`{"a":{"b":{"c":2}},"n":2}`, "", "/a/b/c"},
	} {
		for name, run := range map[string]func(*doc.Doc){
			"Apply":  func(d *doc.Doc) { d.Apply(parseDelta(t, c.patch)) },
			"Update": func(d *doc.Doc) { d.Update(merge(t, c.patch)) },
		} {
			d := parseDoc(t, before)
			place, prefix := listen(d, "/a/b", doc.Place), listen(d, "/a/b", doc.Prefix)
			run(d)
			place.wantOnce(c.place)
			prefix.wantOnce(c.prefix)
			place.check(t, name+" "+c.patch)
			prefix.check(t, name+" "+c.patch)
		}
	}
}

// TestSubscriberChangesTheDocument: what a subscriber changes is told when it has
// returned, to itself too; its transactions are their own.
func TestSubscriberChangesTheDocument(t *testing.T) {
	for name, change := range map[string]func(d *doc.Doc, n int){
		"Apply": func(d *doc.Doc, n int) { d.Apply(parseDelta(t, fmt.Sprintf(`{"n":%d,"other":%d}`, n, n))) },
		"Update": func(d *doc.Doc, n int) {
			text := strconv.AppendInt(nil, int64(n), 10)
			change, err := d.Update(script(set("/n", string(text)), set("/other", string(text))))
			if want := fmt.Sprintf(`{"n":%d,"other":%d}`, n, n); err != nil || string(change.Delta.Bytes()) != want {
				t.Errorf("a subscriber's change is %s, want %s, error %v", change.Delta.Bytes(), want, err)
			}
		},
		"Batch": func(d *doc.Doc, n int) {
			d.Batch(func() {
				d.Apply(parseDelta(t, fmt.Sprintf(`{"n":%d}`, n)))
				d.Apply(parseDelta(t, fmt.Sprintf(`{"other":%d}`, n)))
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := parseDoc(t, `{"n":0,"other":0,"start":0}`)
			var seen []int
			running := false
			d.Subscribe("/n", doc.Place, func(doc.Event) {
				if running {
					t.Error("told of a change before it has returned")
				}
				running = true
				n, _ := strconv.Atoi(d.Value("/n").Raw())
				if seen = append(seen, n); n < 5 {
					change(d, n+1)
				}
				running = false
			})
			other := listen(d, "/other", doc.Place)
			for range 3 { // again with memory that was used before
				seen = nil
				other.got = nil
				d.Apply(parseDelta(t, `{"n":-1,"other":-1}`))
				change(d, 1)
				if !slices.Equal(seen, []int{-1, 0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5}) {
					t.Errorf("saw %v", seen)
				}
				if len(other.got) == 0 {
					t.Error("the other one was not told")
				}
				wantText(t, d, `{"n":5,"other":5,"start":0}`)
				wantSize(t, d)
			}
		})
	}
}

// TestSubscribersComeAndGo within a callback: who is ended is not told any more,
// not even of what has happened; who comes is told of what happens from then on.
func TestSubscribersComeAndGo(t *testing.T) {
	d := parseDoc(t, `{"a":1}`)
	var told [3]int
	var ends [3]func()
	for i := range ends {
		ends[i] = d.Subscribe("/a", doc.Place, func(doc.Event) {
			told[i]++
			for j, end := range ends {
				if j != i {
					end()
				}
			}
		})
	}
	d.Apply(parseDelta(t, `{"a":2}`))
	d.Apply(parseDelta(t, `{"a":3}`))
	slices.Sort(told[:])
	if told != [3]int{0, 0, 2} {
		t.Errorf("told %v times", told)
	}

	d = parseDoc(t, `{"a":1}`)
	late, itself := 0, 0
	var end func()
	end = d.Subscribe("/a", doc.Prefix, func(doc.Event) {
		itself++
		d.Subscribe("/a", doc.Place, func(doc.Event) { late++ })
		end()
	})
	d.Apply(parseDelta(t, `{"a":2}`))
	if late != 0 {
		t.Error("told of what was before")
	}
	d.Apply(parseDelta(t, `{"a":3}`))
	if itself != 1 || late != 1 {
		t.Errorf("told %d times, the late one %d times", itself, late)
	}
}

// TestPanickingSubscriber does not keep the others from being told, once, nor the
// change from being made.
func TestPanickingSubscriber(t *testing.T) {
	for name, change := range map[string]func(*doc.Doc){
		"Apply":  func(d *doc.Doc) { d.Apply(parseDelta(t, `{"a":2}`)) },
		"Update": func(d *doc.Doc) { d.Update(set("/a", `2`)) },
		"Batch":  func(d *doc.Doc) { d.Batch(func() { d.Apply(parseDelta(t, `{"a":2}`)) }) },
	} {
		d := parseDoc(t, `{"a":1}`)
		told := 0
		for i := range 20 {
			d.Subscribe("/a", doc.Place, func(doc.Event) {
				if told++; i%3 == 0 {
					panic(errRefused)
				}
			})
		}
		func() {
			defer func() {
				if p := recover(); p != errRefused {
					t.Errorf("%s: recovered %v", name, p)
				}
			}()
			change(d)
		}()
		if told != 20 {
			t.Errorf("%s: %d of 20 were told", name, told)
		}
		wantText(t, d, `{"a":2}`)
		wantSize(t, d)
		l := listen(d, "/b", doc.Place)
		if change, err := d.Update(set("/b", `1`)); err != nil || string(change.Delta.Bytes()) != `{"b":1}` || len(l.got) != 1 || told != 20 {
			t.Errorf("%s: afterwards %s, error %v, told %v and %d", name, change.Delta.Bytes(), err, l.got, told)
		}
	}
}

// TestL7_SubscriberSeesNothingOfARevert, whatever is written on the way.
func TestL7_SubscriberSeesNothingOfARevert(t *testing.T) {
	d := parseDoc(t, `{"a":{"b":1}}`)
	l := listen(d, "", doc.Prefix)
	revert(d, true, func(tx *doc.Tx) { tx.Set("/a", []byte(`2`)) })
	revert(d, false, func(tx *doc.Tx) { tx.Delete("/a") })
	if _, err := d.Update(script(inSavepoint(t, fails, remove("/a")), inSavepoint(t, panics, set("/c", `1`)))); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Update(script(set("/a", `2`), set("/a", `{"b":1}`))); err != nil {
		t.Fatal(err)
	}
	l.check(t, "after reverts and what comes to nothing")
	if _, err := d.Update(script(inSavepoint(t, fails, remove("/a")), set("/c", `1`))); err != nil {
		t.Fatal(err)
	}
	l.want = [][]string{{"/c"}}
	l.check(t, "after a commit with a savepoint taken back")
}

// TestManyWritesAreOneOfEverything: past the bound of [delta.Writes] everybody is
// told, once.
func TestManyWritesAreOneOfEverything(t *testing.T) {
	d := doc.New()
	near, far := listen(d, "/r5", doc.Place), listen(d, "/nowhere/at/all", doc.Prefix)
	d.Apply(parseDelta(t, records(delta.MaxWrites+1)))
	near.want, far.want = [][]string{{""}}, [][]string{{""}}
	near.check(t, "near")
	far.check(t, "far")
}

// TestL6_SubscribersElsewhereCostNothing: a change calls and allocates the same
// with one subscriber as with 10,000 more who are not concerned.
func TestL6_SubscribersElsewhereCostNothing(t *testing.T) {
	for _, op := range oneLeaf {
		cost := func(others int) (allocs float64, calls int) {
			d := parseDoc(t, records(sizes[1]))
			count := func(doc.Event) { calls++ }
			d.Subscribe(leaf, doc.Prefix, count)
			for i := range others {
				record := delta.PointerOf("r" + strconv.Itoa(1000+i%9000))
				d.Subscribe(record.Member("done"), doc.Place, count)
				d.Subscribe(record, doc.Prefix, count)
			}
			run := op.make(t, d)
			run()
			calls = 0
			return testing.AllocsPerRun(100, run), calls
		}
		few, calls := cost(0)
		many, callsOfMany := cost(10_000)
		if many > few || callsOfMany != calls {
			t.Errorf("%s: %v allocations and %d calls with one subscriber, %v and %d with 10,000 elsewhere", op.name, few, calls, many, callsOfMany)
		}
	}
}
