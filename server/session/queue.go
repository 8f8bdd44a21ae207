package session

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/server/payload"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// queue holds what is to be written to one client: references to bytes that others have
// queued, too. Pushing never blocks.
//
// It is bounded in bytes. Past the bound the documents that have the most of them are cut
// off: what is queued of them is dropped, and what else comes of them, until the client opens
// them anew from where it is. It is told to do so by a Fault, behind what it has yet to read.
type queue struct {
	limit int

	mu    sync.Mutex
	items []item
	bytes int
	err   error // set once: no more is taken, what is queued is dropped
	// scheduled: somebody will take what is there.
	scheduled bool
	cut       map[uint32]struct{} // documents that are cut off
	told      []uint32            // those of them whose client has yet to be told
	// crowded is when the bound was reached, zero once all was taken since.
	crowded time.Time
}

// item is frames, as a rule one, or an answer.
type item struct {
	frames []byte
	answer *payload.Answer
}

func (i *item) len() int {
	if i.answer != nil {
		return i.answer.Len()
	}
	return len(i.frames)
}

// cost is what an item counts for: its bytes, but never so much that another one had no place
// beside it. A document may be larger than the bound, and is kept once for all who are sent it.
func (q *queue) cost(i *item) int {
	if i.answer != nil {
		return min(i.len(), q.limit/2)
	}
	return i.len()
}

// doc returns the number of the document that an item is about, 0 if it is about none.
func (i *item) doc() uint32 {
	if i.answer != nil {
		return i.answer.Doc
	}
	return wire.DocOf(i.frames)
}

// push reports whether somebody has to be found who takes it.
func (q *queue) push(i item) (schedule bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return false
	}
	if len(q.cut) > 0 {
		if _, cut := q.cut[i.doc()]; cut {
			return false
		}
	}
	q.items = append(q.items, i)
	q.bytes += q.cost(&i)
	// One item is taken whatever its size, or who has to have it would never get it.
	if q.bytes > q.limit && len(q.items) > 1 {
		q.shed()
	}
	return q.schedule()
}

func (q *queue) schedule() bool {
	if q.scheduled {
		return false
	}
	q.scheduled = true
	return true
}

// shed cuts documents off, those first that have the most bytes, until half of the bound is
// free.
func (q *queue) shed() {
	sizes := make(map[uint32]int)
	for i := range q.items {
		if doc := q.items[i].doc(); doc != 0 {
			sizes[doc] += q.cost(&q.items[i])
		}
	}
	docs := slices.SortedFunc(maps.Keys(sizes), func(a, b uint32) int {
		return cmp.Or(cmp.Compare(sizes[b], sizes[a]), cmp.Compare(a, b))
	})
	if q.cut == nil {
		q.cut = make(map[uint32]struct{})
	}
	left := q.bytes
	for _, doc := range docs {
		if left <= q.limit/2 {
			break
		}
		left -= sizes[doc]
		q.cut[doc] = struct{}{}
		q.told = append(q.told, doc)
	}
	if left > q.limit {
		q.end(&closing{code: wire.CodeSlow, detail: "the client reads too slowly"})
		return
	}
	q.items = slices.DeleteFunc(q.items, func(i item) bool {
		_, cut := q.cut[i.doc()]
		return cut
	})
	q.bytes = left
	if q.crowded.IsZero() {
		q.crowded = time.Now()
	}
}

// opens ends that a document is cut off: the client has asked for it anew.
func (q *queue) opens(doc uint32) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.cut, doc)
}

// fail ends the queue; what is queued is dropped. Only the first error counts.
func (q *queue) fail(err error) (schedule bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.end(err)
	}
	return q.schedule()
}

func (q *queue) end(err error) { q.err, q.items, q.bytes, q.cut, q.told = err, nil, 0, nil, nil }

// crowdedFor returns for how long the client has not caught up since it was too slow.
func (q *queue) crowdedFor(now time.Time) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.crowded.IsZero() {
		return 0
	}
	return now.Sub(q.crowded)
}

const (
	// joinLimit bounds how many bytes are joined into one message.
	joinLimit = 256 << 10
	// keepItems bounds the places that an empty queue keeps.
	keepItems = 8
)

// batch is what is written as one message.
type batch struct {
	frames [][]byte
	answer *payload.Answer // then there are no frames
	cut    []uint32        // documents whose client has to be told that they are cut off
}

// take moves what goes into one message, at least one item, to b, whose slices are used
// again. It reports false when there was nothing; then the next push finds somebody anew.
func (q *queue) take(b *batch) (bool, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b.frames, b.answer = b.frames[:0], nil
	b.cut, q.told = append(b.cut[:0], q.told...), nil
	switch {
	case q.err != nil:
		return false, q.err
	case len(q.items) == 0 && len(b.cut) == 0:
		q.scheduled, q.crowded = false, time.Time{}
		return false, nil
	case len(q.items) == 0:
		return true, nil
	}
	n, size, peers := 0, 0, 0
	for ; n < len(q.items); n++ {
		i := &q.items[n]
		if i.answer != nil {
			if n == 0 {
				b.answer = i.answer
				size += q.cost(i)
				n++
			}
			break
		}
		if n > 0 && size+len(i.frames) > joinLimit {
			break
		}
		if wire.IsPeer(i.frames) {
			peers++
		}
		b.frames = append(b.frames, i.frames)
		size += len(i.frames)
	}
	q.bytes -= size
	rest := copy(q.items, q.items[n:])
	clear(q.items[rest:])
	if q.items = q.items[:rest]; rest == 0 && cap(q.items) > keepItems {
		q.items = nil
	}
	if peers > 1 {
		b.frames = lastPeers(b.frames)
	}
	return true, nil
}

// lastPeers leaves out what somebody's later presence replaces.
func lastPeers(frames [][]byte) [][]byte {
	seen := make(map[string]struct{})
	n := len(frames)
	for i, f := range slices.Backward(frames) {
		if who := wire.PeerOf(f); who != "" {
			if _, later := seen[who]; later {
				continue
			}
			seen[who] = struct{}{}
		}
		n--
		frames[n] = frames[i]
	}
	return append(frames[:0], frames[n:]...)
}
