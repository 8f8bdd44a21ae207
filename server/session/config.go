package session

import (
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Config is what sessions share. Zero limits stand for the defaults, negative ones, where that
// is said, for none.
type Config struct {
	Documents *host.Registry
	History   History
	Logger    *slog.Logger
	// Version of the server, told to clients.
	Version string
	// NewClient issues an id.
	NewClient func() record.ClientID
	// Reserved are ids of parts of the server, which no client may say to have.
	Reserved []record.ClientID

	// MaxMessage and MaxDelta bound what a client sends, in bytes.
	MaxMessage, MaxDelta int
	// MaxQueue bounds what is queued for a client, in bytes: 4 MiB. Past it the client is
	// cut off from the documents that have the most of it, and goes on from where it is
	// once it has read what it was sent.
	MaxQueue int
	// SlowFor is how long a client may take for that before its connection is ended: 30 s.
	SlowFor time.Duration
	// MaxOpen bounds the documents that a client has open: 1000.
	MaxOpen int
	// MaxOpening bounds those of them that are being opened: 100. A client that asks for more
	// at once is not read from until some are open; for a second, then it is told to ask
	// later.
	MaxOpening int
	// MaxMutations bounds the mutations of a client in a second, together with whatever else
	// it asks for, and MaxBytes what it sends, after a second's worth at once: 50,000, 16 MiB;
	// negative: they are not bounded. A client above them is not read from until it may go on.
	MaxMutations, MaxBytes int
	// MaxPerPrincipal bounds the connections of one principal: 1000; negative: they are not
	// bounded. As long as there is no authentication that is an address that is not of
	// this machine.
	MaxPerPrincipal int
	// Heartbeat is how often a client must be heard from: 15 s. After twice as long it is
	// taken for dead.
	Heartbeat time.Duration
}

// helloTimeout is how long a client has to say who it is.
const helloTimeout = 10 * time.Second

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MaxMessage <= 0 {
		c.MaxMessage = wire.MaxMessage
	}
	if c.MaxDelta <= 0 {
		c.MaxDelta = wire.MaxDelta
	}
	if c.MaxQueue <= 0 {
		c.MaxQueue = 4 << 20
	}
	if c.SlowFor <= 0 {
		c.SlowFor = 30 * time.Second
	}
	if c.MaxOpen <= 0 {
		c.MaxOpen = 1000
	}
	if c.MaxOpening <= 0 {
		c.MaxOpening = 100
	}
	if c.MaxMutations == 0 {
		c.MaxMutations = 50_000
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 16 << 20
	}
	if c.MaxPerPrincipal == 0 {
		c.MaxPerPrincipal = 1000
	}
	if c.Heartbeat <= 0 {
		c.Heartbeat = 15 * time.Second
	}
	return c
}

// limiter returns one that lets so much pass in a second, nil for a negative bound.
func (c *Config) limiter(perSecond int) *rate.Limiter {
	if perSecond < 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), perSecond)
}
