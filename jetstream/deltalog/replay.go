package deltalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Replay passes every valid record after from to fn, in order, and returns the
// tail after the last one. It sees all that was stored before the call. A reader who
// has nothing is passed the document's oldest base first, if the records before that
// are not there any more.
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
	if r.tail.Head.Revision == 0 {
		switch {
		case err != nil:
			r.tail.Last = from.Last // half a base is nothing
		case r.beginning.headless > 0:
			err = &DamagedError{Key: key, Sequence: r.beginning.headless, Err: ErrMissing}
		}
	}
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
	// beginning is of use while the reader has nothing.
	beginning beginning
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

// pass reads on from the tail to where the leader's log ended when it was asked: to
// ask again would be a race with who appends, and may never end. An error that is
// not final is the cause for another pass.
func (r *replay) pass(ctx context.Context) error {
	if err := r.log.verifyAfterReconnect(ctx, r.stream); err != nil {
		return asFinal(err)
	}
	last, err := r.log.leaderLast(ctx, r.stream, r.subject)
	switch {
	case err != nil:
		return err
	case last < r.tail.Last:
		return r.behind(ctx, last)
	case last > r.tail.Last:
		err = r.readDirect(ctx, last)
	}
	for err == nil && r.tail.Last < last {
		err = r.readLeader(ctx, last)
	}
	if err != nil {
		return err
	}
	// What was read may have given reason to doubt.
	return asFinal(r.log.verifyAfterReconnect(ctx, r.stream))
}

// readDirect reads until a replica has no more, or last was read.
func (r *replay) readDirect(ctx context.Context, last uint64) error {
	d := r.log.newDirect(r.stream, r.subject)
	for more := true; more && r.tail.Last < last; {
		var err error
		if more, err = d.batch(ctx, getRequest{Seq: r.tail.Last + 1}, r.take); err != nil {
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
	m := message{sequence, data, rec}
	if r.tail.Head.Revision == 0 && rec.Epoch == r.stream.epoch {
		if taken, base := r.beginning.add(m); base != nil {
			if err := r.fn(*base); err != nil {
				return final{err}
			}
			r.tail = Tail{Head: base.Position, Last: sequence}
			return nil
		} else if taken {
			r.tail.Last = sequence
			return nil
		}
	}
	if r.tail, err = r.log.step(r.stream, r.key, r.tail, m, r.fn); err != nil {
		return final{err}
	}
	return nil
}

// message is a record, valid or void, at its place in a stream.
type message struct {
	sequence uint64
	data     []byte
	record   record.Record
}

// step takes the next message on a subject for a reader at tail: it passes a valid
// record to fn and returns the tail after the message. If fn fails, nothing is
// taken.
func (l *Log) step(s *stream, key record.Key, tail Tail, m message, fn func(Entry) error) (Tail, error) {
	if !m.record.Continues(tail.Head) {
		if m.record.Epoch != s.epoch {
			s.reconnects.Store(doubtful) // who wrote this may know a stream that replaced ours
		}
		l.voids.Add(1)
		l.cfg.OnVoid(key, Void{Sequence: m.sequence, Record: m.record, Head: tail.Head})
		tail.Last = m.sequence
		return tail, nil
	}
	if m.record.Kind == record.KindBase {
		tail.Last = m.sequence // it says what the reader knows
		return tail, nil
	}
	next := record.Position{Epoch: s.epoch, Revision: record.Revision(m.sequence), Chain: record.ChainOf(m.data)}
	if err := fn(Entry{Position: next, Sequence: m.sequence, Record: m.record, Data: m.data}); err != nil {
		return tail, err
	}
	return Tail{Head: next, Last: m.sequence}, nil
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
