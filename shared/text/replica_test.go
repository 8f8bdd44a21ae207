package text_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/rivulet-sync/rivulet/shared/text"
)

// entry is one committed transaction: what it wrote, and who did.
type entry struct {
	patch  []change
	author *replica
}

// conflicts reports whether the entry changed what was read.
func (e *entry) conflicts(values []string, gaps [][2]string) bool {
	for _, c := range e.patch {
		if c.was == c.raw {
			continue
		}
		if slices.Contains(values, c.key) {
			return true
		}
		for _, g := range gaps {
			if (c.was == "") != (c.raw == "") && g[0] <= c.key && (g[1] == "" || c.key <= g[1]) {
				return true
			}
		}
	}
	return false
}

// pending is an edit that is not committed.
type pending struct {
	splices []text.Splice
	patch   []change
	values  []string
	gaps    [][2]string
	sent    bool
}

// submission is an edit on its way to the server.
type submission struct {
	from *replica
	base int
	edit pending
}

// server orders the edits of all.
type server struct {
	members map[string]string
	log     []entry
	queue   []submission
}

// receive commits an edit, or refuses it because what it read has changed.
func (s *server) receive(i int) {
	m := s.queue[i]
	s.queue = slices.Delete(s.queue, i, i+1)
	for _, e := range s.log[m.base:] {
		if e.author != m.from && e.conflicts(m.edit.values, m.edit.gaps) {
			m.from.down = append(m.from.down, message{refused: true})
			return
		}
	}
	e := entry{author: m.from}
	for _, c := range m.edit.patch {
		c.was = s.members[c.key]
		if c.raw == "" {
			delete(s.members, c.key)
		} else {
			s.members[c.key] = c.raw
		}
		e.patch = append(e.patch, c)
	}
	s.log = append(s.log, e)
	for _, c := range m.from.all {
		c.down = append(c.down, message{entry: e})
	}
}

type message struct {
	entry   entry
	refused bool
}

// replica is one client: an object with its unconfirmed edits in it.
type replica struct {
	*object
	t       *testing.T
	all     []*replica
	seen    int // entries of the log
	pending []pending
	down    []message
	rebases int
	caret   *text.Cursor
	run     int // the run that is typed at the caret, 0: none
}

// edit makes an edit.
func (c *replica) edit(pos, del int, ins string) text.Splice {
	done, err := c.state.Splice(c, pos, del, ins)
	if err != nil {
		c.t.Fatal(err)
	}
	c.pending = append(c.pending, c.take([]text.Splice{done}))
	return done
}

// take is the transaction that was just made.
func (c *replica) take(splices []text.Splice) pending {
	p := pending{splices, slices.Clone(c.patch), slices.Clone(c.values), slices.Clone(c.gaps), false}
	c.commit()
	return p
}

// send sends the first edit, unless it is under way.
func (c *replica) send(s *server) {
	if len(c.pending) > 0 && !c.pending[0].sent {
		c.pending[0].sent = true
		s.queue = append(s.queue, submission{c, c.seen, c.pending[0]})
	}
}

// receive takes the next message from the server.
func (c *replica) receive() {
	m := c.down[0]
	c.down = c.down[1:]
	if m.refused {
		c.pending[0].sent = false
		return
	}
	c.seen++
	if m.entry.author == c {
		c.pending = c.pending[1:]
		return
	}
	c.state.Begin(text.Own)
	c.revert()
	before := c.state.String()
	c.state.Begin(text.Others)
	for _, w := range m.entry.patch {
		c.write(w.key, w.raw)
	}
	others := c.state.End()
	if got := string(utf16.Decode(applyAll(c.t, units(before), others))); got != c.state.String() {
		c.t.Fatalf("splices %+v make %q of %q, not %q", others, got, before, c.state)
	}
	again := false
	for i := range c.pending {
		p := &c.pending[i]
		var splices []text.Splice
		splices, others = text.Transform(p.splices, others)
		again = again || m.entry.conflicts(p.values, p.gaps)
		if !again {
			want := string(utf16.Decode(applyAll(c.t, units(c.state.String()), splices)))
			was := c.state.String()
			for _, w := range p.patch {
				c.write(w.key, w.raw)
			}
			if got := c.state.String(); got != want {
				c.t.Fatalf("pending %+v, others %+v, stands as %x on %x, want %x; patches %+v, %+v, reads %q %q", p.splices, others, []rune(got), []rune(was), []rune(want), p.patch, m.entry.patch, p.values, p.gaps)
			}
			p.splices = splices
			continue
		}
		c.rebases++
		sent := p.sent
		*p = c.redo(splices)
		p.sent = sent
	}
	c.state.EndAs(others)
}

// revert undoes what is pending.
func (c *replica) revert() {
	c.state.Begin(text.Own)
	for i := len(c.pending) - 1; i >= 0; i-- {
		for j := len(c.pending[i].patch) - 1; j >= 0; j-- {
			w := c.pending[i].patch[j]
			c.write(w.key, w.was)
		}
	}
	c.state.End()
}

func (c *replica) redo(splices []text.Splice) pending {
	var done []text.Splice
	for _, sp := range splices {
		was := sp
		sp, err := c.state.Splice(c, sp.Pos, sp.Del, sp.Ins)
		sp.Continues = was.Continues
		if err != nil || sp != was {
			c.t.Fatalf("did %+v instead of %+v: %v", sp, was, err)
		}
		done = append(done, sp)
	}
	return c.take(done)
}

// typedRuns names every character after the run that it was typed in.
type typedRuns struct {
	count   int
	typed   map[int][]rune
	touched map[int]bool // something was put into it or deleted from it
}

const runLength = 60

// letter is the i-th one of a run. Every other run is of surrogate pairs.
func letter(run, i int) rune { return rune(0x3000 + run%2*0xd000 + run/2*runLength + i) }

func runOf(c rune) int {
	if c >= 0x10000 {
		return (int(c)-0x10000)/runLength*2 + 1
	}
	return (int(c) - 0x3000) / runLength * 2
}

// TestTypists lets some people type into one text, far from the server and from
// each other: at the same places, deleting across each other's runs, jumping.
// All end with one text, and every run that nobody has put anything into or taken
// anything from stands there as it was typed.
func TestTypists(t *testing.T) {
	checked, rebases := 0, 0
	for seed := range uint64(16) {
		r := rand.New(rand.NewPCG(seed, 6))
		s := &server{members: make(map[string]string)}
		var all []*replica
		for range 2 + r.IntN(4) {
			c := &replica{object: newObject(), t: t}
			c.caret = c.state.Cursor(0, text.Left)
			all = append(all, c)
		}
		for _, c := range all {
			c.all = all
		}
		runs := &typedRuns{count: 1, typed: make(map[int][]rune), touched: make(map[int]bool)}
		lag := 1 + r.IntN(12)
		for step := 0; ; step++ {
			c := all[r.IntN(len(all))]
			typing := step < 400
			switch n := r.IntN(6 + lag); {
			case n < 4 && typing:
				runs.act(r, c)
			case n == 4:
				c.send(s)
			case n == 5 && len(s.queue) > 0:
				s.receive(r.IntN(len(s.queue)))
			case len(c.down) > 0:
				c.receive()
			}
			if !typing && len(s.queue) == 0 && !slices.ContainsFunc(all, func(c *replica) bool { return len(c.pending)+len(c.down) > 0 }) {
				break
			}
			if step > 1_000_000 {
				t.Fatalf("seed %d: no rest", seed)
			}
		}
		fresh := newObject()
		for key, raw := range s.members {
			fresh.write(key, raw)
		}
		want := fresh.state.String()
		for _, c := range all {
			if c.state.String() != want || string(c.canonical()) != string(fresh.canonical()) {
				t.Fatalf("seed %d: a client has\n%q, the server\n%q", seed, c.state, want)
			}
			rebases += c.rebases
		}
		for run, typed := range runs.typed {
			if runs.touched[run] {
				continue
			}
			checked++
			if !strings.Contains(want, string(typed)) {
				t.Fatalf("seed %d: run %d, %x, is torn apart in %x", seed, run, typed, []rune(want))
			}
		}
	}
	t.Logf("%d runs stayed whole, %d rebased edits", checked, rebases)
	if checked < 50 || rebases < 1000 {
		t.Error("this simulates nothing")
	}
}

// act does what a person does next.
func (runs *typedRuns) act(r *rand.Rand, c *replica) {
	length := c.state.Len()
	move := func(pos int) {
		c.caret.Release()
		c.caret = c.state.Cursor(pos, text.Left)
	}
	switch n := r.IntN(40); {
	case n == 0 || c.run == 0 || len(runs.typed[c.run]) == runLength: // go elsewhere
		c.run = runs.count
		runs.count++
		switch r.IntN(3) {
		case 0:
			move(r.IntN(length + 1))
		case 1: // where somebody else is
			move(c.all[r.IntN(len(c.all))].caret.Pos())
		}
		// A run that has something put into it is no run any more.
		pos := c.caret.Pos()
		if around, _ := c.state.Slice(max(0, pos-1), min(length, pos+1)); around != "" {
			if both := []rune(around); len(both) == 2 && runOf(both[0]) == runOf(both[1]) {
				runs.touched[runOf(both[0])] = true
			}
		}
		fallthrough
	case n < 36:
		ch := letter(c.run, len(runs.typed[c.run]))
		runs.typed[c.run] = append(runs.typed[c.run], ch)
		done := c.edit(c.caret.Pos(), 0, string(ch))
		move(done.Pos + len(units(done.Ins)))
	case n < 38 && c.caret.Pos() > 0 && r.IntN(2) == 0: // backspace
		done := c.edit(c.caret.Pos()-1, 1, "")
		runs.delete(done)
		move(done.Pos)
	case n == 39:
		pos := r.IntN(length + 1)
		runs.delete(c.edit(pos, min(r.IntN(8), length-pos), ""))
		c.run = 0
		move(c.caret.Pos())
	}
}

func (runs *typedRuns) delete(sp text.Splice) {
	for _, ch := range sp.Was {
		runs.touched[runOf(ch)] = true
	}
}
