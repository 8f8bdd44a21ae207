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
	anew    map[rune]bool // another one's deletion may miss it
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

// ranAgain notes what a deletion that was made on top of a transaction may miss when
// the function of that is run again: what the function inserts, as that may be elsewhere
// now; and what only one of the two runs has deleted, which was not there and then came
// back. A character has no name by which it could be told to be the one that was deleted.
func (r *runs) ranAgain(before, now *intent) {
	for i := range 2 {
		for _, chars := range []map[rune]int{
			before.ins[i], now.ins[i], less(before.del[i], now.del[i]), less(now.del[i], before.del[i]),
		} {
			for ch := range chars {
				r.anew[ch] = true
			}
		}
		// Nor is it known where in its run a letter belongs which the function has deleted
		// itself, and does not delete now: before what was typed in front of the rest, or
		// behind that.
		for ch := range less(now.ins[i], before.ins[i]) {
			for rest := range before.ins[i] {
				if runOf(rest) == runOf(ch) && rest > ch {
					r.touch(ch)
				}
			}
		}
	}
}

func (r *runs) touch(ch rune) { r.touched[runOf(ch)] = true }

// start begins a run of some letters at a place. A run that has something put into
// it is no run any more.
func (r *runs) start(t *text.Text, pos, n int) []rune {
	r.count++
	return r.put(r.count, t, pos, n)
}

func (r *runs) put(run int, t *text.Text, pos, n int) []rune {
	typed := make([]rune, n)
	for i := range typed {
		typed[i] = letter(run, i)
	}
	r.typed[run] = typed
	r.into(t, pos)
	return slices.Clone(typed)
}

// into gives up on the run that something is inserted into at a place.
func (r *runs) into(t *text.Text, pos int) {
	before, _ := t.Slice(max(0, pos-1), pos)
	behind, _ := t.Slice(pos, min(t.Len(), pos+1))
	if before != "" && behind != "" && runOf([]rune(before)[0]) == runOf([]rune(behind)[0]) {
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
	return string(l.sim.runs.put(l.runs[l.next-1], t, pos, n))
}
