package deltalog

import (
	"context"
	"errors"
	"sync"

	"github.com/nats-io/nats.go"
)

// errBroken ends an attempt whose connection broke before the answer came. Whether it
// reached a server is not known.
var errBroken = errors.New("the connection to NATS broke")

// link knows when the connection to NATS breaks and when it is there again. What was
// asked on a connection is not answered on the next one, so who waits for an answer
// waits for the break too.
type link struct {
	mu       sync.Mutex
	present  context.Context // ends when the connection breaks
	broken   context.CancelFunc
	restored chan struct{} // closed when it is there again
}

// newLink watches a connection, in a goroutine that ends when the connection is closed.
func newLink(conn *nats.Conn) *link {
	l := &link{restored: make(chan struct{})}
	l.present, l.broken = context.WithCancel(context.Background())
	// The client drops what it has to say to a full channel. Each has its own, so what
	// is dropped is what waits there already; and closed is said once.
	broken := conn.StatusChanged(nats.RECONNECTING, nats.DISCONNECTED)
	restored := conn.StatusChanged(nats.CONNECTED)
	closed := conn.StatusChanged(nats.CLOSED)
	go func() {
		for {
			select {
			case <-broken:
				l.breaks()
			case <-restored:
				l.restores()
			case <-closed:
				l.breaks()
				return
			}
		}
	}()
	if conn.IsClosed() {
		conn.RemoveStatusListener(closed) // it was closed before, and nobody would say so
	}
	return l
}

func (l *link) breaks() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken()
	l.present, l.broken = context.WithCancel(context.Background())
}

func (l *link) restores() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.restored)
	l.restored = make(chan struct{})
}

// connection returns a context that ends when the connection breaks, if it has not
// just done so.
func (l *link) connection() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.present
}

// restoration returns a channel that is closed when the connection is there again.
func (l *link) restoration() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.restored
}

// request sends a request once and returns the answer.
func (l *Log) request(ctx context.Context, msg *nats.Msg) (reply *nats.Msg, err error) {
	err = l.attempt(ctx, func(ctx context.Context) (err error) {
		reply, err = l.cfg.Conn.RequestMsgWithContext(ctx, msg)
		return err
	})
	return reply, err
}

// attempt runs a request within the bounds of one: [Config.AttemptWithin], and the life
// of the connection. That it returned an error says nothing about its effect.
func (l *Log) attempt(ctx context.Context, request func(context.Context) error) error {
	connection := l.link.connection()
	bounded, cancel := context.WithTimeout(ctx, l.cfg.AttemptWithin)
	defer cancel()
	defer context.AfterFunc(connection, cancel)()
	err := request(bounded)
	if errors.Is(err, context.Canceled) && connection.Err() != nil && ctx.Err() == nil {
		return errBroken
	}
	return err
}
