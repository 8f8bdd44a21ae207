//go:build !js

package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/mutator"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Config describes a client of a server.
type Config struct {
	// URL of the server, such as http://localhost:8080.
	URL   string
	Token string
	// Mutators are the functions of named mutations, the same as the server's.
	Mutators *mutator.Registry
	// OnState, if set, is told what the connection is doing. It must not call
	// into the client.
	OnState func(State)
	// OnStorage, if set, is told whether the server can store edits. It must not
	// call into the client.
	OnStorage func(available bool, detail string)
	// OnDiverged, if set, is told that a document differed from the server's at a
	// position and is read anew; if that does not help, the document fails with
	// [wire.CodeDiverged]. It must not call into the client.
	OnDiverged func(key record.Key, at record.Position)
}

// Client is a connection to a server that is kept up until Close. Its methods
// and those of its documents are safe for concurrent use.
type Client struct {
	cfg    Config
	socket *socket

	mu    sync.Mutex // guards everything below, and all replicas
	link  *Link
	docs  map[record.Key]*Doc
	tag   uint64
	pages map[uint32]chan logAnswer
	state chan struct{} // closed and replaced when the state changes
}

// ErrClosed is returned once a client is closed.
var ErrClosed = errors.New("client is closed")

// ConnectError says that a server could not be reached or refused the client.
type ConnectError struct {
	URL    string
	Code   wire.Code // 0 when there was no answer
	Detail string
}

func (e *ConnectError) Error() string {
	if e.Code == 0 {
		return "no Rivulet server answers at " + e.URL + ": " + e.Detail
	}
	return "the server at " + e.URL + " refused: " + e.Code.String() + ": " + e.Detail
}

// Connect returns a client once the server has welcomed it. It keeps trying
// until ctx ends; the error is then a [*ConnectError], as it is when the server
// refuses the client for good.
func Connect(ctx context.Context, cfg Config) (*Client, error) {
	c, err := New(cfg)
	if err != nil {
		return nil, err
	}
	if err := c.awaitOnline(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// New returns a client that connects in the background.
func New(cfg Config) (*Client, error) {
	endpoint, err := endpointOf(cfg.URL)
	if err != nil {
		return nil, err
	}
	c := &Client{
		cfg: cfg, docs: make(map[record.Key]*Doc),
		pages: make(map[uint32]chan logAnswer), state: make(chan struct{}),
	}
	c.socket = newSocket(c, endpoint)
	c.link = NewLink(replica.Config{
		Random: rand.Uint64, Token: cfg.Token,
		Now:       func() int64 { return time.Now().UnixMilli() },
		OnStorage: cfg.OnStorage, OnDiverged: cfg.OnDiverged, OnLogPage: c.logAnswered,
	}, c.socket, c.stateChanged)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link.Start()
	return c, nil
}

// endpointOf turns a server's URL into that of its WebSocket.
func endpointOf(server string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("server URL: %w", err)
	}
	switch u.Scheme {
	case "http", "ws":
		u.Scheme = "ws"
	case "https", "wss":
		u.Scheme = "wss"
	default:
		return "", fmt.Errorf("server URL %q: begin it with http:// or https://", server)
	}
	if u.Host == "" {
		return "", fmt.Errorf("server URL %q: has no host", server)
	}
	return u.JoinPath("v1/sync").String(), nil
}

// ID returns the client's id, zero before the first connection.
func (c *Client) ID() record.ClientID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link.Engine().Client()
}

// State returns what the connection is doing.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link.State()
}

// Diverged returns how often a document differed from the server's. It is 0 unless
// something is broken.
func (c *Client) Diverged() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link.Engine().Diverged()
}

// SetOffline cuts the connection and keeps it cut, or connects again. It is for
// tests.
func (c *Client) SetOffline(off bool) { c.do(func() { c.link.SetOffline(off) }) }

// Close ends the connection and waits for the client's goroutines. What is
// pending is given up: its callers get [ErrClosed].
func (c *Client) Close() {
	c.do(func() {
		c.link.Close()
		for _, d := range c.docs {
			d.fail(ErrClosed)
		}
	})
	c.socket.wait()
}

// Transact makes a transaction over several documents of one space that this client has
// open, and returns when it is stored: all that fn changes, or nothing. fn runs as soon as
// nothing of the client's own is pending on the documents, on what the log has, and again
// when somebody else was first; it must be quick, and must not use the client. What it
// changes is seen when it is stored, not before. The error is what fn returned, a
// [*replica.RejectedError], or that of ctx, and then it may be stored nevertheless.
func (c *Client) Transact(ctx context.Context, docs []*Doc, fn func([]*doc.Tx) error) error {
	replicas := make([]*replica.Document, len(docs))
	done := make(chan error, 1)
	var cancel func()
	var err error
	c.do(func() {
		for i, d := range docs {
			replicas[i] = d.replica
		}
		cancel, err = c.link.Engine().Transact(replicas, fn, func(err error) { done <- err })
	})
	if err != nil {
		return err
	}
	defer c.do(func() { cancel() })
	for {
		c.mu.Lock()
		state, changed := c.link.State(), c.state
		c.mu.Unlock()
		if state.Status == Closed {
			return c.closedError(state)
		}
		select {
		case err := <-done:
			return err
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// do runs fn with the client locked, then sends what came of it.
func (c *Client) do(fn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fn()
	c.link.Flush()
}

// stateChanged is called with the client locked.
func (c *Client) stateChanged(s State) {
	close(c.state)
	c.state = make(chan struct{})
	if s.Status == Closed && s.Code != 0 {
		for _, d := range c.docs {
			d.fail(c.connectError(s))
		}
	}
	if s.Status != Online {
		for request, answer := range c.pages {
			answer <- logAnswer{err: errRetry}
			delete(c.pages, request)
		}
	}
	if c.cfg.OnState != nil {
		c.cfg.OnState(s)
	}
}

func (c *Client) connectError(s State) error {
	return &ConnectError{URL: c.cfg.URL, Code: s.Code, Detail: s.Detail}
}

// closedError says why a link is closed for good.
func (c *Client) closedError(s State) error {
	if s.Code == 0 {
		return ErrClosed
	}
	return c.connectError(s)
}

// awaitOnline waits for the server's welcome.
func (c *Client) awaitOnline(ctx context.Context) error {
	last := State{Detail: "no connection yet"}
	for {
		c.mu.Lock()
		state, changed := c.link.State(), c.state
		c.mu.Unlock()
		switch state.Status {
		case Online:
			return nil
		case Closed:
			return c.closedError(state)
		}
		if state.Detail != "" {
			last = state
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.Join(c.connectError(last), ctx.Err())
		}
	}
}
