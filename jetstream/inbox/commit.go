package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Reason says why an event is parked.
type Reason string

// The reasons.
const (
	// Conflict: somebody has written, at, above or below the place in At, what the author of
	// the event has not seen.
	Conflict Reason = "conflict"
	// Deleted: the document was deleted, and the author has not seen that.
	Deleted Reason = "deleted"
	// Forgotten: the log has forgotten what was written since the predecessor.
	Forgotten Reason = "forgotten"
	// Follows: its predecessor is parked.
	Follows Reason = "predecessor parked"
	// Refused: the document does not take it, as it would be too large, or takes named mutations
	// only.
	Refused Reason = "refused"
)

// decision is what becomes of an event.
type decision struct {
	event  *Event
	number uint64 // 0: it is parked
	reason Reason
	detail string
}

// errStale says that the log has events that the ledger does not have.
var errStale = errors.New("inbox: the ledger is behind the log")

// errBehind says that a lineage is, and that the document's memory does not go back so far.
var errBehind = errors.New("inbox: the log has to be read")

// commitWithin is how long a document may take to be lent and stored before it is left for
// later, so that it does not hold up others (L10). What is in the log then is found there.
const commitWithin = 5 * time.Second

// maxRetries is how often events are tried again at once while others write the document.
const maxRetries = 16

// deliver commits events of one document, in their order, or parks them.
func (b *Inbox) deliver(ctx context.Context, k *book, events []ordered) error {
	for retries := 0; len(events) > 0; {
		e := events[0].Payload
		if k.has(e.id) {
			events = events[1:]
			continue
		}
		if prev, is := k.find(e.prev); is && prev.revision == 0 {
			if err := b.park(ctx, k, decision{event: e, reason: Follows, detail: "its predecessor " + e.Prev + " is parked"}); err != nil {
				return err
			}
			events = events[1:]
			continue
		}
		n, err := b.commit(ctx, k, events)
		switch {
		case errors.Is(err, errStale):
			err = b.recover(ctx, k)
		case errors.Is(err, errBehind):
			err = b.readOn(ctx, k, k.lineageOf(e.prev))
		case errors.Is(err, ErrMoved):
			err = nil
		case err == nil:
			retries = -1
		}
		if err != nil {
			return err
		}
		if retries++; retries > maxRetries {
			return ErrMoved
		}
		events = events[n:]
	}
	if err := b.cfg.step("ledger"); err != nil {
		return err
	}
	if err := b.saveBook(ctx, k); err != nil {
		return err
	}
	return b.cfg.step("end")
}

// commit stores events in one record: the first one, and as many of those behind it as follow
// each other. It returns how many are settled.
func (b *Inbox) commit(ctx context.Context, k *book, events []ordered) (int, error) {
	if err := b.cfg.step("commit"); err != nil {
		return 0, err
	}
	prev := events[0].Payload.prev
	straight := prev == k.tip || k.tip == 0
	l := k.lineageOf(prev)
	var made []decision
	bounded, cancel := context.WithTimeout(ctx, b.cfg.within)
	defer cancel()
	rev, err := b.cfg.Documents.Commit(bounded, k.key, client, func(f Front) (err error) {
		if f.Last().Number > k.last {
			return errStale
		}
		if !l.forgotten && f.Revision() > l.upTo && !f.After(l.upTo, l.see) {
			return errBehind
		}
		made, err = k.decide(f, l, events)
		return err
	})
	if err != nil {
		return 0, err
	}
	if err := b.cfg.step("committed"); err != nil {
		return 0, err
	}
	var tip hash
	since := l.since
	if l.foreign.empty() {
		since = rev
	}
	before := prev
	for _, d := range made {
		if d.number == 0 {
			if err := b.park(ctx, k, d); err != nil {
				return 0, err
			}
			continue
		}
		k.applied(d.event.id, entry{prev: before, revision: rev, since: since}, d.number)
		before, tip = d.event.id, d.event.id
		k.fresh = append(k.fresh, settled{d.event, true})
	}
	if tip == 0 {
		return len(made), nil
	}
	// What follows the last one is tested against the same.
	next := l
	if straight {
		delete(k.lineages, prev)
	} else {
		next = l.fork()
	}
	next.tip, next.upTo, next.since, next.own = tip, rev, since, nil
	k.lineages[tip] = next
	return len(made), nil
}

// decide adds to the head of a document what can be applied. It returns what becomes of the
// first events, of at least one.
func (k *book) decide(f Front, l *lineage, events []ordered) ([]decision, error) {
	var made []decision
	number := k.last
	tip, parked := l.tip, map[hash]bool{}
	for i := range events {
		e := events[i].Payload
		d := decision{event: e}
		switch at, overlaps := l.foreign.overlap(e.Delta); {
		case parked[e.prev]:
			d.reason, d.detail = Follows, "its predecessor "+e.Prev+" is parked"
		case e.prev != tip || k.has(e.id):
			return made, nil // in the next record
		case l.forgotten:
			d.reason, d.detail = Forgotten, "the log has forgotten what was written since its predecessor"
		case f.Deleted() > l.since:
			d.reason, d.detail = Deleted, fmt.Sprintf("the document was deleted at revision %d, after its predecessor", f.Deleted())
		case overlaps:
			d.reason, d.detail = Conflict, fmt.Sprintf("%q was written by somebody else after its predecessor", at)
		default:
			err := f.Add(record.MutationID{Number: number + 1, Nonce: uint64(e.id)}, e.Delta)
			switch {
			case errors.Is(err, ErrNoRoom) && len(made) == 0:
				return nil, err // a record has room for one
			case errors.Is(err, ErrNoRoom):
				return made, nil
			case err != nil:
				d.reason, d.detail = Refused, err.Error()
			default:
				number++
				d.number, tip = number, e.id
			}
		}
		if d.number == 0 {
			parked[e.id] = true
		}
		made = append(made, d)
	}
	return made, nil
}
