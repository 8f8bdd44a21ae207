package deltalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Erase takes everything off the log that is before the last base of a document, and
// returns how many messages that were: what a document was before it was deleted and
// stated. It overwrites their bytes in the files of the server, one message after the
// other, where the stream allows that. Streams that were made by earlier versions of
// this program do not; there the bytes stay in the files until the server rewrites
// them.
//
// Without a base the error is [ErrNotFound], and nothing was done.
func (l *Log) Erase(ctx context.Context, key record.Key) (int, error) {
	if err := checkKey(key); err != nil {
		return 0, err
	}
	s := l.stream(key)
	last, err := l.Latest(ctx, key)
	if err != nil {
		return 0, err
	}
	if last.Record.Kind != record.KindBase {
		return 0, ErrNotFound
	}
	generation := last.Record.Base.Generation
	stream, err := l.cfg.JetStream.Stream(ctx, s.name)
	if err != nil {
		return 0, fmt.Errorf("deltalog: erase %s: %w", key, err)
	}
	if stream.CachedInfo().Config.DenyDelete {
		return l.purge(ctx, stream, key, generation)
	}
	erased := 0
	for from := uint64(1); ; {
		m, kept, err := l.before(ctx, key, from, generation)
		if err != nil || kept {
			return erased, err
		}
		if err := stream.SecureDeleteMsg(ctx, m.Sequence); err != nil && !errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
			return erased, fmt.Errorf("deltalog: erase %s: %w", key, err)
		}
		erased++
		from = m.Sequence + 1
	}
}

// before returns the next message of a document, and whether that is of its last base.
func (l *Log) before(ctx context.Context, key record.Key, from, generation uint64) (stored, bool, error) {
	m, err := l.leaderGet(ctx, l.stream(key), getRequest{Seq: from, NextFor: Subject(key)})
	if err != nil {
		return m, false, fmt.Errorf("deltalog: erase %s: %w", key, err)
	}
	// What cannot be read is erased, too.
	rec, err := record.Decode(m.Data)
	return m, err == nil && rec.Kind == record.KindBase && rec.Base.Generation == generation, nil
}

// purge does without overwriting.
func (l *Log) purge(ctx context.Context, stream jetstream.Stream, key record.Key, generation uint64) (int, error) {
	erased := 0
	for from := uint64(1); ; erased++ {
		m, kept, err := l.before(ctx, key, from, generation)
		if err != nil {
			return 0, err
		}
		if kept {
			if erased == 0 {
				return 0, nil
			}
			err := stream.Purge(ctx, jetstream.WithPurgeSubject(Subject(key)), jetstream.WithPurgeSequence(m.Sequence))
			if err != nil {
				return 0, fmt.Errorf("deltalog: erase %s: %w", key, err)
			}
			return erased, nil
		}
		from = m.Sequence + 1
	}
}
