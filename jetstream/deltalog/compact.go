package deltalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Compaction is how the log forgets: it has every document of a stream stated anew by
// a base, notes where it began to, and once that is as old as what is to be kept, drops
// all of the stream before it. What a stream holds is its documents and their history;
// a document that nobody writes is copied along.
//
// Where compactions began and ended is noted in the stream itself, so any server may go
// on with them, and a server that dies in between leaves nothing behind but bases that
// are of use to nobody.
type Compaction struct {
	// Keep is how long every revision can be read at least.
	Keep time.Duration
	// Garbage is how many bytes a stream has beside what the last compaction had to
	// copy before there is another one. 0 has all streams compacted now.
	Garbage uint64
	// Rebase has a document stated by [Log.AppendBase] at its head, and returns nil only
	// when that has. Several goroutines call it.
	Rebase func(ctx context.Context, key record.Key) error
	// Progress is told of every document that is done; may be nil.
	Progress func(stream string, documents int)
}

// Compacted says what was done to a stream.
type Compacted struct {
	Stream string
	// Documents were stated by bases.
	Documents int
	// Messages and Bytes were dropped.
	Messages, Bytes uint64
}

// checkpoint is the message that notes a compaction. Its subject is no document's.
type checkpoint struct {
	Format int   `json:"format"`
	Time   int64 `json:"time"` // when it was noted, in milliseconds since 1970
	// From is the sequence of the first one, that of its beginning, 0 in that itself:
	// all documents that have a message before it have a base behind it.
	From  uint64 `json:"from,omitempty"`
	Bytes uint64 `json:"bytes,omitempty"` // of the bases, about
	// sequence is where the message is.
	sequence uint64
}

const checkpointFormat = 1

const (
	// rebasesAtOnce bounds the documents that are being stated.
	rebasesAtOnce = 4
	// abandonedAfter is how old a compaction is that another server has begun, and is
	// taken to have given up.
	abandonedAfter = time.Hour
	// checkpointsPerKeep bounds how often the documents are copied while the first copy
	// is not old enough.
	checkpointsPerKeep = 4
)

// Compact goes over all streams. What it did before an error stays done. It waits for
// nothing but its own work, so whoever keeps a log small calls it now and then; of
// several servers that do at once only one compacts a stream.
func (l *Log) Compact(ctx context.Context, c Compaction) ([]Compacted, error) {
	if c.Progress == nil {
		c.Progress = func(string, int) {}
	}
	var all []Compacted
	var errs []error
	for i := range l.streams {
		done, err := l.compact(ctx, &l.streams[i], byte(i), c)
		if done.Documents > 0 || done.Messages > 0 {
			all = append(all, done)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("deltalog: compact %s: %w", l.streams[i].name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return all, errors.Join(errs...)
}

// compact drops what may be dropped of a stream, and begins to compact it when that is
// due.
func (l *Log) compact(ctx context.Context, s *stream, shard byte, c Compaction) (Compacted, error) {
	done := Compacted{Stream: s.name}
	if _, err := l.verify(ctx, s); err != nil {
		return done, err
	}
	points, err := l.checkpoints(ctx, s, shard)
	if err != nil {
		return done, err
	}
	now := l.cfg.Clock()
	if err := l.drop(ctx, s, points, now.Add(-c.Keep), &done); err != nil {
		return done, err
	}
	begin, resume, err := l.due(ctx, s, points, now, c)
	if err != nil || !begin {
		return done, err
	}
	point := resume
	if point.sequence == 0 {
		point = checkpoint{Format: checkpointFormat, Time: now.UnixMilli()}
		if point.sequence, err = l.note(ctx, s, shard, point, points); err != nil {
			return done, err
		}
		points = append(points, point)
	}
	size, err := l.rebase(ctx, s, shard, point.sequence, c, &done)
	if err != nil {
		return done, err
	}
	// What was written meanwhile, between the beginning and the document's base, is out of
	// reach of a reader who begins with that. So it is the end that has to be old enough.
	end := checkpoint{Format: checkpointFormat, Time: l.cfg.Clock().UnixMilli(), From: point.sequence, Bytes: size}
	if end.sequence, err = l.note(ctx, s, shard, end, points); err != nil {
		return done, err
	}
	return done, l.drop(ctx, s, append(points, end), l.cfg.Clock().Add(-c.Keep), &done)
}

// checkpoints returns what was noted, in order.
func (l *Log) checkpoints(ctx context.Context, s *stream, shard byte) ([]checkpoint, error) {
	var all []checkpoint
	for from := uint64(1); ; {
		m, err := l.leaderGet(ctx, s, getRequest{Seq: from, NextFor: checkpointSubject(shard)})
		if errors.Is(err, errNoMessage) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		var point checkpoint
		if err := json.Unmarshal(m.Data, &point); err != nil || point.Format != checkpointFormat {
			return nil, fmt.Errorf("the checkpoint at %d is not of this version", m.Sequence)
		}
		point.sequence = m.Sequence
		all = append(all, point)
		from = m.Sequence + 1
	}
}

// note appends a checkpoint behind those that are known.
func (l *Log) note(ctx context.Context, s *stream, shard byte, point checkpoint, after []checkpoint) (uint64, error) {
	data, err := json.Marshal(point)
	if err != nil {
		return 0, err
	}
	expected := uint64(0)
	if len(after) > 0 {
		expected = after[len(after)-1].sequence
	}
	a, err := l.cfg.JetStream.PublishMsg(ctx, &nats.Msg{Subject: checkpointSubject(shard), Data: data},
		jetstream.WithExpectLastSequencePerSubject(expected), jetstream.WithRetryAttempts(0), jetstream.WithExpectStream(s.name))
	if err != nil {
		return 0, fmt.Errorf("note a checkpoint: %w", err)
	}
	return a.Sequence, nil
}

// due says whether to compact now, and which compaction to go on with.
func (l *Log) due(ctx context.Context, s *stream, points []checkpoint, now time.Time, c Compaction) (begin bool, resume checkpoint, err error) {
	info, err := l.streamInfo(ctx, s.name)
	if err != nil {
		return false, resume, err
	}
	copied, last := uint64(0), uint64(0)
	if len(points) > 0 {
		newest := points[len(points)-1]
		age := now.Sub(time.UnixMilli(newest.Time))
		switch {
		case newest.From == 0 && c.Garbage > 0 && age < abandonedAfter:
			return false, resume, nil // somebody is at it
		case newest.From == 0:
			return true, newest, nil
		case c.Garbage > 0 && age < c.Keep/checkpointsPerKeep:
			return false, resume, nil
		}
		copied, last = newest.Bytes, newest.sequence
	}
	if info.State.LastSeq == last || info.State.Msgs == 0 {
		return false, resume, nil // nothing was written since
	}
	return info.State.Bytes >= 2*copied+c.Garbage, resume, nil
}

// drop forgets what is before the newest compaction that is old enough.
func (l *Log) drop(ctx context.Context, s *stream, points []checkpoint, before time.Time, done *Compacted) error {
	var from uint64
	for _, p := range points {
		if p.From > 0 && !time.UnixMilli(p.Time).After(before) {
			from = p.From
		}
	}
	if from == 0 {
		return nil
	}
	info, err := l.streamInfo(ctx, s.name)
	if err != nil || info.State.FirstSeq >= from {
		return err
	}
	stream, err := l.cfg.JetStream.Stream(ctx, s.name)
	if err != nil {
		return err
	}
	if err := stream.Purge(ctx, jetstream.WithPurgeSequence(from)); err != nil {
		return fmt.Errorf("drop what is before %d: %w", from, err)
	}
	after, err := stream.Info(ctx)
	if err != nil {
		return err
	}
	done.Messages += info.State.Msgs - min(info.State.Msgs, after.State.Msgs)
	done.Bytes += info.State.Bytes - min(info.State.Bytes, after.State.Bytes)
	return nil
}

// rebase has every document of a stream stated that has messages before a sequence.
// It returns about how many bytes that took.
func (l *Log) rebase(ctx context.Context, s *stream, shard byte, from uint64, c Compaction, done *Compacted) (uint64, error) {
	stream, err := l.cfg.JetStream.Stream(ctx, s.name)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		wg   sync.WaitGroup
		keys = make(chan record.Key)
		mu   sync.Mutex
		size uint64
	)
	for range rebasesAtOnce {
		wg.Go(func() {
			for key := range keys {
				bytes, did, err := l.rebaseOne(ctx, s, key, from, c.Rebase)
				if err != nil {
					cancel(fmt.Errorf("%s: %w", key, err))
					continue
				}
				mu.Lock()
				size += bytes
				if did {
					done.Documents++
					c.Progress(s.name, done.Documents)
				}
				mu.Unlock()
			}
		})
	}
	err = func() error {
		defer wg.Wait()
		defer close(keys)
		for partition := range Partitions {
			info, err := stream.Info(ctx, jetstream.WithSubjectFilter(partitionFilter(shard, byte(partition))))
			if err != nil {
				return err
			}
			if info.State.LastSeq < from {
				return errBehind
			}
			for subject := range info.State.Subjects {
				key, err := ParseSubject(subject)
				if err != nil {
					return err
				}
				select {
				case keys <- key:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		}
		return nil
	}()
	if cause := context.Cause(ctx); cause != nil {
		err = cause // rather than what it has led to
	}
	return size, err
}

// rebaseOne has a document stated unless all that a reader needs is behind a sequence.
// It returns about the size of the base, and whether it was asked for.
func (l *Log) rebaseOne(ctx context.Context, s *stream, key record.Key, from uint64, rebase func(context.Context, record.Key) error) (size uint64, did bool, err error) {
	subject := Subject(key)
	first, err := l.leaderGet(ctx, s, getRequest{Seq: 1, NextFor: subject})
	if err != nil || first.Sequence >= from {
		return 0, false, err
	}
	last, err := l.leaderGet(ctx, s, getRequest{LastFor: subject})
	if err != nil {
		return 0, false, err
	}
	stated, err := l.stated(ctx, s, last, from)
	if err != nil || stated {
		return uint64(len(last.Data)), false, err
	}
	if err := rebase(ctx, key); err != nil {
		return 0, true, err
	}
	last, err = l.leaderGet(ctx, s, getRequest{LastFor: subject})
	return uint64(len(last.Data)), true, err
}

// stated reports whether the last message of a document is the end of a base that begins
// behind a sequence: a compaction that was given up has left it.
func (l *Log) stated(ctx context.Context, s *stream, last stored, from uint64) (bool, error) {
	rec, err := record.Decode(last.Data)
	if err != nil || rec.Kind != record.KindBase || rec.Epoch != s.epoch || last.Sequence < from {
		return false, nil // what is damaged, whoever has it stated will say
	}
	var b beginning
	for next := from; ; {
		m, err := l.leaderGet(ctx, s, getRequest{Seq: next, NextFor: last.Subject})
		if err != nil {
			return false, err
		}
		rec, err := record.Decode(m.Data)
		if err != nil {
			return false, nil
		}
		if _, base := b.add(message{m.Sequence, m.Data, rec}); base != nil {
			return true, nil
		}
		if m.Sequence >= last.Sequence {
			return false, nil
		}
		next = m.Sequence + 1
	}
}
