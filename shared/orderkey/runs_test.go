package orderkey_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/orderkey"
)

// session is several typists at work on one sequence, each of whom sees the keys
// of the others late and in any order.
type session struct {
	t       *testing.T
	r       *rand.Rand
	typists []*typist
	runs    []*run
	author  map[string]int
}

type typist struct {
	tag      string
	seen     []string // sorted
	unseen   []string // made by others, not yet delivered
	previous string   // the last key of the run at which the typist is
	run      *run
}

// run is what belongs together: one typist's keys, and those that were put
// between two of them by somebody who saw both.
type run struct {
	keys map[string]bool
}

func (s *session) add(who int, k string) {
	if by, ok := s.author[k]; ok && by != who {
		s.t.Fatalf("key %q is made by two", k)
	}
	s.author[k] = who
	for i, p := range s.typists {
		at, found := slices.BinarySearch(p.seen, k)
		switch {
		case i != who:
			p.unseen = append(p.unseen, k)
		case found:
			s.t.Fatalf("key %q is there already", k)
		default:
			p.seen = slices.Insert(p.seen, at, k)
		}
	}
}

// begin starts a run at any place.
func (s *session) begin(who int) {
	p := s.typists[who]
	at := s.r.IntN(len(p.seen) + 1)
	if s.r.IntN(3) == 0 {
		at = len(p.seen) / 2 // where others begin too
	}
	var left, right string
	if at > 0 {
		left = p.seen[at-1]
	}
	if at < len(p.seen) {
		right = p.seen[at]
	}
	k, err := orderkey.Between(left, right, p.tag)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, run := range s.runs {
		if run.keys[left] && run.keys[right] {
			run.keys[k] = true
		}
	}
	p.previous, p.run = k, &run{map[string]bool{k: true}}
	s.runs = append(s.runs, p.run)
	s.add(who, k)
}

// goOn adds a key to the run of a typist.
func (s *session) goOn(who int) {
	p := s.typists[who]
	at, found := slices.BinarySearch(p.seen, p.previous)
	if found {
		at++
	}
	right := ""
	if at < len(p.seen) {
		right = p.seen[at]
	}
	k, err := orderkey.Continue(p.previous, right)
	if err != nil {
		s.t.Fatal(err)
	}
	if !between(p.previous, k, right) {
		s.t.Fatalf("Continue(%q, %q) = %q", p.previous, right, k)
	}
	for _, run := range s.runs {
		if run.keys[p.previous] {
			run.keys[k] = true
		}
	}
	p.previous = k
	s.add(who, k)
}

// forget removes a few neighbours from what a typist sees, as if they had been
// deleted.
func (s *session) forget(p *typist) {
	if len(p.seen) > 3 {
		at := s.r.IntN(len(p.seen) - 2)
		p.seen = slices.Delete(p.seen, at, at+1+s.r.IntN(2))
	}
}

func (s *session) deliver(p *typist) {
	s.r.Shuffle(len(p.unseen), func(i, j int) { p.unseen[i], p.unseen[j] = p.unseen[j], p.unseen[i] })
	n := s.r.IntN(len(p.unseen) + 1)
	for _, k := range p.unseen[:n] {
		if at, found := slices.BinarySearch(p.seen, k); !found {
			p.seen = slices.Insert(p.seen, at, k)
		}
	}
	p.unseen = p.unseen[n:]
}

// TestRunsAreContiguous: whatever arrives when, each run is in one piece.
func TestRunsAreContiguous(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 7))
		s := &session{t: t, r: r, author: make(map[string]int)}
		for i := range 2 + r.IntN(4) {
			s.typists = append(s.typists, &typist{tag: fmt.Sprintf("%c%d", "ABCxyz"[r.IntN(6)], i+1)})
		}
		pace := 1 + r.IntN(30)
		for range 300 {
			who := r.IntN(len(s.typists))
			p := s.typists[who]
			switch {
			case r.IntN(pace) == 0:
				s.deliver(p)
			case r.IntN(40) == 0:
				s.forget(p)
			case p.run == nil || r.IntN(12) == 0:
				s.begin(who)
			default:
				s.goOn(who)
			}
		}
		var all []string
		for k := range s.author {
			all = append(all, k)
		}
		slices.Sort(all)
		for _, run := range s.runs {
			first := slices.IndexFunc(all, func(k string) bool { return run.keys[k] })
			for _, k := range all[first : first+len(run.keys)] {
				if !run.keys[k] {
					t.Fatalf("seed %d: the run that begins with %q is interrupted by %q", seed, all[first], k)
				}
			}
		}
	}
}
