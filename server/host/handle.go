package host

import (
	"context"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Handle is one subscriber's access to a live document.
type Handle struct {
	registry *Registry
	entry    *entry
	sub      Subscriber
	attached bool // without a subscription
	gone     bool // owned by the host: it has heard that the handle was closed
	place    int  // owned by the host: in its list of subscribers, from 1; 0: not in it
}

// Number is how frames name the document, for the life of this process.
func (h *Handle) Number() uint32 { return h.entry.host.number }

// Key returns the document's key.
func (h *Handle) Key() record.Key { return h.entry.host.key }

// Subscribe is the second half of [Registry.Open]: it is called once.
func (h *Handle) Subscribe(ctx context.Context, request uint32, at record.Position) error {
	return post(ctx, h, h.entry.host.mailbox, any(subscribe{handle: h, request: request, at: at}))
}

// Submit hands a mutation to the document. While the document's queue is full it
// waits, up to [Config.Patience]; the error is then [ErrBusy], or that of ctx.
func (h *Handle) Submit(ctx context.Context, s Submission) error {
	s.From = h.sub
	return post(ctx, h, h.entry.host.submits, s)
}

// SetPresence tells the other clients a JSON object; empty takes it back. It may
// wait like Submit.
func (h *Handle) SetPresence(ctx context.Context, state []byte) error {
	return post(ctx, h, h.entry.host.mailbox, any(setPresence{h, state}))
}

// Close ends the subscription. It does not wait; records may still be sent until
// the document has heard of it.
func (h *Handle) Close() {
	if !h.attached {
		h.entry.host.left.add(h)
	}
	h.registry.mu.Lock()
	defer h.registry.mu.Unlock()
	delete(h.entry.handles, h)
	if len(h.entry.handles) == 0 {
		h.entry.idle = time.Now()
	}
}

// post delivers a message. A host that has stopped takes everything: a Fault
// tells its subscribers.
func post[M any](ctx context.Context, h *Handle, to chan<- M, message M) error {
	host := h.entry.host
	select {
	case to <- message:
		return nil
	default:
	}
	patience := time.NewTimer(host.cfg.Patience)
	defer patience.Stop()
	select {
	case to <- message:
		return nil
	case <-host.stopped:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-patience.C:
		return ErrBusy
	}
}

// left holds the handles that were closed until their host looks. Closing must
// not wait for a host that is held up, so this is not in the mailbox; it is
// bounded by the handles that are given out.
type left struct {
	wake chan struct{} // holds a token when there are some

	mu      sync.Mutex
	handles []*Handle
}

func (l *left) add(h *Handle) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handles = append(l.handles, h)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *left) take() []*Handle {
	l.mu.Lock()
	defer l.mu.Unlock()
	handles := l.handles
	l.handles = nil
	return handles
}
