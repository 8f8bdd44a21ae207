package host

import (
	"context"
	"errors"
	"sync"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// SnapshotError reports a snapshot that cannot be used although it is what was
// stored: the log does not have its position (Err is a [*deltalog.PositionError]), or
// its document is not what its checksum says.
type SnapshotError struct {
	Key record.Key
	At  record.Position
	Err error
}

func (e *SnapshotError) Error() string {
	return "host: the snapshot of " + e.Key.String() + " at " + e.At.String() + ": " + e.Err.Error()
}
func (e *SnapshotError) Unwrap() error { return e.Err }

var errSum = errors.New("its document is not what was summed up")

// load brings the document to the end of its log: from the attic or its snapshot, if
// there is one that the log confirms, otherwise from the first record. Neither is ever
// the reason why a document cannot be loaded.
func (h *Host) load(ctx context.Context) error {
	loaded, err := h.unpack(ctx)
	if !loaded && ctx.Err() == nil {
		h.warnUnused(err)
		loaded, err = h.loadSnapshot(ctx)
	}
	if !loaded {
		if ctx.Err() == nil {
			h.warnUnused(err)
		}
		h.begin(&snapshot.Snapshot{At: record.Position{Epoch: h.cfg.Log.Epoch(h.key)}}, doc.New())
		err = h.readOn(ctx)
	}
	if err == nil {
		h.saveIfDue()
	}
	return err
}

func (h *Host) warnUnused(err error) {
	if err != nil {
		h.log.Warn("snapshot not used, more of the log is read", "error", err)
	}
}

// begin sets the host to a position, with nothing known of what came before but
// what the snapshot says.
func (h *Host) begin(s *snapshot.Snapshot, document *doc.Doc) {
	h.doc, h.clients, h.records, h.modified, h.deleted = document, s.Clients, s.Records, s.Modified, s.Deleted
	if h.clients == nil {
		h.clients = make(map[record.ClientID]snapshot.Client)
	}
	h.forgetClients()
	h.recent = recent{floor: s.At, maxRecords: h.cfg.KeepRecords, maxBytes: h.cfg.KeepBytes}
	h.tail = deltalog.Tail{Head: s.At, Last: uint64(s.At.Revision)}
	h.snapshot, h.answers = s.Document, answers{}
	h.saves.begin(s.Records)
}

// loadSnapshot brings the document to the end of its log from its snapshot. It says
// whether it has begun to, else the error is that of the snapshot.
func (h *Host) loadSnapshot(ctx context.Context) (bool, error) {
	if h.cfg.Snapshots == nil {
		return false, nil
	}
	s, err := h.cfg.Snapshots.Get(ctx, h.key)
	if errors.Is(err, snapshot.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	document := doc.Open(s.Document)
	// Whoever opens the document is sent its checksum, so it has to be summed up anyhow.
	// The log can be asked meanwhile.
	sums := make(chan doc.Checksum, 1)
	go func() { sums <- document.Checksum() }()
	right := sync.OnceValue(func() bool { return <-sums == s.Checksum })
	return h.restore(&s, document, right, func(take func(deltalog.Entry) error) (deltalog.Tail, error) {
		return h.cfg.Log.Resume(ctx, h.key, s.At, take)
	})
}

// unpack brings the document to the end of its log from the attic, as loadSnapshot does.
// A host that has yet to pack it does not wait for anything else.
func (h *Host) unpack(ctx context.Context) (bool, error) {
	if h.box == nil {
		return false, nil
	}
	select {
	case <-h.box.ready:
	case <-ctx.Done():
		return false, nil
	}
	p := h.box.content
	h.box = nil
	if p == nil {
		return false, nil
	}
	// These bytes are the ones that were packed, so what was summed up then still holds.
	document, right := doc.OpenSummed(p.snap.Document, p.snap.Checksum), func() bool { return true }
	loaded, err := h.restore(&p.snap, document, right, func(take func(deltalog.Entry) error) (deltalog.Tail, error) {
		at := p.snap.At
		tail := deltalog.Tail{Head: at, Last: uint64(at.Revision)}
		// As a rule nobody has written meanwhile, and to ask for that is a request less.
		if last, err := h.news.watch.Last(ctx, tail); err == nil && last == tail.Last {
			return tail, nil
		}
		return h.cfg.Log.Resume(ctx, h.key, at, take)
	})
	if loaded {
		p.saves.ended, p.saves.bytes = h.saves.ended, p.saves.bytes+h.saves.bytes
		h.saves = p.saves
	}
	return loaded, err
}

// restore begins with a snapshot and reads what the log has behind it. The document is
// read by right, which is asked before it is changed, and for certain before restore
// returns.
func (h *Host) restore(s *snapshot.Snapshot, document *doc.Doc, right func() bool, read func(func(deltalog.Entry) error) (deltalog.Tail, error)) (bool, error) {
	h.begin(s, document)
	tail, err := read(func(e deltalog.Entry) error {
		if !right() {
			return errSum
		}
		return h.take(e)
	})
	switch {
	case errors.As(err, new(*deltalog.PositionError)), errors.Is(err, errSum):
	case !right():
		err = errSum
	default:
		if err == nil {
			h.tail = tail
		}
		return true, err
	}
	right() // nobody else may have the document
	return false, &SnapshotError{Key: h.key, At: s.At, Err: err}
}

// readOn applies what the log has after the tail.
func (h *Host) readOn(ctx context.Context) error {
	tail, err := h.cfg.Log.Replay(ctx, h.key, h.tail, h.take)
	if err != nil {
		return err
	}
	h.tail = tail
	return nil
}

func (h *Host) take(e deltalog.Entry) error {
	if e.Base != nil {
		return h.takeBase(&e)
	}
	return h.apply(e.Position, &e.Record, e.Data)
}

// apply takes a record of the log that this host did not judge itself.
func (h *Host) apply(at record.Position, rec *record.Record, data []byte) error {
	deltas := make([]delta.Delta, len(rec.Mutations))
	for i, m := range rec.Mutations {
		var err error
		if deltas[i], err = delta.Parse(m.Delta); err != nil {
			return &deltalog.DamagedError{Key: h.key, Sequence: uint64(at.Revision), Err: err}
		}
	}
	effects := make([]effect, len(rec.Mutations))
	for i, m := range rec.Mutations {
		done := h.doc.Apply(deltas[i])
		effects[i] = effect{client: m.Client, id: m.ID, writes: done.Writes}
	}
	h.committed(at, rec.Kind, rec.Time, effects, data)
	h.news.turn.mine = false
	return nil
}
