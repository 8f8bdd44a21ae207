package server

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/payload"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// maxWaiting bounds the bytes that wait for a reader of [Document.Watch]. Past it they
// are dropped, and the reader goes on from where it was.
const maxWaiting = 4 << 20

// watcher is a subscription of a Go program.
type watcher struct {
	doc *Document
	at  record.Position // of the reader

	handle  *host.Handle
	current *inbox
	frames  []byte // that were taken and not yet looked at
}

// inbox is what one subscription has been sent.
type inbox struct {
	client record.ClientID
	wake   chan struct{} // holds a token when there is something

	mu     sync.Mutex
	queue  [][]byte
	size   int
	missed bool
}

func (b *inbox) Client() record.ClientID { return b.client }

// Send implements [host.Subscriber].
func (b *inbox) Send(frames []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	// What is too large by itself is the state that the reader begins with.
	if b.missed = b.missed || b.size > 0 && b.size+len(frames) > maxWaiting; b.missed {
		b.queue, b.size = nil, 0
	} else {
		b.queue = append(b.queue, frames)
		b.size += len(frames)
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Answer implements [host.Subscriber].
func (b *inbox) Answer(a *payload.Answer) { b.Send(a.Bytes()) }

// take returns what there is, and whether something was dropped.
func (b *inbox) take() (frames []byte, missed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.missed || len(b.queue) == 0 {
		return nil, b.missed
	}
	frames = b.queue[0]
	b.queue[0] = nil
	b.queue = b.queue[1:]
	b.size -= len(frames)
	return frames, false
}

func newWatcher(d *Document) *watcher { return &watcher{doc: d} }

func (w *watcher) close() {
	if w.handle != nil {
		w.handle.Close()
		w.handle = nil
	}
}

// open subscribes, from where the reader is.
func (w *watcher) open(ctx context.Context) (err error) {
	w.close()
	w.frames = nil
	w.current = &inbox{client: w.doc.server.client, wake: make(chan struct{}, 1)}
	w.handle, err = w.doc.server.documents.Open(ctx, 1, w.doc.key, w.current, w.at)
	return err
}

// next waits for the next change.
func (w *watcher) next(ctx context.Context) (Change, error) {
	if w.handle == nil {
		if err := w.open(ctx); err != nil {
			return Change{}, err
		}
	}
	for {
		for len(w.frames) > 0 {
			frame, rest, err := wire.Decode(w.frames)
			if err != nil {
				return Change{}, err
			}
			w.frames = rest
			if change, ok, err := w.read(frame); ok || err != nil {
				return change, err
			}
		}
		frames, missed := w.current.take()
		switch {
		case missed:
			if err := w.open(ctx); err != nil {
				return Change{}, err
			}
		case frames != nil:
			w.frames = frames
		default:
			select {
			case <-w.current.wake:
			case <-ctx.Done():
				return Change{}, ctx.Err()
			}
		}
	}
}

// read reports whether a frame is a change.
func (w *watcher) read(frame wire.Frame) (Change, bool, error) {
	switch f := frame.(type) {
	case *wire.Opened:
		if len(f.Snapshot) == 0 {
			return Change{}, false, nil
		}
		w.at = f.At
		if f.Folded {
			first, second := f.Patches()
			deltas := []delta.Delta{delta.Trusted(first), delta.Trusted(second)}
			return Change{Revision: f.At.Revision, Folded: true, Deltas: deltas}, true, nil
		}
		return Change{Revision: f.At.Revision, State: f.Snapshot, Deleted: f.Deleted > 0 && f.Deleted == f.At.Revision}, true, nil
	case *wire.Commit:
		rec, err := record.Decode(f.Record)
		if err != nil {
			return Change{}, false, err
		}
		w.at = record.Position{Epoch: rec.Epoch, Revision: f.Revision, Chain: record.ChainOf(f.Record)}
		change := Change{Revision: f.Revision, Time: time.UnixMilli(rec.Time), Deleted: rec.Kind == record.KindDeletion}
		for _, m := range rec.Mutations {
			// The document's owner has parsed it.
			change.Deltas = append(change.Deltas, delta.Trusted(m.Delta))
		}
		return change, true, nil
	case *wire.Fault:
		return Change{}, false, fmt.Errorf("watch %s: %s: %s", w.doc.key, f.Code, f.Detail)
	}
	return Change{}, false, nil
}
