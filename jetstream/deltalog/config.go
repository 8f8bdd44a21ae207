package deltalog

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Config is what a Log works with. Conn and JetStream are required.
type Config struct {
	// Conn should not buffer while it is disconnected (nats.ReconnectBufSize(-1)):
	// a late publish is harmless but useless.
	Conn *nats.Conn
	// JetStream names the API prefix or domain and manages the streams.
	JetStream jetstream.JetStream
	// Replicas of streams that do not exist yet; 0 stands for 1. Streams with
	// fewer than this are refused, with more accepted.
	Replicas int
	// Clock dates the creation of streams; nil stands for time.Now.
	Clock func() time.Time
	// Rand draws epochs and jitter; nil stands for math/rand/v2.Uint64, which
	// the operating system seeds.
	Rand func() uint64
	// AttemptWithin bounds one request to NATS; 0 stands for 2 s. That outlasts an
	// election of a stream's leader in most cases; when it does not, the next attempt
	// will. A connection that breaks ends the attempts on it at once.
	AttemptWithin time.Duration
	// Logger is told when streams are created; nil discards it.
	Logger *slog.Logger

	// OnStall observes unavailability. It is called with the cause each time an
	// attempt to append failed in a way that will be tried again, and with nil
	// when the outcome of such an append becomes known. It runs in the
	// goroutine of Append and must not block.
	OnStall func(record.Key, error)
	// OnVoid observes void records. It runs in the goroutine of Replay or
	// Watch.Take and must not block.
	OnVoid func(record.Key, Void)
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Conn == nil:
		return c, errors.New("deltalog: no connection is configured")
	case c.JetStream == nil:
		return c, errors.New("deltalog: no JetStream is configured")
	case c.Replicas < 0 || c.Replicas > 5:
		return c, errors.New("deltalog: a stream has 1 to 5 replicas")
	case c.AttemptWithin < 0:
		return c, errors.New("deltalog: an attempt cannot take less than no time")
	}
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if c.AttemptWithin == 0 {
		c.AttemptWithin = 2 * time.Second
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
	if c.OnStall == nil {
		c.OnStall = func(record.Key, error) {}
	}
	if c.OnVoid == nil {
		c.OnVoid = func(record.Key, Void) {}
	}
	return c, nil
}
