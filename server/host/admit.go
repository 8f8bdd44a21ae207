package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
)

var (
	// ErrNoRoom says that a mutation does not go into this record any more, but may into the
	// next one.
	ErrNoRoom = errors.New("host: the record is full")
	// ErrMutatorsOnly says that the document takes named mutations only.
	ErrMutatorsOnly = errors.New("host: the document takes named mutations only")
)

// Front is the head of a document that waits while somebody decides what to write there.
type Front struct {
	host   *Host
	client record.ClientID
	batch  *batch
}

// Admit lends the head of a document to fn, which adds mutations of a client to it, and returns
// when they are durable, in one record, with its revision; 0 if fn has added none. Nothing is
// written if fn fails. The error is that of fn or ctx, [ErrStopped], a
// [*deltalog.ConflictError] when another server was first, or why the log takes no record; with
// an error of ctx the record may be in the log or not.
//
// The document serves nobody while fn runs. Other than a [Submission] what is added is in no
// conflict: fn looks at what is before it. Where it would write what is reserved for a client,
// that has its turn first, up to twice [Config.ReserveFor], and fn is called again.
func (r *Registry) Admit(ctx context.Context, key record.Key, client record.ClientID, fn func(*Front) error) (record.Revision, error) {
	h, err := r.Attach(key, nobody{client})
	if err != nil {
		return 0, err
	}
	defer h.Close()
	host, back, f, err := admit(ctx, h, 0, fn)
	if kept := new(keptError); errors.As(err, &kept) {
		host, back, f, err = admit(ctx, h, kept.turn, fn)
	}
	if f == nil {
		return 0, err
	}
	tail := host.tail
	back <- f
	done := make(chan appended, 1)
	// Whoever waits may leave; the host has to know how it ends.
	r.wg.Go(func() {
		now, err := r.cfg.Log.Append(r.ctx, key, tail, f.data)
		host.results <- appended{tail: now, err: err}
		done <- appended{tail: now, err: err}
	})
	select {
	case a := <-done:
		return a.tail.Head.Revision, a.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// keptError says that what was to be added is reserved for a client.
type keptError struct{ turn uint64 }

func (*keptError) Error() string { return "host: what would be written is reserved" }

// admit has fn run on a document, after the turn with a number; of that it waits for one only.
// It returns the record, with how the document is given back with it. Without one it was given
// back.
func admit(ctx context.Context, h *Handle, after uint64, fn func(*Front) error) (*Host, chan<- *flight, *flight, error) {
	hosts, loans, err := borrow(ctx, []*Handle{h}, after)
	if err != nil {
		return nil, nil, nil, err
	}
	host, back := hosts[0], loans[0].back
	var f *flight
	defer func() {
		if f == nil { // an error, a panic, or nothing was added
			back <- nil
		}
	}()
	front := &Front{host: host, client: h.sub.Client(), batch: host.newBatch()}
	defer front.batch.revert()
	if err := fn(front); err != nil {
		return nil, nil, nil, err
	}
	for _, e := range front.batch.effects {
		if after == 0 && host.reserved.keeps(front.client, e.writes) {
			return nil, nil, nil, &keptError{host.reserved.turn}
		}
	}
	f, err = front.fly()
	return host, back, f, err
}

// Revision returns that of the head.
func (f *Front) Revision() record.Revision { return f.host.tail.Head.Revision }

// Deleted returns the revision of the document's last deletion, 0 if there was none.
func (f *Front) Deleted() record.Revision { return f.host.deleted }

// Last returns the client's last mutation, those that were added included.
func (f *Front) Last() record.MutationID { return f.batch.lastOf(f.client) }

// After passes the mutations of the log after a revision, in order, and reports false if they
// are not in memory. The deltas must not be changed.
func (f *Front) After(rev record.Revision, yield func(record.Revision, record.Mutation)) bool {
	since, ok := f.host.recent.after(rev)
	if !ok {
		return false
	}
	for _, c := range since {
		for _, m := range c.mutations() {
			yield(c.at.Revision, m)
		}
	}
	return true
}

// Add adds a mutation of the client. The error is [ErrNoRoom]; or [ErrTooLarge] or
// [ErrMutatorsOnly], which are so whenever it is tried.
func (f *Front) Add(id record.MutationID, patch delta.Delta) error {
	s := Submission{From: nobody{f.client}, ID: id, Delta: patch}
	switch {
	case f.batch.policy == Only:
		return ErrMutatorsOnly
	case patch.Len()+mutationPadding > maxBatchBytes:
		return fmt.Errorf("%w: it changes %d bytes", ErrTooLarge, patch.Len())
	case f.batch.full(s):
		return ErrNoRoom
	}
	if f.batch.apply(s) != accepted {
		return fmt.Errorf("%w: the document would have more than %d bytes", ErrTooLarge, f.host.cfg.MaxDocument)
	}
	return nil
}

// fly returns the record of what was added; nil if that is nothing.
func (f *Front) fly() (*flight, error) {
	h, b := f.host, f.batch
	if len(b.members) == 0 {
		return nil, nil
	}
	rec := record.Record{
		Epoch: h.tail.Head.Epoch, Prev: h.tail.Head.Revision, PrevChain: h.tail.Head.Chain,
		Time: h.cfg.Clock().UnixMilli(), Mutations: make([]record.Mutation, len(b.members)),
	}
	for i := range b.members {
		id, patch := b.members[i].stored()
		rec.Mutations[i] = record.Mutation{Client: f.client, ID: id, Delta: patch.Bytes()}
	}
	data, err := rec.Encode()
	if err != nil {
		return nil, err
	}
	return &flight{together: true, time: rec.Time, data: data, began: time.Now(), members: b.members, effects: b.effects}, nil
}
