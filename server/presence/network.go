package presence

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// DefaultExpiry is how long a server is taken to be there after the last word from it.
const DefaultExpiry = 15 * time.Second

// Config is what a [Network] works with. Conn is required.
type Config struct {
	// Conn should not buffer while it is disconnected (nats.ReconnectBufSize(-1)): what is
	// late is stale. It remains the caller's.
	Conn *nats.Conn
	// Expiry is after how much silence the others take this server for dead; 0 stands for
	// [DefaultExpiry]. It is between 30 ms and 10 minutes. Each server announces its own.
	Expiry time.Duration
	// Logger is told, at most once a minute, of messages that are none; nil discards it.
	Logger *slog.Logger
}

// Network is what the rooms of a server share to reach those of other servers. Its
// methods may be called by any goroutine.
type Network struct {
	cfg     Config
	ignored atomic.Uint64
	warned  atomic.Int64 // when, in seconds since 1970
}

// NewNetwork returns a network over a connection. It has nothing to be closed.
func NewNetwork(cfg Config) *Network {
	if cfg.Expiry == 0 {
		cfg.Expiry = DefaultExpiry
	}
	cfg.Expiry = min(max(cfg.Expiry, minWithin), maxWithin)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Network{cfg: cfg}
}

// Ignored returns how many messages had no effect because they were malformed, or of a
// version that this server does not know. A nil Network has none.
func (n *Network) Ignored() uint64 {
	if n == nil {
		return 0
	}
	return n.ignored.Load()
}

// ignore counts a message that is none.
func (n *Network) ignore(subject string, err error) {
	total := n.ignored.Add(1)
	now, before := time.Now().Unix(), n.warned.Load()
	if now-before >= 60 && n.warned.CompareAndSwap(before, now) {
		n.cfg.Logger.Warn("messages of presence are ignored", "subject", subject, "error", err, "total", total)
	}
}

// Subject returns where the rooms of a document talk:
//
//	rvp.<shard>.<partition>.<space>.<id>
//
// encoded as the subject of the document's records is, see [deltalog.Subject].
func Subject(key record.Key) string {
	_, rest, _ := strings.Cut(deltalog.Subject(key), ".")
	return "rvp." + rest
}
