package deltalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Append stores an encoded record that continues tail, and returns the tail
// after it. It blocks until the outcome is definite or ctx ends; the package
// comment lists the outcomes. It keeps data only until it returns.
func (l *Log) Append(ctx context.Context, key record.Key, tail Tail, data []byte) (Tail, error) {
	a, err := l.newAppender(key, tail, data)
	if err != nil {
		return tail, err
	}
	sequence, err := a.run(ctx)
	if a.stalled && !errors.As(err, new(*UncertainError)) {
		l.cfg.OnStall(key, nil)
	}
	if err != nil {
		return tail, err
	}
	a.stream.raise(sequence)
	if a.stays {
		return Tail{Head: tail.Head, Last: sequence}, nil
	}
	return Tail{
		Head: record.Position{Epoch: a.stream.epoch, Revision: record.Revision(sequence), Chain: record.ChainOf(data)},
		Last: sequence,
	}, nil
}

// appender is one call of Append.
type appender struct {
	log     *Log
	stream  *stream
	key     record.Key
	subject string
	tail    Tail
	data    []byte
	stays   bool // the record does not lead to another revision

	// floor is a sequence that the stream had reached before the first attempt.
	floor uint64
	// doubt is set when an attempt had an unknown effect: from then on an answer
	// may be about that attempt.
	doubt   bool
	stalled bool
}

func (l *Log) newAppender(key record.Key, tail Tail, data []byte) (*appender, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	s := l.stream(key)
	if tail.Head.Epoch != s.epoch {
		return nil, &PositionError{Key: key, Position: tail.Head, Reason: fmt.Sprintf("the log's epoch is %x", s.epoch)}
	}
	r, err := record.Decode(data)
	switch {
	case err != nil:
		return nil, &RefusedError{Key: key, Err: err}
	case len(data) > record.MaxSize:
		return nil, &RefusedError{Key: key, Err: fmt.Errorf("the record has %d bytes, more than %d", len(data), record.MaxSize)}
	case !r.Continues(tail.Head):
		return nil, &RefusedError{Key: key, Err: ErrNotNext}
	}
	return &appender{
		log: l, stream: s, key: key, subject: Subject(key), tail: tail, data: data,
		stays: r.Kind == record.KindBase && r.Prev > 0,
		floor: s.acknowledged.Load(),
	}, nil
}

// run returns the sequence of the stored record.
func (a *appender) run(ctx context.Context) (uint64, error) {
	pause := a.log.newBackoff()
	for {
		sequence, cause, err := a.once(ctx)
		if err != nil || cause == nil {
			return sequence, err
		}
		if ctx.Err() == nil {
			a.stalled = true
			a.log.cfg.OnStall(a.key, cause)
			if pause.wait(ctx) == nil {
				continue
			}
		}
		if !errors.Is(cause, ctx.Err()) {
			cause = fmt.Errorf("%w: %w", ctx.Err(), cause)
		}
		return 0, &UncertainError{Key: a.key, Err: cause}
	}
}

// once makes one attempt and resolves what it says. Exactly one of the three is
// set: the sequence of the stored record, the cause for another attempt, or the
// outcome of the append.
func (a *appender) once(ctx context.Context) (sequence uint64, cause, outcome error) {
	if err := a.log.verifyAfterReconnect(ctx, a.stream); err != nil {
		return a.unresolved(err)
	}
	t := a.log.publish(ctx, a.subject, a.tail.Last, a.data)
	switch t.verdict {
	case acknowledged:
		if !a.doubt && t.sequence > a.floor {
			return t.sequence, nil, nil
		}
		a.doubt = true
		return a.resolve(ctx, t.cause)
	case outdated:
		return a.resolve(ctx, t.cause)
	case refused:
		if !a.doubt {
			return 0, nil, &RefusedError{Key: a.key, Err: t.cause}
		}
	case unknown:
		a.doubt = true
	}
	return 0, t.cause, nil
}

// resolve finds out whose message follows the tail. The first one decides: ours
// if the bytes are ours, since expectations let only one in.
func (a *appender) resolve(ctx context.Context, cause error) (uint64, error, error) {
	first, err := a.log.leaderGet(ctx, a.stream, getRequest{Seq: a.tail.Last + 1, NextFor: a.subject})
	switch {
	case errors.Is(err, errNoMessage):
		return a.resolveNone(ctx, cause)
	case err != nil:
		return a.unresolved(err)
	case !bytes.Equal(first.Data, a.data):
		return 0, nil, &ConflictError{Key: a.key, Last: first.Sequence}
	}
	// In a stream that was replaced in the meantime ours is void.
	if _, err := a.log.verify(ctx, a.stream); err != nil {
		return a.unresolved(err)
	}
	return first.Sequence, nil, nil
}

// resolveNone decides when the leader has nothing after the tail although an
// answer said otherwise. Either the answer or the leader was behind, and the
// attempt is repeated; or the subject was purged below the tail.
func (a *appender) resolveNone(ctx context.Context, cause error) (uint64, error, error) {
	if cause == nil {
		cause = errors.New("acknowledged, but the stream's leader does not have it")
	}
	last, err := a.log.leaderLast(ctx, a.stream, a.subject)
	if err != nil {
		return a.unresolved(err)
	}
	if last >= a.tail.Last {
		return 0, cause, nil
	}
	reached, err := a.log.verify(ctx, a.stream)
	if err != nil {
		return a.unresolved(err)
	}
	if reached < a.tail.Last {
		return 0, cause, nil // this leader has yet to catch up with the tail
	}
	return 0, nil, &ConflictError{Key: a.key, Last: last}
}

func (a *appender) unresolved(err error) (uint64, error, error) {
	if errors.As(err, new(*EpochError)) {
		return 0, nil, err
	}
	return 0, err, nil
}
