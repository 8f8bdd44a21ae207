package move

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/feed"
	"github.com/rivulet-sync/rivulet/jetstream/inbox"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
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

// Moved is how many messages there are in the streams that were copied: of the log, and of
// what is beside it.
type Moved struct{ Records, Beside uint64 }

// StreamError says why a stream cannot be copied, or copied to, or is not what it should be.
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

// plan says how a stream is copied.
type plan struct {
	name string
	// log is set for what is the log, and for that only: it has an epoch, and never loses
	// its beginning but for compaction.
	log bool
	// gap is the subject of what fills gaps; empty: the stream is copied by value.
	gap string
}

// deadStream has the dead letters of webhooks, which a package above this one keeps.
const deadStream = "RV_DEAD"

// plans are all streams in the order in which they are copied. That with the ledger of the
// inbox is the last one, as it is there: without it nobody takes the others for an inbox.
func plans() []plan {
	var all []plan
	for shard := range deltalog.Shards {
		name := deltalog.StreamOfShard(byte(shard))
		all = append(all, plan{name: name, log: true, gap: deltalog.GapSubject(name)})
	}
	all = append(all, plan{name: feed.Stream}, plan{name: deadStream})
	for p := range inbox.Partitions {
		all = append(all, plan{name: inbox.EventStream(p), gap: inbox.GapSubject(p)})
	}
	return append(all, plan{name: inbox.ParkedStream}, plan{name: inbox.LedgerStream})
}

// All copies the streams, and compares them. The error is that of ctx, a [*StreamError], or
// one of NATS, after which it may be called again; the count is of the streams before it.
func All(ctx context.Context, cfg Config) (Moved, error) {
	if cfg.Progress == nil {
		cfg.Progress = func(Progress) {}
	}
	var moved Moved
	all := plans()
	if err := cfg.refuseUnknown(ctx, all); err != nil {
		return moved, err
	}
	for _, p := range all {
		c := &copier{cfg: cfg, plan: p}
		n, err := c.run(ctx)
		if err != nil {
			return moved, err
		}
		if p.log {
			moved.Records += n
		} else {
			moved.Beside += n
		}
	}
	return moved, nil
}

// prefix is what the names of all streams of Rivulet begin with.
const prefix = "RV_"

// refuseUnknown refuses streams of which it is not known how they have to be copied: to leave
// them behind would lose what is in them.
func (cfg *Config) refuseUnknown(ctx context.Context, all []plan) error {
	known := map[string]bool{snapshot.Stream: true}
	for _, p := range all {
		known[p.name] = true
	}
	names := cfg.From.StreamNames(ctx)
	var unknown string
	for name := range names.Name() {
		if strings.HasPrefix(name, prefix) && !known[name] {
			unknown = name
		}
	}
	switch {
	case names.Err() != nil:
		return fmt.Errorf("move: list of streams: %w", names.Err())
	case unknown != "":
		return &StreamError{Stream: unknown, Reason: "this version of Rivulet does not know it, and would leave it behind; move with the version that made it"}
	}
	return nil
}

// copier copies one stream.
type copier struct {
	cfg  Config
	plan plan
	from jetstream.Stream
	to   jetstream.Stream
}

func (c *copier) refuse(reason string) error {
	return &StreamError{Stream: c.plan.name, Reason: reason}
}

// run copies the stream if there is one, and returns how many messages it has.
func (c *copier) run(ctx context.Context) (uint64, error) {
	var err error
	if c.from, err = c.cfg.From.Stream(ctx, c.plan.name); errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, c.nothing(ctx)
	} else if err != nil {
		return 0, fmt.Errorf("move: %s: %w", c.plan.name, err)
	}
	source := c.from.CachedInfo()
	source.State.FirstSeq = max(1, source.State.FirstSeq) // 0: nothing was stored ever
	if err := c.target(ctx, source); err != nil {
		return 0, err
	}
	fill := c.copyValues
	if c.plan.gap != "" {
		fill = c.copyExactly
	}
	if err := fill(ctx, source.State); err != nil {
		return 0, fmt.Errorf("move: %s: %w", c.plan.name, err)
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

// nothing makes sure that where nothing is copied there is nothing: the target would go on with
// what is of another log.
func (c *copier) nothing(ctx context.Context) error {
	to, err := c.cfg.To.Stream(ctx, c.plan.name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("move: %s: %w", c.plan.name, err)
	case to.CachedInfo().State.Msgs > 0:
		return c.refuse("it is there, but not where the log comes from; delete it, if nobody needs it, and begin again")
	}
	return nil
}

// Metadata of streams.
const (
	metaEpoch     = "rivulet-epoch"
	metaFormat    = "rivulet-format"
	formatVersion = "1"
)

// target creates the stream, or makes sure that the one that is there holds the
// beginning of this one.
func (c *copier) target(ctx context.Context, source *jetstream.StreamInfo) (err error) {
	switch format := source.Config.Metadata[metaFormat]; {
	case format != formatVersion:
		return c.refuse(fmt.Sprintf("it is not of this version of Rivulet (format %.20q); move with the version that made it", format))
	case c.plan.gap == "" && source.Config.MaxMsgsPerSubject != 1:
		return c.refuse("it was changed to keep more than the last value of each subject")
	}
	c.to, err = c.cfg.To.Stream(ctx, c.plan.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		cfg := source.Config
		cfg.Replicas = max(1, c.cfg.Replicas)
		if cfg.FirstSeq = 0; c.plan.gap != "" {
			cfg.FirstSeq = source.State.FirstSeq
		}
		cfg.Metadata = maps.Clone(cfg.Metadata)
		maps.DeleteFunc(cfg.Metadata, func(name, _ string) bool { return strings.HasPrefix(name, "_nats.") })
		c.to, err = c.create(ctx, cfg)
	}
	if err != nil {
		return fmt.Errorf("move: %s: %w", c.plan.name, err)
	}
	target := c.to.CachedInfo()
	switch {
	case target.Config.Metadata[metaFormat] != formatVersion:
		return c.refuse("at the target it was not made by this version of Rivulet")
	case target.Config.Metadata[metaEpoch] != source.Config.Metadata[metaEpoch]:
		return c.refuse("there is another log already; delete its streams, if nobody needs it, and begin again")
	case c.plan.gap != "" && target.State.LastSeq > source.State.LastSeq:
		return c.refuse("it goes on where this one ends: it is in use already")
	case c.plan.log && target.State.LastSeq > 0 && target.State.LastSeq+1 < source.State.FirstSeq:
		return c.refuse("the log has been compacted since it was begun to be copied; delete the copy and begin again")
	}
	return nil
}

// noPeers is the code of the error of a cluster of which servers are away, or are taken to be
// as they have been slow.
const noPeers = 10005

// create creates a stream as soon as there are enough servers for it, unless that takes too
// long.
func (c *copier) create(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	for wait := 10 * time.Millisecond; ; wait *= 2 {
		stream, err := c.cfg.To.CreateStream(ctx, cfg)
		var api *jetstream.APIError
		if !errors.As(err, &api) || api.ErrorCode != noPeers || wait > settleWithin {
			return stream, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
