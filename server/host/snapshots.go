package host

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Snapshots is where hosts leave documents so that they need not replay all of
// their logs the next time; [*snapshot.Store] is one. It is a cache: what it
// returns is compared with the log.
type Snapshots interface {
	Get(ctx context.Context, key record.Key) (snapshot.Snapshot, error)
	Put(ctx context.Context, key record.Key, s snapshot.Snapshot) error
}

const (
	// maxSaves bounds the snapshots of a registry that are held in memory: being
	// stored, or waiting for their turn. When there are so many, no other is made: a
	// document that was due tries again at its next record, one that is leaving goes
	// without, and is replayed from the snapshot before.
	maxSaves = 16
	// savesAtOnce bounds those that are being compressed and stored.
	savesAtOnce = 2
	// saveWithin bounds the time that one takes.
	saveWithin = 10 * time.Second
	// closeWithin is how long a registry that is being closed waits for all of them.
	closeWithin = 500 * time.Millisecond
)

// saver stores snapshots for the hosts of a registry.
type saver struct {
	store   Snapshots
	closing <-chan struct{} // closed when the registry is
	ctx     context.Context // ends when what is being stored is given up
	cancel  context.CancelFunc
	places  chan struct{} // has a token of each save
	turns   chan struct{} // has a token of each that is running
	wg      sync.WaitGroup
}

// newSaver returns nil when there is nowhere to store.
func newSaver(store Snapshots, closing <-chan struct{}) *saver {
	if store == nil {
		return nil
	}
	s := &saver{store: store, closing: closing, places: make(chan struct{}, maxSaves), turns: make(chan struct{}, savesAtOnce)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// reserve takes a place, and says whether there was one.
func (s *saver) reserve() bool {
	select {
	case s.places <- struct{}{}:
		return true
	default:
		return false
	}
}

// save stores a snapshot for which a place was taken. It does not wait; done is
// called with the outcome in another goroutine.
func (s *saver) save(key record.Key, snap snapshot.Snapshot, done func(error)) {
	s.wg.Go(func() {
		ctx, cancel := context.WithTimeout(s.ctx, saveWithin)
		defer cancel()
		defer func() { <-s.places }()
		select {
		case s.turns <- struct{}{}:
			defer func() { <-s.turns }()
			done(s.store.Put(ctx, key, snap))
		case <-ctx.Done():
			done(ctx.Err())
		}
	})
}

// close waits for what is being stored, and after closeWithin gives it up. No host
// may be left.
func (s *saver) close() {
	if s == nil {
		return
	}
	defer time.AfterFunc(closeWithin, s.cancel).Stop()
	s.wg.Wait()
	s.cancel()
}

// saves is what a host knows of its document's snapshots. It belongs to the host's
// goroutine.
type saves struct {
	bytes uint64 // of the records since the document was loaded
	kept  mark   // the last that is known to be stored
	tried mark   // the last that was begun
	busy  bool   // that one has not ended
	ended chan saved
}

// mark is a place in the log, by what came before.
type mark struct {
	records, bytes uint64
	revision       record.Revision
}

type saved struct {
	at  mark
	err error
}

func (s *saves) begin(records uint64) {
	s.bytes, s.kept = 0, mark{records: records}
	s.tried = s.kept
}

// saveIfDue begins to make a snapshot when enough records have come since the last
// attempt. A document larger than [Config.SnapshotBytes] waits for more of them, in
// proportion, so that what a snapshot costs, divided by the records that it is made
// after, stays within a bound (L6).
//
// It is called after loading and after own appends: of several servers that have a
// document open those that write to it make its snapshots.
func (h *Host) saveIfDue() {
	larger := 1 + uint64(h.doc.Size()/h.cfg.SnapshotBytes)
	records, bytes := h.records-h.saves.tried.records, h.saves.bytes-h.saves.tried.bytes
	if records >= larger*uint64(h.cfg.SnapshotEvery) || bytes >= larger*uint64(h.cfg.SnapshotBytes) {
		h.save()
	}
}

// save begins to make a snapshot of the head, unless one is under way or there are
// too many. It costs the host the canonical form, if nobody has asked for that since
// the last record, the checksum, if nobody ever has, and a copy of the client table;
// compressing and storing is done by others.
func (h *Host) save() {
	if h.saver == nil || h.saves.busy || !h.saver.reserve() {
		return
	}
	at := mark{records: h.records, bytes: h.saves.bytes, revision: h.tail.Head.Revision}
	h.saves.busy, h.saves.tried = true, at
	ended := h.saves.ended
	h.saver.save(h.key, h.whole(), func(err error) { ended <- saved{at: at, err: err} })
}

// whole returns all that there is to know of the head.
func (h *Host) whole() snapshot.Snapshot {
	h.forgetClients()
	return snapshot.Snapshot{
		At: h.tail.Head, Records: h.records, Time: h.cfg.Clock().UnixMilli(), Modified: h.modified, Deleted: h.deleted,
		Clients: maps.Clone(h.clients), Checksum: h.doc.Checksum(), Document: h.canonical(),
	}
}

// saveEnded takes the outcome of a save. One that failed is not tried again before
// as many records have come as for any other.
func (h *Host) saveEnded(s saved) {
	h.saves.busy = false
	if s.at.revision < h.deleted {
		h.save() // nothing of what was deleted is to stay
	}
	if s.err == nil {
		h.saves.kept = s.at
		return
	}
	h.log.Warn("snapshot not stored", "error", s.err)
}

// leave packs a document that is evicted, and makes a last snapshot of it if it is worth
// it, so that whoever opens it again gets it quickly. It waits for one that is under
// way, lest that is stored later; not when the registry is closed.
func (h *Host) leave(ctx context.Context) {
	box, evicted := boxOf(context.Cause(ctx))
	if h.saver == nil || !evicted {
		return
	}
	waits := h.saves.busy
	if !waits {
		h.saveIfWorthIt()
	}
	h.pack(box) // before anything that has to be waited for
	if !waits {
		return
	}
	select {
	case s := <-h.saves.ended:
		h.saveEnded(s)
		h.saveIfWorthIt()
	case <-h.saver.closing:
	}
}

func (h *Host) saveIfWorthIt() {
	if h.records-h.saves.kept.records >= uint64(h.cfg.SnapshotIdle) {
		h.save()
	}
}

// canonical returns the canonical form at the head, which is shared.
func (h *Host) canonical() []byte {
	if h.snapshot == nil {
		h.snapshot = h.doc.Canonical()
	}
	return h.snapshot
}
