package deltalog

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// maxChanged bounds the documents of which a [SpaceWatch] remembers that they have
// changed.
const maxChanged = 4096

// maxSpaceNews and maxSpaceNewsBytes bound the news that wait to be looked at, which is
// not for long: nobody else is waited for.
const (
	maxSpaceNews      = 8192
	maxSpaceNewsBytes = 16 << 20
)

// Changed is what the last news of a document says.
type Changed struct {
	Key record.Key
	// Revision is that of the document if the record is valid, which one who watches a
	// space does not find out, and Modified is when the record was made.
	Revision record.Revision
	Modified time.Time
	// Deleted is set when the document is deleted now.
	Deleted bool
	// Damaged is set when the record cannot be read. Modified is not known then.
	Damaged bool
}

// SpaceWatch is a subscription to the news of all documents of a space. It keeps the
// last news of each document until it is taken, for at most 4096 documents; those
// that were not taken soon enough are forgotten all at once, and [SpaceWatch.Take] says
// so, as it does when news is known to be lost on its way. News may also be lost
// without a trace: compare with [Log.List] now and then, and after every reconnect.
//
// Who lists a space as well subscribes first.
type SpaceWatch struct {
	log    *Log
	stream *stream
	sub    *nats.Subscription
	status chan nats.Status
	wake   chan struct{} // holds a token when there is something to take

	mu      sync.Mutex
	changed map[record.Key]Changed
	missed  bool
	dropped int // news known to be dropped by the client
}

// WatchSpace subscribes to the news of a space. Close it when done.
func (l *Log) WatchSpace(space string) (*SpaceWatch, error) {
	probe := record.Key{Space: space, ID: "x"}
	if err := checkKey(probe); err != nil {
		return nil, err
	}
	w := &SpaceWatch{
		log: l, stream: l.stream(probe),
		wake: make(chan struct{}, 1), changed: make(map[record.Key]Changed),
	}
	var err error
	if w.sub, err = l.cfg.Conn.Subscribe(newsSubject(spaceFilter(probe)), w.hear); err != nil {
		return nil, fmt.Errorf("deltalog: watch space %s: %w", space, err)
	}
	if err := w.sub.SetPendingLimits(maxSpaceNews, maxSpaceNewsBytes); err != nil {
		return nil, errors.Join(fmt.Errorf("deltalog: watch space %s: %w", space, err), w.sub.Unsubscribe())
	}
	w.status = l.cfg.Conn.StatusChanged(nats.CONNECTED, nats.CLOSED)
	return w, nil
}

// Wake delivers something when there is something to take. It is never closed.
func (w *SpaceWatch) Wake() <-chan struct{} { return w.wake }

// Status delivers [nats.CONNECTED] each time that the connection was lost and is there
// again, and [nats.CLOSED] when it will not be. It is closed by Close.
func (w *SpaceWatch) Status() <-chan nats.Status { return w.status }

// Close ends the subscription.
func (w *SpaceWatch) Close() {
	// It errs when the connection is closed, which ends the subscription too.
	_ = w.sub.Unsubscribe()
	w.log.cfg.Conn.RemoveStatusListener(w.status)
}

// Take returns the documents that have changed since the last call, by revision, and
// whether there may be others.
func (w *SpaceWatch) Take() (list []Changed, missed bool) {
	dropped, err := w.sub.Dropped()
	w.mu.Lock()
	defer w.mu.Unlock()
	missed = w.missed || err != nil || dropped != w.dropped
	list = make([]Changed, 0, len(w.changed))
	for _, c := range w.changed {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Changed) int { return cmp.Compare(a.Revision, b.Revision) })
	w.missed, w.dropped = false, dropped
	clear(w.changed)
	return list, missed
}

// hear notes a message of the subscription.
func (w *SpaceWatch) hear(msg *nats.Msg) {
	c, ok := w.read(msg)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.changed[c.Key]; !known && len(w.changed) == maxChanged {
		clear(w.changed)
		w.missed = true
	}
	w.changed[c.Key] = c
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// read reports whether a message is news of a revision, and what it says.
func (w *SpaceWatch) read(msg *nats.Msg) (Changed, bool) {
	if msg.Header.Get(jetstream.StreamHeader) != w.stream.name {
		return Changed{}, false // somebody asks for a turn
	}
	key, err := ParseSubject(msg.Header.Get(jetstream.SubjectHeader))
	sequence := number(msg, jetstream.SequenceHeader)
	if err != nil || sequence == 0 {
		return Changed{}, false
	}
	e, err := entryOf(key, w.stream, stored{Sequence: sequence, Data: msg.Data})
	if err != nil {
		return Changed{Key: key, Revision: record.Revision(sequence), Damaged: true}, true
	}
	if b := e.Record.Base; b != nil && b.Part+1 < b.Parts {
		return Changed{}, false // the last part is the revision, if any is
	}
	return Changed{Key: key, Revision: e.Position.Revision, Modified: e.Modified(), Deleted: e.Deleted()}, true
}
