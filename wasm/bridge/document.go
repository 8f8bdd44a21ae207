//go:build js

package bridge

import (
	"errors"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/mutator"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// document is one replica and the observer that keeps its mirror in step.
type document struct {
	client  *client
	handle  int
	key     record.Key
	replica *replica.Document
}

func (d *document) leave() {
	d.replica.Leave()
	delete(d.client.docs, d.handle)
	delete(d.client.handles, d.key)
}

// commit takes a transaction that JavaScript has run on its mirror.
func (d *document) commit(tag uint64, patch []byte, reads string) error {
	first := func(view *doc.Doc) (doc.Change, error) { return change(view, patch, reads) }
	again := func(view *doc.Doc) (doc.Change, error) {
		result := d.client.sink.Call("rerun", d.handle, tag)
		if result.IsNull() {
			return doc.Change{}, errDropped
		}
		c, err := change(view, bytesOf(result.Get("delta")), result.Get("reads").String())
		if err != nil {
			d.Reset(view.Canonical()) // JavaScript has applied it to its mirror
		}
		return c, err
	}
	_, err := d.replica.Mutate(tag, first, again)
	return err
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

// change applies what a transaction in JavaScript has come to.
func change(view *doc.Doc, patch []byte, reads string) (doc.Change, error) {
	parsed, err := delta.Parse(patch)
	if err != nil {
		return doc.Change{}, err
	}
	set, err := delta.ParseReads([]byte(reads))
	if err != nil {
		return doc.Change{}, err
	}
	return doc.Change{Delta: parsed, Effect: view.Apply(parsed), Reads: set}, nil
}

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
	d.client.tell("settled", d.handle, tag, code, detail, uint64(outcome.Revision))
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
