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
	tail  deltalog.Tail
	base  *deltalog.Entry // to be delivered in place of what is forgotten
	parts deltalog.Parts  // of a base that the document is to begin with, while that comes
	// void is told of a record that no reader applies.
	void func()
}

// reach says what was delivered before a run.
type reach struct {
	// read is the sequence up to which the shard was read.
	read uint64
	// from is the first message of the document that may not have been delivered, if it was
	// suspended; else 0.
	from uint64
	// judged is the sequence after which all records were judged, in this run or before, and
	// void is set if some of the document were found to be void.
	judged uint64
	void   bool
}

// has reports whether a revision was delivered.
func (r reach) has(rev record.Revision) bool {
	return uint64(rev) <= r.read && (r.from == 0 || uint64(rev) < r.from)
}

// valid reports whether a record that is before another one is known not to be void.
func (r reach) valid(rev record.Revision) bool {
	return uint64(rev) > r.judged && !r.void && (r.from == 0 || uint64(rev) < r.from)
}

// hasBase reports whether what a base states was. From is a base's own sequence where a Reset
// was not delivered, so the revision that it states says nothing then.
func (r reach) hasBase(base *deltalog.Entry) bool {
	return r.has(base.Position.Revision) && (r.from == 0 || base.Sequence < r.from)
}

// newState returns the state of a document before a message. What is forgotten before it
// was delivered if that is within reach.
func newState(ctx context.Context, log *deltalog.Log, epoch record.Epoch, delivered reach, m *deltalog.Message, void func()) (*state, error) {
	past, err := log.Past(ctx, m, delivered.valid(m.Record.Prev))
	if err != nil {
		return nil, err
	}
	s := &state{tail: past.Tail, void: void}
	switch {
	case !past.Forgotten:
	case m.Err == nil && m.Record.Prev > 0 && delivered.has(m.Record.Prev) && m.Record.Kind != record.KindBase:
		s.tail.Head = record.Position{Epoch: epoch, Revision: m.Record.Prev, Chain: m.Record.PrevChain}
		s.tail.Last = uint64(m.Record.Prev)
	case past.Base != nil && delivered.hasBase(past.Base):
		s.tail = deltalog.Tail{Head: past.Base.Position, Last: past.Base.Sequence}
	case past.Base == nil:
		return nil, &deltalog.DamagedError{Key: m.Key, Sequence: m.Sequence, Err: deltalog.ErrMissing}
	default:
		s.base = past.Base
	}
	if s.tail.Head.Epoch == 0 {
		s.tail.Head.Epoch = epoch
	}
	if s.base == nil && s.tail.Head.Revision == 0 {
		err = s.gather(ctx, log, m)
	}
	return s, err
}

// gather takes the parts of a first base that are before a message, if that is one too.
func (s *state) gather(ctx context.Context, log *deltalog.Log, m *deltalog.Message) error {
	if m.Err != nil || m.Record.Kind != record.KindBase || m.Record.Base.Part == 0 {
		return nil
	}
	for after := uint64(0); ; {
		page, err := log.History(ctx, m.Key, after, 0)
		if err != nil {
			return err
		}
		for i := range page.Messages {
			before := &page.Messages[i]
			if before.Sequence >= m.Sequence {
				return nil
			}
			if before.Err == nil {
				s.parts.Add(before)
			}
		}
		if after = page.To; !page.More {
			return nil
		}
	}
}

// lacks reports whether a message names a predecessor that comes after all that was read: the
// log has forgotten it before it could be read, or the message is void.
func lacks(m *deltalog.Message, epoch record.Epoch, read uint64) bool {
	return m.Err == nil && m.Record.Epoch == epoch && uint64(m.Record.Prev) > read
}

// Judge says whether a message is the next revision of the document.
func (s *state) Judge(e *ordered) order.Verdict {
	m := e.Payload
	switch {
	case m.Sequence <= s.tail.Last:
		return order.Done
	case s.base != nil, m.Err != nil:
		return order.Next
	case s.tail.Head.Revision == 0 && m.Record.Epoch == s.tail.Head.Epoch:
		if s.base = s.parts.Add(&m.Message); s.base != nil {
			return order.Next
		}
	}
	if m.Record.Continues(s.tail.Head) && m.Record.Kind != record.KindBase {
		return order.Next
	}
	if a := m.anew; a != nil && a.base != nil && a.base.Position.Revision > s.tail.Head.Revision {
		s.base = a.base
		return order.Next
	}
	if !m.Record.Continues(s.tail.Head) {
		s.void()
	}
	return order.Done
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
