package doc_test

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// number computes the integer at p, 0 for none, and counts its runs.
func number(d *doc.Doc, p delta.Pointer, runs *int) *doc.Computed[int] {
	return doc.Compute(d, func(r *doc.Reader) (int, error) {
		*runs++
		v := r.Value(p)
		if !v.Present() {
			return 0, nil
		}
		return strconv.Atoi(v.Raw())
	})
}

func wantGet[T comparable](t testing.TB, c *doc.Computed[T], want T) {
	t.Helper()
	if got, err := c.Get(); err != nil || got != want {
		t.Errorf("computed %v, error %v, want %v", got, err, want)
	}
}

func TestComputedIsLazyAndKept(t *testing.T) {
	d := parseDoc(t, `{"a":1,"b":2}`)
	runs := 0
	c := number(d, "/a", &runs)
	wantRuns := func(want int) {
		t.Helper()
		if runs != want {
			t.Errorf("%d runs, want %d", runs, want)
		}
	}
	d.Apply(parseDelta(t, `{"a":3}`))
	wantRuns(0)
	wantGet(t, c, 3)
	wantGet(t, c, 3)
	wantRuns(1)
	d.Apply(parseDelta(t, `{"b":3,"a":3,"c":{"a":1}}`))
	revert(d, false, func(tx *doc.Tx) { tx.Set("/a", []byte(`9`)) })
	wantGet(t, c, 3)
	wantRuns(1)
	for i := range 3 {
		d.Apply(parseDelta(t, fmt.Sprintf(`{"a":%d}`, 10+i)))
	}
	wantRuns(1)
	wantGet(t, c, 12)
	wantRuns(2)
}

// TestReaderKinds is the table of which writes make a value out of date.
func TestReaderKinds(t *testing.T) {
	for _, c := range []struct {
		patch                  string
		value, exists, members bool // of /a
	}{
		{`{"a":{"x":2}}`, true, false, false},
		{`{"a":{"x":1}}`, false, false, false},
		{`{"a":{"o":{"deep":1}}}`, true, false, false},
		{`{"a":{"new":1}}`, true, false, true},
		{`{"a":{"x":null}}`, true, false, true},
		{`{"a":1}`, true, true, true},
		{`{"a":null}`, true, true, true},
		{`{"b":1}`, false, false, false},
	} {
		d := parseDoc(t, `{"a":{"x":1,"o":{"deep":0}}}`)
		var runs [3]int
		values := []*doc.Computed[string]{
			doc.Compute(d, func(r *doc.Reader) (string, error) { runs[0]++; v, _ := r.Get("/a"); return string(v), nil }),
			doc.Compute(d, func(r *doc.Reader) (string, error) { runs[1]++; return strconv.FormatBool(r.IsObject("/a")), nil }),
			doc.Compute(d, func(r *doc.Reader) (string, error) { runs[2]++; return strings.Join(r.Members("/a"), ","), nil }),
		}
		for range 2 {
			for _, v := range values {
				v.Get()
			}
			d.Apply(parseDelta(t, c.patch))
		}
		for i, again := range []bool{c.value, c.exists, c.members} {
			if want := map[bool]int{false: 1, true: 2}[again]; runs[i] != want {
				t.Errorf("%s: value %d ran %d times, want %d", c.patch, i, runs[i], want)
			}
		}
	}
}

// TestComputedDiamond: chains and diamonds run each function once.
func TestComputedDiamond(t *testing.T) {
	d := parseDoc(t, `{"n":1}`)
	var runs [5]int
	base := number(d, "/n", &runs[0])
	plus := func(i int, of ...*doc.Computed[int]) *doc.Computed[int] {
		return doc.Compute(d, func(r *doc.Reader) (int, error) {
			runs[i]++
			sum := 0
			for _, c := range of {
				n, err := doc.Use(r, c)
				if err != nil {
					return 0, err
				}
				sum += n
			}
			return sum + 1, nil
		})
	}
	left, right := plus(1, base), plus(2, base)
	top := plus(3, left, right, left)
	wantGet(t, top, 2+2+2+1)
	wantGet(t, left, 2)
	d.Apply(parseDelta(t, `{"n":5}`))
	wantGet(t, right, 6)
	wantGet(t, top, 6+6+6+1)
	if runs != [5]int{2, 2, 2, 2} {
		t.Errorf("runs %v", runs)
	}
	// A deep chain.
	chain := base
	for range 1000 {
		chain = plus(4, chain)
	}
	wantGet(t, chain, 1005)
	d.Apply(parseDelta(t, `{"n":7}`))
	wantGet(t, chain, 1007)
	if runs[4] != 2000 {
		t.Errorf("a chain of 1000 ran %d functions", runs[4])
	}
}

// TestComputedCycle: a cycle is refused wherever it is entered, and is forgotten
// once what closed it has changed.
func TestComputedCycle(t *testing.T) {
	for length := 1; length <= 4; length++ {
		d := parseDoc(t, `{"closed":false}`)
		ring := make([]*doc.Computed[int], length)
		for i := range ring {
			ring[i] = doc.Compute(d, func(r *doc.Reader) (int, error) {
				if i == 0 && r.Value("/closed").Raw() == "false" {
					return 1, nil
				}
				n, err := doc.Use(r, ring[(i+length-1)%length])
				return n + 1, err
			})
		}
		for range 3 {
			for i, c := range ring {
				wantGet(t, c, i+1)
			}
			d.Apply(parseDelta(t, `{"closed":true}`))
			for i, c := range ring {
				if _, err := c.Get(); !errors.Is(err, doc.ErrCycle) {
					t.Errorf("ring of %d, at %d: error %v", length, i, err)
				}
			}
			for i, c := range ring {
				if _, err := d.Update(func(tx *doc.Tx) error { _, err := c.In(tx); return err }); !errors.Is(err, doc.ErrCycle) {
					t.Errorf("ring of %d, at %d in a transaction: error %v", length, i, err)
				}
			}
			d.Apply(parseDelta(t, `{"closed":false}`))
		}
		for i, c := range ring {
			wantGet(t, c, i+1)
		}
		d.Apply(parseDelta(t, `{"closed":0}`))
		if n := d.WatchedPlaces(); n != 0 {
			t.Errorf("ring of %d: %d places are watched still", length, n)
		}
	}
}

// TestComputedError: an error is kept like a value.
func TestComputedError(t *testing.T) {
	d := parseDoc(t, `{"n":"none"}`)
	runs := 0
	c := number(d, "/n", &runs)
	for range 2 {
		if n, err := c.Get(); !errors.Is(err, strconv.ErrSyntax) || n != 0 {
			t.Errorf("%v, error %v", n, err)
		}
	}
	if runs != 1 {
		t.Errorf("%d runs", runs)
	}
	d.Apply(parseDelta(t, `{"n":4}`))
	wantGet(t, c, 4)
}

// TestComputedPanic: a panic is not kept; the next Get runs the function again,
// and so does a watcher, once something that was read has changed.
func TestComputedPanic(t *testing.T) {
	d := parseDoc(t, `{"a":1,"b":0}`)
	runs := 0
	inner := doc.Compute(d, func(r *doc.Reader) (int, error) {
		runs++
		n, _ := strconv.Atoi(r.Value("/a").Raw())
		if n == 2 {
			panic(errRefused)
		}
		return n, nil
	})
	outer := doc.Compute(d, func(r *doc.Reader) (int, error) {
		r.Value("/b")
		n, err := doc.Use(r, inner)
		return 10 * n, err
	})
	var seen []int
	end := outer.Watch(nil, func(n int, err error) { seen = append(seen, n) })
	panics := func(fn func()) {
		t.Helper()
		defer func() {
			if p := recover(); p != errRefused {
				t.Errorf("recovered %v", p)
			}
		}()
		fn()
	}
	panics(func() { d.Apply(parseDelta(t, `{"a":2}`)) })
	panics(func() { inner.Get() })
	panics(func() { outer.Get() })
	panics(func() { d.Update(func(tx *doc.Tx) error { outer.In(tx); return nil }) })
	if runs != 5 {
		t.Errorf("%d runs", runs)
	}
	d.Apply(parseDelta(t, `{"a":3}`))
	wantGet(t, outer, 30)
	panics(func() { d.Apply(parseDelta(t, `{"a":2}`)) })
	d.Apply(parseDelta(t, `{"a":4}`))
	if !slices.Equal(seen, []int{30, 40}) {
		t.Errorf("the watcher saw %v", seen)
	}
	end()
	d.Apply(parseDelta(t, `{"a":5}`))
	if len(seen) != 2 || d.WatchedPlaces() != 0 {
		t.Errorf("saw %v, %d places are watched still", seen, d.WatchedPlaces())
	}
}

func TestWatch(t *testing.T) {
	d := parseDoc(t, `{"n":1,"m":1}`)
	runs := 0
	n := number(d, "/n", &runs)
	parity := doc.Compute(d, func(r *doc.Reader) (int, error) {
		v, err := doc.Use(r, n)
		return v % 2, err
	})
	var all, changed []int
	endAll := parity.Watch(nil, func(v int, err error) { all = append(all, v) })
	endChanged := parity.Watch(func(a, b int) bool { return a == b }, func(v int, err error) {
		if err != nil {
			v = -1
		}
		changed = append(changed, v)
	})
	d.Apply(parseDelta(t, `{"m":2}`))
	d.Apply(parseDelta(t, `{"n":3}`))
	d.Apply(parseDelta(t, `{"n":4}`))
	revert(d, true, func(tx *doc.Tx) { tx.Set("/n", []byte(`5`)) })
	d.Batch(func() {
		for i := range 5 {
			d.Apply(parseDelta(t, fmt.Sprintf(`{"n":%d}`, 5+i)))
			parity.Get()
		}
		d.Apply(parseDelta(t, `{"n":10}`))
	})
	d.Apply(parseDelta(t, `{"n":"x"}`))
	d.Apply(parseDelta(t, `{"n":11}`))
	if !slices.Equal(all, []int{1, 0, 0, 0, 1}) || !slices.Equal(changed, []int{0, -1, 1}) {
		t.Errorf("watchers saw %v and, of changed ones, %v", all, changed)
	}
	endAll()
	d.Apply(parseDelta(t, `{"n":12}`))
	endChanged()
	endChanged()
	d.Apply(parseDelta(t, `{"n":13}`))
	if len(all) != 5 || !slices.Equal(changed, []int{0, -1, 1, 0}) {
		t.Errorf("afterwards %v and %v", all, changed)
	}
	if places := d.WatchedPlaces() + d.WatchersOfRoot(); places != 0 {
		t.Errorf("%d places are watched still", places)
	}
}

// TestWatcherChangesTheDocument until the value is what it wants.
func TestWatcherChangesTheDocument(t *testing.T) {
	d := parseDoc(t, `{"n":0}`)
	runs := 0
	c := number(d, "/n", &runs)
	var seen, other []int
	c.Watch(nil, func(n int, _ error) {
		if seen = append(seen, n); n < 5 {
			if _, err := d.Update(set("/n", strconv.Itoa(n+1))); err != nil {
				t.Error(err)
			}
		}
	})
	c.Watch(nil, func(n int, _ error) { other = append(other, n) })
	d.Apply(parseDelta(t, `{"n":1}`))
	if !slices.Equal(seen, []int{1, 2, 3, 4, 5}) {
		t.Errorf("saw %v", seen)
	}
	if len(other) == 0 || other[len(other)-1] != 5 || !slices.IsSorted(other) {
		t.Errorf("the other one saw %v", other)
	}
}

// TestL8_ComputedInATransaction sees what the transaction has written and counts
// as what it has read, through other values too.
func TestL8_ComputedInATransaction(t *testing.T) {
	d := parseDoc(t, `{"o":{"x":1},"n":1}`)
	runs := 0
	n := number(d, "/n", &runs)
	sum := doc.Compute(d, func(r *doc.Reader) (int, error) {
		v, err := doc.Use(r, n)
		v += 100 * len(r.Members("/o"))
		if r.IsObject("/none") {
			v = -1
		}
		return v, err
	})
	wantGet(t, sum, 101)
	change, err := d.Update(func(tx *doc.Tx) error {
		if _, err := sum.Get(); err != doc.ErrInUpdate {
			t.Errorf("Get within a transaction: %v", err)
		}
		if err := script(set("/o/y", `1`))(tx); err != nil {
			return err
		}
		if v, err := sum.In(tx); v != 201 || err != nil {
			t.Errorf("%v, error %v", v, err)
		}
		savepoint(t, tx, fails, func(tx *doc.Tx) {
			tx.Set("/n", []byte(`5`))
			if v, err := sum.In(tx); v != 205 || err != nil {
				t.Errorf("%v, error %v", v, err)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for patch, conflict := range map[string]bool{
		`{"n":2}`: true, `{"o":{"z":1}}`: true, `{"none":{}}`: true, `{"o":{"x":2}}`: false, `{"other":1}`: false,
	} {
		writes := parseDoc(t, `{"o":{"x":1},"n":1}`).Apply(parseDelta(t, patch)).Writes
		if delta.Conflicts(change.Reads, writes) != conflict {
			t.Errorf("%s conflicts: %v; reads %q", patch, !conflict, describe(change.Reads))
		}
	}
	wantGet(t, sum, 201)
	if runs != 3 { // twice in the transaction, not again for what did not change
		t.Errorf("%d runs", runs)
	}
}

// cell is a computed value of the random test, and its dumb twin: a program that
// reads places and lower cells, depending on what it has seen so far.
type cell struct {
	computed *doc.Computed[string]
	runs     int
	reads    []delta.Read
	uses     []int
	fresh    bool
}

// reader is what a program reads by.
type reader struct {
	read func(delta.Read) string
	use  func(i int) string
}

func runProgram(seed uint64, index int, in reader) string {
	var seen strings.Builder
	for step := range 1 + seed%4 {
		h := fnv.New64a()
		h.Write([]byte(seen.String()))
		r := newRandom(seed ^ h.Sum64() + step)
		if index > 0 && r.IntN(3) == 0 {
			seen.WriteString(in.use(r.IntN(index)))
		} else {
			seen.WriteString(in.read(delta.Read{Kind: pick(r, readKinds), Path: r.pointer()}))
		}
		seen.WriteByte(';')
	}
	h := fnv.New64a()
	h.Write([]byte(seen.String()))
	return strconv.FormatUint(h.Sum64(), 36)
}

// TestComputedAgainstRecomputing: values are what they would be if they were
// computed each time, and they are computed again if and only if a write
// concerned what they have read, or what that has read.
func TestComputedAgainstRecomputing(t *testing.T) {
	r := newRandom(62)
	ran, kept := 0, 0
	for range 80 {
		d := parseDoc(t, r.object(documentShape))
		cells := make([]*cell, 6)
		seeds := make([]uint64, len(cells))
		for i := range cells {
			c := &cell{}
			cells[i], seeds[i] = c, r.Uint64()
			c.computed = doc.Compute(d, func(from *doc.Reader) (string, error) {
				c.runs, c.reads, c.uses = c.runs+1, nil, nil
				return runProgram(seeds[i], i, reader{
					read: func(read delta.Read) string { c.reads = append(c.reads, read); return readBy(t, from, read) },
					use: func(j int) string {
						c.uses = append(c.uses, j)
						value, err := doc.Use(from, cells[j].computed)
						if err != nil {
							t.Fatal(err)
						}
						return value
					},
				}), nil
			})
		}
		var dumb func(root any, i int) string
		dumb = func(root any, i int) string {
			return runProgram(seeds[i], i, reader{
				read: func(read delta.Read) string { return string(encode(t, observe(root, read))) },
				use:  func(j int) string { return dumb(root, j) },
			})
		}
		for range 20 {
			before := decode(t, d.Canonical())
			randomChange(t, r, d)
			root := decode(t, d.Canonical())
			writes := written(before, root, "")
			for _, c := range cells { // lower ones first
				stale := slices.ContainsFunc(c.uses, func(j int) bool { return !cells[j].fresh })
				c.fresh = c.fresh && !stale && !delta.Conflicts(c.reads, writes)
			}
			for _, i := range r.Perm(len(cells))[:r.IntN(len(cells))] {
				wantRuns := make([]int, len(cells))
				for j, c := range cells {
					wantRuns[j] = c.runs
				}
				wasFresh := cells[i].fresh
				got, err := cells[i].computed.Get()
				if want := dumb(root, i); err != nil || got != want {
					t.Fatalf("cell %d is %s, error %v, want %s on %s", i, got, err, want, d.Canonical())
				}
				for j, c := range cells {
					again := c.runs - wantRuns[j]
					if c.fresh && again != 0 || !c.fresh && again > 1 || j == i && !wasFresh && again != 1 {
						t.Fatalf("cell %d ran %d times for cell %d, it was up to date: %v", j, again, i, c.fresh)
					}
					c.fresh = c.fresh || again > 0
					ran += again
				}
				if wasFresh {
					kept++
				}
			}
		}
	}
	if ran < 1000 || kept < 500 {
		t.Errorf("%d runs, %d values kept: the test shows nothing", ran, kept)
	}
}

// readBy returns what a Reader sees, in the words of observe.
func readBy(t testing.TB, from *doc.Reader, read delta.Read) string {
	switch read.Kind {
	case delta.ReadExists:
		return string(encode(t, from.IsObject(read.Path)))
	case delta.ReadMembers:
		return string(encode(t, from.Members(read.Path)))
	}
	text, ok := from.Get(read.Path)
	var value any
	if ok {
		value = decode(t, text)
	}
	return string(encode(t, []any{value, ok}))
}

// TestComputedLeavesNothing: a value that is out of date holds on to no place.
func TestComputedLeavesNothing(t *testing.T) {
	d := parseDoc(t, `{"go":1}`)
	for range 3 {
		for i := range 50 {
			c := doc.Compute(d, func(r *doc.Reader) (int, error) {
				for j := range 20 {
					r.Value(delta.PointerOf("a", strconv.Itoa(i), strconv.Itoa(j)))
					r.IsObject(delta.PointerOf("b", strconv.Itoa(j)))
					r.Members(delta.PointerOf("c"))
				}
				r.Value("/go")
				return 0, nil
			})
			wantGet(t, c, 0)
		}
		if d.WatchedPlaces() < 1000 {
			t.Fatalf("only %d places are watched", d.WatchedPlaces())
		}
		if _, err := d.Update(set("/go", strconv.Itoa(d.Size()))); err != nil {
			t.Fatal(err)
		}
		d.Apply(parseDelta(t, `{"go":1}`))
		if n := d.WatchedPlaces() + d.WatchersOfRoot(); n != 0 {
			t.Fatalf("%d places are watched still", n)
		}
	}
}
