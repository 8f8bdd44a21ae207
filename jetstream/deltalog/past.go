package deltalog

import (
	"context"
	"errors"
	"sync"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// History returns what is stored on a document's subject after a sequence, of at most 256
// messages, and none after those that have so many bytes together, as of [Scanner.Read].
func (l *Log) History(ctx context.Context, key record.Key, after uint64, bytes int) (Scanned, error) {
	page := Scanned{To: after}
	if err := checkKey(key); err != nil {
		return page, err
	}
	s := l.stream(key)
	if err := l.verifyAfterReconnect(ctx, s); err != nil {
		return page, err
	}
	var err error
	page.More, err = l.newDirect(s, Subject(key)).batch(ctx, getRequest{Seq: after + 1, MaxBytes: bytes}, func(sequence uint64, data []byte) error {
		page.Messages = append(page.Messages, newMessage(key, sequence, data))
		page.To = sequence
		return nil
	})
	return page, err
}

// Past is what a reader of a document knows who has read it up to a message.
type Past struct {
	// Tail is the end of what is before the message. It is zero if there is nothing.
	Tail Tail
	// Forgotten is set if there is nothing any more: the document begins with the message,
	// or what is before that is of no use.
	Forgotten bool
	// Base is what there is in its place, the message itself included: the first base that
	// the document has.
	Base *Entry
}

// errFound ends a replay.
var errFound = errors.New("found")

// Past returns what is before a message of a document. If the caller knows that the record which
// the message names as the one before it is valid, as all are in a document without void ones, if
// it is there, that is one request; else the document is read.
func (l *Log) Past(ctx context.Context, m *Message, valid bool) (Past, error) {
	s := l.stream(m.Key)
	if rec := &m.Record; m.Err == nil && rec.Epoch == s.epoch && (valid || rec.Prev == 0) {
		at := record.Position{Epoch: s.epoch, Revision: rec.Prev, Chain: rec.PrevChain}
		known, err := l.follows(ctx, s, m, at)
		if err != nil {
			return Past{}, err
		}
		if known {
			return Past{Tail: Tail{Head: at, Last: uint64(at.Revision)}}, nil
		}
	}
	return l.pastByReplay(ctx, m)
}

// follows reports whether a message is the first on its subject after the record at a
// position, or the first at all if that is no revision. Then it is what the position says.
func (l *Log) follows(ctx context.Context, s *stream, m *Message, at record.Position) (bool, error) {
	if at.Revision == 0 && m.Record.Kind == record.KindBase {
		return false, nil
	}
	var seen []Message
	d := l.newDirect(s, Subject(m.Key))
	_, err := d.batch(ctx, getRequest{Seq: max(uint64(at.Revision), 1), Batch: 2}, func(sequence uint64, data []byte) error {
		seen = append(seen, Message{Sequence: sequence, Data: data})
		return nil
	})
	if err != nil {
		return false, err
	}
	if at.Revision > 0 {
		if len(seen) == 0 || seen[0].Sequence != uint64(at.Revision) || record.ChainOf(seen[0].Data) != at.Chain {
			return false, nil
		}
		if rec, err := record.Decode(seen[0].Data); err != nil || rec.Kind == record.KindBase {
			return false, nil
		}
		seen = seen[1:]
	}
	return len(seen) > 0 && seen[0].Sequence == m.Sequence, nil
}

// pastByReplay reads the document, from where it was read before if that leads to the message.
func (l *Log) pastByReplay(ctx context.Context, m *Message) (Past, error) {
	if from, is := l.reached.of(m.Key); is && from.Last < m.Sequence {
		past, err := l.pastFrom(ctx, m, from)
		if err == nil && m.Err == nil && m.Record.Continues(past.Tail.Head) {
			l.reached.note(m.Key, past.Tail)
			return past, nil
		}
	}
	past, err := l.pastFrom(ctx, m, Tail{})
	if err == nil && past.Tail.Head.Revision > 0 {
		l.reached.note(m.Key, past.Tail)
	}
	return past, err
}

func (l *Log) pastFrom(ctx context.Context, m *Message, from Tail) (Past, error) {
	past := Past{Tail: from}
	_, err := l.Replay(ctx, m.Key, from, func(e Entry) error {
		if e.Sequence >= m.Sequence {
			if e.Base != nil {
				past.Base = &e
			}
			return errFound
		}
		past.Tail = Tail{Head: e.Position, Last: e.Sequence}
		return nil
	})
	if err != nil && !errors.Is(err, errFound) && !errors.Is(err, ErrMissing) {
		return Past{}, err
	}
	past.Forgotten = past.Tail == (Tail{}) && (past.Base != nil || m.Err == nil && m.Record.Prev > 0)
	return past, nil
}

// reached is up to where documents were read, for who reads them again.
type reached struct {
	mu    sync.Mutex
	tails map[record.Key]Tail
}

// maxReached is how many documents are remembered. Then all are forgotten.
const maxReached = 10_000

func (r *reached) of(key record.Key) (Tail, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tail, is := r.tails[key]
	return tail, is
}

func (r *reached) note(key record.Key, tail Tail) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tails == nil || len(r.tails) >= maxReached {
		r.tails = map[record.Key]Tail{}
	}
	r.tails[key] = tail
}
