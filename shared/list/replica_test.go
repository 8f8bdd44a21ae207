package list_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/list"
)

// server is the log: what was committed, in order.
type server struct {
	log     [][]write
	again   int             // how many edits were done again
	deleted map[string]bool // by an edit that was committed
	created map[string]bool
}

// replica is the server's state up to some entry of the log, with edits of its own
// on top that are not committed.
type replica struct {
	*object
	base    map[string]map[string]string
	rev     int
	pending []pendingEdit
}

type pendingEdit struct {
	edit list.Edit
	transaction
}

func newReplica(tag string) *replica {
	return &replica{object: newObject(tag), base: make(map[string]map[string]string)}
}

// do makes an edit. Edits of nothing are forgotten.
func (p *replica) do(e list.Edit) {
	p.begin()
	e.Apply(p.list, p.object)
	if tx := p.begin(); len(tx.writes) > 0 {
		p.pending = append(p.pending, pendingEdit{e, tx})
	}
}

// overlaps reports whether what was written concerns what the transaction read.
func (tx *transaction) overlaps(writes []write) bool {
	for _, w := range writes {
		whole := len(w.path) == 1
		if whole && (tx.members || tx.exists[w.path[0]]) || tx.values[strings.Join(w.path, "/")] {
			return true
		}
		for path := range tx.values {
			if whole && strings.HasPrefix(path, w.path[0]+"/") {
				return true
			}
		}
	}
	return false
}

// pull takes what others committed. Pending edits whose reads have not changed
// stay as they were; the others, and those behind them, are done again.
func (p *replica) pull(s *server) {
	news := s.log[p.rev:]
	if p.rev = len(s.log); len(news) == 0 {
		return
	}
	pending := p.pending
	p.pending = nil
	for _, e := range pending {
		for _, w := range e.writes {
			id := w.path[0]
			if p.items[id] = maps.Clone(p.base[id]); p.items[id] == nil {
				delete(p.items, id)
			}
			p.list.Changed(id, raw(p.items[id]), p.items[id] != nil)
		}
	}
	var written []write
	for _, writes := range news {
		for _, w := range writes {
			p.apply(w)
			merge(p.base, w)
		}
		written = append(written, writes...)
	}
	again := false
	for _, e := range pending {
		if again = again || e.overlaps(written); again {
			s.again++
			p.do(e.edit)
			continue
		}
		for _, w := range e.writes {
			p.apply(w)
		}
		p.pending = append(p.pending, e)
	}
}

// push commits the first n pending edits. The replica is at the head of the log.
func (p *replica) push(t *testing.T, s *server, n int) {
	for _, e := range p.pending[:n] {
		for _, it := range e.edit.Items {
			switch e.edit.Op {
			case list.OpInsert:
				if s.created[it.ID] {
					t.Fatalf("%s is inserted twice", it.ID)
				}
				s.created[it.ID] = true
			case list.OpDelete:
				s.deleted[it.ID] = true
			}
		}
		for _, w := range e.writes {
			merge(p.base, w)
		}
		s.log = append(s.log, e.writes)
	}
	p.pending = p.pending[n:]
	p.rev = len(s.log)
}

func newSession(r *rand.Rand) (*server, []*replica) {
	s := &server{deleted: make(map[string]bool), created: make(map[string]bool)}
	var replicas []*replica
	for i := range 2 + r.IntN(5) {
		replicas = append(replicas, newReplica(fmt.Sprintf("%c%d", "Axz"[r.IntN(3)], i+1)))
	}
	return s, replicas
}

// settle lets all replicas commit what they have, and compares them with the log
// applied to an empty object, and with each other.
func settle(t *testing.T, s *server, replicas []*replica) *object {
	t.Helper()
	for range 2 {
		for _, p := range replicas {
			p.pull(s)
			p.push(t, s, len(p.pending))
		}
	}
	o := newObject("x7")
	for _, writes := range s.log {
		for _, w := range writes {
			o.apply(w)
		}
	}
	o.check(t)
	for _, p := range replicas {
		p.check(t)
		if p.dump() != o.dump() {
			t.Fatal("replicas differ")
		}
	}
	return o
}

// TestReplicasConverge: random edits of several clients, committed in any order,
// lead to equal lists of all that was inserted and not deleted.
func TestReplicasConverge(t *testing.T) {
	for seed := range uint64(50) {
		r := logSeed(t, seed)
		s, replicas := newSession(r)
		pace := 1 + r.IntN(20)
		near := r.IntN(2) == 0 // all work at one place
		for step := range 250 {
			p := replicas[r.IntN(len(replicas))]
			n := p.list.Len()
			at := r.IntN(n + 1)
			if near {
				at = min(n, n/2+r.IntN(3))
			}
			id, _ := p.list.At(min(at, n-1))
			switch op := r.IntN(10 + pace); {
			case op < 5 || n == 0:
				p.do(p.list.InsertEdit(at, []string{fmt.Sprint(step), `"b"`, "null"}[:1+r.IntN(3)]...))
			case op < 7:
				p.do(p.list.MoveEdit(id, r.IntN(n)))
			case op < 8:
				p.do(list.DeleteEdit(id))
			case op < 10:
				p.do(list.SetEdit(id, []string{fmt.Sprint(-step), "null"}[r.IntN(2)]))
			case op == 10:
				p.pull(s)
				p.push(t, s, r.IntN(len(p.pending)+1))
			}
			if r.IntN(50) == 0 {
				p.check(t)
			}
		}
		o := settle(t, s, replicas)
		for id := range s.created {
			if _, ok := o.list.Get(id); ok == s.deleted[id] {
				t.Fatalf("%s: deleted %v, there %v", id, s.deleted[id], ok)
			}
		}
		if o.list.Len() != len(s.created)-len(s.deleted) {
			t.Fatalf("%d items, of %d created and %d deleted", o.list.Len(), len(s.created), len(s.deleted))
		}
	}
}

// span is one client's run of items, with what others put into it on purpose.
type span map[string]bool

// TestRunsAreContiguous: typists insert and delete at random, unseen by each other
// for some time. Each run stays in one piece, but for what was put inside by
// somebody who saw both of its neighbours there.
func TestRunsAreContiguous(t *testing.T) {
	checked, again := 0, 0
	for seed := range uint64(60) {
		r := logSeed(t, seed)
		s, replicas := newSession(r)
		var spans []span
		current := make([]span, len(replicas))
		pace := 2 + r.IntN(20)
		insert := func(who int, e list.Edit) {
			if !e.Continues {
				current[who] = span{}
				spans = append(spans, current[who])
			}
			for _, it := range e.Items {
				for _, span := range spans {
					if span[e.Left] && (span[e.Right] || e.Continues) {
						span[it.ID] = true
					}
				}
				current[who][it.ID] = true
			}
			replicas[who].do(e)
		}
		last := make([]string, len(replicas))
		for step := range 200 {
			who := r.IntN(len(replicas))
			p := replicas[who]
			n := p.list.Len()
			switch at := p.list.IndexOf(last[who]); {
			case r.IntN(pace) == 0:
				p.pull(s)
				p.push(t, s, r.IntN(len(p.pending)+1))
			case n > 0 && r.IntN(15) == 0:
				id, _ := p.list.At(r.IntN(n))
				p.do(list.DeleteEdit(id))
			default:
				if at++; at == 0 || r.IntN(15) == 0 {
					at = r.IntN(n + 1)
				}
				e := p.list.InsertEdit(at, []string{fmt.Sprint(step), "2"}[:1+r.IntN(2)]...)
				last[who] = e.Items[len(e.Items)-1].ID
				insert(who, e)
			}
		}
		o := settle(t, s, replicas)
		again += s.again
		if slices.ContainsFunc(s.log, func(writes []write) bool { return len(writes[0].path) == 2 }) {
			continue // a rebalance forgets which keys were of one run
		}
		checked++
		for _, span := range spans {
			first, lastAt, n := -1, -1, 0
			for id := range span {
				if at := o.list.IndexOf(id); at >= 0 {
					if n++; first < 0 || at < first {
						first = at
					}
					lastAt = max(lastAt, at)
				}
			}
			if n > 0 && lastAt-first+1 != n {
				var b strings.Builder
				for at := first; at <= lastAt; at++ {
					id, _ := o.list.At(at)
					fmt.Fprintf(&b, "%s %s %v\n", o.key(id), id, span[id])
				}
				t.Fatalf("seed %d: a run is interrupted:\n%s", seed, b.String())
			}
		}
	}
	if checked < 50 || again < 300 {
		t.Errorf("only %d sessions without a rebalance, %d edits done again", checked, again)
	}
}
