package replica

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// call is what a named mutation asks for.
type call struct {
	name string
	args []byte
}

// Invoke is [Document.Mutate] for a named mutation: author runs the function of that
// name, and so does the server, on what there is by then, if what author has read is
// not as it was. So it is never in conflict. Whenever what is below it in the view
// changes, author is called again, to show what the mutation means now; that is not
// sent. args is one JSON value; the error of anything else is a [*jsontext.Error].
//
// Unlike Mutate it tells the observer what author does, the first time too.
func (d *Document) Invoke(tag uint64, name string, args []byte, author Author) (doc.Change, error) {
	if len(args) > wire.MaxArgs {
		return doc.Change{}, &jsontext.Error{Fault: jsontext.FaultSize, Reason: "arguments have at most " + strconv.Itoa(wire.MaxArgs) + " bytes"}
	}
	if err := jsontext.Validate(args); err != nil {
		return doc.Change{}, err
	}
	// The function has the last word, not the edits that it made.
	plain := func(view *doc.Doc) (doc.Change, error) {
		change, err := author(view)
		change.Edits, change.Seen = nil, nil
		return change, err
	}
	change, err := d.begin(&mutation{tag: tag, again: plain, call: &call{name, args}}, plain)
	if err == nil && !change.Empty() {
		d.observer.Patched(change.Delta)
		d.observer.Changed()
	}
	return change, err
}

// frame returns what the server is told of a mutation.
func (d *Document) frame(m *mutation, follows record.MutationID) wire.Frame {
	if !m.named() {
		return &wire.Push{
			Doc: d.number, ID: m.id, Follows: follows, Base: m.base,
			Reads: m.change.Reads, Delta: m.change.Delta.Bytes(),
		}
	}
	f := &wire.Invoke{
		Doc: d.number, ID: m.id, Follows: follows, Base: m.base,
		Reads: m.change.Reads, Name: m.call.name, Args: m.call.args,
	}
	if !m.fails {
		f.Delta = m.change.Delta.Bytes()
	}
	return f
}

// callAgain runs a named mutation, which is not applied, anew. Once the server may have
// been told of it, only the server can end it; before, it ends when the replica is at
// the head and nothing comes of it.
func (d *Document) callAgain(m *mutation) (change doc.Change, done bool) {
	told := m.tried || len(m.attempts) > 0
	change, err := d.run(m.again)
	switch {
	case err == nil:
		d.observer.Patched(change.Delta)
		if change.Empty() && !told && d.state == live {
			m.becomes(change)
			d.settle(m, Outcome{Revision: d.at.Revision})
			return doc.Change{}, true
		}
	case !told && d.state == live:
		d.settle(m, Outcome{Err: err})
		return doc.Change{}, false
	default:
		// It does nothing, as long as nothing changes.
		change = doc.Change{Reads: []delta.Read{delta.WholeDocument}}
	}
	fails := err != nil
	switch other := fails || !m.says(change); {
	case m.dead, other && !m.sent:
		d.renew(m)
	default:
		m.moved = m.moved || other
	}
	m.becomes(change)
	m.base, m.fails = d.at.Revision, fails
	m.stale = !told && change.Empty() && d.state != live // until that is decided
	d.pending = append(d.pending, m)
	return change, err == nil
}

// orphan marks the mutations of which what was sent follows an attempt that is not in
// the log, but another one at the same mutation. A named one may follow any.
func orphan(later []*mutation) {
	broken := false
	for _, m := range later {
		broken = broken || !m.named()
		m.dead = m.dead || broken
	}
}

// foreigners applies the deltas of other clients, one after the other, below the pending
// mutations. Those are taken off once for all that do not commute with them, not for
// each: of many clients that write one place every one hears of all others by a record.
func (d *Document) foreigners(mutations []record.Mutation, deltas []delta.Delta) {
	for len(deltas) > 0 {
		n := 0
		for !d.edited() && n < len(deltas) && !d.commutes(deltas[n]) {
			n++
		}
		if n < 2 {
			n = 1
			d.foreign(mutations[0].Client, deltas[0])
		} else {
			d.severalBelow(mutations[:n], deltas[:n])
		}
		mutations, deltas = mutations[n:], deltas[n:]
	}
}

// edited reports whether there are edits pending: they are moved over each delta.
func (d *Document) edited() bool {
	return slices.ContainsFunc(d.pending, (*mutation).edits)
}

func (d *Document) severalBelow(mutations []record.Mutation, deltas []delta.Delta) {
	d.rebase(0, func(r *doc.Rebase) {
		for i, patch := range deltas {
			by := doc.Author(mutations[i].Client[:])
			r.Below(by, func() { d.change(by, patch, d.pending) })
		}
	})
}

// supersede puts what the log has of the first mutation, which is not pending any more,
// in the place of what the view has of it.
func (d *Document) supersede(first *mutation, id record.MutationID, patch delta.Delta, rev record.Revision) {
	if first.id != id {
		orphan(d.pending)
	}
	same := bytes.Equal(first.change.Delta.Bytes(), patch.Bytes())
	if same && len(d.pending) == 0 {
		d.settle(first, first.stored(id, rev))
		return
	}
	d.below(0, doc.Own, func() {
		if !same {
			d.takeOff(first)
			now := doc.Change{Delta: patch, Effect: d.view.Apply(patch)}
			d.observer.Patched(patch)
			replaced(first.change, now, d.pending)
			first.becomes(now)
		}
		d.settle(first, first.stored(id, rev))
	})
}
