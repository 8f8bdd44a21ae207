//go:build !js

package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Event is one committed mutation, or a reset.
type Event struct {
	Position record.Position
	// Index is the mutation's place in its record. Readers of the document see
	// only the state after the last one.
	Index  int
	Time   time.Time
	Author record.ClientID
	ID     record.MutationID
	// Delta is the author's merge patch.
	Delta []byte
	// Reset is set, and Delta is the whole document, when the client had to take
	// a snapshot: events before it were missed.
	Reset bool
}

// eventsOf returns the mutations of a record. The deltas are copies.
func eventsOf(at record.Position, rec *record.Record) []Event {
	events := make([]Event, len(rec.Mutations))
	for i, m := range rec.Mutations {
		events[i] = Event{
			Position: at, Index: i, Time: time.UnixMilli(rec.Time),
			Author: m.Client, ID: m.ID, Delta: slices.Clone(m.Delta),
		}
	}
	return events
}

// maxWatchQueue bounds the events that wait for a slow watcher.
const maxWatchQueue = 100_000

// ErrSlowWatch ends a watch whose reader is too slow.
var ErrSlowWatch = errors.New("the watch was ended: its events were not read fast enough")

// Watch is a stream of a document's committed mutations.
type Watch struct {
	doc   *Doc
	queue []Event
	err   error
	wake  chan struct{}
}

// Watch begins to collect events, from the present position on. Close it.
func (d *Doc) Watch() *Watch {
	w := &Watch{doc: d, wake: make(chan struct{}, 1)}
	d.client.mu.Lock()
	defer d.client.mu.Unlock()
	if w.err = d.err; w.err == nil {
		d.watches[w] = struct{}{}
	}
	return w
}

// Next returns the next event. It waits for one until ctx ends.
func (w *Watch) Next(ctx context.Context) (Event, error) {
	for {
		w.doc.client.mu.Lock()
		if len(w.queue) > 0 {
			e := w.queue[0]
			w.queue = w.queue[1:]
			w.doc.client.mu.Unlock()
			return e, nil
		}
		err := w.err
		w.doc.client.mu.Unlock()
		if err != nil {
			return Event{}, err
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}

// Close ends the watch.
func (w *Watch) Close() {
	w.doc.client.mu.Lock()
	defer w.doc.client.mu.Unlock()
	w.end(ErrClosed)
}

func (w *Watch) committed(at record.Position, rec *record.Record) {
	w.push(eventsOf(at, rec)...)
}

func (w *Watch) reset(at record.Position, snapshot []byte) {
	w.queue = nil
	w.push(Event{Position: at, Delta: slices.Clone(snapshot), Reset: true})
}

func (w *Watch) push(events ...Event) {
	if w.queue = append(w.queue, events...); len(w.queue) > maxWatchQueue {
		w.queue = nil
		w.end(ErrSlowWatch)
		return
	}
	w.signal()
}

// end ends the watch after what is queued. The client is locked.
func (w *Watch) end(err error) {
	if w.err == nil {
		w.err = err
	}
	delete(w.doc.watches, w)
	w.signal()
}

func (w *Watch) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
