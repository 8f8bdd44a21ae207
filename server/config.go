package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/session"
	"github.com/rivulet-sync/rivulet/server/webhook"
	"github.com/rivulet-sync/rivulet/shared/mutator"
)

// Defaults of a [Config].
const (
	DefaultAddr = "127.0.0.1:8080"
	DefaultData = "./data"
)

// Config describes a server. The zero value is a server on [DefaultAddr] with
// its data in [DefaultData], which syncs every append to the disk.
type Config struct {
	// Addr is where HTTP is served, as host:port. Port 0 takes a free one.
	Addr string
	// Insecure allows an address that other machines can reach. There is no
	// authentication: whoever reaches the server can read and write everything.
	Insecure bool
	// Origins are further origins, as host[:port] patterns, whose pages may
	// connect. The server's own is always allowed.
	Origins []string

	// Data is the directory of the embedded NATS server.
	Data string
	// NATS is the URL of a NATS cluster with JetStream to use instead. Any number of
	// Rivulet servers may use it at once.
	NATS string
	// Sync says when the embedded server puts appends on disk.
	Sync natsd.Sync
	// Replicas of the log's streams on a cluster; 0 stands for 1.
	Replicas int

	// PresenceExpiry is after how much silence the other servers on the NATS cluster take
	// this one for dead, and its clients for gone; 0 stands for
	// 15 s. Without NATS it is not used.
	PresenceExpiry time.Duration

	// Web serves the pages; nil serves none.
	Web     http.Handler
	Version string
	Logger  *slog.Logger
	// Debug serves the profiles of net/http/pprof, to whoever reaches the server.
	Debug bool

	// Mutators are the functions of named mutations, and Policy says what a space takes
	// of clients; nil: Trust. See docs/mutators.md.
	Mutators *mutator.Registry
	Policy   func(space string) Policy

	// Keep is for how long every revision of a document can be read at least; 0 stands
	// for [DefaultKeep]. Older ones are forgotten when the log has become so large that
	// it is worth it.
	Keep time.Duration
	// Garbage is how large that is, in bytes; 0 stands for [DefaultGarbage].
	Garbage uint64

	// Webhooks have the feed sent to URLs; see docs/feed.md. One that cannot be is a
	// [*webhook.ConfigError].
	Webhooks []Webhook

	// Limits of documents and sessions; their zero values stand for defaults.
	Documents host.Config
	Sessions  session.Config
}

// Policy says what a space takes of its clients.
type Policy = host.Policy

// The policies: see [host.Policy].
const (
	Trust  = host.Trust
	Verify = host.Verify
	Only   = host.Only
)

func (c Config) withDefaults() (Config, error) {
	if c.Addr == "" {
		c.Addr = DefaultAddr
	}
	if c.Data == "" && c.NATS == "" {
		c.Data = DefaultData
	}
	if c.NATS != "" {
		c.Data = ""
	}
	if c.Web == nil {
		c.Web = http.NotFoundHandler()
	}
	if c.Version == "" {
		c.Version = "development"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Keep == 0 {
		c.Keep = DefaultKeep
	}
	if c.Garbage == 0 {
		c.Garbage = DefaultGarbage
	}
	var err error
	if c.Webhooks, err = webhook.Check(c.Webhooks); err != nil {
		return c, err
	}
	if c.Documents.Mutators == nil {
		c.Documents.Mutators = c.Mutators
	}
	if c.Documents.Policy == nil {
		c.Documents.Policy = c.Policy
	}
	if c.Documents.Logger == nil {
		c.Documents.Logger = c.Logger
	}
	if c.Sessions.Logger == nil {
		c.Sessions.Logger = c.Logger
	}
	return c, nil
}

// errExposed is returned for an address that others can reach.
var errExposed = errors.New("there is no authentication, so the server binds to the loopback interface only; to serve other machines nevertheless, set Insecure (--insecure)")

// loopback reports whether a host:port address is reachable from this machine
// only.
func loopback(addr string) (bool, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false, fmt.Errorf("address %q: write it as host:port: %w", addr, err)
	}
	if host == "localhost" {
		return true, nil
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback(), nil
}
