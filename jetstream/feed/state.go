package feed

import (
	"context"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/order"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// ordered is a message for package order. Sequences identify them; that nothing is missing in
// between is the log's business.
type ordered = order.Event[uint64, *message]

// state is what was delivered of a document, which is how far its log was read.
type state struct {
	first uint64 // the message that it is the state before
	tail  deltalog.Tail
	base  *deltalog.Entry // to be delivered in place of what is forgotten
}

// newState returns the state of a document before a message. What is forgotten before it
// was delivered if it is not after read, the sequence up to which the shard was read before.
func newState(ctx context.Context, log *deltalog.Log, epoch record.Epoch, read uint64, m *deltalog.Message) (*state, error) {
	past, err := log.Past(ctx, m)
	if err != nil {
		return nil, err
	}
	s := &state{first: m.Sequence, tail: past.Tail}
	switch {
	case !past.Forgotten:
	case m.Err == nil && m.Record.Prev > 0 && uint64(m.Record.Prev) <= read && m.Record.Kind != record.KindBase:
		s.tail.Head = record.Position{Epoch: epoch, Revision: m.Record.Prev, Chain: m.Record.PrevChain}
		s.tail.Last = uint64(m.Record.Prev)
	case past.Base != nil && uint64(past.Base.Position.Revision) <= read:
		s.tail = deltalog.Tail{Head: past.Base.Position, Last: past.Base.Sequence}
	case past.Base == nil:
		return nil, &deltalog.DamagedError{Key: m.Key, Sequence: m.Sequence, Err: deltalog.ErrMissing}
	default:
		s.base = past.Base
	}
	if s.tail.Head.Epoch == 0 {
		s.tail.Head.Epoch = epoch
	}
	return s, nil
}

// Judge says whether a message is the next revision of the document.
func (s *state) Judge(e *ordered) order.Verdict {
	m := e.Payload
	switch {
	case m.Sequence <= s.tail.Last:
		return order.Done
	case s.base != nil, m.Err != nil:
		return order.Next
	case !m.Record.Continues(s.tail.Head) || m.Record.Kind == record.KindBase:
		return order.Done
	}
	return order.Next
}

// Advance takes it.
func (s *state) Advance(e *ordered) {
	m := e.Payload
	if s.base != nil {
		m.base = s.base
		s.tail, s.base = deltalog.Tail{Head: s.base.Position, Last: s.base.Sequence}, nil
		return
	}
	s.tail.Last = m.Sequence
	if m.Err == nil {
		s.tail.Head = record.Position{Epoch: s.tail.Head.Epoch, Revision: record.Revision(m.Sequence), Chain: record.ChainOf(m.Data)}
	}
}
