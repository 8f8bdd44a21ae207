package host

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/server/presence"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Host is one live document. It is made by a [Registry]. All its fields belong
// to the goroutine of [Host.run], except those above the line.
type Host struct {
	key     record.Key
	number  uint32 // names the document in frames
	cfg     Config
	log     *slog.Logger
	mailbox chan any        // subscribe and setPresence
	submits chan Submission // not read while the queue is full
	left    left
	results chan appended
	busy    atomic.Bool   // something is queued or being appended
	stopped chan struct{} // closed when run has returned
	saver   *saver        // nil when snapshots are stored nowhere
	attic   *attic        // nil when there is none
	box     *box          // has the document as it left memory; nil when nothing has

	// -- owned by run --
	doc      *doc.Doc // committed state; reserved deltas are on it only while judging
	tail     deltalog.Tail
	records  uint64 // in the log up to the tail
	modified int64  // when the last of them was made, in milliseconds since 1970
	deleted  record.Revision
	clients  map[record.ClientID]snapshot.Client
	recent   recent
	subs     subscribers
	room     *presence.Room
	snapshot []byte // canonical form at tail.Head, nil when not made
	answers  answers
	queue    []Submission
	reserved reservation
	rebases  []*rebase
	loans    []*loan
	lent     bool // the last append was of a transaction over several documents
	inFlight *flight
	news     news
	saves    saves
}

// flight is a batch that is being appended, or a base if there are rebases.
type flight struct {
	rebases []*rebase
	// together: it is a part of a transaction over several documents.
	together bool
	kind     record.Kind
	time     int64

	members []Submission
	waiting []Submission
	effects []effect
	data    []byte
	began   time.Time
}

// over tells the authors who wait how the append has ended.
func (f *flight) over(rev record.Revision, err error) {
	for _, list := range [][]Submission{f.members, f.waiting} {
		for _, s := range list {
			if s.run != nil {
				s.run.over(rev, err)
			}
		}
	}
}

type appended struct {
	tail deltalog.Tail
	err  error
}

// Messages of the mailbox.
type (
	subscribe struct {
		handle  *Handle
		request uint32
		at      record.Position
	}
	setPresence struct {
		handle *Handle
		state  []byte
	}
)

// run loads the document and serves it until ctx ends. It returns an error when
// the document could not be loaded, or when its log became unreadable.
func (h *Host) run(ctx context.Context) error {
	defer close(h.stopped)
	if err := h.listen(); err != nil {
		return err
	}
	defer h.news.close()
	defer h.reserved.over.Stop()
	defer h.room.Leave()
	if err := h.load(ctx); err != nil {
		return err
	}
	defer func() {
		if h.inFlight != nil {
			<-h.results // Append ends with ctx
		}
	}()
	for {
		submits := h.submits
		if h.fullUp() {
			submits = nil // who submits waits
		}
		come, compared := h.incoming()
		var err error
		select {
		case <-ctx.Done():
			h.leave(ctx)
			return nil
		case s := <-h.saves.ended:
			h.saveEnded(s)
		case result := <-h.results:
			err = h.landed(ctx, result)
		case m := <-come:
			err = h.hear(ctx, m)
		case c := <-compared:
			err = h.compare(ctx, c)
		case <-h.news.watch.Restored():
			h.news.checkWithin(h.cfg.CheckEvery / 10)
			h.room.Restored()
		case m := <-h.room.Come():
			h.room.Hear(m)
		case <-h.room.Due():
			h.room.Tick()
		case <-h.news.timer.C:
			h.news.armed = false
		case <-h.news.turn.over.C:
		case <-h.reserved.over.C:
			h.reserved.due = true
		case <-h.left.wake:
		case message := <-h.mailbox:
			h.handle(message)
		case s := <-submits:
			h.queue = append(h.queue, s)
		}
		if err != nil {
			return err
		}
		h.drain()
		h.dropLeft()
		if h.reserved.due { // after what has come
			h.runOut()
		}
		if err := h.hearAll(ctx); err != nil {
			return err
		}
		if err := h.flush(ctx); err != nil {
			return err
		}
		h.check(ctx)
		h.room.Say()
		h.busy.Store(h.inFlight != nil || len(h.queue)+h.reserved.queues.len()+len(h.rebases)+len(h.loans) > 0)
	}
}

// fullUp reports whether as much waits as may.
func (h *Host) fullUp() bool { return len(h.queue)+h.reserved.queues.len() >= h.cfg.MaxQueue }

// drain takes what else has arrived, so that it travels in one record. It takes
// no more than there was room for: who posts without end must not hold up the
// others.
func (h *Host) drain() {
	for range cap(h.mailbox) + cap(h.submits) {
		submits := h.submits
		if h.fullUp() {
			submits = nil
		}
		select {
		case message := <-h.mailbox:
			h.handle(message)
		case s := <-submits:
			h.queue = append(h.queue, s)
		default:
			return
		}
	}
}

// committed makes a record that is applied visible (L1: it is durable).
func (h *Host) committed(at record.Position, kind record.Kind, made int64, effects []effect, data []byte) {
	for _, e := range effects {
		h.clients[e.client] = snapshot.Client{Last: e.id, Seen: made}
	}
	h.modified = made
	h.tail.Head = at
	h.tail.Last = uint64(at.Revision)
	h.records++
	h.saves.bytes += uint64(len(data))
	h.snapshot, h.answers = nil, answers{}
	frame := wire.EncodeCommit(h.number, at.Revision, data)
	h.recent.add(committed{at: at, frame: frame, effects: effects})
	if kind == record.KindDeletion {
		h.deleted = at.Revision
		h.recent.clear(at) // nobody goes on from what was before
	}
	h.subs.send(frame)
	// Counted from the first record of the log, all servers choose the same ones.
	if h.subs.len() > 0 && h.records%uint64(h.cfg.ChecksumEvery) == 0 {
		h.subs.send(wire.Encode(h.checksum()))
	}
}

// checksum returns the checksum of the document at the head (L4). The first one
// sums up the document; from then on it is kept at the cost of what changes.
func (h *Host) checksum() *wire.Checksum {
	sum := h.doc.Checksum()
	return &wire.Checksum{Doc: h.number, Revision: h.tail.Head.Revision, Hi: sum.Hi, Lo: sum.Lo}
}

// handle takes a message. Its handle may be closed already: closing overtakes.
func (h *Host) handle(message any) {
	h.news.touched = true
	switch m := message.(type) {
	case subscribe:
		if !m.handle.gone && !h.aheadOfUs(m) {
			h.subscribe(m.handle, m.request, m.at)
		}
	case setPresence:
		if !m.handle.gone {
			h.setPresence(m.handle, m.state)
		}
	case *reading:
		m.on(h)
	case *rebase:
		h.rebases = append(h.rebases, m)
	case *loan:
		h.loans = append(h.loans, m)
	}
}

// flush judges what waits and begins to append what passes.
func (h *Host) flush(ctx context.Context) error {
	if h.inFlight != nil || len(h.queue)+len(h.rebases)+len(h.loans) == 0 || h.news.turn.yields() {
		return nil
	}
	// Transactions and edits take turns.
	if !h.lent || len(h.queue) == 0 {
		if h.lend(); h.inFlight != nil {
			h.lent = true
			return nil
		}
	}
	if len(h.rebases) > 0 && !h.saves.busy { // lest a snapshot of before comes after it
		h.state(ctx)
		return nil
	}
	if len(h.queue) == 0 {
		return nil
	}
	h.lent = false
	batch := h.newBatch()
	var wait []Submission
	type refusal struct {
		submission Submission
		verdict    verdict
	}
	var refused []refusal
	for i, s := range h.queue {
		if batch.full(s) {
			wait = append(wait, h.queue[i:]...)
			break
		}
		switch v := batch.consider(s); v {
		case accepted, duplicate, over, held:
		case deferred, later:
			wait = append(wait, s)
		default:
			refused = append(refused, refusal{s, v})
		}
	}
	batch.revert()
	h.queue = wait
	for _, r := range refused {
		h.refuse(r.submission, r.verdict)
	}
	ended := h.reserved.ended
	if ended {
		h.endReservation()
	}
	if len(batch.members) == 0 {
		if ended {
			return h.flush(ctx) // nothing else would wake what has waited
		}
		return nil
	}
	rec := record.Record{
		Epoch: h.tail.Head.Epoch, Prev: h.tail.Head.Revision, PrevChain: h.tail.Head.Chain,
		Time: h.cfg.Clock().UnixMilli(), Kind: batch.kind, Mutations: make([]record.Mutation, len(batch.members)),
	}
	for i, s := range batch.members {
		id, patch := s.stored()
		rec.Mutations[i] = record.Mutation{Client: s.From.Client(), ID: id, Delta: patch.Bytes()}
	}
	data, err := rec.Encode()
	if err != nil {
		return err
	}
	h.inFlight = &flight{
		kind: rec.Kind, time: rec.Time,
		members: batch.members, waiting: batch.waiting, effects: batch.effects, data: data, began: time.Now(),
	}
	go func(tail deltalog.Tail) {
		now, err := h.cfg.Log.Append(ctx, h.key, tail, data)
		h.results <- appended{tail: now, err: err}
	}(h.tail)
	return nil
}

// landed takes the outcome of the append in flight.
func (h *Host) landed(ctx context.Context, result appended) error {
	flight := h.inFlight
	h.inFlight = nil
	if len(flight.rebases) > 0 {
		return h.stated(ctx, flight, result)
	}
	if flight.together {
		return h.landedTogether(ctx, flight, result)
	}
	var conflict *deltalog.ConflictError
	var refused *deltalog.RefusedError
	switch {
	case result.err == nil:
		h.stored(flight, result)
		flight.over(result.tail.Head.Revision, nil)
		return nil
	case errors.As(result.err, &conflict):
		// Another writer was first: everything is judged again on what it wrote.
		h.queue = append(append(flight.members, flight.waiting...), h.queue...)
		return h.settle(ctx, conflict.Last)
	case errors.As(result.err, &refused):
		for _, s := range flight.members {
			if s.run == nil {
				s.From.Send(wire.Encode(&wire.Reject{
					Doc: h.number, ID: s.ID, Code: wire.CodeTooLarge, Detail: "the log does not take a record of this size",
				}))
			}
		}
		flight.over(0, ErrTooLarge)
		return nil
	case ctx.Err() != nil:
		return nil
	}
	return result.err
}

// stored makes what was appended visible.
func (h *Host) stored(f *flight, result appended) {
	for _, s := range f.members {
		_, patch := s.stored()
		h.doc.Apply(patch)
	}
	h.committed(result.tail.Head, f.kind, f.time, f.effects, f.data)
	h.reserved.stored(f.members)
	h.news.turn.landed(f.began)
	h.saveIfDue()
}
