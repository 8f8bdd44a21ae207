package host

import (
	"slices"
	"time"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
)

const (
	// reserveAfter is after how many conflicts in a row what a client has read is reserved
	// for it.
	reserveAfter = 3
	// barredFor is for how many times Config.ReserveFor a client has no other reservation
	// when it has let one run out; twice as many the next time, up to maxRanOut times.
	barredFor, maxRanOut = 8, 6
	// maxLosers bounds the clients whose conflicts are counted.
	maxLosers = 1024
)

// reservation keeps what one client has read from being written by others for a while. A
// function that only its client can run would lose for ever against clients that are
// nearer, as what it read is outdated when its answer comes; and where many want the same,
// all but one would work for nothing each time.
//
//	none      -> reserved   who has lost so often, or has waited, loses: it is told to run again
//	reserved  -> none       its mutation is on its way into the log, or refused for good;
//	                        it has left; or the time is over
//
// There is one at a time. What would write what is reserved waits unanswered, and is
// judged when the reservation ends: first what has not read what it writes, which so waits
// for one turn; then the others, in order, of which the first that conflicts has the next
// turn. Who lets the time run out has no other for a while, or until something of it was
// stored. Functions that run at the head in the server itself are not held up; what is
// admitted waits for one turn, too, as nobody is waiting for it, and there may be much.
type reservation struct {
	client record.ClientID // zero: there is none
	turn   uint64          // counts the reservations, from 1
	number uint64          // of the mutation
	reads  *delta.ReadSet
	over   *time.Timer // fires when the time is
	due    bool        // it has
	late   bool        // once, when the answer was there by then
	ended  bool        // while a batch is made: it has ended
	queues waiting
	lost   map[record.ClientID]loser
}

// waiting is what waits for the end of a reservation: what will pass, as it has not read
// what the one before it will write, and what will lose. All of one client is in one of
// the lists, in order.
type waiting struct {
	passing, losing []Submission
	loses           map[record.ClientID]bool // who has something in a list, and in which
}

// loser is a client that has lost since something of it was stored.
type loser struct {
	conflicts int
	ranOut    int       // reservations that it has let run out
	barred    time.Time // until then it has none
}

func newReservation() reservation {
	return reservation{
		over: stoppedTimer(), lost: make(map[record.ClientID]loser),
		queues: waiting{loses: make(map[record.ClientID]bool)},
	}
}

func (w *waiting) len() int { return len(w.passing) + len(w.losing) }

// add has a submission wait, behind what its client has there already.
func (w *waiting) add(s Submission, loses bool) {
	client := s.From.Client()
	if before, there := w.loses[client]; there {
		loses = before
	}
	w.loses[client] = loses
	s.waited = true
	if loses {
		w.losing = append(w.losing, s)
	} else {
		w.passing = append(w.passing, s)
	}
}

// take empties the lists.
func (w *waiting) take() []Submission {
	all := append(w.passing, w.losing...)
	w.passing, w.losing = nil, nil
	clear(w.loses)
	return all
}

// keeps reports whether what a client writes is reserved for another one.
func (r *reservation) keeps(client record.ClientID, writes []delta.Write) bool {
	return !r.client.IsZero() && !r.ended && client != r.client && r.reads.ConflictsWith(writes)
}

// during reports whether the reservation with a number is in force.
func (r *reservation) during(turn uint64) bool { return turn == r.turn && !r.client.IsZero() }

// await judges a submission that is the next of its client with regard to what is
// reserved.
func (b *batch) await(client record.ClientID, s Submission, exact bool) verdict {
	r := &b.host.reserved
	last, known := b.last[client]
	switch v := b.take(client, s, exact); {
	case v == accepted && r.keeps(client, b.effects[len(b.effects)-1].writes):
		writes := b.effects[len(b.effects)-1].writes
		b.giveBack(client, last, known)
		r.queues.add(s, s.Call == nil && delta.Conflicts(s.Reads, writes))
		return held
	case v == conflicting && !r.client.IsZero() && r.keeps(client, b.host.wouldWrite(s.Delta)):
		r.queues.add(s, true)
		return held
	case v == conflicting:
		return b.lose(client, s)
	default:
		return v
	}
}

// wouldWrite returns what a delta writes at the head, if it is other values than are
// there: who has lost may have made the very change that was first.
func (h *Host) wouldWrite(d delta.Delta) []delta.Write {
	done := h.doc.Apply(d)
	h.doc.Apply(done.Inverse)
	for i := range done.Writes {
		if w := &done.Writes[i]; w.Kind == delta.WroteNothing {
			w.Kind = delta.WroteValue
		}
	}
	return done.Writes
}

// giveBack takes the mutation that was reserved last out of the record again. The last
// one of its client is the one before, if it was known.
func (b *batch) giveBack(client record.ClientID, last record.MutationID, known bool) {
	n := len(b.members) - 1
	b.host.doc.Apply(b.inverses[n])
	_, patch := b.members[n].stored()
	b.size -= patch.Len() + mutationPadding
	b.members, b.effects, b.inverses = b.members[:n], b.effects[:n], b.inverses[:n]
	if known {
		b.last[client] = last
	} else {
		delete(b.last, client)
	}
}

// lose counts a conflict, and reserves what was read if there have been enough.
func (b *batch) lose(client record.ClientID, s Submission) verdict {
	h := b.host
	r := &h.reserved
	if len(r.lost) >= maxLosers {
		clear(r.lost)
	}
	l := r.lost[client]
	l.conflicts = min(l.conflicts+1, reserveAfter)
	r.lost[client] = l
	reads := delta.NewReadSet(s.Reads)
	switch {
	case client == r.client && !r.ended: // another server was first
		r.number, r.reads = s.ID.Number, reads
	case l.conflicts < reserveAfter && !s.waited, time.Now().Before(l.barred), !r.client.IsZero(), !h.subscribed(client):
	case conflict(b.effects, client, reads):
		return deferred // its answer is to be made on what is reserved here
	default:
		r.client, r.number, r.reads = client, s.ID.Number, reads
		r.turn++
		r.over.Reset(h.cfg.ReserveFor)
	}
	return conflicting
}

// settle ends the reservation when the mutation that it is for, or a later one, is
// accepted or refused for good.
func (r *reservation) settle(client record.ClientID, number uint64, v verdict) {
	switch v {
	case conflicting, deferred, later, held:
	default:
		r.ended = r.ended || client == r.client && number >= r.number
	}
}

// stored notes that mutations are in the log: their clients do not lose any more.
func (r *reservation) stored(members []Submission) {
	for i := range members {
		if s := &members[i]; s.run == nil {
			delete(r.lost, s.From.Client())
		}
	}
}

// forget ends the reservation of a client that has no connection any more.
func (h *Host) forget(client record.ClientID) {
	r := &h.reserved
	if _, lost := r.lost[client]; !lost && client != r.client || h.subscribed(client) {
		return
	}
	delete(r.lost, client)
	if client == r.client {
		h.endReservation()
	}
}

// runOut ends the reservation of a client that has let the time run out. One whose answer
// waits, for an append in flight perhaps, gets it once more.
func (h *Host) runOut() {
	r := &h.reserved
	r.due = false
	if !r.late && slices.ContainsFunc(h.queue, func(s Submission) bool { return s.From.Client() == r.client }) {
		r.late = true
		r.over.Reset(h.cfg.ReserveFor)
		return
	}
	l := r.lost[r.client]
	bar := barredFor * h.cfg.ReserveFor << l.ranOut
	r.lost[r.client] = loser{ranOut: min(l.ranOut+1, maxRanOut), barred: time.Now().Add(bar)}
	h.endReservation()
}

// endReservation has what waits judged before anything else.
func (h *Host) endReservation() {
	r := &h.reserved
	r.over.Stop()
	r.client, r.reads, r.due, r.late, r.ended = record.ClientID{}, nil, false, false, false
	h.queue = append(r.queues.take(), h.queue...)
}

func (h *Host) subscribed(client record.ClientID) bool {
	for _, handle := range h.subs.list {
		if handle.sub.Client() == client {
			return true
		}
	}
	return false
}
