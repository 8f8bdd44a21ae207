package move

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
)

// Config says from where to where. From and To are required.
type Config struct {
	From, To jetstream.JetStream
	// Replicas of the streams that are created; 0 stands for 1.
	Replicas int
	// Progress is told now and then how many messages of a stream are copied, or compared,
	// and at the end of each; may be nil.
	Progress func(Progress)
}

// Progress is how far a stream is.
type Progress struct {
	Stream string
	// Checking is set while what was copied is compared.
	Checking    bool
	Done, Total uint64 // messages
}

// StreamError says why a stream cannot be copied to, or is not what it should be.
type StreamError struct {
	Stream string
	Reason string
}

func (e *StreamError) Error() string { return "move: stream " + e.Stream + ": " + e.Reason }

const (
	// window bounds the messages that are on their way.
	window = 256
	// sayEvery is after how many messages progress is told.
	sayEvery = 5000
	// settleWithin is about how long the replicas of a cluster may take to have all.
	settleWithin = 4 * time.Second
	// idle is how long the next message of a stream that has one may take.
	idle = 30 * time.Second
)

// Log copies the streams of the log, and compares them. It returns how many messages
// they have.
func Log(ctx context.Context, cfg Config) (uint64, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(Progress) {}
	}
	var total uint64
	for shard := range deltalog.Shards {
		c := &copier{cfg: cfg, name: deltalog.StreamOfShard(byte(shard))}
		n, err := c.run(ctx)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// copier copies one stream.
type copier struct {
	cfg  Config
	name string
	from jetstream.Stream
	to   jetstream.Stream
}

func (c *copier) run(ctx context.Context) (uint64, error) {
	var err error
	if c.from, err = c.cfg.From.Stream(ctx, c.name); errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, nil
	} else if err != nil {
		return 0, fmt.Errorf("move: %s: %w", c.name, err)
	}
	source := c.from.CachedInfo()
	if err := c.target(ctx, source); err != nil {
		return 0, err
	}
	next := c.to.CachedInfo().State.LastSeq + 1
	if err := c.copy(ctx, source.State, max(next, source.State.FirstSeq)); err != nil {
		return 0, fmt.Errorf("move: %s: %w", c.name, err)
	}
	// A replica that is read from may be behind.
	for wait := 10 * time.Millisecond; ; wait *= 2 {
		err := c.compare(ctx, source.State)
		behind := errors.As(err, new(*StreamError)) || errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
		if !behind || wait > settleWithin {
			return source.State.Msgs, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return source.State.Msgs, err
		}
	}
}

// target creates the stream, or makes sure that the one that is there holds the
// beginning of this one.
func (c *copier) target(ctx context.Context, source *jetstream.StreamInfo) (err error) {
	c.to, err = c.cfg.To.Stream(ctx, c.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		cfg := source.Config
		cfg.Replicas = max(1, c.cfg.Replicas)
		cfg.FirstSeq = source.State.FirstSeq
		cfg.Metadata = maps.Clone(cfg.Metadata)
		maps.DeleteFunc(cfg.Metadata, func(name, _ string) bool { return strings.HasPrefix(name, "_nats.") })
		c.to, err = c.cfg.To.CreateStream(ctx, cfg)
	}
	if err != nil {
		return fmt.Errorf("move: %s: %w", c.name, err)
	}
	target := c.to.CachedInfo()
	refuse := func(reason string) error { return &StreamError{Stream: c.name, Reason: reason} }
	const epoch = "rivulet-epoch"
	switch {
	case target.Config.Metadata[epoch] != source.Config.Metadata[epoch]:
		return refuse("there is another log already; delete its streams, if nobody needs it, and begin again")
	case target.State.LastSeq > source.State.LastSeq:
		return refuse("it goes on where this log ends: it is in use already")
	case target.State.LastSeq > 0 && target.State.LastSeq+1 < source.State.FirstSeq:
		return refuse("the log has been compacted since it was begun to be copied; delete the copy and begin again")
	}
	return nil
}

// copy copies the messages from a sequence on.
func (c *copier) copy(ctx context.Context, source jetstream.StreamState, next uint64) error {
	if next > source.LastSeq {
		return nil
	}
	var pending []jetstream.PubAckFuture
	var gaps []uint64
	settle := func(keep int) error {
		for len(pending) > keep {
			select {
			case <-pending[0].Ok():
			case err := <-pending[0].Err():
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
			pending = pending[1:]
		}
		return nil
	}
	publish := func(msg *nats.Msg, at uint64) error {
		future, err := c.cfg.To.PublishMsgAsync(msg, jetstream.WithExpectLastSequence(at-1), jetstream.WithExpectStream(c.name))
		if err != nil {
			return err
		}
		pending = append(pending, future)
		return settle(window)
	}
	// fill leaves a gap up to a sequence.
	fill := func(to uint64) error {
		for ; next < to; next++ {
			if err := publish(&nats.Msg{Subject: deltalog.GapSubject(c.name)}, next); err != nil {
				return err
			}
			gaps = append(gaps, next)
		}
		return nil
	}
	err := c.read(ctx, c.from, next, source.LastSeq, func(m jetstream.Msg, at uint64) error {
		if err := fill(at); err != nil {
			return err
		}
		if err := publish(&nats.Msg{Subject: m.Subject(), Header: own(m.Headers()), Data: m.Data()}, at); err != nil {
			return err
		}
		if next++; next%sayEvery == 0 {
			c.cfg.Progress(Progress{Stream: c.name, Done: next - source.FirstSeq, Total: source.LastSeq - source.FirstSeq + 1})
		}
		return nil
	})
	if err == nil {
		err = fill(source.LastSeq + 1)
	}
	if err == nil {
		err = settle(0)
	}
	for _, at := range gaps {
		if err != nil {
			break
		}
		err = c.to.DeleteMsg(ctx, at)
	}
	return err
}

// own returns the headers of a message without those that a server acts on.
func own(h nats.Header) nats.Header {
	kept := nats.Header{}
	for name, values := range h {
		if !strings.HasPrefix(name, "Nats-") {
			kept[name] = values
		}
	}
	return kept
}

// read passes the messages of a stream to fn, in order, up to a sequence.
func (c *copier) read(ctx context.Context, s jetstream.Stream, from, to uint64, fn func(jetstream.Msg, uint64) error) error {
	if info, err := s.Info(ctx); err != nil {
		return err
	} else if info.State.Msgs == 0 || info.State.LastSeq < from {
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
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		bounded, cancel := context.WithTimeout(ctx, idle)
		m, err := messages.Next(jetstream.NextContext(bounded))
		cancel()
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if meta.Sequence.Stream > to {
			return nil
		}
		if err := fn(m, meta.Sequence.Stream); err != nil {
			return err
		}
		if meta.NumPending == 0 {
			return nil
		}
	}
}

// compare makes sure that both streams have the same messages at the same sequences.
func (c *copier) compare(ctx context.Context, source jetstream.StreamState) error {
	sums := [2]uint64{}
	for i, s := range []jetstream.Stream{c.from, c.to} {
		sum, n := xxhash.New(), uint64(0)
		err := c.read(ctx, s, 1, source.LastSeq, func(m jetstream.Msg, at uint64) error {
			fmt.Fprintf(sum, "%d %s %d\n", at, m.Subject(), len(m.Data()))
			sum.Write(m.Data()) //nolint:errcheck // never fails
			if n++; i == 1 && n%sayEvery == 0 {
				c.cfg.Progress(Progress{Stream: c.name, Checking: true, Done: n, Total: source.Msgs})
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("move: compare %s: %w", c.name, err)
		}
		sums[i] = sum.Sum64()
	}
	info, err := c.to.Info(ctx)
	if err != nil {
		return fmt.Errorf("move: compare %s: %w", c.name, err)
	}
	if sums[0] != sums[1] || info.State.LastSeq != source.LastSeq {
		return &StreamError{Stream: c.name, Reason: "the copy is not what was copied; delete it and begin again"}
	}
	c.cfg.Progress(Progress{Stream: c.name, Checking: true, Done: source.Msgs, Total: source.Msgs})
	return nil
}
