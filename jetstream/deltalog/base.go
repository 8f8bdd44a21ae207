package deltalog

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Base states a document at a position, so that what came before that can be
// forgotten: [Log.AppendBase] stores it behind the last record, [Log.Replay] passes it
// to a reader who has nothing, in place of the records before it.
type Base struct {
	// Deleted is the revision of the document's last deletion, 0 if there was none. A
	// document is deleted when that is the revision of the position.
	Deleted record.Revision
	// Time is when the last record was made, in milliseconds since 1970.
	Time int64
	// Content is the document, with all that a reader who begins here must know. This
	// package does not look into it.
	Content []byte
}

// partSize is how much of a base's content one record has.
const partSize = record.MaxSize - 1<<10

// maxParts bounds a base: 64 MB.
const maxParts = 64

// AppendBase stores the document at the head of tail, and makes sure that the leader
// has it. The head stays; what the next append expects is in the returned tail. The
// errors are those of [Log.Append]. With each of them some of the parts may be stored:
// no reader makes use of them. The returned tail has them, but may lack what others
// have stored.
//
// On an empty log a base is the first record: it leads to a revision of its own. That
// is for documents that come from another log.
func (l *Log) AppendBase(ctx context.Context, key record.Key, tail Tail, base Base) (Tail, error) {
	parts := max(1, (len(base.Content)+partSize-1)/partSize)
	if parts > maxParts {
		return tail, &RefusedError{Key: key, Err: fmt.Errorf("the base has %d bytes, more than %d", len(base.Content), maxParts*partSize)}
	}
	generation := l.cfg.Rand()
	for part := range parts {
		from := part * partSize
		rec := record.Record{
			Epoch: tail.Head.Epoch, Prev: tail.Head.Revision, PrevChain: tail.Head.Chain, Time: base.Time,
			Kind: record.KindBase, Base: &record.Base{
				Deleted: base.Deleted, Part: uint16(part), Parts: uint16(parts), Generation: generation,
				Content: base.Content[from:min(from+partSize, len(base.Content))],
			},
		}
		data, err := rec.Encode()
		if err != nil {
			return tail, err
		}
		next, err := l.Append(ctx, key, tail, data)
		if err != nil {
			return tail, err
		}
		tail.Last = next.Last
		if err := l.readBack(ctx, key, next.Last, data); err != nil {
			return tail, err
		}
		if tail.Head.Revision == 0 && part == parts-1 {
			tail.Head = next.Head
		}
	}
	return tail, nil
}

// readBack makes sure that the leader has a record.
func (l *Log) readBack(ctx context.Context, key record.Key, sequence uint64, data []byte) error {
	pause := l.newBackoff()
	for {
		m, err := l.leaderGet(ctx, l.stream(key), getRequest{Seq: sequence})
		if err == nil && bytes.Equal(m.Data, data) {
			return nil
		}
		if err == nil {
			return &DamagedError{Key: key, Sequence: sequence, Err: fmt.Errorf("it is not what was stored")}
		}
		if pause.wait(ctx) != nil {
			return &UncertainError{Key: key, Err: fmt.Errorf("%w: %w", ctx.Err(), err)}
		}
	}
}

// beginning is what a reader who has nothing has found so far.
type beginning struct {
	parts [][]byte
	first record.Record // of the parts
	// headless is the sequence of a record whose predecessors were forgotten, 0 when
	// there was none. There has to be a base behind it.
	headless uint64
}

// add takes the next message. It reports whether that belongs to what may be forgotten,
// or to a base, which is returned when it is complete. Otherwise it is as any other.
func (b *beginning) add(m message) (taken bool, base *Entry) {
	rec := m.record
	if rec.Kind != record.KindBase {
		b.parts = nil
		if rec.Prev == 0 {
			return false, nil
		}
		b.headless = m.sequence
		return true, nil
	}
	part := rec.Base
	if part.Part == 0 {
		b.parts, b.first = nil, rec
	}
	if int(part.Part) != len(b.parts) || part.Generation != b.first.Base.Generation || rec.Prev != b.first.Prev || rec.PrevChain != b.first.PrevChain {
		b.parts = nil
		return true, nil
	}
	b.parts = append(b.parts, part.Content)
	if len(b.parts) < int(part.Parts) {
		return true, nil
	}
	at := record.Position{Epoch: rec.Epoch, Revision: rec.Prev, Chain: rec.PrevChain}
	if rec.Prev == 0 {
		at.Revision, at.Chain = record.Revision(m.sequence), record.ChainOf(m.data)
	}
	content := bytes.Join(b.parts, nil)
	b.parts = nil
	return true, &Entry{Position: at, Sequence: m.sequence, Record: rec, Base: &Base{Deleted: part.Deleted, Time: rec.Time, Content: content}}
}

// Parts puts the first base of a document together for a reader who has nothing of it, and
// gets its messages one by one. The zero value is ready.
type Parts struct{ beginning beginning }

// Add takes the next message of the document, and returns the base if that is its end.
func (p *Parts) Add(m *Message) *Entry {
	_, base := p.beginning.add(message{m.Sequence, m.Data, m.Record})
	return base
}

// Modified returns when the record was made, or, if that is a base, the last record
// before it.
func (e *Entry) Modified() time.Time { return time.UnixMilli(e.Record.Time).UTC() }

// Deleted reports whether the document is deleted after the record.
func (e *Entry) Deleted() bool {
	switch e.Record.Kind {
	case record.KindDeletion:
		return true
	case record.KindBase:
		return e.Record.Base.Deleted > 0 && e.Record.Base.Deleted == e.Record.Prev
	}
	return false
}
