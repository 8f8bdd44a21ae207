package host

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// A transaction over several documents borrows them from their hosts, in the order of
// their keys, so that two transactions never wait for each other. It is judged, or run,
// on all of them at once; each host then has a record in flight that is its part, and
// all parts are appended together, or none. A host that lends its document serves nobody
// meanwhile; what it waits for is the other documents' appends in flight, and the function.

// lendWithin bounds how long documents that were borrowed wait for the next one. After
// that they are given back, and the transaction begins again: one document that cannot
// be appended to must not hold up others (L10).
const lendWithin = 200 * time.Millisecond

// Part is what a client's transaction does to one of its documents.
type Part struct {
	Handle *Handle
	// Base, Reads and Delta are as in a [Submission].
	Base  record.Revision
	Reads []delta.Read
	Delta delta.Delta
}

// ErrConflict says that something which a transaction has read was written since.
var ErrConflict = errors.New("host: what the transaction has read has changed")

// ErrApart says that documents cannot be in one transaction.
var ErrApart = errors.New("host: a transaction is about different documents of one space")

// PartError says why a client's transaction was refused for good.
type PartError struct {
	Key    record.Key
	Code   wire.Code
	Detail string
}

func (e *PartError) Error() string {
	return fmt.Sprintf("host: the part of the transaction on %s: %s: %s", e.Key, e.Code, e.Detail)
}

// loan is the wish of a transaction to borrow a document.
type loan struct {
	turn chan *Host
	back chan *flight  // gives it back, with what is to be in flight, or nil
	left chan struct{} // closed when nobody wants it any more
	// after is the turn that has to be over before: see reservation.
	after uint64
}

// lend lends the document to those who wait, until one of them leaves an append in
// flight.
func (h *Host) lend() {
	for i := 0; h.inFlight == nil && i < len(h.loans); {
		l := h.loans[i]
		if h.reserved.during(l.after) {
			i++
			continue
		}
		h.loans = slices.Delete(h.loans, i, i+1)
		select {
		case l.turn <- h:
			h.inFlight = <-l.back
		case <-l.left:
		}
	}
}

// Transact runs fn as one transaction at the heads of several documents of a space, and
// returns when what it changed is durable in all of them, with the revisions, in order.
// If fn returns an error, or panics, nothing has happened. For what fn may do and what
// else is returned see [Handle.Run]. Each document gets a record, also one that is only
// read: that nobody else has written it is part of the promise.
func (r *Registry) Transact(ctx context.Context, keys []record.Key, sub Subscriber, fn func([]*doc.Tx) error) ([]record.Revision, error) {
	handles := make([]*Handle, 0, len(keys))
	defer func() {
		for _, h := range handles {
			h.Close()
		}
	}()
	for _, key := range keys {
		h, err := r.Attach(key, sub)
		if err != nil {
			return nil, err
		}
		handles = append(handles, h)
	}
	return r.together(ctx, handles, func(hosts []*Host) ([]*flight, error) {
		return runTogether(hosts, sub.Client(), fn)
	})
}

// Submit takes a transaction that a client has made. It is stored as the one of id of
// the client's id for transactions, see [record.ClientID.Transactions]: numbers of those
// grow, and need not follow each other. The error is [ErrConflict], a [*PartError], or
// as that of Transact. Submitted again it has one effect.
func (r *Registry) Submit(ctx context.Context, client record.ClientID, id record.MutationID, parts []Part) ([]record.Revision, error) {
	handles := make([]*Handle, len(parts))
	for i, p := range parts {
		handles[i] = p.Handle
	}
	client = client.Transactions()
	return r.together(ctx, handles, func(hosts []*Host) ([]*flight, error) {
		return judgeTogether(hosts, client, id, parts)
	})
}

// storedError says that a transaction is in the log already, or changes nothing.
type storedError struct{ revisions []record.Revision }

func (*storedError) Error() string { return "host: the transaction is stored already" }

// together has a transaction prepared on borrowed documents and appended, until that
// has an outcome.
func (r *Registry) together(ctx context.Context, handles []*Handle, prepare func([]*Host) ([]*flight, error)) ([]record.Revision, error) {
	for i, h := range handles {
		if h.Key().Space != handles[0].Key().Space {
			return nil, fmt.Errorf("%w: %s and %s are of two spaces", ErrApart, handles[0].Key(), h.Key())
		}
		if slices.ContainsFunc(handles[:i], func(other *Handle) bool { return other.entry == h.entry }) {
			return nil, fmt.Errorf("%w: %s is named twice", ErrApart, h.Key())
		}
	}
	if len(handles) == 0 || len(handles) > deltalog.MaxTogether {
		return nil, fmt.Errorf("%w: at most %d, not %d", ErrApart, deltalog.MaxTogether, len(handles))
	}
	for {
		revisions, err := r.tryTogether(ctx, handles, prepare)
		var stored *storedError
		var conflict *deltalog.ConflictError
		switch {
		case errors.As(err, &stored):
			return stored.revisions, nil
		case !errors.As(err, &conflict) && !errors.Is(err, errBusyLoan):
			return revisions, err
		}
		// Another server was first, or a document could not be had.
		pause := time.NewTimer(rand.N(2 * time.Millisecond))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, ctx.Err()
		}
	}
}

var errBusyLoan = errors.New("host: a document could not be had in time")

func (r *Registry) tryTogether(ctx context.Context, handles []*Handle, prepare func([]*Host) ([]*flight, error)) ([]record.Revision, error) {
	hosts, loans, err := borrow(ctx, handles, 0)
	giveBack := func(flights []*flight) {
		for i, l := range loans {
			if l != nil && hosts[i] != nil {
				l.back <- flightOf(flights, i)
			}
		}
	}
	if err != nil {
		giveBack(nil)
		return nil, err
	}
	flights, err := func() (flights []*flight, err error) {
		defer func() {
			if flights == nil { // an error, or a panic
				giveBack(nil)
			}
		}()
		return prepare(hosts)
	}()
	if err != nil {
		return nil, err
	}
	additions := make([]deltalog.Addition, len(hosts))
	for i, h := range hosts {
		additions[i] = deltalog.Addition{Key: h.key, Tail: h.tail, Data: flights[i].data}
	}
	giveBack(flights)
	type outcome struct {
		revisions []record.Revision
		err       error
	}
	done := make(chan outcome, 1)
	// Whoever waits may leave; the hosts have to know how it ends.
	r.wg.Go(func() {
		tails, err := r.cfg.Log.AppendTogether(r.ctx, additions)
		var revisions []record.Revision
		for i, h := range hosts {
			result := appended{tail: additions[i].Tail, err: err}
			if err == nil {
				result.tail = tails[i]
				revisions = append(revisions, tails[i].Head.Revision)
			}
			h.results <- result
		}
		done <- outcome{revisions, err}
	})
	select {
	case o := <-done:
		return o.revisions, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func flightOf(flights []*flight, i int) *flight {
	if flights == nil {
		return nil
	}
	return flights[i]
}

// borrow borrows the documents, in the order of their keys, and returns their hosts in
// the order of the handles; where a turn has this number, when that is over. With an error
// some of them may have been borrowed.
func borrow(ctx context.Context, handles []*Handle, after uint64) ([]*Host, []*loan, error) {
	order := make([]int, len(handles))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return handles[a].Key().Compare(handles[b].Key()) })
	hosts, loans := make([]*Host, len(handles)), make([]*loan, len(handles))
	var patience <-chan time.Time
	for n, i := range order {
		if n == 1 {
			timer := time.NewTimer(lendWithin)
			defer timer.Stop()
			patience = timer.C
		}
		h := handles[i]
		l := &loan{turn: make(chan *Host), back: make(chan *flight), left: make(chan struct{}), after: after}
		if err := post(ctx, h, h.entry.host.mailbox, any(l)); err != nil {
			return hosts, loans, err
		}
		select {
		case hosts[i] = <-l.turn:
			loans[i] = l
			continue
		case <-patience:
			close(l.left)
			return hosts, loans, errBusyLoan
		case <-ctx.Done():
			close(l.left)
			return hosts, loans, ctx.Err()
		case <-h.entry.host.stopped:
			return hosts, loans, ErrStopped
		}
	}
	return hosts, loans, nil
}

// runTogether runs a function on the documents, takes what it did off them, and returns
// the records of that.
func runTogether(hosts []*Host, client record.ClientID, fn func([]*doc.Tx) error) ([]*flight, error) {
	changes := make([]doc.Change, len(hosts))
	txs := make([]*doc.Tx, len(hosts))
	// made counts the innermost ones that are committed: those of the last documents.
	made := 0
	defer func() {
		for i := len(hosts) - made; i < len(hosts); i++ {
			hosts[i].doc.Apply(changes[i].Inverse)
		}
	}()
	var nest func(i int) error
	nest = func(i int) (err error) {
		if i == len(hosts) {
			return fn(txs)
		}
		changes[i], err = hosts[i].doc.Update(func(tx *doc.Tx) error {
			txs[i] = tx
			return nest(i + 1)
		})
		if err == nil {
			made++
		}
		return err
	}
	if err := nest(0); err != nil {
		return nil, err
	}
	nothing := true
	flights := make([]*flight, len(hosts))
	for i, h := range hosts {
		nothing = nothing && changes[i].Empty()
		if size := changes[i].Delta.Len() + mutationPadding; size > maxBatchBytes {
			return nil, fmt.Errorf("%w: the transaction changes %d bytes of %s", ErrTooLarge, changes[i].Delta.Len(), h.key)
		}
		if size := h.doc.Size(); size > h.cfg.MaxDocument && !changes[i].Empty() {
			return nil, fmt.Errorf("%w: %s would have %d bytes, more than %d", ErrTooLarge, h.key, size, h.cfg.MaxDocument)
		}
		patch := changes[i].Delta
		if changes[i].Empty() {
			patch = delta.Delta{}
		}
		id := record.MutationID{Number: h.clients[client].Last.Number + 1}
		var err error
		if flights[i], err = h.fly(client, id, patch, changes[i].Writes); err != nil {
			return nil, err
		}
	}
	if nothing {
		revisions := make([]record.Revision, len(hosts))
		for i, h := range hosts {
			revisions[i] = h.tail.Head.Revision
		}
		return nil, &storedError{revisions}
	}
	return flights, nil
}

// fly returns the record of a part, and what becomes of it.
func (h *Host) fly(client record.ClientID, id record.MutationID, patch delta.Delta, writes []delta.Write) (*flight, error) {
	rec := record.Record{
		Epoch: h.tail.Head.Epoch, Prev: h.tail.Head.Revision, PrevChain: h.tail.Head.Chain,
		Time:      h.cfg.Clock().UnixMilli(),
		Mutations: []record.Mutation{{Client: client, ID: id, Delta: patch.Bytes()}},
	}
	data, err := rec.Encode()
	if err != nil {
		return nil, err
	}
	return &flight{
		together: true, time: rec.Time, data: data, began: time.Now(),
		members: []Submission{{From: nobody{client}, ID: id, Delta: patch}},
		effects: []effect{{client: client, id: id, writes: writes}},
	}, nil
}

// judgeTogether judges a client's transaction on the documents, and returns the records.
func judgeTogether(hosts []*Host, client record.ClientID, id record.MutationID, parts []Part) ([]*flight, error) {
	flights := make([]*flight, len(hosts))
	stored := make([]record.Revision, 0, len(hosts))
	for i, h := range hosts {
		p := &parts[i]
		s := Submission{From: nobody{client}, ID: id, Base: p.Base, Reads: p.Reads, Delta: p.Delta}
		b := h.newBatch()
		v := b.considerPart(client, s)
		effects := b.effects
		b.revert()
		switch v {
		case accepted:
			var err error
			if flights[i], err = h.fly(client, id, p.Delta, effects[0].writes); err != nil {
				return nil, err
			}
		case duplicate:
			stored = append(stored, h.tail.Head.Revision)
		case conflicting, deferred:
			return nil, ErrConflict
		default:
			code, detail := v.reason(&s)
			return nil, &PartError{Key: h.key, Code: code, Detail: detail}
		}
	}
	switch len(stored) {
	case 0:
		return flights, nil
	case len(hosts):
		return nil, &storedError{stored}
	}
	return nil, &PartError{Key: hosts[0].key, Code: wire.CodeUnknownMutation, Detail: "the number is taken by another transaction"}
}

// considerPart judges the part of a transaction, and applies it if it passes.
func (b *batch) considerPart(client record.ClientID, s Submission) verdict {
	h := b.host
	last := b.lastOf(client)
	switch {
	case s.ID.Number <= last.Number && (s.is(last) || h.recent.holds(client, &s)):
		return duplicate
	case s.ID.Number <= last.Number, s.Base > h.tail.Head.Revision:
		return unknown
	case s.Base < h.deleted:
		return gone
	case last == (record.MutationID{}) && h.expired(client):
		return expired
	case b.policy == Only:
		return plain
	}
	// Nothing is left out as the client's own: its other mutations are made under another
	// id, and are in the log up to the base.
	if v := b.reads(record.ClientID{}, s); v != accepted {
		return v
	}
	return b.apply(s)
}

// landedTogether takes the outcome of a part. If that is not stored, whoever made the
// transaction sees to what comes next.
func (h *Host) landedTogether(ctx context.Context, f *flight, result appended) error {
	var conflict *deltalog.ConflictError
	var refused *deltalog.RefusedError
	switch {
	case result.err == nil:
		h.stored(f, result)
		return nil
	case errors.As(result.err, &conflict):
		if conflict.Key != h.key {
			return nil
		}
		return h.settle(ctx, conflict.Last)
	case errors.As(result.err, &refused):
		return nil
	case ctx.Err() != nil:
		return nil
	}
	return result.err
}
