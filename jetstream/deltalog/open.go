package deltalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Log is the log of all documents.
type Log struct {
	cfg     Config
	link    *link
	api     string // prefix of the JetStream API's subjects, with its last dot
	streams [Shards]stream
	voids   atomic.Uint64
	reached reached
}

// openWithin is how long the streams may take to be there: to make those of a cluster takes
// an election each, on a busy one much longer than a request is given as a rule.
const openWithin = 30 * time.Second

// Open creates the streams that are missing, has those publish their news that
// were made before there was any, and reads the epoch of each. Of several
// processes that do so at once all get the same epochs. An existing stream that
// cannot hold the log is a [*StreamError].
func Open(ctx context.Context, cfg Config) (*Log, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if limit := cfg.Conn.MaxPayload(); limit < maxMessage {
		return nil, fmt.Errorf("deltalog: the NATS server takes messages of up to %d bytes, %d are needed: raise its max_payload", limit, maxMessage)
	}
	l := &Log{cfg: cfg, link: newLink(cfg.Conn), api: apiPrefix(cfg.JetStream.Options())}
	if err := l.openAll(ctx, l.createStream); err != nil {
		return nil, err
	}
	return l, nil
}

// Reopen returns the log as it is now, for who has got an [*EpochError]: the streams are
// opened anew, each with the epoch that it has, and none is created. The old Log remains what
// it is.
func (l *Log) Reopen(ctx context.Context) (*Log, error) {
	anew := &Log{cfg: l.cfg, link: l.link, api: l.api}
	none := func(context.Context, byte) error { return jetstream.ErrStreamNotFound }
	if err := anew.openAll(ctx, none); err != nil {
		return nil, err
	}
	return anew, nil
}

// openAll opens the streams; missing ones are created.
func (l *Log) openAll(ctx context.Context, create func(context.Context, byte) error) error {
	ctx, opened := context.WithTimeout(ctx, openWithin)
	defer opened()
	var (
		wg   sync.WaitGroup
		errs [Shards]error
	)
	for i := range l.streams {
		wg.Go(func() { errs[i] = l.openInTime(ctx, byte(i), create) })
	}
	wg.Wait()
	return errors.Join(errs[:]...)
}

// askFor is how long a stream is asked for before it is asked for again: who asks a cluster
// about a stream that has no leader just then gets no answer, not a late one.
const askFor = 5 * time.Second

// openInTime opens a stream, as often as there is time.
func (l *Log) openInTime(ctx context.Context, shard byte, create func(context.Context, byte) error) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, askFor)
		err := l.openStream(attempt, shard, create)
		unanswered := attempt.Err() != nil
		cancel()
		if err == nil || !unanswered || ctx.Err() != nil {
			return err
		}
	}
}

// Epoch returns the epoch of the log that holds a document.
func (l *Log) Epoch(key record.Key) record.Epoch { return l.stream(key).epoch }

// Voids returns how many void records this Log has passed over so far,
// counting one again each time that it is read.
func (l *Log) Voids() uint64 { return l.voids.Load() }

func (l *Log) stream(key record.Key) *stream { return &l.streams[shardOf(key)] }

func (l *Log) openStream(ctx context.Context, shard byte, create func(context.Context, byte) error) error {
	s := &l.streams[shard]
	s.name = streamName(shard)
	s.reconnects.Store(l.reconnects())
	info, err := l.streamInfo(ctx, s.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if err = create(ctx, shard); err == nil {
			// What was created may not be what this process asked for.
			info, err = l.streamInfo(ctx, s.name)
		}
	}
	if err != nil {
		return fmt.Errorf("deltalog: open stream %s: %w", s.name, err)
	}
	if info.Config.RePublish == nil {
		if info, err = l.addNews(ctx, shard, info.Config); err != nil {
			return err
		}
	}
	s.epoch, err = checkStream(shard, l.cfg.Replicas, info.Config)
	if err != nil {
		return err
	}
	s.raise(info.State.LastSeq)
	return nil
}

func (l *Log) createStream(ctx context.Context, shard byte) error {
	epoch := record.Epoch(l.cfg.Rand())
	for epoch == 0 {
		epoch = record.Epoch(l.cfg.Rand())
	}
	cfg := streamConfig(shard, l.cfg.Replicas, epoch, l.cfg.Clock())
	_, err := l.cfg.JetStream.CreateStream(ctx, cfg)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil // another process was faster
	}
	if err == nil {
		l.cfg.Logger.Info("delta log stream created", "stream", cfg.Name, "epoch", cfg.Metadata[metaEpoch], "replicas", cfg.Replicas)
	}
	return err
}

// addNews has a stream that is good in all other respects publish its news. That
// another process does the same makes no difference.
func (l *Log) addNews(ctx context.Context, shard byte, cfg jetstream.StreamConfig) (*jetstream.StreamInfo, error) {
	cfg.RePublish = republish(shard)
	if _, err := checkStream(shard, l.cfg.Replicas, cfg); err != nil {
		return nil, err
	}
	if _, err := l.cfg.JetStream.UpdateStream(ctx, cfg); err != nil {
		return nil, fmt.Errorf("deltalog: update stream %s: %w", cfg.Name, err)
	}
	l.cfg.Logger.Info("delta log stream publishes its news from now on", "stream", cfg.Name)
	info, err := l.streamInfo(ctx, cfg.Name)
	if err != nil {
		return nil, fmt.Errorf("deltalog: open stream %s: %w", cfg.Name, err)
	}
	return info, nil
}

func (l *Log) streamInfo(ctx context.Context, name string) (*jetstream.StreamInfo, error) {
	s, err := l.cfg.JetStream.Stream(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.CachedInfo(), nil
}

func (l *Log) reconnects() uint64 { return l.cfg.Conn.Stats().Reconnects }

func apiPrefix(o jetstream.JetStreamOptions) string {
	switch {
	case o.APIPrefix != "":
		return strings.TrimSuffix(o.APIPrefix, ".") + "."
	case o.Domain != "":
		return "$JS." + o.Domain + ".API."
	}
	return jetstream.DefaultAPIPrefix
}
