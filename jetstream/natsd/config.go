package natsd

import (
	"errors"
	"fmt"
	"log/slog"
)

// DefaultMaxPayload is the largest message that an embedded server accepts
// unless [Config.MaxPayload] says otherwise, in bytes.
const DefaultMaxPayload = 1 << 20

// Config says which NATS to use. Exactly one of Dir and URL is set.
type Config struct {
	// Dir is where an embedded server stores its data. It is created when
	// missing.
	Dir string
	// URL names an external cluster: one or several comma-separated server
	// URLs.
	URL string
	// Sync says when an embedded server puts messages on disk. The zero value
	// is the safe one. With a URL it is not used.
	Sync Sync
	// MaxPayload is the largest message that an embedded server accepts, in
	// bytes; 0 stands for DefaultMaxPayload.
	MaxPayload int32
	// Logger receives what the server and the connection have to say; nil
	// discards it.
	Logger *slog.Logger
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Dir == "" && c.URL == "":
		return c, errors.New("natsd: give a data directory or the URL of a NATS cluster")
	case c.Dir != "" && c.URL != "":
		return c, errors.New("natsd: give a data directory or the URL of a NATS cluster, not both")
	case c.MaxPayload < 0:
		return c, fmt.Errorf("natsd: the largest message cannot have %d bytes", c.MaxPayload)
	}
	if err := c.Sync.validate(); err != nil {
		return c, err
	}
	if c.MaxPayload == 0 {
		c.MaxPayload = DefaultMaxPayload
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
