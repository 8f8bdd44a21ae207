package host

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/server/presence"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Registry holds the live documents of a process. A document is loaded when it
// is first opened and leaves memory when nobody has had it open for a while.
type Registry struct {
	cfg    Config
	ctx    context.Context
	cancel context.CancelFunc
	saver  *saver
	attic  *attic
	wg     sync.WaitGroup

	mu     sync.Mutex
	hosts  map[record.Key]*entry
	number uint32
	closed bool
}

type entry struct {
	host    *Host
	cancel  context.CancelCauseFunc
	handles map[*Handle]struct{}
	idle    time.Time // since when it has no handles
}

var (
	// ErrClosed is returned by a registry that was closed.
	ErrClosed = errors.New("host: the registry is closed")
	// ErrBusy says that a document's queue has been full for too long.
	ErrBusy = errors.New("host: the document's queue is full")
	// ErrFull says that [Config.MaxLive] documents are in use.
	ErrFull = errors.New("host: too many documents are in use")
)

// NewRegistry returns an empty registry. Close it when done.
func NewRegistry(cfg Config) *Registry {
	r := &Registry{cfg: cfg.withDefaults(), hosts: make(map[record.Key]*entry)}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.saver = newSaver(r.cfg.Snapshots, r.ctx.Done())
	if r.saver != nil {
		r.attic = newAttic(r.cfg.AtticBytes)
	}
	r.wg.Go(r.evict)
	return r
}

// Open subscribes to a document, from a position that the subscriber holds.
// Opened, with the number of the request, and the records after it come by
// [Subscriber.Send]; if the document cannot be loaded, or has to be closed later,
// a Fault comes and the handle is dead. Open does not wait for the document to
// load. The error is [ErrClosed], [ErrBusy] or that of ctx.
func (r *Registry) Open(ctx context.Context, request uint32, key record.Key, sub Subscriber, at record.Position) (*Handle, error) {
	h, err := r.Handle(key, sub)
	if err != nil {
		return nil, err
	}
	if err := h.Subscribe(ctx, request, at); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// Handle is the first half of Open: it gives access to a document, and [Handle.Subscribe]
// has sub sent what comes of it. The error is [ErrClosed] or [ErrFull].
func (r *Registry) Handle(key record.Key, sub Subscriber) (*Handle, error) {
	return r.handle(key, sub, false)
}

// Attach gives access to a document without a subscription or presence: sub is sent nothing but
// a Fault when the document cannot be loaded or has to be closed. It does not wait
// for the document to load. The error is [ErrClosed] or [ErrFull].
func (r *Registry) Attach(key record.Key, sub Subscriber) (*Handle, error) {
	return r.handle(key, sub, true)
}

func (r *Registry) handle(key record.Key, sub Subscriber, attached bool) (*Handle, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	e := r.hosts[key]
	if e == nil {
		if len(r.hosts) >= r.cfg.MaxLive {
			r.evictIdle(0)
		}
		if len(r.hosts) >= r.cfg.MaxLive {
			return nil, ErrFull
		}
		e = r.start(key)
	}
	h := &Handle{registry: r, entry: e, sub: sub, attached: attached}
	e.handles[h] = struct{}{}
	return h, nil
}

// start begins to load a document. The lock is held.
func (r *Registry) start(key record.Key) *entry {
	r.number++
	ctx, cancel := context.WithCancelCause(r.ctx)
	host := &Host{
		key: key, number: r.number, cfg: r.cfg,
		log:     r.cfg.Logger.With("doc", key.String()),
		mailbox: make(chan any, 32), submits: make(chan Submission, 32), left: left{wake: make(chan struct{}, 1)},
		results: make(chan appended, 1), stopped: make(chan struct{}), reserved: newReservation(),
		saver: r.saver, saves: saves{ended: make(chan saved, 1)}, attic: r.attic, box: r.attic.take(key),
	}
	host.room = presence.NewRoom(r.cfg.Presence, key, host.tellPeer)
	e := &entry{host: host, cancel: cancel, handles: make(map[*Handle]struct{})}
	r.hosts[key] = e
	r.wg.Go(func() {
		defer cancel(nil)
		defer func() {
			if box, _ := boxOf(context.Cause(ctx)); box != nil {
				r.attic.pack(box, nil) // unless it is packed
			}
		}()
		if err := host.run(ctx); err != nil && ctx.Err() == nil {
			host.log.Error("document closed", "error", err)
			r.failed(key, e, err)
		}
	})
	return e
}

// failed takes a host that stopped by itself out of the registry and tells its
// subscribers.
func (r *Registry) failed(key record.Key, e *entry, err error) {
	fault := wire.Fault{Key: key.String(), Code: wire.CodeUnavailable, Detail: "the document's log cannot be read now"}
	var damaged *deltalog.DamagedError
	if errors.As(err, &damaged) {
		fault.Code, fault.Detail = wire.CodeDamaged, "the document's log holds a record that this server cannot read"
	}
	frame := wire.Encode(&fault)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hosts[key] == e {
		delete(r.hosts, key)
	}
	for h := range e.handles {
		h.sub.Send(frame)
	}
}

// evict ends the hosts of documents that nobody has had open for a while.
func (r *Registry) evict() {
	tick := time.NewTicker(max(r.cfg.IdleAfter/4, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-tick.C:
			r.mu.Lock()
			r.evictIdle(r.cfg.IdleAfter)
			r.mu.Unlock()
		}
	}
}

// evictIdle ends the hosts of documents that nobody has had open for so long. One
// with an append in flight stays until the outcome is known. The lock is held.
func (r *Registry) evictIdle(after time.Duration) {
	now := time.Now()
	for key, e := range r.hosts {
		if len(e.handles) == 0 && now.Sub(e.idle) >= after && !e.host.busy.Load() && len(e.host.submits) == 0 {
			delete(r.hosts, key)
			e.cancel(&evicted{r.attic.reserve(key)})
		}
	}
}

// Live returns how many documents are in memory.
func (r *Registry) Live() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.hosts)
}

// Close ends all hosts and waits for them. Appends in flight are given up: their
// outcome is found in the log by whoever loads the document next. Snapshots that are
// being stored get half a second.
func (r *Registry) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.wg.Wait()
	r.saver.close()
}
