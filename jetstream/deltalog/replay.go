package deltalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Replay passes every valid record after from to fn, in order, and returns the
// tail after the last one. It sees all that was stored before the call.
//
// It waits for a JetStream that is not available until ctx ends. An error of fn
// ends the replay and is returned as it is. With every error the returned tail
// is what fn has accepted so far, and a replay from there goes on. A from whose
// Last is below its revision is taken to end at that revision, so that
// Tail{Head: position} stands for a reader that knows a position only.
func (l *Log) Replay(ctx context.Context, key record.Key, from Tail, fn func(Entry) error) (Tail, error) {
	if err := checkKey(key); err != nil {
		return from, err
	}
	s := l.stream(key)
	if from == (Tail{}) {
		from.Head.Epoch = s.epoch
	}
	if from.Head.Epoch != s.epoch {
		return from, &PositionError{Key: key, Position: from.Head, Reason: fmt.Sprintf("the log's epoch is %x", s.epoch)}
	}
	from.Last = max(from.Last, uint64(from.Head.Revision))
	r := &replay{log: l, stream: s, key: key, subject: Subject(key), tail: from, fn: fn}
	err := r.run(ctx)
	return r.tail, err
}

// replay is one call of Replay.
type replay struct {
	log     *Log
	stream  *stream
	key     record.Key
	subject string
	tail    Tail
	fn      func(Entry) error
	// misses counts passes in which the leader did not return what it said that
	// it has.
	misses int
}

// maxMisses passes with their pauses take about a second. A deposed leader
// which answers in between is found out by then.
const maxMisses = 8

// final marks an error that another attempt would not mend.
type final struct{ error }

func (r *replay) run(ctx context.Context) error {
	pause := r.log.newBackoff()
	for {
		before := r.tail.Last
		cause := r.pass(ctx)
		if cause == nil {
			return nil
		}
		var end final
		if errors.As(cause, &end) {
			return end.error
		}
		if r.tail.Last > before {
			pause = r.log.newBackoff() // it goes on, if in pieces
		}
		if err := pause.wait(ctx); err != nil {
			if !errors.Is(cause, err) {
				cause = fmt.Errorf("%w: %w", err, cause)
			}
			return fmt.Errorf("deltalog: read %s: %w", r.key, cause)
		}
	}
}

// pass reads on from the tail until the leader has no more. An error that is
// not final is the cause for another pass.
func (r *replay) pass(ctx context.Context) error {
	if err := r.log.verifyAfterReconnect(ctx, r.stream); err != nil {
		return asFinal(err)
	}
	for replicas := true; ; replicas = false {
		last, err := r.log.leaderLast(ctx, r.stream, r.subject)
		switch {
		case err != nil:
			return err
		case last < r.tail.Last:
			return r.behind(ctx, last)
		case last == r.tail.Last:
			return nil
		case replicas:
			err = r.readDirect(ctx)
		default:
			err = r.readLeader(ctx, last)
		}
		if err != nil {
			return err
		}
	}
}

// readDirect reads until a replica has no more.
func (r *replay) readDirect(ctx context.Context) error {
	d, err := r.log.newDirect(r.stream, r.subject)
	if err != nil {
		return err
	}
	defer d.close()
	for more := true; more; {
		if more, err = d.batch(ctx, r.tail.Last+1, r.take); err != nil {
			return err
		}
	}
	return nil
}

// readLeader reads one message that the replica did not have. The leader has
// said that one at last exists.
func (r *replay) readLeader(ctx context.Context, last uint64) error {
	m, err := r.log.leaderGet(ctx, r.stream, getRequest{Seq: r.tail.Last + 1, NextFor: r.subject})
	switch {
	case errors.Is(err, errNoMessage) && r.misses < maxMisses:
		r.misses++
		return ErrMissing
	case errors.Is(err, errNoMessage):
		return final{&DamagedError{Key: r.key, Sequence: last, Err: ErrMissing}}
	case err != nil:
		return err
	}
	r.misses = 0
	return r.take(m.Sequence, m.Data)
}

// take handles the next message on the subject.
func (r *replay) take(sequence uint64, data []byte) error {
	rec, err := record.Decode(data)
	if err != nil {
		return final{&DamagedError{Key: r.key, Sequence: sequence, Err: err}}
	}
	if !rec.Continues(r.tail.Head) {
		r.log.voids.Add(1)
		r.log.cfg.OnVoid(r.key, Void{Sequence: sequence, Record: rec, Head: r.tail.Head})
		r.tail.Last = sequence
		return nil
	}
	next := record.Position{Epoch: r.stream.epoch, Revision: record.Revision(sequence), Chain: record.ChainOf(data)}
	if err := r.fn(Entry{Position: next, Record: rec, Data: data}); err != nil {
		return final{err}
	}
	r.tail = Tail{Head: next, Last: sequence}
	return nil
}

// errBehind reports a leader that has yet to catch up with the tail.
var errBehind = errors.New("the stream's leader is behind")

// behind decides when the leader's last message is before the tail: either the
// leader is behind, or the subject was purged.
func (r *replay) behind(ctx context.Context, last uint64) error {
	reached, err := r.log.verify(ctx, r.stream)
	if err != nil {
		return asFinal(err)
	}
	if reached < r.tail.Last {
		return errBehind
	}
	return final{&PositionError{
		Key: r.key, Position: r.tail.Head,
		Reason: fmt.Sprintf("the log of this document ends at %d", last),
	}}
}

func asFinal(err error) error {
	if errors.As(err, new(*EpochError)) {
		return final{err}
	}
	return err
}
