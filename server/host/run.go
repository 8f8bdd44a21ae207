package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

var (
	// ErrTooLarge says that a document, or what a transaction changes of one, would be
	// larger than allowed.
	ErrTooLarge = errors.New("host: too large")
	// ErrStopped says that the document was closed under a transaction, which may be in
	// the log or not.
	ErrStopped = errors.New("host: the document was closed; the transaction may be in the log")
)

// Run runs fn as a transaction at the head of the document and returns when what it
// changed is durable, with the revision that has it. A transaction that changes
// nothing is over when what it may have seen is durable.
//
// fn runs in the goroutine of the caller, while the document waits: it must be quick,
// and must not use the document in another way. It may be run again, as what another
// server has written takes precedence, and it may see what is not durable yet, but
// never comes to be without it. If fn returns an error, or panics, nothing has
// happened.
//
// With an error of ctx, or [ErrStopped], the transaction may be in the log or not.
func (h *Handle) Run(ctx context.Context, fn func(*doc.Tx) error) (record.Revision, error) {
	return h.run(ctx, record.KindChange, fn)
}

func (h *Handle) run(ctx context.Context, kind record.Kind, fn func(*doc.Tx) error) (record.Revision, error) {
	r := &run{
		kind: kind, turn: make(chan *doc.Doc), ran: make(chan ran),
		left: make(chan struct{}), done: make(chan outcome, 1),
	}
	if err := h.Submit(ctx, Submission{run: r}); err != nil {
		return 0, err
	}
	defer close(r.left)
	stopped := h.entry.host.stopped
	for {
		select {
		case d := <-r.turn:
			r.take(d, fn)
		case o := <-r.done:
			return o.revision, o.err
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-stopped:
			select {
			case o := <-r.done:
				return o.revision, o.err
			default:
				return 0, ErrStopped
			}
		}
	}
}

// View is a document as it is in the log.
type View struct {
	Doc *doc.Doc
	At  record.Position
	// Deleted is the revision of the document's last deletion, 0 if there was none. It is
	// deleted now if that is the revision of At.
	Deleted record.Revision
}

// Read runs fn, in the goroutine of the caller, on the document as it is in the log. fn
// must be quick, change nothing and keep nothing of the document. The error is that of
// ctx, [ErrBusy] or [ErrStopped].
func (h *Handle) Read(ctx context.Context, fn func(View)) error {
	r := &reading{turn: make(chan View), back: make(chan struct{}), left: make(chan struct{})}
	if err := post(ctx, h, h.entry.host.mailbox, any(r)); err != nil {
		return err
	}
	defer close(r.left)
	select {
	case v := <-r.turn:
		defer close(r.back)
		fn(v)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-h.entry.host.stopped:
		return ErrStopped
	}
}

// reading is somebody who waits to read the document.
type reading struct {
	turn chan View
	back chan struct{} // closed when that is over
	left chan struct{}
}

func (r *reading) on(h *Host) {
	select {
	case r.turn <- View{h.doc, h.tail.Head, h.deleted}:
		<-r.back
	case <-r.left:
	}
}

// run is a transaction whose author waits for its turn.
type run struct {
	kind record.Kind
	turn chan *doc.Doc // lends the document to the author
	ran  chan ran      // gives it back
	left chan struct{} // closed when the author does not wait any more
	done chan outcome
}

type ran struct {
	change doc.Change
	err    error
}

type outcome struct {
	revision record.Revision
	err      error
}

// take runs fn on the document, in the goroutine of its author, and gives it back,
// even if fn does not return.
func (r *run) take(d *doc.Doc, fn func(*doc.Tx) error) {
	result := ran{err: errors.New("host: the function did not return")}
	defer func() { r.ran <- result }()
	result.change, result.err = d.Update(fn)
}

// on has the author run on the document; it reports whether there still is one.
func (r *run) on(d *doc.Doc) (ran, bool) {
	select {
	case r.turn <- d:
		return <-r.ran, true
	case <-r.left:
		return ran{}, false
	}
}

// over tells the author how it ended.
func (r *run) over(rev record.Revision, err error) { r.done <- outcome{rev, err} }

// run runs a transaction on what is reserved so far, and reserves what it changes. It
// conflicts with nothing.
func (b *batch) run(s Submission) verdict {
	h := b.host
	if s.run.kind == record.KindDeletion {
		if len(b.members) > 0 {
			return later // it has a record of its own
		}
		if h.tail.Head.Revision == h.deleted {
			s.run.over(h.deleted, nil) // there is nothing to delete
			return over
		}
	}
	before := h.doc.Size()
	r, there := s.run.on(h.doc)
	switch {
	case !there:
		return over
	case r.err != nil:
		s.run.over(0, r.err)
		return over
	case r.change.Empty() && s.run.kind == record.KindChange:
		if len(b.members) == 0 {
			s.run.over(h.tail.Head.Revision, nil)
		} else {
			b.waiting = append(b.waiting, s)
		}
		return over
	}
	s.Delta = r.change.Delta
	size, after := s.Delta.Len()+mutationPadding, h.doc.Size()
	switch {
	case size > maxBatchBytes:
		h.doc.Apply(r.change.Inverse)
		s.run.over(0, fmt.Errorf("%w: the transaction changes %d bytes", ErrTooLarge, s.Delta.Len()))
		return over
	case after > h.cfg.MaxDocument && after > before:
		h.doc.Apply(r.change.Inverse)
		s.run.over(0, fmt.Errorf("%w: the document would have %d bytes, more than %d", ErrTooLarge, after, h.cfg.MaxDocument))
		return over
	case b.size+size > maxBatchBytes:
		h.doc.Apply(r.change.Inverse)
		return later
	}
	client := s.From.Client()
	s.ID = record.MutationID{Number: b.lastOf(client).Number + 1}
	b.kind = s.run.kind
	b.reserve(s, r.change.Effect)
	return accepted
}
