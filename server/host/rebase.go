package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/server/payload"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// maxStates is how often a document is tried to be stated while other servers write it.
const maxStates = 16

// codec encodes bases. A document that can be in memory has one.
var codec = sync.OnceValues(func() (*snapshot.Codec, error) { return snapshot.NewCodec(snapshot.DefaultMaxSize) })

// rebase is somebody who wants the document stated, so that the log can forget what came
// before.
type rebase struct {
	tries int
	done  chan error
}

// Rebase has a document stated by a base at its head, and returns when that is stored.
// A document that was never written needs none. It is loaded if it is not live.
func (r *Registry) Rebase(ctx context.Context, key record.Key, client record.ClientID) error {
	h, err := r.Attach(key, nobody{client})
	if err != nil {
		return err
	}
	defer h.Close()
	m := &rebase{done: make(chan error, 1)}
	if err := post(ctx, h, h.entry.host.mailbox, any(m)); err != nil {
		return err
	}
	select {
	case err := <-m.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-h.entry.host.stopped:
		select {
		case err := <-m.done:
			return err
		default:
			return ErrStopped
		}
	}
}

// nobody listens to a document.
type nobody struct{ client record.ClientID }

func (n nobody) Client() record.ClientID { return n.client }
func (nobody) Send([]byte)               {}
func (nobody) Answer(*payload.Answer)    {}

// state begins to append a base.
func (h *Host) state(ctx context.Context) {
	waiting := h.rebases
	h.rebases = nil
	if h.tail.Head.Revision == 0 {
		tell(waiting, nil)
		return
	}
	h.inFlight = &flight{rebases: waiting, began: time.Now()}
	s := h.whole()
	go func(tail deltalog.Tail) {
		now, err := func() (deltalog.Tail, error) {
			c, err := codec()
			if err != nil {
				return tail, err
			}
			content, err := c.Encode(h.key, &s)
			if err != nil {
				return tail, &deltalog.RefusedError{Key: h.key, Err: err}
			}
			return h.cfg.Log.AppendBase(ctx, h.key, tail, deltalog.Base{Deleted: s.Deleted, Time: s.Modified, Content: content})
		}()
		h.results <- appended{tail: now, err: err}
	}(h.tail)
}

// stated takes the outcome.
func (h *Host) stated(ctx context.Context, f *flight, result appended) error {
	h.tail.Last = max(h.tail.Last, result.tail.Last)
	var conflict *deltalog.ConflictError
	var refused *deltalog.RefusedError
	switch {
	case result.err == nil:
		h.news.turn.landed(f.began)
		tell(f.rebases, nil)
		return nil
	case errors.As(result.err, &conflict):
		for _, r := range f.rebases {
			if r.tries++; r.tries < maxStates {
				h.rebases = append(h.rebases, r)
			} else {
				r.done <- result.err
			}
		}
		return h.settle(ctx, conflict.Last)
	case errors.As(result.err, &refused):
		tell(f.rebases, result.err)
		return nil
	case ctx.Err() != nil:
		return nil
	}
	tell(f.rebases, result.err)
	return result.err
}

func tell(all []*rebase, err error) {
	for _, r := range all {
		r.done <- err
	}
}

// errRestated says that a document has got another beginning under those who have it
// open: it was brought in from another log.
var errRestated = errors.New("host: the document came from another log; it is loaded again")

// takeBase begins with a base.
func (h *Host) takeBase(e *deltalog.Entry) error {
	if h.subs.len() > 0 {
		return errRestated
	}
	s, document, err := OpenBase(h.key, e)
	if err == nil {
		h.begin(&s, document)
	}
	return err
}

// OpenBase returns the document that a base of the log states, and what else that says.
// The error is a [*deltalog.DamagedError].
func OpenBase(key record.Key, e *deltalog.Entry) (snapshot.Snapshot, *doc.Doc, error) {
	damaged := func(err error) (snapshot.Snapshot, *doc.Doc, error) {
		return snapshot.Snapshot{}, nil, &deltalog.DamagedError{Key: key, Sequence: uint64(e.Position.Revision), Err: err}
	}
	c, err := codec()
	if err != nil {
		return damaged(err)
	}
	s, err := c.Decode(key, e.Base.Content)
	if err != nil {
		return damaged(err)
	}
	if e.Record.Prev > 0 && s.At != e.Position {
		return damaged(fmt.Errorf("the base is of %s", s.At))
	}
	document := doc.Open(s.Document)
	if document.Checksum() != s.Checksum {
		return damaged(errSum)
	}
	if e.Record.Prev == 0 { // it comes from another log
		s.Deleted, s.At = 0, e.Position
	}
	return s, document, nil
}
