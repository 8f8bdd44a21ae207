//go:build js

package bridge

import (
	"errors"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/mutator"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/text"
	"github.com/rivulet-sync/rivulet/shared/wire"
	"github.com/rivulet-sync/rivulet/wasm/edits"
)

// document is one replica and the observer that keeps its mirror in step.
type document struct {
	client  *client
	handle  int
	key     record.Key
	replica *replica.Document
	session *edits.Session

	acting      uint64  // the transaction that JavaScript is making, 0 when none
	toldHistory [2]bool // see tellHistory
	heard       map[delta.Pointer]*heard
}

func (d *document) leave() {
	d.replica.Leave()
	delete(d.client.docs, d.handle)
	delete(d.client.handles, d.key)
}

// commit takes a transaction that JavaScript has run on its mirror.
func (d *document) commit(tag uint64, patch []byte, reads string, flags int) error {
	script, err := edits.Parse(patch, []byte(reads), nil)
	if err != nil {
		return err
	}
	_, err = d.mutate(tag, script, flags)
	return err
}

// What an edit is, besides its script.
const (
	flagRerun = 1 << iota // it has a function, which can run again
	flagJoin              // undo takes it back together with the one before
	flagApart             // undo does not know it
)

// edit takes a transaction with edits in it: JavaScript hears by patch what they do.
// It returns false when that is nothing.
func (d *document) edit(tag uint64, script edits.Script, flags int) (bool, error) {
	change, err := d.mutate(tag, script, flags)
	if err != nil || change.Empty() {
		return false, err
	}
	d.Patched(change.Delta)
	return true, nil
}

func (d *document) mutate(tag uint64, script edits.Script, flags int) (doc.Change, error) {
	first := func(*doc.Doc) (doc.Change, error) { return d.session.Run(script, d.replica.Pending() == 0) }
	var again replica.Author
	if flags&flagRerun != 0 {
		again = func(view *doc.Doc) (doc.Change, error) { return d.rerun(tag, view) }
	}
	d.acting = tag
	defer func() { d.acting = 0 }()
	change, err := d.replica.Mutate(tag, first, again)
	if err == nil && !change.Empty() && flags&flagApart == 0 {
		d.session.Did(tag, change, flags&flagJoin != 0)
		d.tellHistory()
	}
	return change, err
}

// rerun has JavaScript run the function of a transaction again. It applies a plain one
// to its mirror; of one with edits it hears by patch.
func (d *document) rerun(tag uint64, view *doc.Doc) (doc.Change, error) {
	result := d.client.sink.Call("rerun", d.handle, tag)
	if result.IsNull() {
		return doc.Change{}, errDropped
	}
	list := result.Get("edits").String()
	script, err := parse(result)
	var change doc.Change
	if err == nil {
		change, err = d.session.Run(script, false)
	}
	switch {
	case err != nil:
		if list == "" {
			d.Reset(view.Canonical()) // JavaScript has applied it to its mirror
		}
		return doc.Change{}, err
	case list != "":
		d.show(change)
	}
	return change, nil
}

// step takes back what was done last, or does it again. It returns false when there is
// nothing, or when nothing comes of it.
func (d *document) step(tag uint64, redo bool) (bool, error) {
	d.acting = tag
	defer func() { d.acting = 0 }()
	var change doc.Change
	_, err := d.session.Step(tag, redo, func(fn func(*doc.Tx) error) (doc.Change, error) {
		first := func(*doc.Doc) (doc.Change, error) { return d.session.Try(fn) }
		again := func(view *doc.Doc) (doc.Change, error) {
			c, err := view.Update(fn)
			d.show(c)
			return c, err
		}
		var err error
		change, err = d.replica.Mutate(tag, first, again)
		return change, err
	})
	d.tellHistory()
	if err != nil || change.Empty() {
		return false, err
	}
	d.Patched(change.Delta)
	return true, nil
}

// show has JavaScript apply a change to its mirror.
func (d *document) show(change doc.Change) {
	if !change.Empty() {
		d.Patched(change.Delta)
	}
}

// tellHistory tells JavaScript whether there is something to undo and to redo, if that
// has changed.
func (d *document) tellHistory() {
	now := [2]bool{}
	if now[0], now[1] = d.session.History(); now != d.toldHistory {
		d.toldHistory = now
		d.client.tell("history", d.handle, now[0], now[1])
	}
}

// watch tells JavaScript what changes of a text amount to, or ends that.
func (d *document) watch(at delta.Pointer, on bool) {
	if !on {
		d.session.Watch(at, nil)
		return
	}
	d.session.Watch(at, func(splices []text.Splice) {
		if h := d.heard[at]; h != nil && h.by == d.acting {
			h.splices = append(h.splices, splices...)
			return
		}
		h := &heard{splices: slices.Clone(splices), by: d.acting}
		d.heard[at] = h
		d.client.later = append(d.client.later, func() {
			if d.heard[at] == h {
				delete(d.heard, at)
			}
			d.client.sink.Call("spliced", d.handle, string(at), edits.SplicesJSON(h.splices), h.by)
		})
	})
}

// heard is what has changed of a text during a call, of which JavaScript is told at once
// at its end: the mirror has all of it by then.
type heard struct {
	splices []text.Splice
	by      uint64 // see document.acting
}

// invoke makes a named mutation. JavaScript hears by patch what it does.
func (d *document) invoke(tag uint64, mutators *mutator.Registry, name string, args []byte) error {
	fn := mutators.Lookup(name)
	if fn == nil {
		return &mutator.UnknownError{Name: name}
	}
	result, err := d.replica.Invoke(tag, name, args, func(view *doc.Doc) (doc.Change, error) { return mutator.Run(view, fn, args) })
	if err == nil && result.Empty() {
		d.Settled(tag, replica.Outcome{Revision: d.replica.Position().Revision})
	}
	return err
}

// errDropped says that a transaction's function threw when it was run again.
// JavaScript knows what.
var errDropped = errors.New("the transaction's function threw")

// Reset implements [replica.Observer].
func (d *document) Reset(snapshot []byte) {
	d.client.sink.Call("reset", d.handle, bytesTo(snapshot))
}

// Patched implements [replica.Observer].
func (d *document) Patched(patch delta.Delta) {
	d.client.sink.Call("patch", d.handle, bytesTo(patch.Bytes()))
}

// Changed implements [replica.Observer].
func (d *document) Changed() {
	d.client.later = append(d.client.later, func() {
		d.client.sink.Call("changed", d.handle, uint64(d.replica.Position().Revision), d.replica.Known())
	})
}

// Committed implements [replica.Observer].
func (d *document) Committed(record.Position, *record.Record) {}

// Settled implements [replica.Observer].
func (d *document) Settled(tag uint64, outcome replica.Outcome) {
	code, detail := "", ""
	var rejected *replica.RejectedError
	switch {
	case errors.As(outcome.Err, &rejected):
		code, detail = rejected.Code.String(), rejected.Detail
	case outcome.Err != nil:
		code, detail = "dropped", outcome.Err.Error()
	}
	d.session.Settled(tag, outcome.Err == nil)
	d.client.tell("settled", d.handle, tag, code, detail, uint64(outcome.Revision))
	d.tellHistory()
}

// Peer implements [replica.Observer].
func (d *document) Peer(client record.ClientID, state []byte) {
	d.client.tell("peer", d.handle, client.String(), bytesTo(state))
}

// Failed implements [replica.Observer]. JavaScript hears of what is final only:
// the engine itself tries the rest again.
func (d *document) Failed(code wire.Code, detail string) {
	if code.Retry() == wire.RetryNever {
		d.client.tell("fault", d.handle, code.String(), detail)
	}
}

var _ replica.Observer = (*document)(nil)
