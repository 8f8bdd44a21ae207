package snapshot

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Config is what a Store works with. JetStream is required.
type Config struct {
	JetStream jetstream.JetStream
	// Replicas of the stream if it does not exist yet; 0 stands for 1. One with fewer
	// than this is refused, with more accepted.
	Replicas int
	// MaxSize bounds a snapshot in memory, in bytes: the document and 40 for each
	// client. 0 stands for 64 MiB.
	MaxSize int
	// Clock dates the creation of the stream; nil stands for time.Now.
	Clock func() time.Time
	// Rand draws generations; nil stands for math/rand/v2.Uint64, which the operating
	// system seeds.
	Rand func() uint64
	// Logger is told when the stream is created; nil discards it.
	Logger *slog.Logger
}

// DefaultMaxSize is what a zero [Config.MaxSize] stands for.
const DefaultMaxSize = 64 << 20

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.JetStream == nil:
		return c, errors.New("snapshot: no JetStream is configured")
	case c.Replicas < 0 || c.Replicas > 5:
		return c, errors.New("snapshot: a stream has 1 to 5 replicas")
	case c.MaxSize < 0:
		return c, errors.New("snapshot: the largest snapshot cannot have fewer than 0 bytes")
	}
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if c.MaxSize == 0 {
		c.MaxSize = DefaultMaxSize
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Uint64
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
