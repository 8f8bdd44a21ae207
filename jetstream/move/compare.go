package move

import (
	"context"
	"fmt"
	"iter"

	"github.com/cespare/xxhash/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// message is one of a stream.
type message struct {
	at      uint64 // its sequence
	subject string
	header  nats.Header
	data    []byte
}

// messages are those of a stream in order, from a sequence up to another one. An error is the
// last of it.
func messages(ctx context.Context, s jetstream.Stream, from, to uint64) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		if err := read(ctx, s, from, to, func(m message) bool { return yield(m, nil) }); err != nil {
			yield(message{}, err)
		}
	}
}

// read passes messages until fn reports false.
func read(ctx context.Context, s jetstream.Stream, from, to uint64, fn func(message) bool) error {
	if info, err := s.Info(ctx); err != nil {
		return err
	} else if info.State.Msgs == 0 || info.State.LastSeq < from || to < from {
		return nil
	}
	consumer, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
	})
	if err != nil {
		return err
	}
	if n := consumer.CachedInfo().NumPending; n == 0 {
		return nil
	}
	next, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer next.Stop()
	for {
		bounded, cancel := context.WithTimeout(ctx, idle)
		m, err := next.Next(jetstream.NextContext(bounded))
		cancel()
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		at := meta.Sequence.Stream
		if at > to || !fn(message{at: at, subject: m.Subject(), header: m.Headers(), data: m.Data()}) || meta.NumPending == 0 {
			return nil
		}
	}
}

// compare makes sure that both streams have the same messages, at the same sequences, or with
// them as their origin.
func (c *copier) compare(ctx context.Context, source jetstream.StreamState) error {
	info, err := c.to.Info(ctx)
	if err != nil {
		return fmt.Errorf("move: compare %s: %w", c.plan.name, err)
	}
	want, err := c.sum(ctx, c.from, source.LastSeq, false)
	if err != nil {
		return err
	}
	got, err := c.sum(ctx, c.to, info.State.LastSeq, true)
	if err != nil {
		return err
	}
	if want != got || c.plan.gap != "" && info.State.LastSeq != source.LastSeq {
		return c.refuse("the copy is not what was copied; delete it and begin again")
	}
	c.cfg.Progress(Progress{Stream: c.plan.name, Checking: true, Done: source.Msgs, Total: source.Msgs})
	return nil
}

// sum returns a checksum of a stream up to a sequence.
func (c *copier) sum(ctx context.Context, s jetstream.Stream, to uint64, isCopy bool) (uint64, error) {
	sum, n := xxhash.New(), uint64(0)
	for m, err := range messages(ctx, s, 1, to) {
		at := m.at
		if err == nil && isCopy && c.plan.gap == "" {
			at, err = origin(m.header)
		}
		if err != nil {
			return 0, fmt.Errorf("move: compare %s: %w", c.plan.name, err)
		}
		fmt.Fprintf(sum, "%d %s %d\n", at, m.subject, len(m.data))
		sum.Write(m.data) //nolint:errcheck // never fails
		if n++; isCopy && n%sayEvery == 0 {
			c.cfg.Progress(Progress{Stream: c.plan.name, Checking: true, Done: n, Total: s.CachedInfo().State.Msgs})
		}
	}
	return sum.Sum64(), nil
}
