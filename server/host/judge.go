package host

import (
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Submission is one mutation that a client pushed.
type Submission struct {
	From    Subscriber
	ID      record.MutationID
	Follows record.MutationID
	Base    record.Revision
	Reads   []delta.Read
	Delta   delta.Delta

	// Call is set for a named mutation.
	Call *Call

	waited bool  // for the end of a reservation
	made   *made // by the host, of a named mutation that was run
	run    *run  // makes the delta at the head; the fields above it are set by that
}

// verdict is what becomes of a submission.
type verdict uint8

const (
	accepted verdict = iota
	// duplicate: it is in the log. Its Commit tells, or has told.
	duplicate
	// conflicting: the client has to run it again on the head.
	conflicting
	// deferred: it conflicts with what is reserved, or is reserved itself. Judged
	// again after that is in the log, so that the client can be told on what to run
	// it again.
	deferred
	// held: what it would write is reserved for another client, or something of its own
	// waits for that. Judged again when the reservation ends.
	held
	// unknown: its number is taken by another mutation.
	unknown
	// oversize: the document would grow past its bound.
	oversize
	// later: there is no room for it in this record.
	later
	// plain: only named mutations are taken.
	plain
	// nameless: the name of its function is not known.
	nameless
	// gone: it was made on the document before that was deleted.
	gone
	// expired: nobody knows any more which mutations of its client are in the log.
	expired
	// over: its author has been told, or will be when the record is durable.
	over
)

// batch is the mutations that are reserved for the next record.
type batch struct {
	host     *Host
	policy   Policy
	effects  []effect
	inverses []delta.Delta
	last     map[record.ClientID]record.MutationID
	deferred map[record.ClientID]bool
	size     int // of the deltas in bytes
	kind     record.Kind
	members  []Submission
	waiting  []Submission // that changed nothing, but may have seen what is reserved
}

func (h *Host) newBatch() *batch {
	return &batch{
		host:     h,
		policy:   h.policy(),
		last:     make(map[record.ClientID]record.MutationID),
		deferred: make(map[record.ClientID]bool),
	}
}

// Bounds of a batch: a record has room for so much.
const (
	maxBatch        = 1000
	maxBatchBytes   = record.MaxSize - 64<<10
	mutationPadding = 64 // bytes of a mutation in a record beside its delta
)

func (b *batch) full(next Submission) bool {
	if b.kind == record.KindDeletion {
		return true
	}
	return len(b.members) >= maxBatch || len(b.members) > 0 && b.size+next.Delta.Len()+mutationPadding > maxBatchBytes
}

// consider judges a submission and reserves it if it passes: its delta is then
// applied to the document until [batch.revert].
func (b *batch) consider(s Submission) verdict {
	if s.run != nil {
		return b.run(s)
	}
	client := s.From.Client()
	if b.deferred[client] {
		return deferred
	}
	r := &b.host.reserved
	if _, waits := r.queues.loses[client]; waits {
		r.queues.add(s, false)
		return held
	}
	s.made = nil
	v, exact := b.order(client, s)
	if v == accepted {
		v = b.await(client, s, exact)
	}
	if v == deferred {
		b.deferred[client] = true
	}
	r.settle(client, s.ID.Number, v)
	return v
}

// apply applies the delta of a submission, and reserves it.
func (b *batch) apply(s Submission) verdict {
	before := b.host.doc.Size()
	done := b.host.doc.Apply(s.Delta)
	// What makes a document smaller that is too large already is welcome.
	if after := b.host.doc.Size(); after > b.host.cfg.MaxDocument && after > before {
		b.host.doc.Apply(done.Inverse)
		return oversize
	}
	b.reserve(s, done)
	return accepted
}

// reserve takes a submission, which has been applied, into the record.
func (b *batch) reserve(s Submission, done doc.Effect) {
	client := s.From.Client()
	id, patch := s.stored()
	b.members = append(b.members, s)
	b.effects = append(b.effects, effect{client: client, id: id, writes: done.Writes})
	b.inverses = append(b.inverses, done.Inverse)
	b.last[client] = id
	b.size += patch.Len() + mutationPadding
}

// lastOf returns the last mutation of a client, in the log or reserved.
func (b *batch) lastOf(client record.ClientID) record.MutationID {
	if last, ok := b.last[client]; ok {
		return last
	}
	return b.host.clients[client].Last
}

// revert takes the reserved deltas off the document: until they are durable,
// nobody must see them.
func (b *batch) revert() {
	for i := len(b.inverses) - 1; i >= 0; i-- {
		b.host.doc.Apply(b.inverses[i])
	}
	b.inverses = nil
}

// order judges a submission by the numbers. If it is the next of its client, exact says
// whether it follows the very attempt that is the last one; a named mutation need not.
func (b *batch) order(client record.ClientID, s Submission) (v verdict, exact bool) {
	h := b.host
	_, reserved := b.last[client]
	last := b.lastOf(client)
	if s.ID.Number <= last.Number {
		switch {
		case reserved && s.is(last), holds(b.effects, client, &s):
			return deferred, false // what is reserved may yet lose the compare-and-set
		case s.is(last), h.recent.holds(client, &s):
			return duplicate, false
		}
		return unknown, false
	}
	switch {
	case s.Base > h.tail.Head.Revision:
		return unknown, false
	case s.Base < h.deleted:
		return gone, false
	case last == (record.MutationID{}) && h.expired(client):
		return expired, false
	case s.Follows == last:
		return accepted, true
	case s.Call != nil && s.Follows.Number == last.Number:
		return accepted, false
	case reserved && s.Follows.Rewritten() == last:
		return deferred, false // the client is told when it can know what it has to follow
	}
	return conflicting, false
}

// reads judges a submission that follows the last one of its client by what it read.
//
// The client's own mutations are left out: it follows the last of them, which follows
// the one before, so all of them were in the view that it changed, with the very deltas
// that are in the log.
func (b *batch) reads(client record.ClientID, s Submission) verdict {
	since, ok := b.host.recent.after(s.Base)
	if !ok {
		return conflicting
	}
	reads := delta.NewReadSet(s.Reads)
	for _, c := range since {
		if conflict(c.effects, client, reads) {
			return conflicting
		}
	}
	if conflict(b.effects, client, reads) {
		return deferred
	}
	return accepted
}

// holds reports whether a submission is among what was accepted.
func holds(effects []effect, client record.ClientID, s *Submission) bool {
	for _, e := range effects {
		if e.client == client && s.is(e.id) {
			return true
		}
	}
	return false
}

func conflict(effects []effect, client record.ClientID, reads *delta.ReadSet) bool {
	for _, e := range effects {
		if e.client != client && reads.ConflictsWith(e.writes) {
			return true
		}
	}
	return false
}

// refuse answers a submission that was not accepted.
func (h *Host) refuse(s Submission, v verdict) {
	if v == conflicting {
		s.From.Send(wire.Encode(&wire.Conflict{Doc: h.number, ID: s.ID, Head: h.tail.Head.Revision}))
		return
	}
	if code, detail := v.reason(&s); code != 0 {
		h.reject(s, code, detail)
	}
}

// reason returns what is told of a mutation that is refused for good.
func (v verdict) reason(s *Submission) (wire.Code, string) {
	switch v {
	case unknown:
		return wire.CodeUnknownMutation, "the number is taken by another mutation, or the base is not in this log"
	case oversize:
		return wire.CodeTooLarge, "the document would grow past its bound"
	case gone:
		return wire.CodeDeleted, "the document was deleted after this was made"
	case expired:
		return wire.CodeExpired, "the client was away for too long: it may have been stored already, or not"
	case plain:
		return wire.CodeMutatorsOnly, "the document takes named mutations only"
	case nameless:
		return wire.CodeUnknownMutator, "this server has no mutator " + strconv.Quote(s.Call.Name)
	}
	return 0, ""
}
