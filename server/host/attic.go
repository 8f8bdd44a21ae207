package host

import (
	"container/list"
	"errors"
	"sync"

	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// attic keeps documents that have left memory as bytes, within a bound: a fraction of
// what a live one takes, without a goroutine, a subscription or its recent records. Who
// opens such a document again spares JetStream the snapshot and the records since; that
// the log has nothing else is asked nevertheless. The attic is a cache of this process
// only, and the one that has been there longest makes room.
type attic struct {
	max int // bytes

	mu    sync.Mutex
	boxes map[record.Key]*box
	order *list.List // of *box, packed ones, the oldest first
	bytes int
}

const (
	// atticShare is how many documents the attic has room for at least: a larger one
	// would drive out too many others.
	atticShare = 16
	// boxCost is about what a box takes beside the document and the client table.
	boxCost = 512
	// clientCost is about what a client takes in memory.
	clientCost = 100
)

// box is the place of one document, from when it is told to leave.
type box struct {
	key   record.Key
	ready chan struct{} // closed when content is set, or will not be

	// content is nil until the document has been packed, and when it was not.
	content *packed
	size    int
	place   *list.Element // nil while the box is not in the order
}

// packed is all that a host knows of a document, but its recent records.
type packed struct {
	snap  snapshot.Snapshot
	saves saves
}

// newAttic returns nil when there is to be none.
func newAttic(max int) *attic {
	if max <= 0 {
		return nil
	}
	return &attic{max: max, boxes: make(map[record.Key]*box), order: list.New()}
}

// reserve makes a box for a document that is told to leave.
func (a *attic) reserve(key record.Key) *box {
	if a == nil {
		return nil
	}
	b := &box{key: key, ready: make(chan struct{})}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.boxes[key] = b
	return b
}

// take takes a document out. Its box may not be packed yet; it is nil if there is none.
func (a *attic) take(key record.Key) *box {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.boxes[key]
	if b != nil {
		a.remove(b)
	}
	return b
}

// pack fills a box, or with nil gives it up; only the first time counts. Somebody may
// wait for it who has taken it already.
func (a *attic) pack(b *box, content *packed) {
	if b == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-b.ready:
		return
	default:
	}
	b.content = content
	close(b.ready)
	switch {
	case a.boxes[b.key] != b:
		return
	case content == nil:
		a.remove(b)
		return
	}
	b.size = boxCost + len(content.snap.Document) + clientCost*len(content.snap.Clients)
	b.place = a.order.PushBack(b)
	for a.bytes += b.size; a.bytes > a.max; {
		a.remove(a.order.Front().Value.(*box))
	}
}

// remove takes a box out. The lock is held.
func (a *attic) remove(b *box) {
	delete(a.boxes, b.key)
	if b.place != nil {
		a.order.Remove(b.place)
		a.bytes -= b.size
		b.place = nil
	}
}

// evicted is the cause of the end of a host that leaves memory because nobody has its
// document open.
type evicted struct {
	box *box // nil: there is no attic
}

func (*evicted) Error() string { return "host: nobody has the document open" }

// boxOf returns the box that the host with this cause of its end is to pack, and
// whether it was evicted.
func boxOf(cause error) (*box, bool) {
	var e *evicted
	if !errors.As(cause, &e) {
		return nil, false
	}
	return e.box, true
}

// pack leaves the document in a box, if there is one and it is small enough.
func (h *Host) pack(b *box) {
	if b == nil || h.tail.Head.Revision == 0 || h.doc.Size() > h.attic.max/atticShare {
		return
	}
	// A save that is under way is taken for a good one: if it fails, the next is made
	// after as many records as after any other.
	kept := saves{bytes: h.saves.bytes, kept: h.saves.kept, tried: h.saves.tried}
	if h.saves.busy {
		kept.kept = kept.tried
	}
	h.attic.pack(b, &packed{snap: h.whole(), saves: kept})
}
