package replica

import (
	"errors"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// A transaction over several documents is not shown before it is stored: it is run on the
// documents when nothing of this client's own is pending on any of them, taken back, and
// sent. What comes of it comes as if somebody else had made it. That keeps it apart from
// the chains of the documents' own mutations, which could not be made again one by one
// if a part of them came to nothing.

const (
	// maxTransactions bounds the transactions of an engine that wait.
	maxTransactions = 100
	// maxConflicts bounds how often one is run again.
	maxConflicts = 100
)

// ErrTooManyTransactions: so many wait that no other is taken.
var ErrTooManyTransactions = errors.New("too many transactions are waiting for the server")

// transaction is one call of Transact.
type transaction struct {
	docs    []*Document
	fn      func([]*doc.Tx) error
	done    func(error)
	frame   *wire.Transact // as it was made, nil: it is not
	request uint32         // that it was sent as on this connection, 0: it was not
	later   bool           // the server cannot store it now: it is sent again by Tick
	again   int            // how often it conflicted
}

// Transact makes a transaction over several documents of one space, all of which are
// open here: all that fn changes is stored, or nothing. fn runs now, or as soon as the
// documents are up to date and nothing is pending on them; again when somebody else has
// written what it read. What it reads and writes is that of the documents as the log has
// them; it may keep nothing of the transactions that it gets, in the order of docs.
//
// done is told how it ended, once: nil when it is stored; what fn returned, when nothing
// happened; a [*RejectedError]. It must not call into the engine. cancel has done never
// be called; the transaction may be stored nevertheless if it was sent.
func (e *Engine) Transact(docs []*Document, fn func([]*doc.Tx) error, done func(error)) (cancel func(), err error) {
	switch {
	case len(e.transactions) >= maxTransactions:
		return nil, ErrTooManyTransactions
	case len(docs) == 0 || len(docs) > wire.MaxParts:
		return nil, errors.New("a transaction is about 1 to 64 documents")
	}
	for i, d := range docs {
		if d.key.Space != docs[0].key.Space {
			return nil, errors.New("a transaction is about documents of one space, not of " + docs[0].key.String() + " and " + d.key.String())
		}
		for _, other := range docs[:i] {
			if other == d {
				return nil, errors.New("a transaction names " + d.key.String() + " twice")
			}
		}
	}
	t := &transaction{docs: docs, fn: fn, done: done}
	e.transactions = append(e.transactions, t)
	e.transact()
	return func() {
		for i, other := range e.transactions {
			if other == t {
				e.transactions = append(e.transactions[:i:i], e.transactions[i+1:]...)
				break
			}
		}
	}, nil
}

// transact makes and sends the first transaction that waits, when the time has come. One
// is on its way at most: the server takes their numbers in order.
func (e *Engine) transact() {
	for e.state == up && len(e.transactions) > 0 {
		t := e.transactions[0]
		if t.request != 0 || t.later {
			return
		}
		ready, over, err := t.prepare(e)
		if over {
			e.transactions = e.transactions[1:]
			t.done(err)
			continue
		}
		if ready {
			t.request = e.nextRequest()
			t.frame.Request = t.request
			for i, d := range t.docs {
				t.frame.Parts[i].Doc = d.number
			}
			e.out.add(t.frame)
		}
		return
	}
}

// prepare runs the function, if it was not. It reports whether the transaction is ready to
// be sent, or over: because it cannot be made, or changes nothing.
func (t *transaction) prepare(e *Engine) (ready, over bool, err error) {
	for _, d := range t.docs {
		switch {
		case d.state == refused:
			return false, true, ErrLeft
		case d.state != live, t.frame == nil && len(d.pending) > 0:
			return false, false, nil
		}
	}
	if t.frame != nil {
		return true, false, nil
	}
	changes := make([]doc.Change, len(t.docs))
	if err := t.run(0, make([]*doc.Tx, len(t.docs)), changes); err != nil {
		return false, true, err
	}
	e.counter++
	frame := &wire.Transact{ID: record.MutationID{Number: e.counter, Nonce: e.cfg.Random()}}
	nothing := true
	for i, d := range t.docs {
		patch := changes[i].Delta
		if changes[i].Empty() {
			patch = delta.Delta{}
		} else {
			nothing = false
		}
		if patch.Len() > e.limits.delta {
			return false, true, ErrDeltaTooLarge
		}
		frame.Parts = append(frame.Parts, wire.Part{
			Base: d.at.Revision, Reads: boundReads(changes[i].Reads), Delta: patch.Bytes(),
		})
	}
	switch {
	case nothing:
		return false, true, nil
	case frame.Msgsize()+2 > e.limits.message:
		return false, true, ErrDeltaTooLarge
	}
	t.frame = frame
	return true, false, nil
}

// run runs the function on the documents, and takes what it did off them. Who looks on at
// them is told of nothing.
func (t *transaction) run(i int, txs []*doc.Tx, changes []doc.Change) (err error) {
	if i == len(t.docs) {
		return t.fn(txs)
	}
	view := t.docs[i].view
	// Positions and watchers see what a rebase amounts to: nothing.
	view.Rebase(func(*doc.Rebase) {
		changes[i], err = view.Update(func(tx *doc.Tx) error {
			txs[i] = tx
			return t.run(i+1, txs, changes)
		})
		if err == nil {
			view.Apply(changes[i].Inverse)
		}
	})
	return err
}

// transacted takes the server's answer.
func (e *Engine) transacted(f *wire.Transacted) {
	if len(e.transactions) == 0 || e.transactions[0].request != f.Request || f.Request == 0 {
		return
	}
	t := e.transactions[0]
	t.request = 0
	var err error
	switch {
	case f.Conflict && t.again < maxConflicts:
		t.again++
		t.frame = nil // what was written is here by now
		return
	case f.Conflict:
		err = &RejectedError{Code: wire.CodeConflict, Detail: "others were first each time"}
	case f.Code != 0 && f.Code.Retry() == wire.RetryLater:
		t.later = true
		return
	case f.Code != 0:
		err = &RejectedError{Code: f.Code, Detail: f.Detail}
	}
	e.transactions = e.transactions[1:]
	t.done(err)
}

// retryTransactions has what could not be stored be sent again.
func (e *Engine) retryTransactions() {
	for _, t := range e.transactions {
		t.later = false
	}
	e.transact()
}

// unsendTransactions notes that the connection is gone. What was sent is sent again as it
// was: the server knows it by its id.
func (e *Engine) unsendTransactions() {
	for _, t := range e.transactions {
		t.request, t.later = 0, false
	}
}
