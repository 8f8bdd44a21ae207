package replica_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestL4_ViewIsConfirmedPlusPending compares a replica with the dumbest model of
// one: the confirmed document and the deltas of the pending edits apart, folded
// anew each time. Records, conflicts, rejections, lost connections and snapshots
// come at random, everything on the same few paths.
func TestL4_ViewIsConfirmedPlusPending(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := newModel(t, seed)
			for range 60 {
				m.step()
				m.compare()
			}
		})
	}
}

// model is the dumb model next to the engine that it is compared with.
type model struct {
	*stage
	random    *rand.Rand
	confirmed any
	pending   []*modelEdit // in the order in which they were made
	last      record.MutationID
}

// modelEdit is a pending edit. Its attempts are what of it reached the server.
type modelEdit struct {
	tag      uint64
	delta    any
	attempts []*wire.Push
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{stage: newQuiet(t, `{"a":{"x":1},"b":2}`), random: rand.New(rand.NewPCG(seed, 1))}
	m.confirmed = decode(t, []byte(`{"a":{"x":1},"b":2}`))
	return m
}

func (m *model) compare() {
	m.t.Helper()
	m.pending = slices.DeleteFunc(m.pending, func(e *modelEdit) bool { _, over := m.settled[e.tag]; return over })
	view := m.confirmed
	for _, e := range m.pending {
		if m.doc.GivenUp(e.tag) {
			e.delta = map[string]any{}
		}
		view = mergePatch(view, e.delta)
	}
	if got, want := plain(decode(m.t, m.doc.View().Canonical())), plain(view); got != want {
		m.t.Fatalf("the view is %s\nthe model has %s", got, want)
	}
	if m.doc.Pending() != len(m.pending) {
		m.t.Fatalf("%d pending, the model has %d", m.doc.Pending(), len(m.pending))
	}
}

func (m *model) step() {
	switch n := m.random.IntN(20); {
	case n < 7:
		m.mutate()
	case n < 11:
		m.someRecord()
	case n < 14:
		m.refuseOne()
	case n < 15:
		m.disconnect()
		for range m.random.IntN(4) {
			m.mutate()
		}
		m.resume()
	default:
		m.commitOwn()
	}
	m.attempts()
	m.agree()
}

// agree sends the checksum of the model's confirmed document, and nobody notices.
func (m *model) agree() {
	m.t.Helper()
	changes := m.changes
	m.say(checksum(m.t, m.number, m.at.Revision, plain(m.confirmed)))
	if n := m.engine.Diverged(); n > 0 || m.changes != changes {
		m.t.Fatalf("%d checksums differed, %d batches", n, m.changes-changes)
	}
}

// attempts notes what was pushed.
func (m *model) attempts() {
	m.after()
	for _, p := range m.pushed {
		for _, e := range m.pending {
			if m.doc.GivenUp(e.tag) {
				e.delta = map[string]any{}
			}
			if plain(e.delta) == plain(decode(m.t, p.Delta)) && (len(e.attempts) == 0 || e.attempts[0].ID.Number == p.ID.Number) {
				if len(e.attempts) == 0 || e.attempts[len(e.attempts)-1].ID != p.ID {
					e.attempts = append(e.attempts, p)
				}
				break
			}
		}
	}
	m.pushed = nil
}

// mutate makes an edit of one to three random steps.
func (m *model) mutate() {
	m.tag++
	e := &modelEdit{tag: m.tag}
	seed := m.random.Uint64()
	fails := m.random.IntN(10) == 0
	runs := 0
	// Each delta is one of a kind, so that a push can be told from others.
	author := func(view *doc.Doc) (doc.Change, error) {
		runs++
		if fails && runs > 1 {
			return doc.Change{}, errUnwanted
		}
		change, err := view.Update(func(tx *doc.Tx) error {
			random := rand.New(rand.NewPCG(seed, uint64(runs)))
			for range 1 + random.IntN(3) {
				tx.Get(randomPath(random))
				if err := randomWrite(tx, random); err != nil {
					return err
				}
			}
			return tx.Set("/id", fmt.Appendf(nil, `"%d.%d"`, e.tag, runs))
		})
		if err == nil {
			e.delta = decode(m.t, change.Delta.Bytes())
			if runs > 1 {
				m.state = mergePatch(m.state, e.delta)
			}
		}
		return change, err
	}
	again := author
	if m.random.IntN(8) == 0 {
		again = nil
	}
	if _, err := m.doc.Mutate(e.tag, author, again); err != nil {
		m.t.Fatal(err)
	}
	m.state = mergePatch(m.state, e.delta)
	m.pending = append(m.pending, e)
}

func randomPath(r *rand.Rand) delta.Pointer {
	return []delta.Pointer{"/a", "/a/x", "/a/y", "/b", "/b/x", "/c", "/c/x/y"}[r.IntN(7)]
}

func randomWrite(tx *doc.Tx, r *rand.Rand) error {
	path := randomPath(r)
	var err error
	switch r.IntN(4) {
	case 0:
		err = tx.Delete(path)
	case 1:
		err = tx.Set(path, []byte([]string{`{}`, `{"x":1}`, `{"x":{"y":2}}`}[r.IntN(3)]))
	default:
		err = tx.Set(path, fmt.Appendf(nil, "%d", r.IntN(5)))
	}
	var nowhere *doc.PathError
	if errors.As(err, &nowhere) {
		return nil // no object there to hold it
	}
	return err
}

func randomPatch(r *rand.Rand) string {
	return []string{
		`{"a":null}`, `{"a":{"x":3}}`, `{"a":{"y":null}}`, `{"a":{"z":1}}`, `{"a":7}`, `{"b":{"x":{}}}`, `{"b":3}`,
		`{"c":{"x":{"y":9}}}`, `{"c":null}`, `{"d":1,"e":{"f":1}}`, `{"a":{}}`, `{}`, `{"a":{"x":null},"c":{"w":[null]}}`,
	}[r.IntN(13)]
}

// deliver appends a record, to the model as well, and sends it.
func (m *model) deliver(mutations ...record.Mutation) {
	for _, x := range mutations {
		m.confirmed = mergePatch(m.confirmed, decode(m.t, x.Delta))
		if x.Client == me {
			m.last = x.ID
		}
	}
	m.commit(mutations...)
}

func (m *model) someRecord() {
	mutations := make([]record.Mutation, 1+m.random.IntN(3))
	for i := range mutations {
		mutations[i] = theirs(randomPatch(m.random))
	}
	m.deliver(mutations...)
}

// commitOwn lets the server take the first edits, each in its last form or, the
// last of them, in an earlier one that was on its way; between those of others.
func (m *model) commitOwn() {
	var own []record.Mutation
	for _, e := range m.pending[:m.random.IntN(len(m.pending)+1)] {
		if len(e.attempts) == 0 {
			break
		}
		p := e.attempts[m.random.IntN(len(e.attempts))]
		own = append(own, by(me, p.ID, string(p.Delta)))
		if p != e.attempts[len(e.attempts)-1] {
			break // what follows was not computed on this one
		}
		if m.random.IntN(3) == 0 {
			own = append(own, theirs(randomPatch(m.random)))
		}
	}
	if len(own) > 0 {
		m.deliver(own...)
	}
}

func (m *model) refuseOne() {
	if len(m.pending) == 0 {
		return
	}
	e := m.pending[m.random.IntN(len(m.pending))]
	if len(e.attempts) == 0 {
		return
	}
	p := e.attempts[m.random.IntN(len(e.attempts))]
	if m.random.IntN(3) == 0 {
		m.say(&wire.Reject{Doc: m.number, ID: p.ID, Code: wire.CodeTooLarge})
	} else {
		m.say(&wire.Conflict{Doc: m.number, ID: p.ID, Head: m.at.Revision})
	}
}

// resume connects again. The server lets the replica go on, with what it missed, as it
// is or folded, or sends a snapshot; all may hold some of the pending edits.
func (m *model) resume() {
	held := m.doc.Position()
	m.engine.Connected()
	m.say(welcome())
	var missed [][]byte
	var deltas []string
	var at []record.Revision
	for range m.random.IntN(3) {
		var mutations []record.Mutation
		if m.random.IntN(2) == 0 {
			mutations = append(mutations, theirs(randomPatch(m.random)))
		}
		if next := m.unsettledAfterLast(); next != nil && m.random.IntN(2) == 0 {
			mutations = append(mutations, by(me, next.ID, string(next.Delta)))
			m.last = next.ID
		}
		if len(mutations) == 0 {
			continue
		}
		for _, x := range mutations {
			m.confirmed = mergePatch(m.confirmed, decode(m.t, x.Delta))
			deltas = append(deltas, string(x.Delta))
		}
		rev, data := m.record(mutations...)
		missed, at = append(missed, data), append(at, rev)
	}
	switch n := m.random.IntN(4); {
	case n < 2:
		m.opened(plain(m.confirmed), m.at, m.at.Revision, m.last)
		return
	case n == 2 && len(missed) > 0:
		m.say(folded(m.t, wire.Opened{Request: m.asked, Doc: m.number, At: m.at, Head: m.at.Revision, Last: m.last}, deltas...))
		return
	}
	m.opened("", held, m.at.Revision, m.last)
	for i, data := range missed {
		m.say(&wire.Commit{Doc: m.number, Revision: at[i], Record: data})
	}
}

// unsettledAfterLast is what the server would take next of this client.
func (m *model) unsettledAfterLast() *wire.Push {
	for _, e := range m.pending {
		if len(e.attempts) == 0 {
			return nil
		}
		if p := e.attempts[len(e.attempts)-1]; p.ID.Number > m.last.Number {
			return p
		}
	}
	return nil
}

var _ replica.Observer = (*mirror)(nil)
