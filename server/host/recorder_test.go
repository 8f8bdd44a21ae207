package host_test

import (
	"fmt"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/server/payload"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// recorder is a subscriber that keeps every frame until the test takes it, but
// for checksums: those it compares with what it was sent.
type recorder struct {
	id   record.ClientID
	wake chan struct{} // holds a token when there are frames

	mu     sync.Mutex
	frames []wire.Frame
	copies map[uint32]*copied // by the documents' numbers
	sums   []*wire.Checksum
}

// copied is what a recorder knows of a document.
type copied struct {
	at  record.Revision
	doc *doc.Doc // nil when it was let continue from a position
}

func (w *world) client(n byte) *recorder {
	return &recorder{id: record.ClientID{5: 1, 6: n}, wake: make(chan struct{}, 1)}
}

func (r *recorder) Client() record.ClientID { return r.id }

func (r *recorder) Send(frames []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(frames) > 0 {
		f, rest, err := wire.Decode(frames)
		if err != nil {
			panic(fmt.Sprint("the host sent no frame: ", err))
		}
		if err := r.follow(f); err != nil {
			panic(err)
		}
		if _, ok := f.(*wire.Checksum); !ok {
			r.frames = append(r.frames, f)
		}
		frames = rest
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// follow keeps copies of the documents and compares the checksums of them.
func (r *recorder) follow(f wire.Frame) error {
	switch f := f.(type) {
	case *wire.Opened:
		c := &copied{at: f.At.Revision}
		if f.Folded {
			if before := r.copies[f.Doc]; before != nil && before.doc != nil {
				c.doc = before.doc
				applyFolded(c.doc, f)
			}
		} else if len(f.Snapshot) > 0 {
			c.doc = doc.Open(f.Snapshot)
		}
		if r.copies == nil {
			r.copies = make(map[uint32]*copied)
		}
		r.copies[f.Doc] = c
	case *wire.Commit:
		c := r.copies[f.Doc]
		rec, err := record.Decode(f.Record)
		if err != nil {
			return err
		}
		if c == nil {
			return fmt.Errorf("a commit at %d of a document that was not opened", f.Revision)
		}
		c.at = f.Revision
		for _, m := range rec.Mutations {
			if c.doc != nil {
				c.doc.Apply(delta.Trusted(m.Delta))
			}
		}
	case *wire.Checksum:
		c := r.copies[f.Doc]
		if c == nil || c.at != f.Revision {
			return fmt.Errorf("a checksum at %d for %+v", f.Revision, c)
		}
		if c.doc != nil {
			// Summed up afresh, not kept.
			if sum := doc.Open(c.doc.Canonical()).Checksum(); sum != (doc.Checksum{Hi: f.Hi, Lo: f.Lo}) {
				return fmt.Errorf("the checksum at %d is not that of %s", f.Revision, c.doc.Canonical())
			}
		}
		r.sums = append(r.sums, f)
	}
	return nil
}

func applyFolded(d *doc.Doc, f *wire.Opened) {
	first, second := f.Patches()
	d.Apply(delta.Trusted(first))
	d.Apply(delta.Trusted(second))
}

// summed returns the revisions of the checksums that have come.
func (r *recorder) summed() (at []record.Revision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.sums {
		at = append(at, f.Revision)
	}
	return at
}

// take returns the next frame that has come, nil if there is none.
func (r *recorder) take() wire.Frame {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.frames) == 0 {
		return nil
	}
	f := r.frames[0]
	r.frames = r.frames[1:]
	return f
}

// wait returns the next frame, nil if none comes.
func (r *recorder) wait() wire.Frame {
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	for {
		if f := r.take(); f != nil {
			return f
		}
		select {
		case <-r.wake:
		case <-timeout.C:
			return nil
		}
	}
}

// Answer implements [host.Subscriber].
func (r *recorder) Answer(a *payload.Answer) { r.Send(a.Bytes()) }
