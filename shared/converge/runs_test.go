package converge_test

import (
	"slices"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/text"
)

// runs names every character after the run that it was typed in. No two characters
// that are inserted are the same.
type runs struct {
	count   int
	typed   map[int][]rune
	touched map[int]bool  // something was put into it or deleted from it
	anew    map[rune]bool // its transaction was run again: another one's deletion may miss it
}

const runLength = 32

// letter is the i-th one of a run. Every other run is of surrogate pairs.
func letter(run, i int) rune {
	if run%2 == 1 {
		return rune(0x20000 + run/2*runLength + i)
	}
	return rune(0x4e00 + run/2*runLength + i)
}

func runOf(ch rune) int {
	if ch >= 0x20000 {
		return int(ch-0x20000)/runLength*2 + 1
	}
	return int(ch-0x4e00) / runLength * 2
}

// moved gives up on the runs of a client, a function of which is run again: it may put
// its text elsewhere, and what the client has typed into or next to that with it.
func (r *runs) moved(c *client) {
	for _, run := range c.begun {
		r.touched[run] = true
	}
}

func (r *runs) touch(ch rune) { r.touched[runOf(ch)] = true }

// start begins a run of some letters at a place. A run that has something put into
// it is no run any more; nor is one that something is put behind by a client who has
// it from a snapshot: that does not say that somebody is going on there.
func (r *runs) start(c *client, t *text.Text, pos, n int) []rune {
	r.count++
	return r.put(c, r.count, t, pos, n)
}

func (r *runs) put(c *client, run int, t *text.Text, pos, n int) []rune {
	c.begun = append(c.begun, run)
	typed := make([]rune, n)
	for i := range typed {
		typed[i] = letter(run, i)
	}
	r.typed[run] = typed
	r.into(c, t, pos)
	return slices.Clone(typed)
}

// into gives up on the run that something is inserted into at a place.
func (r *runs) into(c *client, t *text.Text, pos int) {
	before, _ := t.Slice(max(0, pos-1), pos)
	behind, _ := t.Slice(pos, min(t.Len(), pos+1))
	if before != "" && behind != "" && runOf([]rune(before)[0]) == runOf([]rune(behind)[0]) {
		r.touch([]rune(before)[0])
	}
	if before != "" && c.snapshot[[]rune(before)[0]] {
		r.touch([]rune(before)[0])
	}
}

// check looks for the runs that nobody has touched: what is there of them stands
// as it was typed.
func (r *runs) check(texts ...string) (whole int) {
	present := make(map[rune]bool)
	for _, t := range texts {
		for _, ch := range t {
			present[ch] = true
		}
	}
	for run, typed := range r.typed {
		if r.touched[run] {
			continue
		}
		typed = slices.DeleteFunc(slices.Clone(typed), func(ch rune) bool { return !present[ch] })
		if !slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(t, string(typed)) }) {
			failf("run %d, %q, is torn apart in %q", run, string(typed), texts)
		}
		if len(typed) > 1 {
			whole++
		}
	}
	return whole
}

// letters is what a transaction inserts: the same each time that it is run.
type letters struct {
	*client
	runs []int
	next int
	ran  int // times
}

func (l *letters) take(t *text.Text, pos, n int) string {
	if l.next == len(l.runs) {
		l.sim.runs.count++
		l.runs = append(l.runs, l.sim.runs.count)
	}
	l.next++
	if l.ran > 1 {
		// Elsewhere, maybe, than where its author saw it who typed on behind it.
		around, _ := t.Slice(max(0, pos-1), min(t.Len(), pos+1))
		for _, ch := range around {
			l.sim.runs.touch(ch)
		}
		for i := range runLength {
			l.sim.runs.anew[letter(l.runs[l.next-1], i)] = true
		}
	}
	return string(l.sim.runs.put(l.client, l.runs[l.next-1], t, pos, n))
}
