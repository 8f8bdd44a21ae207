package natsd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// healthWithin bounds the question to an external cluster.
const healthWithin = 800 * time.Millisecond

// Node is a running NATS and a connection to it.
type Node struct {
	conn     *nats.Conn
	closed   <-chan struct{}
	js       jetstream.JetStream
	embedded *embedded // nil with an external cluster
	target   string    // the cluster's URLs without passwords

	closeOnce sync.Once
	closeErr  error
}

// Start returns a Node that is ready for appends. It fails with a
// [*LockedError] when the directory is in use. The recovery of an embedded
// server's directory, about a second for a million documents, is not cut short
// by ctx.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("natsd: start: %w", err)
	}
	n := &Node{}
	if cfg.URL != "" {
		n.target = redacted(cfg.URL)
		n.conn, n.closed, err = connectExternal(ctx, cfg)
	} else {
		n.embedded, err = startEmbedded(ctx, cfg)
		if err != nil {
			return nil, err
		}
		n.conn, n.closed, err = connect(ctx, nats.DefaultURL, cfg.Logger, n.embedded.options()...)
	}
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	n.js, err = jetstream.New(n.conn)
	if err == nil {
		err = n.Health()
	}
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// Conn returns the connection. It belongs to the Node: do not close it.
func (n *Node) Conn() *nats.Conn { return n.conn }

// JetStream returns the JetStream API on [Node.Conn]. Its Publish methods
// resend by themselves unless WithRetryAttempts(0) is given with each publish.
func (n *Node) JetStream() jetstream.JetStream { return n.js }

// Close ends the connection and the embedded server and releases the
// directory. It waits for them, less than a second, and may be called again.
func (n *Node) Close() error {
	n.closeOnce.Do(func() {
		if n.conn != nil {
			closeConn(n.conn, n.closed)
		}
		if n.embedded != nil {
			n.closeErr = n.embedded.close()
		}
	})
	return n.closeErr
}

// Health returns nil when appends can be expected to work, and otherwise an
// error whose text is meant for the operator. It is cheap enough to be called
// once a second and returns within a second.
func (n *Node) Health() error {
	if !n.conn.IsConnected() {
		return n.disconnected()
	}
	if n.embedded != nil {
		return n.embedded.health()
	}
	ctx, cancel := context.WithTimeout(context.Background(), healthWithin)
	defer cancel()
	_, err := n.js.AccountInfo(ctx)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("natsd: the NATS cluster at %s has no JetStream for this account: %w", n.target, err)
	}
	return fmt.Errorf("natsd: JetStream at %s does not answer: %w", n.target, err)
}

func (n *Node) disconnected() error {
	switch {
	case n.conn.IsClosed():
		return errors.New("natsd: closed")
	case n.embedded != nil:
		return errors.New("natsd: the embedded NATS server does not answer")
	case n.conn.LastError() != nil:
		return fmt.Errorf("natsd: no connection to NATS at %s, trying again: %w", n.target, n.conn.LastError())
	}
	return fmt.Errorf("natsd: no connection to NATS at %s, trying again", n.target)
}
