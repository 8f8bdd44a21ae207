package webhook

import (
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/feed"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// maxKnown is how many documents are remembered. Of one that is forgotten, what comes again is sent
// again.
const maxKnown = 20_000

// progress remembers how far each document is. After a failure the feed delivers anew what it
// has not stored as delivered, which can be more than what has failed: that is not sent twice,
// and what was tried before is not taken for new.
type progress struct {
	mu   sync.Mutex
	docs map[record.Key]*place
}

// place is how far a document is. One call of Deliver uses it at a time.
type place struct {
	// done is the last event that was taken or given up.
	done feed.Cursor
	// failing is the next one, if it has failed so often, and is not to be sent before next.
	failing  feed.Cursor
	failures int
	next     time.Time
	err      error
}

// of returns the place of a document, and whether it was known.
func (p *progress) of(key record.Key) (*place, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := p.docs[key]; at != nil {
		return at, true
	}
	for other := range p.docs {
		if len(p.docs) < maxKnown {
			break
		}
		delete(p.docs, other)
	}
	at := &place{}
	p.docs[key] = at
	return at, false
}

// covers reports whether an event was taken or given up.
func (p *place) covers(e *feed.Event) bool {
	return e.Cursor.Epoch == p.done.Epoch && e.Cursor.Sequence <= p.done.Sequence
}

// finished notes that an event was taken or given up.
func (p *place) finished(e *feed.Event) { *p = place{done: e.Cursor} }

// failed notes a failure of an event.
func (p *place) failed(e *feed.Event, err error, next time.Time) {
	p.failing, p.failures, p.err, p.next = e.Cursor, p.failures+1, err, next
}
