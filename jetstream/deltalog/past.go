package deltalog

import (
	"context"
	"errors"

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

// Past returns what is before a message of a document. As a rule that is one request.
func (l *Log) Past(ctx context.Context, m *Message) (Past, error) {
	s := l.stream(m.Key)
	if rec := &m.Record; m.Err == nil && rec.Epoch == s.epoch {
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
		seen = seen[1:]
	}
	return len(seen) > 0 && seen[0].Sequence == m.Sequence, nil
}

// pastByReplay reads the document from its beginning.
func (l *Log) pastByReplay(ctx context.Context, m *Message) (Past, error) {
	var past Past
	_, err := l.Replay(ctx, m.Key, Tail{}, func(e Entry) error {
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
