package server

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Document is a document as a Go program sees it that embeds the server. Its methods
// may be called concurrently. It costs nothing to have one.
type Document struct {
	server *Server
	key    record.Key
}

// Doc returns the document of a key, which need not exist.
func (s *Server) Doc(key record.Key) *Document { return &Document{server: s, key: key} }

// Key returns the document's key.
func (d *Document) Key() record.Key { return d.key }

// State is a document at a position of its log.
type State struct {
	At record.Position
	// JSON is the canonical form; that of a document that was never written is {}.
	JSON []byte
}

// Get returns the document as it is in the log.
func (d *Document) Get(ctx context.Context) (State, error) {
	var state State
	err := d.attached(func(h *host.Handle) error {
		return h.Read(ctx, func(view *doc.Doc, at record.Position) {
			state = State{At: at, JSON: view.Canonical()}
		})
	})
	return state, err
}

// Update runs fn as a transaction at the head of the document and returns when what it
// changed is durable, with the revision that has it. There are no conflicts: fn is run
// on what the document is then. It runs while the document waits, so it must be quick;
// it must not use the server; and it may be run again. If it returns an error, or
// panics, nothing has happened.
//
// With an error of ctx, or [host.ErrStopped], the transaction may be in the log or not.
// A transaction that would make the document too large fails with [host.ErrTooLarge].
func (d *Document) Update(ctx context.Context, fn func(*doc.Tx) error) (record.Revision, error) {
	var rev record.Revision
	err := d.attached(func(h *host.Handle) (err error) {
		rev, err = h.Run(ctx, fn)
		return err
	})
	return rev, err
}

// Patch applies a JSON merge patch (RFC 7386). The error is as that of Update, or a
// [*jsontext.Error] of a patch that is none.
func (d *Document) Patch(ctx context.Context, patch []byte) (record.Revision, error) {
	p, err := delta.Parse(patch)
	if err != nil {
		return 0, err
	}
	return d.Update(ctx, func(tx *doc.Tx) error { return tx.Merge(p) })
}

// attached calls fn with access to the document.
func (d *Document) attached(fn func(*host.Handle) error) error {
	h, err := d.server.documents.Attach(d.key, insider{d.server.client})
	if err != nil {
		return err
	}
	defer h.Close()
	return fn(h)
}

// insider is the server itself, as a client.
type insider struct{ client record.ClientID }

func (i insider) Client() record.ClientID { return i.client }
func (insider) Send([]byte)               {} // that the document was closed is told to who waits for it

// ErrNoRevision says that a document had no such revision, or not at that time.
var ErrNoRevision = errors.New("server: the document's log has nothing there")

// At returns the document as it was at a revision: after the last record up to it. It
// reads the log from its beginning, or from a snapshot before the revision.
func (d *Document) At(ctx context.Context, rev record.Revision) (State, error) {
	return d.past(ctx, func(e *deltalog.Entry) bool { return e.Position.Revision <= rev })
}

// AtTime returns the document as it was at a time, by the clocks of the servers that
// wrote it.
func (d *Document) AtTime(ctx context.Context, t time.Time) (State, error) {
	ms := t.UnixMilli()
	return d.past(ctx, func(e *deltalog.Entry) bool { return e.Record.Time <= ms })
}

var errPast = errors.New("that is all")

// past applies the records of the log as long as they are to be counted in.
func (d *Document) past(ctx context.Context, counts func(*deltalog.Entry) bool) (State, error) {
	view := doc.New()
	state := State{}
	_, err := d.server.log.Replay(ctx, d.key, deltalog.Tail{}, func(e deltalog.Entry) error {
		if !counts(&e) {
			return errPast
		}
		for _, m := range e.Record.Mutations {
			patch, err := delta.Parse(m.Delta)
			if err != nil {
				return &deltalog.DamagedError{Key: d.key, Sequence: uint64(e.Position.Revision), Err: err}
			}
			view.Apply(patch)
		}
		state.At = e.Position
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, errPast):
		return State{}, err
	case state.At.Revision == 0:
		return State{}, fmt.Errorf("%w: %s", ErrNoRevision, d.key)
	}
	state.JSON = view.Canonical()
	return state, nil
}

// Change is what a record of the log does to a document.
type Change struct {
	Revision record.Revision
	Time     time.Time
	// Deltas are merge patches, one for each transaction, in order.
	Deltas []delta.Delta
	// State is set instead of Deltas for the first Change, and whenever the reader was
	// so far behind that the changes in between are not worth telling: all of the
	// document at Revision.
	State []byte
}

// Watch tells the document's state, then every change of it, in order, each when it
// is durable. A reader who is slow gets a state instead of changes. It ends with an
// error: that of ctx, or what keeps the document from being read; the reader may
// begin again.
func (d *Document) Watch(ctx context.Context) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		w := newWatcher(d)
		defer w.close()
		for {
			change, err := w.next(ctx)
			if !yield(change, err) || err != nil {
				return
			}
		}
	}
}
