package natsd

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	connectWithin = 5 * time.Second
	// reconnectFirst is how long after a connection broke it is tried again; from then on
	// twice as long each time, up to reconnectMost. As much again is added at random.
	reconnectFirst = 5 * time.Millisecond
	reconnectMost  = 200 * time.Millisecond
	pingEvery      = 5 * time.Second
	drainWithin    = 300 * time.Millisecond
)

// reconnectDelay returns how long to wait before all servers are tried once more.
func reconnectDelay(attempts int) time.Duration {
	wait := reconnectMost
	if attempts < 8 {
		wait = min(reconnectFirst<<max(0, attempts-1), reconnectMost)
	}
	return wait + rand.N(wait)
}

// connect dials. The returned channel is closed when the connection has been
// closed for good.
func connect(ctx context.Context, target string, log *slog.Logger, more ...nats.Option) (*nats.Conn, <-chan struct{}, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	within := connectWithin
	if deadline, ok := ctx.Deadline(); ok {
		within = min(within, time.Until(deadline))
	}
	closed := make(chan struct{})
	options := append([]nats.Option{
		nats.Name("rivulet"),
		nats.Timeout(within),
		nats.MaxReconnects(-1),
		nats.CustomReconnectDelay(reconnectDelay),
		nats.ReconnectBufSize(-1), // a publish that waits would be delivered late
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(2),
		nats.DrainTimeout(drainWithin),
		nats.ClosedHandler(func(*nats.Conn) { close(closed) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("NATS connection lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			log.Info("NATS connection restored", "server", c.ConnectedUrlRedacted())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			if sub != nil {
				log.Warn("NATS subscription", "subject", sub.Subject, "error", err)
				return
			}
			log.Warn("NATS connection", "error", err)
		}),
	}, more...)
	conn, err := nats.Connect(target, options...)
	if err != nil {
		return nil, nil, err
	}
	return conn, closed, nil
}

// closeConn delivers what subscribers already have and closes, within bounds.
func closeConn(conn *nats.Conn, closed <-chan struct{}) {
	if conn.Drain() == nil {
		timeout := time.NewTimer(drainWithin)
		defer timeout.Stop()
		select {
		case <-closed:
			return
		case <-timeout.C:
		}
	}
	conn.Close()
	<-closed
}

// redacted returns a list of server URLs without passwords.
func redacted(urls string) string {
	list := strings.Split(urls, ",")
	for i, text := range list {
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil {
			list[i] = "(malformed URL)"
			continue
		}
		list[i] = u.Redacted()
	}
	return strings.Join(list, ",")
}

func connectExternal(ctx context.Context, cfg Config) (*nats.Conn, <-chan struct{}, error) {
	conn, closed, err := connect(ctx, cfg.URL, cfg.Logger)
	if err != nil {
		return nil, nil, fmt.Errorf("natsd: connect to %s: %w", redacted(cfg.URL), err)
	}
	return conn, closed, nil
}
