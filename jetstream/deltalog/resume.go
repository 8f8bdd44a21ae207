package deltalog

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Resume is [Log.Replay] for a reader who has from not from this Log but from
// somewhere else, such as a snapshot: the error is a [*PositionError], and nothing
// is passed to fn, unless the log has the record at from and its chain is that of
// from, or has a base of that position. By that the reader has read what is in this log up to there. It costs no
// request more than Replay does.
func (l *Log) Resume(ctx context.Context, key record.Key, from record.Position, fn func(Entry) error) (Tail, error) {
	tail := Tail{Head: from, Last: uint64(from.Revision)}
	if err := checkKey(key); err != nil {
		return tail, err
	}
	s := l.stream(key)
	switch {
	case from.Epoch != s.epoch:
		return tail, &PositionError{Key: key, Position: from, Reason: fmt.Sprintf("the log's epoch is %x", s.epoch)}
	case from.Revision == 0:
		return l.Replay(ctx, key, tail, fn)
	}
	r := &replay{log: l, stream: s, key: key, subject: Subject(key), tail: tail, fn: fn}
	done, err := r.resume(ctx, from)
	if !done && err == nil {
		err = r.run(ctx)
	}
	return r.tail, err
}

// resume makes sure that the log has the position, and reads on as far as it gets
// with that. It says whether that was all.
func (r *replay) resume(ctx context.Context, at record.Position) (done bool, err error) {
	// Where the log ends is asked at the same time. What comes later need not be read:
	// beside a hot writer that would never end.
	ends := make(chan uint64, 1)
	go func() {
		last, err := r.log.leaderLast(ctx, r.stream, r.subject)
		if err != nil {
			last = math.MaxUint64 // not known
		}
		ends <- last
	}()
	confirmed, end, cause := r.readFrom(ctx, at, ends)
	if last := new(final); errors.As(cause, last) {
		return false, last.error
	}
	if !confirmed {
		return false, r.confirm(ctx, at)
	}
	return r.tail.Last >= end && r.log.verifyAfterReconnect(ctx, r.stream) == nil, nil
}

// readFrom reads the record at a position, which it compares, and what a replica has
// behind it up to the end, which it receives and returns.
func (r *replay) readFrom(ctx context.Context, at record.Position, ends <-chan uint64) (confirmed bool, end uint64, err error) {
	d := r.log.newDirect(r.stream, r.subject)
	take := func(sequence uint64, data []byte) error {
		if confirmed {
			return r.take(sequence, data)
		}
		confirmed = true
		return r.same(at, sequence, data)
	}
	more, err := d.batch(ctx, getRequest{Seq: uint64(at.Revision)}, take)
	end = <-ends
	for err == nil && more && r.tail.Last < end {
		more, err = d.batch(ctx, getRequest{Seq: r.tail.Last + 1}, take)
	}
	return confirmed, end, err
}

// confirm asks the leader for the record at a position. It waits for a JetStream
// that is not available until ctx ends.
func (r *replay) confirm(ctx context.Context, at record.Position) error {
	pause := r.log.newBackoff()
	for {
		m, err := r.log.leaderGet(ctx, r.stream, getRequest{Seq: uint64(at.Revision), NextFor: r.subject})
		switch {
		case errors.Is(err, errNoMessage):
			return r.unknown(at)
		case err == nil:
			if wrong := new(final); errors.As(r.same(at, m.Sequence, m.Data), wrong) {
				return wrong.error
			}
			return nil
		}
		if pause.wait(ctx) != nil {
			return fmt.Errorf("deltalog: read %s: %w", r.key, err)
		}
	}
}

// same compares a message with a position.
func (r *replay) same(at record.Position, sequence uint64, data []byte) error {
	if sequence == uint64(at.Revision) && record.ChainOf(data) == at.Chain {
		return nil
	}
	// The record may be forgotten, and a base of that position in its place.
	if rec, err := record.Decode(data); err == nil && rec.Kind == record.KindBase && rec.Base.Part == 0 && rec.Continues(at) {
		r.tail.Last = sequence
		return nil
	}
	return final{r.unknown(at)}
}

func (r *replay) unknown(at record.Position) error {
	return &PositionError{Key: r.key, Position: at, Reason: "the log does not have it"}
}
