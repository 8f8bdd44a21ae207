package e2e_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/e2e"
)

// Two people make 200 edits at the same time, with mouse and keyboard. Their
// pages, their mirrors, the server's document and the replay of its log by
// another implementation end up equal.
func TestL4_TwoPagesAgreeAfter200Edits(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	people := gather(t, srv, "ann", "bob")
	ann, bob := people[0], people[1]
	sample := len(ann.cards())

	const each = 100
	work := func(p *person, seed uint64) func() {
		return func() {
			dice := rand.New(rand.NewPCG(seed, 1))
			pick := func(from []string) string { return from[dice.IntN(len(from))] }
			columns := p.columns()
			for n := range each {
				cards := p.cards()
				switch roll := dice.IntN(100); {
				case roll < 50:
					p.add(pick(columns))
				case roll < 75:
					p.rename(pick(cards), fmt.Sprintf("%s renames %d", p.name, n))
				default:
					p.move(pick(cards), pick(columns))
				}
			}
		}
	}
	e2e.Together(t, work(ann, 1), work(bob, 2))

	log := agree(t, srv, ann, bob)
	for _, p := range people {
		if lost := p.rejected(); len(lost) > 0 {
			t.Errorf("%s has lost edits: %q", p.name, lost)
		}
	}
	if len(log) < each {
		t.Errorf("the log has %d deltas, fewer than the %d edits of one person", len(log), each)
	}
	cards := ann.cards()
	if want := sample + len(ann.typed) + len(bob.typed); len(cards) != want {
		t.Errorf("there are %d cards, want the %d that were added", len(cards), want)
	}
	for _, p := range people {
		said := p.said()
		for _, title := range p.typed {
			if !slices.ContainsFunc(log, func(r e2e.Record) bool { return bytes.Contains(r.Delta, []byte(`"`+title+`"`)) }) {
				t.Errorf("the log has no card %q; that the page has added it: %t", title, slices.Contains(said, "Added "+title))
			}
		}
	}
	slices.Sort(cards)
	if len(slices.Compact(slices.Clone(cards))) != len(cards) {
		t.Error("a card is on the board twice")
	}
}
