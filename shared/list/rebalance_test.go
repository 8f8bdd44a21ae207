package list_test

import (
	"strconv"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/list"
	"github.com/rivulet-sync/rivulet/shared/orderkey"
)

// adversaries say at which index the next item goes.
var adversaries = []struct {
	name  string
	steps int
	next  func(step, length, previous int) int
}{
	{"at a place", 100_000, func(_, length, _ int) int { return min(5, length) }},
	{"at two places", 100_000, func(step, length, _ int) int { return min(5+step%2*10, length) }},
	{"before the last", 20_000, func(_, length, _ int) int { return length - 1 }},
	{"zigzag", 100_000, func(step, _, previous int) int { return previous + step%2 }},
	{"slow zigzag", 5000, func(step, _, previous int) int { return previous + step/7%2 }},
	{"at the front", 5000, func(_, _, _ int) int { return 0 }},
	{"at the end", 5000, func(_, length, _ int) int { return length }},
	{"behind the first", 5000, func(_, _, _ int) int { return 1 }},
	{"in the middle", 5000, func(_, length, _ int) int { return length / 2 }},
	{"far apart", 5000, func(step, length, _ int) int { return []int{1, length - 1}[step%2] }},
	{"behind each", 5000, func(step, length, _ int) int { return step * 2 % (length + 1) }},
	{"scattered", 5000, func(step, length, _ int) int { return int(uint64(step) * 2654435761 % uint64(length+1)) }},
}

// keyStore is a store that knows nothing but the order keys.
type keyStore struct {
	list             *list.List
	written, longest int
}

func (s *keyStore) Set(path []string, raw string) {
	if len(path) == 2 {
		raw = `{"o":` + raw + `}`
	}
	s.written++
	s.longest = max(s.longest, len(raw)-len(`{"o":""}`))
	s.list.Changed(path[0], raw, true)
}

func (s *keyStore) Delete(path []string)      { s.list.Changed(path[0], "", false) }
func (s *keyStore) ReadValue(path []string)   {}
func (s *keyStore) ReadExists(path []string)  {}
func (s *keyStore) ReadMembers(path []string) {}

// TestKeysStayShort: no order of insertions makes a key longer than MaxLen, and
// rebalancing rewrites hardly more items than are inserted. The insertions come
// from one client or from two in turn, with short tags or the longest.
func TestKeysStayShort(t *testing.T) {
	for _, tags := range [][]string{{"x7b"}, {"x7b", "QQ2"}, {"somebody"}} {
		for _, a := range adversaries {
			steps, worst := a.steps, 1.3
			if len(tags) > 1 || len(tags[0]) > 3 {
				steps, worst = a.steps/20, 3
			}
			s := &keyStore{}
			n := 0
			s.list = list.New(tags[0], func() string { n++; return strconv.Itoa(n) })
			previous := 0
			for step := range steps {
				length := s.list.Len()
				previous = max(0, min(a.next(step, length, previous), length))
				e := s.list.InsertEdit(previous, "null")
				e.Tag = tags[step%len(tags)]
				e.Continues = e.Continues && len(tags) == 1
				e.Apply(s.list, s)
				if id, _ := s.list.At(previous); id != e.Items[0].ID || s.list.Len() != length+1 {
					t.Fatalf("%s, step %d: not inserted at %d", a.name, step, previous)
				}
				if s.longest > orderkey.MaxLen {
					t.Fatalf("%s, step %d: key of %d bytes", a.name, step, s.longest)
				}
			}
			rewritten := float64(s.written-steps) / float64(steps)
			t.Logf("%v, %s: %.3f items rewritten for each of %d inserted; keys of %d bytes at most", tags, a.name, rewritten, steps, s.longest)
			if rewritten > worst {
				t.Errorf("%v, %s: %.3f items rewritten for each inserted", tags, a.name, rewritten)
			}
		}
	}
}
