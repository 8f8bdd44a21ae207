package session

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rivulet-sync/rivulet/server/socket"
)

// flusher writes what is queued for sessions. There is no goroutine that waits for a session
// to have something: those that have are in a line, and as many workers as there are
// processors go along it, each of which takes everything that is queued for a session and
// writes it as one message. When the line is empty the workers end.
//
// So under load everything that one record has to do with a thousand connections is one loop
// of system calls; sessions with the same frames queued, next to each other in the line, get
// the same bytes, joined once. A worker that has to wait for a client stands aside first, and
// another one takes its place.
type flusher struct {
	mu      sync.Mutex
	line    []*Session
	next    int // in line; what is before it was served
	workers int // that do not wait for a client
	most    int
	running int // workers, those that wait included
	ended   *sync.Cond
	pool    sync.Pool // of *worker

	counts counts
}

// counts are of all sessions since the group was made.
type counts struct{ messages, bytes, shared, waited, cut atomic.Uint64 }

func newFlusher() *flusher {
	f := &flusher{most: runtime.GOMAXPROCS(0)}
	f.ended = sync.NewCond(&f.mu)
	f.pool.New = func() any { return newWorker(f) }
	return f
}

// add puts a session at the end of the line. It must not be in it.
func (f *flusher) add(s *Session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.line = append(f.line, s)
	f.staff()
}

// staff has the line served. The lock is held.
func (f *flusher) staff() {
	if f.workers < f.most && f.next < len(f.line) {
		f.workers++
		f.running++
		go f.work()
	}
}

// first takes the first session off the line, nil when it is empty: then one worker less is
// counted, as when there are too many.
func (f *flusher) first() *Session {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next == len(f.line) || f.workers > f.most {
		if f.next == len(f.line) {
			f.line, f.next = f.line[:0], 0
			if cap(f.line) > keepLine {
				f.line = nil
			}
		}
		f.workers--
		return nil
	}
	s := f.line[f.next]
	f.line[f.next] = nil
	f.next++
	if f.next >= keepLine && f.next > len(f.line)/2 { // sessions come as fast as they are served
		n := copy(f.line, f.line[f.next:])
		clear(f.line[n:])
		f.line, f.next = f.line[:n], 0
	}
	return s
}

// keepLine bounds the places that an empty line keeps: 128 KiB of them.
const keepLine = 1 << 14

// turnEvery is after how many sessions a worker lets others have the processor: who reads
// from clients, and decides about edits.
const turnEvery = 32

func (f *flusher) work() {
	w := f.pool.Get().(*worker)
	for n := 1; ; n++ {
		s := f.first()
		if s == nil {
			break
		}
		if w.serve(s) {
			f.add(s) // behind the others
		}
		if n%turnEvery == 0 {
			runtime.Gosched()
		}
	}
	w.forget()
	f.pool.Put(w)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running--; f.running == 0 {
		f.ended.Broadcast()
	}
}

// wait waits until all workers have ended.
func (f *flusher) wait() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.running > 0 {
		f.ended.Wait()
	}
}

// worker is what one goroutine of a flusher works with.
type worker struct {
	flusher *flusher
	batch   batch
	waits   bool
	aside   func() // standAside, made once

	// message is made of these frames; sessions with the same ones get it, too.
	of      [][]byte
	message socket.Message
	buf     []byte
}

func newWorker(f *flusher) *worker {
	w := &worker{flusher: f}
	w.aside = w.standAside
	return w
}

// serve writes one message of a session and reports whether there may be more.
func (w *worker) serve(s *Session) bool {
	some, err := s.out.take(&w.batch)
	if err != nil {
		go s.sayWhy(err) // which waits for the client; the session waits for it
		return false
	}
	if !some {
		return false
	}
	if len(w.batch.cut) > 0 {
		s.cutOff(w.batch.cut)
	}
	counts := &w.flusher.counts
	switch {
	case w.batch.answer != nil:
		counts.messages.Add(1)
		counts.bytes.Add(uint64(w.batch.answer.Len()))
		err = s.conn.WriteAnswer(w.batch.answer, writeTimeout, w.aside)
	case len(w.batch.frames) > 0:
		message := w.join()
		counts.messages.Add(1)
		counts.bytes.Add(uint64(len(message)))
		err = s.conn.Write(message, writeTimeout, w.aside)
	}
	clear(w.batch.frames)
	w.batch.answer = nil
	w.comeBack()
	if err != nil {
		s.out.fail(err)
		s.conn.Cut() // its reader ends the session
		s.queueEnded()
		return false
	}
	return true
}

// join returns the message of the frames: the last one again if it is of the very same.
func (w *worker) join() socket.Message {
	if !slices.EqualFunc(w.of, w.batch.frames, same) {
		clear(w.of)
		w.of = append(w.of[:0], w.batch.frames...)
		w.message, w.buf = socket.Append(w.buf, w.of...)
	} else {
		w.flusher.counts.shared.Add(1)
	}
	return w.message
}

// same reports whether two slices are the same memory.
func same(a, b []byte) bool { return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0] }

// keepBuffer bounds the buffer that is kept for later.
const keepBuffer = 64 << 10

// forget lets go of what belongs to others.
func (w *worker) forget() {
	clear(w.of)
	w.of, w.message = w.of[:0], nil
	if cap(w.buf) > keepBuffer {
		w.buf = nil
	}
}

// standAside has another worker serve the line, as this one is about to wait.
func (w *worker) standAside() {
	if w.waits {
		return
	}
	w.waits = true
	w.flusher.counts.waited.Add(1)
	w.flusher.mu.Lock()
	defer w.flusher.mu.Unlock()
	w.flusher.workers--
	w.flusher.staff()
}

func (w *worker) comeBack() {
	if !w.waits {
		return
	}
	w.waits = false
	w.flusher.mu.Lock()
	defer w.flusher.mu.Unlock()
	w.flusher.workers++ // maybe one too many: then the first that looks for work ends
}
