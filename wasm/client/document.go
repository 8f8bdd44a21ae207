//go:build !js

package client

import (
	"context"
	"errors"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/mutator"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Doc is a document that a [Client] has open.
type Doc struct {
	client  *Client
	key     record.Key
	replica *replica.Document

	// guarded by client.mu
	err      error         // the document is of no more use
	changed  chan struct{} // closed and replaced after every change
	settling map[uint64]chan replica.Outcome
	watches  map[*Watch]struct{}
	others   map[record.ClientID][]byte // their presence
}

// DocError says that a document could not be opened or was closed.
type DocError struct {
	Key    record.Key
	Code   wire.Code
	Detail string
}

func (e *DocError) Error() string {
	return "document " + e.Key.String() + ": " + e.Code.String() + ": " + e.Detail
}

// Open opens a document and waits for its state. A document that does not exist
// is empty. Opening it again returns the same Doc.
func (c *Client) Open(ctx context.Context, key record.Key) (*Doc, error) {
	var d *Doc
	c.do(func() {
		if d = c.docs[key]; d != nil {
			return
		}
		d = &Doc{
			client: c, key: key, changed: make(chan struct{}),
			settling: make(map[uint64]chan replica.Outcome), watches: make(map[*Watch]struct{}),
			others: make(map[record.ClientID][]byte),
		}
		c.docs[key] = d
		d.replica = c.link.Engine().Open(key, d)
		if s := c.link.State(); s.Status == Closed {
			d.err = c.closedError(s)
		}
	})
	return d, d.await(ctx, d.replica.Live)
}

// await waits until ready, which is called with the client locked.
func (d *Doc) await(ctx context.Context, ready func() bool) error {
	for {
		d.client.mu.Lock()
		ok, err, changed := ready(), d.err, d.changed
		d.client.mu.Unlock()
		switch {
		case err != nil:
			return err
		case ok:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Key returns the document's key.
func (d *Doc) Key() record.Key { return d.key }

// Get returns the document as canonical JSON, own pending edits included.
func (d *Doc) Get() []byte {
	d.client.mu.Lock()
	defer d.client.mu.Unlock()
	return d.replica.View().Canonical()
}

// Read calls fn with the document, which it must not change. It is the same one
// for the life of the Doc: texts, lists, tables, subscriptions and bound structs
// may be opened on it, and used within Read, in transactions, and by themselves
// when they are told of a change. None of that may call the client.
func (d *Doc) Read(fn func(view *doc.Doc)) {
	d.client.mu.Lock()
	defer d.client.mu.Unlock()
	fn(d.replica.View())
}

// Position returns how far the log has been read. The zero revision is that of a
// document which does not exist.
func (d *Doc) Position() record.Position {
	d.client.mu.Lock()
	defer d.client.mu.Unlock()
	return d.replica.Position()
}

// Deleted reports whether the document was deleted, and not written since.
func (d *Doc) Deleted() bool {
	d.client.mu.Lock()
	defer d.client.mu.Unlock()
	return d.replica.Deleted()
}

// Pending returns how many edits wait to be confirmed.
func (d *Doc) Pending() int {
	d.client.mu.Lock()
	defer d.client.mu.Unlock()
	return d.replica.Pending()
}

// Update runs fn as a transaction and returns when it is in the log, with its
// revision. fn may run again, on a later state, when something that it read was
// changed by others before; its error ends the transaction and is returned. If
// ctx ends first, the edit stays pending and may still be stored.
//
// A transaction that changes nothing is not stored.
func (d *Doc) Update(ctx context.Context, fn func(tx *doc.Tx) error) (record.Revision, error) {
	author := func(view *doc.Doc) (doc.Change, error) { return view.Update(fn) }
	return d.mutate(ctx, author, author)
}

// Patch merges a delta into the document, whatever its state, and returns when
// it is in the log.
func (d *Doc) Patch(ctx context.Context, patch delta.Delta) (record.Revision, error) {
	author := func(view *doc.Doc) (doc.Change, error) {
		return doc.Change{Delta: patch, Effect: view.Apply(patch)}, nil
	}
	return d.mutate(ctx, author, author)
}

// Invoke makes a named mutation, with arguments that are one JSON value, and returns
// when it is in the log. Its function, of [Config.Mutators], runs at once on what this
// client sees, and on the server on what there is by then if that differs: so it never
// meets a conflict, and what it refuses is refused with a [*replica.RejectedError] of
// the code [wire.CodeMutator]. If it fails at once its error is returned and nothing
// has happened. A name that is not registered is a [*mutator.UnknownError].
func (d *Doc) Invoke(ctx context.Context, name string, args []byte) (record.Revision, error) {
	fn := d.client.cfg.Mutators.Lookup(name)
	if fn == nil {
		return 0, &mutator.UnknownError{Name: name}
	}
	args = slices.Clone(args)
	author := func(view *doc.Doc) (doc.Change, error) { return mutator.Run(view, fn, args) }
	return d.submit(ctx, func(tag uint64) (doc.Change, error) { return d.replica.Invoke(tag, name, args, author) })
}

// ErrMoved is returned by PatchAt when the document is at another revision.
var ErrMoved = errors.New("the document is not at the expected revision")

// PatchAt is Patch if the document is at the given revision, or differs from it
// only by edits that changed nothing; otherwise nothing happens and the error is
// [ErrMoved].
func (d *Doc) PatchAt(ctx context.Context, rev record.Revision, patch delta.Delta) (record.Revision, error) {
	author := func(view *doc.Doc) (doc.Change, error) {
		if d.replica.Position().Revision != rev || d.replica.Pending() > 0 {
			return doc.Change{}, ErrMoved
		}
		return doc.Change{
			Delta: patch, Effect: view.Apply(patch), Reads: []delta.Read{delta.WholeDocument},
		}, nil
	}
	return d.mutate(ctx, author, author)
}

func (d *Doc) mutate(ctx context.Context, first, again replica.Author) (record.Revision, error) {
	return d.submit(ctx, func(tag uint64) (doc.Change, error) { return d.replica.Mutate(tag, first, again) })
}

// submit begins a mutation and waits for its outcome.
func (d *Doc) submit(ctx context.Context, begin func(tag uint64) (doc.Change, error)) (record.Revision, error) {
	settled := make(chan replica.Outcome, 1)
	var change doc.Change
	var at record.Position
	err := ctx.Err()
	d.client.do(func() {
		if err == nil {
			err = d.err
		}
		if err != nil {
			return
		}
		d.client.tag++
		d.settling[d.client.tag] = settled
		at = d.replica.Position()
		change, err = begin(d.client.tag)
		if err != nil || change.Empty() {
			delete(d.settling, d.client.tag)
		}
	})
	if err != nil || change.Empty() {
		return at.Revision, err
	}
	select {
	case outcome := <-settled:
		return outcome.Revision, outcome.Err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// fail ends the document. The client is locked.
func (d *Doc) fail(err error) {
	if d.err != nil {
		return
	}
	d.err = err
	for tag, settled := range d.settling {
		settled <- replica.Outcome{Err: err}
		delete(d.settling, tag)
	}
	for w := range d.watches {
		w.end(err)
	}
	d.Changed()
}

// Reset implements [replica.Observer].
func (d *Doc) Reset(snapshot []byte) {
	for w := range d.watches {
		w.reset(d.replica.Position(), snapshot)
	}
}

// Patched implements [replica.Observer].
func (d *Doc) Patched(delta.Delta) {}

// Changed implements [replica.Observer].
func (d *Doc) Changed() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// Committed implements [replica.Observer].
func (d *Doc) Committed(at record.Position, rec *record.Record) {
	if rec == nil {
		if len(d.watches) > 0 {
			d.Reset(d.replica.View().Canonical())
		}
		return
	}
	for w := range d.watches {
		w.committed(at, rec)
	}
}

// Settled implements [replica.Observer].
func (d *Doc) Settled(tag uint64, outcome replica.Outcome) {
	if settled, ok := d.settling[tag]; ok {
		settled <- outcome
		delete(d.settling, tag)
	}
}

// Failed implements [replica.Observer].
func (d *Doc) Failed(code wire.Code, detail string) {
	if code.Retry() == wire.RetryNever {
		d.fail(&DocError{Key: d.key, Code: code, Detail: detail})
	}
}
