package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// conn is a client with one document open.
type conn struct {
	ws      *websocket.Conn
	message []byte // the last one; reused
	client  record.ClientID
	doc     uint32 // how the server names the document
	at      record.Revision
}

// maxInbound bounds a message of the server, in bytes.
const maxInbound = 64 << 20

// dial connects, says hello and opens a document.
func dial(ctx context.Context, server string, key record.Key) (*conn, error) {
	endpoint := "ws" + strings.TrimPrefix(strings.TrimSuffix(server, "/"), "http") + "/v1/sync"
	ws, response, err := websocket.Dial(ctx, endpoint, &websocket.DialOptions{
		CompressionMode: websocket.CompressionDisabled, HTTPClient: &http.Client{Transport: dialer},
	})
	if err != nil {
		if response != nil {
			return nil, fmt.Errorf("no Rivulet server answers at %s: %s", server, response.Status)
		}
		return nil, fmt.Errorf("no Rivulet server answers at %s: %w", server, err)
	}
	ws.SetReadLimit(maxInbound)
	c := &conn{ws: ws}
	if err := c.greet(ctx, key); err != nil {
		ws.CloseNow() //nolint:errcheck // the error is told
		return nil, err
	}
	return c, nil
}

// dialer makes a connection each time and keeps none.
var dialer = &http.Transport{DisableKeepAlives: true, ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10}

// greetWithin bounds how long a server may take to answer.
const greetWithin = 30 * time.Second

func (c *conn) greet(ctx context.Context, key record.Key) error {
	ctx, cancel := context.WithTimeout(ctx, greetWithin)
	defer cancel()
	hello := wire.Append(wire.Encode(&wire.Hello{Protocol: wire.Protocol}), &wire.Open{Request: 1, Key: key.String()})
	if err := c.ws.Write(ctx, websocket.MessageBinary, hello); err != nil {
		return err
	}
	for c.doc == 0 {
		err := c.receive(ctx, func(f wire.Frame) error {
			switch f := f.(type) {
			case *wire.Welcome:
				c.client = f.Client
			case *wire.Opened:
				c.doc, c.at = f.Doc, f.At.Revision
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// receive waits for a message and calls fn with its frames, which are not valid any more
// when it returns.
func (c *conn) receive(ctx context.Context, fn func(wire.Frame) error) error {
	if err := c.read(ctx); err != nil {
		return err
	}
	for rest := c.message; len(rest) > 0; {
		f, next, err := wire.Decode(rest)
		if err != nil {
			return err
		}
		switch f := f.(type) {
		case *wire.Fault:
			return fmt.Errorf("the server refuses: %s: %s", f.Code, f.Detail)
		case *wire.Reject:
			return fmt.Errorf("the server rejects an edit: %s: %s", f.Code, f.Detail)
		case *wire.Conflict:
			return errors.New("an edit that has read nothing is in conflict")
		case *wire.Drain:
			return errors.New("the server is stopping")
		}
		if err := fn(f); err != nil {
			return err
		}
		rest = next
	}
	return nil
}

// read reads a message into the buffer.
func (c *conn) read(ctx context.Context) error {
	_, r, err := c.ws.Reader(ctx)
	if err != nil {
		return err
	}
	c.message = c.message[:0]
	for {
		if len(c.message) == cap(c.message) {
			c.message = append(c.message, make([]byte, max(512, cap(c.message)))...)[:len(c.message)]
		}
		n, err := r.Read(c.message[len(c.message):cap(c.message)])
		c.message = c.message[:len(c.message)+n]
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// crowd is all connections of a run.
type crowd struct{ conns []*conn }

// dialsAtOnce bounds the connections that are being made: a listener's backlog is 128 on
// many systems, and what is beyond it waits for a second or more.
const dialsAtOnce = 32

const (
	// maxConnections is about how many ports an address has for connections to one other.
	maxConnections = 28_000
	// otherFiles are for what else a process has open.
	otherFiles = 50
)

// gather makes n connections; the i-th opens the document of key(i). progress is told how
// many there are.
func gather(ctx context.Context, server string, n int, key func(i int) record.Key, progress func(string, int, int)) (*crowd, error) {
	if most := min(maxConnections, maxFiles()-otherFiles); n > most {
		return nil, fmt.Errorf("%d connections: this process can make %d, by its limit of open files (ulimit -n) and the ports that one address has", n, most)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &crowd{conns: make([]*conn, n)}
	var mu sync.Mutex
	next, made := 0, 0
	var wg sync.WaitGroup
	for range min(n, dialsAtOnce) {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= n || ctx.Err() != nil {
					return
				}
				one, err := dial(ctx, server, key(i))
				if err != nil {
					cancel(fmt.Errorf("connection %d of %d: %w", i+1, n, err))
					return
				}
				c.conns[i] = one
				mu.Lock()
				made++
				progress("connecting", made, n)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// close cuts all connections.
func (c *crowd) close() {
	for _, one := range c.conns {
		if one != nil {
			one.ws.CloseNow() //nolint:errcheck // nobody needs to know
		}
	}
}

// keepAliveEvery is more often than a server wants to hear from a client.
const keepAliveEvery = 10 * time.Second

// keepAlive has every connection say that it is there, until ctx ends.
func (c *crowd) keepAlive(ctx context.Context) {
	tick := time.NewTicker(keepAliveEvery)
	defer tick.Stop()
	ping := wire.Encode(&wire.Ping{Number: 1})
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, one := range c.conns {
			one.ws.Write(ctx, websocket.MessageBinary, ping) //nolint:errcheck // who reads from it sees what is wrong
		}
	}
}
