package deltalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Addition is a record that is to be appended to a document, as the arguments of
// [Log.Append].
type Addition struct {
	Key  record.Key
	Tail Tail
	Data []byte
}

// MaxTogether bounds the documents of [Log.AppendTogether].
const MaxTogether = 64

// Headers of an atomic batch (ADR-50).
const (
	headerBatch         = "Nats-Batch-Id"
	headerBatchSequence = "Nats-Batch-Sequence"
	headerBatchCommit   = "Nats-Batch-Commit"
)

// Error codes of JetStream about batches that the client has no names for.
const (
	codeBatchIncomplete = 10176
	codeBatchTooLarge   = 10199
	codeTooManyBatches  = 10210
)

// AppendTogether appends a record to each of several documents of one space, or to none
// of them, and returns the tails after them, in order. The outcomes are those of Append.
// A [*ConflictError] names one of the documents that another record has come to; there
// may be more. With a [*UncertainError] the one thing to do with any of the documents is
// to call AppendTogether again, with the same additions.
//
// A crash of the server does not tear them apart. A power cut can where that does not
// sync before it acknowledges: a [*TornError] says so when it is noticed here.
func (l *Log) AppendTogether(ctx context.Context, all []Addition) ([]Tail, error) {
	t, err := l.newTogether(all)
	if err != nil {
		return nil, err
	}
	sequences, err := t.run(ctx)
	if t.stalled && !errors.As(err, new(*UncertainError)) {
		l.cfg.OnStall(t.all[0].key, nil)
	}
	if err != nil {
		return nil, err
	}
	tails := make([]Tail, len(all))
	for i, a := range all {
		t.stream.raise(sequences[i])
		tails[i] = Tail{
			Head: record.Position{Epoch: t.stream.epoch, Revision: record.Revision(sequences[i]), Chain: record.ChainOf(a.Data)},
			Last: sequences[i],
		}
	}
	return tails, nil
}

// TornError reports that of records that were appended together the log has some and
// has others in the place of the rest.
type TornError struct {
	Stored, Missing record.Key
}

func (e *TornError) Error() string {
	return fmt.Sprintf("deltalog: a transaction is torn: %s has its part, %s has another record instead", e.Stored, e.Missing)
}

// together is one call of AppendTogether.
type together struct {
	log     *Log
	stream  *stream
	all     []*appender // what Append knows of each of them
	floor   uint64
	doubt   bool
	stalled bool
}

func (l *Log) newTogether(all []Addition) (*together, error) {
	if len(all) == 0 || len(all) > MaxTogether {
		return nil, fmt.Errorf("deltalog: a transaction is about 1 to %d documents, not %d", MaxTogether, len(all))
	}
	t := &together{log: l}
	keys := make(map[record.Key]bool)
	for _, a := range all {
		one, err := l.newAppender(a.Key, a.Tail, a.Data)
		switch {
		case err != nil:
			return nil, err
		case a.Key.Space != all[0].Key.Space:
			return nil, &RefusedError{Key: a.Key, Err: fmt.Errorf("a transaction is about documents of one space, and %s is of another one", all[0].Key)}
		case keys[a.Key]:
			return nil, &RefusedError{Key: a.Key, Err: errors.New("a transaction has one record for a document")}
		}
		keys[a.Key] = true
		t.all = append(t.all, one)
	}
	t.stream, t.floor = t.all[0].stream, t.all[0].floor
	return t, nil
}

// run returns the sequences of the stored records.
func (t *together) run(ctx context.Context) ([]uint64, error) {
	pause := t.log.newBackoff()
	for {
		sequences, cause, err := t.once(ctx)
		if err != nil || cause == nil {
			return sequences, err
		}
		if ctx.Err() == nil {
			t.stalled = true
			t.log.cfg.OnStall(t.all[0].key, cause)
			if pause.wait(ctx) == nil {
				continue
			}
		}
		if !errors.Is(cause, ctx.Err()) {
			cause = fmt.Errorf("%w: %w", ctx.Err(), cause)
		}
		return nil, &UncertainError{Key: t.all[0].key, Err: cause}
	}
}

// once makes one attempt and resolves what it says, as [appender.once].
func (t *together) once(ctx context.Context) (sequences []uint64, cause, outcome error) {
	if err := t.log.verifyAfterReconnect(ctx, t.stream); err != nil {
		return t.unresolved(err)
	}
	a := t.publish(ctx)
	n := uint64(len(t.all))
	switch a.verdict {
	case acknowledged:
		if !t.doubt && a.sequence >= t.floor+n {
			for i := range n {
				sequences = append(sequences, a.sequence-n+1+i)
			}
			return sequences, nil, nil
		}
		t.doubt = true
		return t.resolve(ctx, a.cause)
	case outdated:
		return t.resolve(ctx, a.cause)
	case refused:
		if !t.doubt {
			return nil, nil, &RefusedError{Key: t.all[0].key, Err: a.cause}
		}
	case unknown:
		t.doubt = true
	}
	return nil, a.cause, nil
}

// publish sends the batch once. Only the last message is answered.
func (t *together) publish(ctx context.Context) attempt {
	batch := strconv.FormatUint(t.log.cfg.Rand(), 36) + strconv.FormatUint(t.log.cfg.Rand(), 36)
	var last *nats.Msg
	for i, one := range t.all {
		last = &nats.Msg{Subject: one.subject, Data: one.data, Header: nats.Header{
			jetstream.ExpectedLastSubjSeqHeader: {strconv.FormatUint(one.tail.Last, 10)},
			headerBatch:                         {batch},
			headerBatchSequence:                 {strconv.Itoa(i + 1)},
		}}
		if i == len(t.all)-1 {
			last.Header[headerBatchCommit] = []string{"1"}
			break
		}
		if err := t.log.cfg.Conn.PublishMsg(last); err != nil {
			return attempt{verdict: unsent, cause: err}
		}
	}
	reply, err := t.log.request(ctx, last)
	if err != nil {
		return attempt{verdict: unknown, cause: err}
	}
	a := judge(reply.Data)
	var api *jetstream.APIError
	if errors.As(a.cause, &api) {
		switch api.ErrorCode {
		case codeBatchIncomplete, codeTooManyBatches:
			a.verdict = unsent
		case codeBatchTooLarge:
			a.verdict = refused
		}
	}
	return a
}

// resolve finds out whose messages follow the tails.
func (t *together) resolve(ctx context.Context, cause error) ([]uint64, error, error) {
	sequences := make([]uint64, len(t.all))
	var ours, theirs *appender
	var conflict uint64
	for i, one := range t.all {
		first, err := t.log.leaderGet(ctx, t.stream, getRequest{Seq: one.tail.Last + 1, NextFor: one.subject})
		switch {
		case errors.Is(err, errNoMessage):
		case err != nil:
			return t.unresolved(err)
		case bytes.Equal(first.Data, one.data):
			ours, sequences[i] = one, first.Sequence
		default:
			theirs, conflict = one, first.Sequence
		}
	}
	switch {
	case ours != nil && theirs != nil:
		return nil, nil, &TornError{Stored: ours.key, Missing: theirs.key}
	case theirs != nil:
		return nil, nil, &ConflictError{Key: theirs.key, Last: conflict}
	case ours == nil:
		return t.resolveNone(ctx, cause)
	}
	for _, s := range sequences {
		if s == 0 {
			return nil, errors.New("a part of the transaction is there, and the leader does not have the rest yet"), nil
		}
	}
	if _, err := t.log.verify(ctx, t.stream); err != nil {
		return t.unresolved(err)
	}
	return sequences, nil, nil
}

// resolveNone decides when nothing follows any of the tails.
func (t *together) resolveNone(ctx context.Context, cause error) ([]uint64, error, error) {
	for _, one := range t.all {
		_, again, err := one.resolveNone(ctx, cause)
		if err != nil || again == nil {
			return nil, again, err
		}
		cause = again
	}
	return nil, cause, nil
}

func (t *together) unresolved(err error) ([]uint64, error, error) {
	if errors.As(err, new(*EpochError)) {
		return nil, nil, err
	}
	return nil, err, nil
}
