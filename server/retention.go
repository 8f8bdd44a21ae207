package server

import (
	"context"
	"errors"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Defaults of what the log keeps.
const (
	// DefaultKeep is for how long every revision can be read at least.
	DefaultKeep = 30 * 24 * time.Hour
	// DefaultGarbage is how many bytes a stream of the log has, beside twice its documents,
	// before it is compacted.
	DefaultGarbage = 64 << 20
	// compactEvery is how often the streams are looked at. To look costs a request each.
	compactEvery = 10 * time.Minute
)

// Compacted says what was done to a stream of the log.
type Compacted = deltalog.Compacted

// Compact compacts the log now, whether that is worth it or not: of what is older than
// [Config.Keep] it keeps the documents only. The server does so by itself now and then.
func (s *Server) Compact(ctx context.Context) ([]Compacted, error) { return s.compact(ctx, 0) }

func (s *Server) compact(ctx context.Context, garbage uint64) ([]Compacted, error) {
	return s.log.Compact(ctx, deltalog.Compaction{
		Keep: s.keep, Garbage: garbage,
		Rebase: func(ctx context.Context, key record.Key) error { return s.documents.Rebase(ctx, key, s.client) },
	})
}

// compactNowAndThen compacts what has become worth it, until ctx ends.
func (s *Server) compactNowAndThen(ctx context.Context, garbage uint64) {
	tick := time.NewTicker(compactEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		done, err := s.compact(ctx, garbage)
		for _, d := range done {
			s.logger.Info("log compacted", "stream", d.Stream, "documents", d.Documents, "messages", d.Messages, "bytes", d.Bytes)
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			s.logger.Error("the log cannot be compacted; it grows until this is mended", "error", err)
		}
	}
}
