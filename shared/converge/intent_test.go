package converge_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// intent is what a transaction does to the state that its author sees.
type intent struct {
	ins, del       [2]map[rune]int
	items, dropped [2][]string
	were           [2]map[string]string // the items before it
	add            [2]int64
}

func between(before, after *state) *intent {
	in := &intent{}
	for i := range 2 {
		in.ins[i], in.del[i] = less(after.chars[i], before.chars[i]), less(before.chars[i], after.chars[i])
		in.were[i] = before.items[i]
		in.items[i], in.dropped[i] = without(after.items[i], before.items[i]), without(before.items[i], after.items[i])
		in.add[i] = after.counts[i] - before.counts[i]
	}
	return in
}

func less(a, b map[rune]int) map[rune]int {
	out := make(map[rune]int)
	for ch, n := range a {
		if n > b[ch] {
			out[ch] = n - b[ch]
		}
	}
	return out
}

func without(a, b map[string]string) []string {
	var out []string
	for id := range a {
		if b[id] == "" {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// creates reports whether the transaction cannot have come to nothing.
func (in *intent) creates() bool {
	return len(in.ins[0])+len(in.ins[1])+len(in.items[0])+len(in.items[1]) > 0 || in.add != [2]int64{}
}

// kept returns what is wrong with the effect that a transaction has had, if
// anything. It must have added just what it was meant to, and taken away what it was
// meant to and was still there. An undo is made again by its edits, which do not run the
// function: so it also takes away an item that was gone, or had another value, when the
// function ran, if others have undone that since. That the item is its client's own is up
// to [effects.takesBack].
func (in *intent) kept(kind string, did *intent, before *state, anew func(rune) bool) string {
	free := kind == "undo" || kind == "redo" || kind == "wipe"
	for i := range 2 {
		if kind != "wipe" && !maps.Equal(did.ins[i], in.ins[i]) {
			return fmt.Sprintf("text %d: it was to insert %s, and did %s", i, chars(in.ins[i]), chars(did.ins[i]))
		}
		for ch, n := range did.del[i] {
			if n > in.del[i][ch] && kind != "wipe" {
				return fmt.Sprintf("text %d: it was to delete %s, and did %s", i, chars(in.del[i]), chars(did.del[i]))
			}
		}
		for ch := range in.del[i] {
			if before.chars[i][ch] == 1 && did.del[i][ch] == 0 && !free && !anew(ch) {
				return fmt.Sprintf("text %d: it was to delete %s, and did %s", i, chars(in.del[i]), chars(did.del[i]))
			}
		}
		for _, id := range did.items[i] {
			if !slices.Contains(in.items[i], id) {
				return fmt.Sprintf("list %d: it was to insert %v, and did %v", i, in.items[i], did.items[i])
			}
		}
		for _, id := range in.items[i] {
			if !slices.Contains(did.items[i], id) && !free {
				return fmt.Sprintf("list %d: it was to insert %v, and did %v", i, in.items[i], did.items[i])
			}
		}
		for _, id := range did.dropped[i] {
			if !slices.Contains(in.dropped[i], id) && kind != "wipe" && !(free && in.were[i][id] != before.items[i][id]) {
				return fmt.Sprintf("list %d: it was to delete %v, and did %v", i, in.dropped[i], did.dropped[i])
			}
		}
		for _, id := range in.dropped[i] {
			if before.items[i][id] != "" && !slices.Contains(did.dropped[i], id) && !free {
				return fmt.Sprintf("list %d: it was to delete %v, and did %v", i, in.dropped[i], did.dropped[i])
			}
		}
		if did.add[i] != in.add[i] && kind != "wipe" {
			return fmt.Sprintf("counter %d: it was to add %d, and did %d", i, in.add[i], did.add[i])
		}
	}
	return ""
}

// effects is what transactions of one client have done in the log.
type effects struct {
	ins, del       [2]map[rune]bool
	items, dropped [2]map[string]bool
}

func newEffects() *effects {
	e := &effects{}
	for i := range 2 {
		e.ins[i], e.del[i] = make(map[rune]bool), make(map[rune]bool)
		e.items[i], e.dropped[i] = make(map[string]bool), make(map[string]bool)
	}
	return e
}

func (e *effects) add(did *intent) {
	for i := range 2 {
		for ch := range did.ins[i] {
			e.ins[i][ch] = true
		}
		for ch := range did.del[i] {
			e.del[i][ch] = true
		}
		for _, id := range did.items[i] {
			e.items[i][id] = true
		}
		for _, id := range did.dropped[i] {
			e.dropped[i][id] = true
		}
	}
}

// takesBack returns what is wrong with what was undone, or done again, if anything: it
// puts back only what transactions of the same client have taken away, as they are in
// the log, and takes away only what they have put there.
func (e *effects) takesBack(kind string, did *intent) string {
	if kind != "undo" && kind != "redo" {
		return ""
	}
	for i := range 2 {
		for ch := range did.ins[i] {
			if !e.del[i][ch] {
				return fmt.Sprintf("text %d: it puts %q back, which its client has not deleted", i, ch)
			}
		}
		for ch := range did.del[i] {
			if !e.ins[i][ch] {
				return fmt.Sprintf("text %d: it deletes %q, which its client has not inserted", i, ch)
			}
		}
		for _, id := range did.items[i] {
			if !e.dropped[i][id] {
				return fmt.Sprintf("list %d: it puts %s back, which its client has not deleted", i, id)
			}
		}
		for _, id := range did.dropped[i] {
			if !e.items[i][id] {
				return fmt.Sprintf("list %d: it deletes %s, which its client has not inserted", i, id)
			}
		}
	}
	return ""
}

func chars(set map[rune]int) string {
	var b strings.Builder
	for _, ch := range slices.Sorted(maps.Keys(set)) {
		b.WriteString(strings.Repeat(string(ch), set[ch]))
	}
	return strconv.Quote(b.String())
}

// claim is a number that a client has taken with an empty delta.
type claim struct {
	client record.ClientID
	number uint64
}

// referee replays the log, one mutation after the other, and holds each to what its
// author meant. What is in the document is by evanphx/json-patch.
type referee struct {
	sim  *sim
	doc  *doc.Doc
	seen int // records
	json []byte
	*collections
	count   map[record.ClientID]map[uint64]int // how often the log has a number
	claims  map[claim]bool                     // in the log, of transactions that were given up
	deleted [2]map[rune]bool
}

func newReferee(s *sim) *referee {
	r := &referee{sim: s, doc: doc.New(), json: []byte("{}"), count: make(map[record.ClientID]map[uint64]int), claims: make(map[claim]bool)}
	r.collections = openCollections(r.doc, "zz", s.newID)
	r.deleted = [2]map[rune]bool{make(map[rune]bool), make(map[rune]bool)}
	return r
}

// replay goes on to the head of the log.
func (r *referee) replay(log []entry) {
	before := r.state(r.doc)
	for _, e := range log[r.seen:] {
		for _, m := range e.rec.Mutations {
			r.census(m)
			r.doc.Apply(mustParse(m.Delta))
			var err error
			r.json, err = jsonpatch.MergePatch(r.json, m.Delta)
			must(err)
			after := r.state(r.doc)
			r.judge(m, before, after)
			before = after
		}
	}
	r.seen = len(log)
	if got := string(canonical(r.json)); got != string(r.doc.Canonical()) {
		failf("evanphx/json-patch leads to\n%s\nand we to\n%s", got, r.doc.Canonical())
	}
	r.collections.equal("the referee", openCollections(doc.Open(r.doc.Canonical()), "zz", r.sim.newID))
}

func (r *referee) judge(m record.Mutation, before, after *state) {
	ops := r.sim.ops[m.Client]
	if ops == nil {
		return // the outsider
	}
	if r.count[m.Client] == nil {
		r.count[m.Client] = make(map[uint64]int)
	}
	if r.count[m.Client][m.ID.Number]++; r.count[m.Client][m.ID.Number] > 1 {
		failf("%s %d is in the log twice", ops.tag, m.ID.Number)
	}
	if string(m.Delta) == "{}" {
		r.claims[claim{m.Client, m.ID.Number}] = true
		return
	}
	did := between(before, after)
	o := ops.ops[m.ID.Number-1]
	if what := ops.had.takesBack(o.kind, did); what != "" {
		failf("%s of %s, number %d, %s: %s\nbefore %q\nafter %q", o.kind, ops.tag, m.ID.Number, m.Delta, what, before.text, after.text)
	}
	ops.had.add(did)
	for i := range 2 {
		for ch := range did.del[i] {
			r.sim.runs.touch(ch)
		}
		for _, id := range did.dropped[i] {
			r.sim.touchedItems[id] = true
		}
	}
	what := ""
	for _, in := range o.versions {
		if what = in.kept(o.kind, did, before, func(ch rune) bool { return r.sim.runs.anew[ch] || r.sim.revived[ch] }); what == "" {
			return
		}
	}
	failf("%s of %s, number %d, %s: %s\nbefore %q %v %v\nafter %q %v %v", o.kind, ops.tag, m.ID.Number, m.Delta, what,
		before.text, without(before.items[0], nil), without(before.items[1], nil), after.text, without(after.items[0], nil), without(after.items[1], nil))
}

// census checks what a transaction said of what it had read (law L8): the state
// right before it is the one that it saw.
func (r *referee) census(m record.Mutation) {
	d, err := doc.Parse(delta.Apply([]byte("{}"), mustParse(m.Delta)))
	must(err)
	if c := r.sim.ops[m.Client]; c != nil && c.ops[m.ID.Number-1].kind != "mixed" {
		return // one that was taken back says what was before it
	}
	for name, v := range d.Value("/census").Members() {
		want := takeCensus(r.collections, r.doc)
		if v.Raw() != want {
			failf("L8: %s saw %s, before it is %s", name, v.Raw(), want)
		}
	}
}

// takeCensus says something about each collection.
func takeCensus(c *collections, d *doc.Doc) string {
	n, err := c.query().IDs()
	must(err)
	return fmt.Sprintf(`[%d,%d,%d,%d,%d]`, len(n), c.cards.Len(), c.texts[0].Len(), c.lists[1].Len(), number(d, counterAt[0]))
}

// settled checks what the clients were told.
func (r *referee) settled(id record.ClientID, c *client, restful bool) {
	for i, o := range c.ops {
		n := r.count[id][uint64(i+1)]
		if r.claims[claim{id, uint64(i + 1)}] {
			n = 0
		}
		last := o.versions[len(o.versions)-1]
		switch {
		case o.dead:
		case !o.over && restful:
			failf("%s: %s, number %d, is not settled", c.tag, o.kind, i+1)
		case o.over && o.outcome.Err == nil && n == 0 && last.creates() && o.kind != "wipe" && o.kind != "undo" && o.kind != "redo":
			failf("%s: %s, number %d, was acknowledged and is not in the log", c.tag, o.kind, i+1)
		case o.over && o.outcome.Err != nil && n > 0:
			failf("%s: %s, number %d, ended with %v and is in the log", c.tag, o.kind, i+1, o.outcome.Err)
		}
	}
}
