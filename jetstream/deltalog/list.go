package deltalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Listed is a document that has records.
type Listed struct {
	Key record.Key
	// Records counts what is stored on the document's subject, void records included.
	Records uint64
}

// List returns the documents of a space, by id. It takes the memory of all of them,
// about 200 bytes each, and of the server as much.
func (l *Log) List(ctx context.Context, space string) ([]Listed, error) {
	probe := record.Key{Space: space, ID: "x"}
	if err := checkKey(probe); err != nil {
		return nil, err
	}
	s := l.stream(probe)
	stream, err := l.cfg.JetStream.Stream(ctx, s.name)
	if err != nil {
		return nil, fmt.Errorf("deltalog: list %s: %w", space, err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(spaceFilter(probe)))
	if err != nil {
		return nil, fmt.Errorf("deltalog: list %s: %w", space, err)
	}
	list := make([]Listed, 0, len(info.State.Subjects))
	for subject, n := range info.State.Subjects {
		key, err := ParseSubject(subject)
		if err != nil {
			return nil, err // nobody but us publishes there
		}
		list = append(list, Listed{Key: key, Records: n})
	}
	slices.SortFunc(list, func(a, b Listed) int { return cmp.Compare(a.Key.ID, b.Key.ID) })
	return list, nil
}

// Latest returns the last record on a document's subject, or ErrNotFound. As with
// [Log.Get] it may be void. If it is a base, the position is the one that is stated.
func (l *Log) Latest(ctx context.Context, key record.Key) (Entry, error) {
	if err := checkKey(key); err != nil {
		return Entry{}, err
	}
	s := l.stream(key)
	m, err := l.leaderGet(ctx, s, getRequest{LastFor: Subject(key)})
	switch {
	case errors.Is(err, errNoMessage):
		return Entry{}, ErrNotFound
	case err != nil:
		return Entry{}, fmt.Errorf("deltalog: latest of %s: %w", key, err)
	}
	return entryOf(key, s, m)
}
