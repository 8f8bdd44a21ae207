package replica

import (
	"slices"
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// MaxPending bounds the mutations of a document that wait for the server.
const MaxPending = 10_000

// Document is a replica of one document. It is made by [Engine.Open].
type Document struct {
	engine   *Engine
	key      record.Key
	observer Observer

	state   docState
	request uint32          // of the last Open
	number  uint32          // the server's name for it on this connection
	head    record.Revision // while catching up: how far the log is known to go

	view    *doc.Doc
	at      record.Position // of the confirmed document; zero: nothing known
	known   bool
	doubted bool            // it differed from the server's, and no checksum has agreed since
	deleted record.Revision // of the document's last deletion, 0: there was none
	pending []*mutation
	reading bool              // a record: named mutations are run again once, at its end
	last    record.MutationID // own last mutation at position at

	onRedone func(tag uint64, change doc.Change)

	presence []byte // own, as last set
	peers    map[record.ClientID]struct{}
}

type docState uint8

const (
	closed   docState = iota // no connection
	opening                  // Open was sent
	catching                 // Opened was received, commits up to head follow, and a checksum if in doubt
	live                     // at the head; mutations are sent at once
	failed                   // refused for now; Tick tries again
	refused                  // refused for good, or left
)

func newDocument(e *Engine, key record.Key, observer Observer) *Document {
	return &Document{
		engine: e, key: key, observer: observer, view: doc.New(),
		peers: make(map[record.ClientID]struct{}),
	}
}

// Key returns the document's key.
func (d *Document) Key() record.Key { return d.key }

// View returns the document with the pending mutations applied. It must be read
// only, and not be kept across calls into the engine.
func (d *Document) View() *doc.Doc { return d.view }

// Position returns how far the log has been read.
func (d *Document) Position() record.Position { return d.at }

// Known reports whether a state of the document has arrived.
func (d *Document) Known() bool { return d.known }

// Live reports whether the replica is at the head of the log, as far as it can
// tell.
func (d *Document) Live() bool { return d.state == live }

// Pending returns how many mutations wait to be confirmed.
func (d *Document) Pending() int { return len(d.pending) }

// Mutate runs a transaction on the view and submits what it changed. The tag is
// passed to [Observer.Settled], which is called once, unless Mutate returns an
// error or the change is empty; then nothing is pending and nothing happened.
//
// again runs the transaction anew when a conflict demands it, or is nil if that
// is not possible. Mutate does not call Patched and Changed for what first does.
func (d *Document) Mutate(tag uint64, first, again Author) (doc.Change, error) {
	return d.begin(&mutation{tag: tag, again: again}, first)
}

// begin runs the author of a mutation for the first time, and submits what it did.
func (d *Document) begin(m *mutation, first Author) (doc.Change, error) {
	switch {
	case d.state == refused:
		return doc.Change{}, ErrLeft
	case !d.known:
		return doc.Change{}, ErrNotReady
	case len(d.pending) >= MaxPending:
		return doc.Change{}, ErrTooManyPending
	}
	var change doc.Change
	var err error
	// Subscribers of the view are told when the mutation is pending.
	d.view.Batch(func() {
		if change, err = d.run(first); err != nil || change.Empty() {
			return
		}
		d.engine.counter++
		m.id, m.base, m.change = d.newID(d.engine.counter), d.at.Revision, change
		d.pending = append(d.pending, m)
		d.send()
	})
	if err != nil || change.Empty() {
		return doc.Change{}, err
	}
	return change, nil
}

// SetPresence tells the other clients a JSON object, or with an empty state
// takes it back. It is told again after every reconnect. What the server would
// not take is refused, with a [*jsontext.Error].
func (d *Document) SetPresence(state []byte) error {
	if len(state) > wire.MaxPresence {
		return &jsontext.Error{Fault: jsontext.FaultSize, Reason: "a presence has at most " + strconv.Itoa(wire.MaxPresence) + " bytes"}
	}
	if len(state) > 0 {
		if err := jsontext.ValidateObject(state); err != nil {
			return err
		}
	}
	d.presence = state
	d.sendPresence()
	return nil
}

func (d *Document) sendPresence() {
	if d.state == catching || d.state == live {
		d.engine.out.add(&wire.SetPresence{Doc: d.number, State: d.presence})
	}
}

func (d *Document) peer(f *wire.Peer) {
	if len(f.State) == 0 {
		delete(d.peers, f.Client)
	} else {
		d.peers[f.Client] = struct{}{}
	}
	d.observer.Peer(f.Client, f.State)
}

// Leave ends the subscription. What is pending is settled with [ErrLeft]; it may
// be in the log nevertheless if it was sent. Leaving again does nothing.
func (d *Document) Leave() {
	if d.engine.docs[d.key] != d {
		return
	}
	d.unsubscribe()
	delete(d.engine.docs, d.key)
	d.state = refused
	d.settleAll(ErrLeft)
}

// unsubscribe tells the server that the document is not wanted any more, if it
// was asked for on this connection. One that has failed may be open there: the
// fault may have been of the subscription before.
func (d *Document) unsubscribe() {
	if d.state != closed && d.state != refused {
		d.engine.out.add(&wire.Leave{Key: d.key.String()})
	}
	d.unsubscribed()
}

// settleAll ends everything that is pending, with one error.
func (d *Document) settleAll(err error) {
	over := d.pending
	d.pending = nil
	for _, m := range over {
		d.settle(m, Outcome{Err: err})
	}
}

// open asks for what is missing; for everything if what is held is in doubt.
func (d *Document) open() {
	at := d.at
	if d.doubted {
		at = record.Position{}
	}
	d.openAt(at)
}

func (d *Document) openAt(at record.Position) {
	d.state = opening
	d.request = d.engine.nextRequest()
	d.engine.out.add(&wire.Open{Request: d.request, Key: d.key.String(), At: at})
}

// resync opens the document anew as if nothing was known of it.
func (d *Document) resync() {
	d.unsubscribed()
	d.openAt(record.Position{})
}

// unsubscribed forgets what belonged to a subscription. Mutations will have to
// be sent again.
func (d *Document) unsubscribed() {
	d.request = 0
	delete(d.engine.byNumber, d.number)
	for _, m := range d.pending {
		m.limbo = m.limbo || m.tried || len(m.attempts) > 0
		m.sent, m.unanswered = false, 0
		if m.moved {
			d.renew(m)
		}
	}
	for client := range d.peers {
		d.observer.Peer(client, nil)
	}
	clear(d.peers)
}

func (d *Document) disconnected() {
	d.unsubscribed()
	if d.state != refused {
		d.state = closed
	}
}

// cutOff goes on from where the replica is: what it was not sent any more it asks for, once
// it has read everything that it was sent.
func (d *Document) cutOff() {
	if d.state != refused {
		d.unsubscribed()
		d.open()
	}
}

// failed takes a fault: the document is not open any more. If that is for good,
// pending mutations are rolled back and over.
func (d *Document) failed(code wire.Code, detail string) {
	d.unsubscribed()
	if code.Retry() != wire.RetryNever {
		d.state = failed
		d.observer.Failed(code, detail)
		return
	}
	d.state = refused
	for _, m := range slices.Backward(d.pending) {
		d.takeOff(m)
	}
	d.observer.Failed(code, detail)
	d.settleAll(&RejectedError{Code: code, Detail: detail})
}

// opened continues from what the replica holds, or replaces it.
func (d *Document) opened(f *wire.Opened) error {
	d.request = 0
	d.number, d.head = f.Doc, f.Head
	if f.Folded || len(f.Snapshot) > 0 {
		if err := d.replace(f); err != nil {
			return err
		}
	} else if f.At != d.at || !d.known || d.doubted {
		return &ProtocolError{Reason: "opened at a position that the replica does not hold"}
	}
	d.state = catching
	d.engine.byNumber[d.number] = d
	if len(d.presence) > 0 {
		d.sendPresence()
	}
	d.caughtUp()
	return nil
}

// replace takes a snapshot in the place of the confirmed document, or changes that by what
// was folded. Pending mutations that it contains are over; the others have to be run again
// if what they read has changed in between, or may have: a snapshot does not say.
func (d *Document) replace(f *wire.Opened) error {
	var fresh *doc.Doc
	var patches [2]delta.Delta
	var err error
	if f.Folded {
		patches, err = d.patches(f)
	} else {
		fresh, err = doc.Parse(f.Snapshot)
	}
	if err != nil {
		return &ProtocolError{Reason: "snapshot: " + err.Error()}
	}
	if f.At.Epoch != d.at.Epoch {
		for _, m := range d.pending {
			m.dead, m.limbo = true, false // what was sent to another log is void in this one
		}
	}
	contained := d.contained(f.Last)
	rest := d.pending[contained:]
	d.view.Rebase(func(r *doc.Rebase) {
		rollback(r, rest, func(m *mutation) {
			if d.view.Apply(m.change.Inverse); f.Folded {
				d.observer.Patched(m.change.Inverse)
			}
		})
		gone := f.Deleted > d.at.Revision && f.At.Epoch == d.at.Epoch
		d.at, d.known = f.At, true
		r.Below(doc.Others, func() {
			if f.Folded {
				d.fold(patches, contained)
				return
			}
			d.view.Load(fresh)
			d.observer.Reset(f.Snapshot)
			for _, m := range rest {
				m.stale, m.missed = m.claim == nil, len(m.change.Seen) > 0
			}
		})
		d.settleThrough(f.Last, f.At.Revision)
		for _, m := range rest[:len(rest)-len(d.pending)] {
			leaveOff(r, m)
		}
		d.last, d.deleted = f.Last, f.Deleted
		d.engine.counter = max(d.engine.counter, f.Last.Number)
		if gone {
			for _, m := range d.pending {
				leaveOff(r, m)
			}
			d.settleAll(errDeleted())
		}
		d.putBack(r, 0)
	})
	return nil
}

// contained returns how many pending mutations a snapshot with the given last
// mutation of this client contains. Mutations follow one another, so everything
// before a contained one is contained.
func (d *Document) contained(last record.MutationID) int {
	for i := len(d.pending) - 1; i >= 0; i-- {
		if d.pending[i].attempted(last) {
			return i + 1
		}
	}
	return 0
}

// settleThrough ends the pending mutations that a snapshot with the given last
// mutation of this client contains.
func (d *Document) settleThrough(last record.MutationID, at record.Revision) {
	if n := d.contained(last); n > 0 {
		for i, m := range d.pending[:n] {
			id := m.id // which attempt it was cannot be told
			if i == n-1 {
				id = last
			}
			d.settle(m, m.stored(id, at))
		}
		d.pending = d.pending[n:]
		return
	}
	// None is known to be contained. Where a number is taken by something else
	// the fate of the mutation cannot be told; to send it again could make it
	// count twice.
	unknown := 0
	for unknown < len(d.pending) && d.pending[unknown].id.Number <= last.Number {
		unknown++
	}
	over := d.pending[:unknown]
	d.pending = d.pending[unknown:]
	for _, m := range over {
		d.settle(m, Outcome{Err: &RejectedError{
			Code: wire.CodeUnknownMutation, Detail: "the log does not tell whether the edit was stored",
		}})
	}
}

// commit takes the next record of the log.
func (d *Document) commit(f *wire.Commit) error {
	if d.state != catching && d.state != live {
		return nil
	}
	rec, err := record.Decode(f.Record)
	if err != nil {
		return &ProtocolError{Reason: err.Error()}
	}
	if !rec.Continues(d.at) {
		return &ProtocolError{Reason: "record " + d.at.String() + " is not continued by the next one"}
	}
	deltas := make([]delta.Delta, len(rec.Mutations))
	for i, m := range rec.Mutations {
		if deltas[i], err = delta.Parse(m.Delta); err != nil {
			return &ProtocolError{Reason: "delta in a record: " + err.Error()}
		}
	}
	// Subscribers of the view see what all of it amounts to.
	d.view.Batch(func() {
		if rec.Kind == record.KindDeletion {
			d.deletedAt(f.Revision)
		}
		d.reading = true
		for from := 0; from < len(deltas); {
			to := from
			for to < len(deltas) && rec.Mutations[to].Client != d.engine.client {
				to++
			}
			if d.foreigners(rec.Mutations[from:to], deltas[from:to]); to < len(deltas) {
				d.own(rec.Mutations[to].ID, deltas[to], f.Revision)
			}
			from = to + 1
		}
		d.reading = false
		d.at = record.Position{Epoch: rec.Epoch, Revision: f.Revision, Chain: record.ChainOf(f.Record)}
		d.observer.Committed(d.at, &rec)
		if d.state != live {
			d.rerun()
			d.caughtUp()
		} else {
			d.submit()
		}
	})
	return nil
}

// caughtUp goes live once the head that Opened named is reached and nothing is in
// doubt, and submits what is pending. A function whose reads were written meanwhile
// is run again first; but not while the fate of a delta of it that was sent is
// undecided: that delta is sent once more, and the server's answer decides.
func (d *Document) caughtUp() {
	if d.state == catching && d.at.Revision >= d.head && !d.doubted {
		d.state = live
		d.submit()
	}
}
