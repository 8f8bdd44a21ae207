package deltalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Stocked is a document at a moment that all documents of its stream have in common.
type Stocked struct {
	Key record.Key
	// Until is that moment: records with later revisions came after it. A document all of
	// whose records are later was not there yet.
	Until record.Revision
}

// Stock yields the documents of a space, by id; with an empty one those of all spaces.
// The documents of one space share a moment, which is when the first of their stream is
// yielded, and which parts no transaction. It takes the memory of the documents of a
// space, or else of a partition.
func (l *Log) Stock(ctx context.Context, space string) iter.Seq2[Stocked, error] {
	return func(yield func(Stocked, error) bool) {
		if err := l.stock(ctx, space, func(s Stocked) bool { return yield(s, nil) }); err != nil && !errors.Is(err, errEnough) {
			yield(Stocked{}, err)
		}
	}
}

var errEnough = errors.New("enough")

func (l *Log) stock(ctx context.Context, space string, yield func(Stocked) bool) error {
	if space != "" {
		probe := record.Key{Space: space, ID: "x"}
		if err := checkKey(probe); err != nil {
			return err
		}
		return l.stockOf(ctx, l.stream(probe), []string{spaceFilter(probe)}, yield)
	}
	for shard := range l.streams {
		filters := make([]string, Partitions)
		for partition := range filters {
			filters[partition] = partitionFilter(byte(shard), byte(partition))
		}
		if err := l.stockOf(ctx, &l.streams[shard], filters, yield); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) stockOf(ctx context.Context, s *stream, filters []string, yield func(Stocked) bool) error {
	stream, err := l.cfg.JetStream.Stream(ctx, s.name)
	if err != nil {
		return fmt.Errorf("deltalog: %s: %w", s.name, err)
	}
	until, err := moment(ctx, stream)
	if err != nil {
		return fmt.Errorf("deltalog: %s: %w", s.name, err)
	}
	for _, filter := range filters {
		info, err := stream.Info(ctx, jetstream.WithSubjectFilter(filter))
		if err != nil {
			return fmt.Errorf("deltalog: %s: %w", s.name, err)
		}
		keys := make([]record.Key, 0, len(info.State.Subjects))
		for subject := range info.State.Subjects {
			key, err := ParseSubject(subject)
			if err != nil {
				return err
			}
			keys = append(keys, key)
		}
		slices.SortFunc(keys, func(a, b record.Key) int { return cmp.Or(cmp.Compare(a.Space, b.Space), cmp.Compare(a.ID, b.ID)) })
		for _, key := range keys {
			if !yield(Stocked{Key: key, Until: record.Revision(until)}) {
				return errEnough
			}
		}
	}
	return nil
}

// moment returns the last sequence of a stream, or the next one that does not leave a
// transaction half.
func moment(ctx context.Context, stream jetstream.Stream) (uint64, error) {
	info, err := stream.Info(ctx)
	if err != nil {
		return 0, err
	}
	at := info.State.LastSeq
	for at > 0 {
		m, err := stream.GetMsg(ctx, at)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
			// Erased, or not there yet: then the transaction was half when the server looked,
			// and the rest of it follows at once.
			now, err := stream.Info(ctx)
			if err != nil || now.State.LastSeq >= at {
				return at, err
			}
			continue
		case err != nil:
			return 0, err
		case m.Header.Get(headerBatch) == "" || m.Header.Get(headerBatchCommit) != "":
			return at, nil
		}
		at++
	}
	return 0, nil
}
