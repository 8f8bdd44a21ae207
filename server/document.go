package server

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/payload"
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
	// JSON is the canonical form; that of a document that was never written, or is
	// deleted, is {}.
	JSON []byte
	// Deleted is set when the document is deleted.
	Deleted bool
}

// Get returns the document as it is in the log.
func (d *Document) Get(ctx context.Context) (State, error) {
	var state State
	err := d.attached(func(h *host.Handle) error {
		return h.Read(ctx, func(v host.View) {
			state = State{At: v.At, JSON: v.Doc.Canonical(), Deleted: v.Deleted > 0 && v.Deleted == v.At.Revision}
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

// Transact runs fn as one transaction over several documents of a space, at most
// [deltalog.MaxTogether], and returns when what it changed is durable in all of them, with
// their revisions in the order of the keys. All of it happens, or nothing, whatever
// becomes of the server. For the rest it is as Update of a [Document]; the documents wait
// for each other meanwhile, so it is not for what is done often.
func (s *Server) Transact(ctx context.Context, keys []record.Key, fn func([]*doc.Tx) error) ([]record.Revision, error) {
	return s.documents.Transact(ctx, keys, insider{s.client}, fn)
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

// Delete deletes the document and returns the revision of that: it is empty for whoever
// has it open, and edits that others made on it before are refused with the code
// "deleted". To write it again makes it anew. What it was stays readable with At until
// the log forgets it; see Erase. A document that does not exist is left as it is. The
// error is as that of Update.
func (d *Document) Delete(ctx context.Context) (record.Revision, error) {
	var rev record.Revision
	err := d.attached(func(h *host.Handle) (err error) {
		rev, err = h.Delete(ctx)
		return err
	})
	return rev, err
}

// Erase deletes the document and takes what it was off the log and the snapshots,
// overwriting the log's bytes on the disk. What it cannot reach: archives, backups,
// clients, and the files of RV_SNAPSHOTS until the server rewrites those. After an error
// it may be called again, and goes on.
func (d *Document) Erase(ctx context.Context) error {
	s := d.server
	if _, err := d.Delete(ctx); err != nil {
		return err
	}
	if err := s.documents.Rebase(ctx, d.key, s.client); err != nil {
		return err
	}
	if err := s.snapshots.Delete(ctx, d.key); err != nil {
		return err
	}
	if _, err := s.log.Erase(ctx, d.key); err != nil && !errors.Is(err, deltalog.ErrNotFound) {
		return err
	}
	return nil
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
func (insider) Answer(*payload.Answer)    {}

// ErrNoRevision says that a document had no such revision, or not at that time.
var ErrNoRevision = errors.New("server: the document's log has nothing there")

// ErrForgotten says that the log does not go back to a revision, or to a time, any more:
// see [Config.Keep].
var ErrForgotten = errors.New("server: the document's log does not go back so far")

// At returns the document as it was at a revision: after the last record up to it. It
// reads the log from its beginning, or from the document's snapshot if that is before
// the revision.
func (d *Document) At(ctx context.Context, rev record.Revision) (State, error) {
	return d.past(ctx, func(at record.Revision, _ int64) bool { return at <= rev })
}

// AtTime returns the document as it was at a time, by the clocks of the servers that
// wrote it.
func (d *Document) AtTime(ctx context.Context, t time.Time) (State, error) {
	ms := t.UnixMilli()
	return d.past(ctx, func(_ record.Revision, made int64) bool { return made <= ms })
}

var errPast = errors.New("that is all")

// past applies the records of the log as long as they count, which depends on their
// revision and on when they were made.
func (d *Document) past(ctx context.Context, counts func(record.Revision, int64) bool) (State, error) {
	p := past{key: d.key, view: doc.New(), counts: counts}
	s, err := d.server.snapshots.Get(ctx, d.key)
	if err == nil && counts(s.At.Revision, s.Modified) {
		p.begin(&s, doc.Open(s.Document))
		_, err = d.server.log.Resume(ctx, d.key, s.At, p.take)
	}
	if err != nil && !errors.Is(err, errPast) || p.at.Revision == 0 {
		// A snapshot is a cache: what is wrong with it matters to nobody here.
		p = past{key: d.key, view: doc.New(), counts: counts}
		_, err = d.server.log.Replay(ctx, d.key, deltalog.Tail{}, p.take)
	}
	switch {
	case err != nil && !errors.Is(err, errPast):
		return State{}, err
	case p.at.Revision == 0 && p.first > 0:
		return State{}, fmt.Errorf("%w: %s goes back to revision %d", ErrForgotten, d.key, p.first)
	case p.at.Revision == 0:
		return State{}, fmt.Errorf("%w: %s", ErrNoRevision, d.key)
	}
	return State{At: p.at, JSON: p.view.Canonical(), Deleted: p.deleted == p.at.Revision}, nil
}

// past is a document on its way from a place of its log to another one.
type past struct {
	key     record.Key
	counts  func(record.Revision, int64) bool
	view    *doc.Doc
	at      record.Position
	deleted record.Revision
	first   record.Revision // of a base that does not count
}

func (p *past) begin(s *snapshot.Snapshot, view *doc.Doc) {
	p.view, p.at, p.deleted = view, s.At, s.Deleted
}

func (p *past) take(e deltalog.Entry) error {
	if !p.counts(e.Position.Revision, e.Record.Time) {
		if e.Base != nil {
			p.first = e.Position.Revision
		}
		return errPast
	}
	if e.Base != nil {
		s, view, err := host.OpenBase(p.key, &e)
		if err == nil {
			p.begin(&s, view)
		}
		return err
	}
	for _, m := range e.Record.Mutations {
		patch, err := delta.Parse(m.Delta)
		if err != nil {
			return &deltalog.DamagedError{Key: p.key, Sequence: uint64(e.Position.Revision), Err: err}
		}
		p.view.Apply(patch)
	}
	p.at = e.Position
	if e.Deleted() {
		p.deleted = e.Position.Revision
	}
	return nil
}

// Change is what a record of the log does to a document.
type Change struct {
	Revision record.Revision
	Time     time.Time
	// Deltas are merge patches, one for each transaction, in order.
	Deltas []delta.Delta
	// Folded is set when the reader was so far behind that Deltas are those of all records
	// up to Revision in two, which do exactly what those do. Time is not set then.
	Folded bool
	// State is set instead of Deltas for the first Change, and whenever the reader was
	// so far behind that the changes in between are not worth telling: all of the
	// document at Revision.
	State []byte
	// Deleted is set when the document is deleted at Revision.
	Deleted bool
}

// Watch tells the document's state, then every change of it, in order, each when it
// is durable. A reader who is slow gets a state, or a folded change, instead of changes. It ends with an
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
