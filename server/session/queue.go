package session

import (
	"sync"

	"github.com/rivulet-sync/rivulet/shared/wire"
)

// queue holds what is to be written to one client. Pushing never blocks. It is
// bounded in bytes; past the bound the session ends.
type queue struct {
	mu     sync.Mutex
	frames [][]byte
	bytes  int
	limit  int
	err    error // set once: no more frames are taken, what is queued is dropped

	wake chan struct{} // holds a token when there is something to do
}

func newQueue(limit int) *queue {
	return &queue{limit: limit, wake: make(chan struct{}, 1)}
}

func (q *queue) push(frame []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.err != nil:
		return
	case len(q.frames) > 0 && q.bytes+len(frame) > q.limit:
		// One frame is always taken, whatever its size: a snapshot may be above
		// the bound, and would be again after a reconnect.
		q.end(&closing{code: wire.CodeSlow, detail: "the client reads too slowly"})
	default:
		q.frames = append(q.frames, frame)
		q.bytes += len(frame)
	}
	q.signal()
}

// fail ends the queue; what is queued is dropped. Only the first error counts.
func (q *queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.end(err)
	}
	q.signal()
}

func (q *queue) end(err error) { q.err, q.frames, q.bytes = err, nil, 0 }

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take appends the frames that fit into one message, at least one, to dst, and
// reports whether frames are left.
func (q *queue) take(dst []byte, limit int) (message []byte, more bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return dst, false, q.err
	}
	n := 0
	for ; n < len(q.frames) && (n == 0 || len(dst)+len(q.frames[n]) <= limit); n++ {
		dst = append(dst, q.frames[n]...)
		q.bytes -= len(q.frames[n])
		q.frames[n] = nil
	}
	if q.frames = q.frames[n:]; len(q.frames) == 0 {
		q.frames = nil
	}
	return dst, len(q.frames) > 0, nil
}
