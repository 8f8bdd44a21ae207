package deltalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Get returns the record of a document at a revision, or ErrNotFound. It does
// not tell whether the record is valid or void: a caller who got the revision
// from a position compares the chains. Unlike Replay it fails when JetStream is
// not available.
func (l *Log) Get(ctx context.Context, key record.Key, rev record.Revision) (Entry, error) {
	if err := checkKey(key); err != nil {
		return Entry{}, err
	}
	if rev == 0 {
		return Entry{}, ErrNotFound
	}
	s := l.stream(key)
	m, err := l.leaderGet(ctx, s, getRequest{Seq: uint64(rev)})
	switch {
	case errors.Is(err, errNoMessage):
		return Entry{}, ErrNotFound
	case err != nil:
		return Entry{}, fmt.Errorf("deltalog: %s at %d: %w", key, rev, err)
	case m.Subject != Subject(key):
		return Entry{}, ErrNotFound
	}
	e, err := entryOf(key, s, m)
	if err == nil && e.Position.Revision != rev {
		return Entry{}, ErrNotFound // a base is no revision
	}
	return e, err
}

func entryOf(key record.Key, s *stream, m stored) (Entry, error) {
	rec, err := record.Decode(m.Data)
	if err != nil {
		return Entry{}, &DamagedError{Key: key, Sequence: m.Sequence, Err: err}
	}
	if rec.Kind == record.KindBase && rec.Prev > 0 {
		return Entry{Position: record.Position{Epoch: s.epoch, Revision: rec.Prev, Chain: rec.PrevChain}, Sequence: m.Sequence, Record: rec}, nil
	}
	return Entry{
		Position: record.Position{Epoch: s.epoch, Revision: record.Revision(m.Sequence), Chain: record.ChainOf(m.Data)},
		Sequence: m.Sequence,
		Record:   rec,
		Data:     m.Data,
	}, nil
}
