package socket

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/server/payload"
)

// Conn is a WebSocket. One goroutine reads from it and one at a time writes to it; Close and
// Cut may be called by any.
type Conn struct {
	ws       *websocket.Conn
	raw      *raw
	deflates bool
}

// SetReadLimit bounds the messages of the client, in bytes. A larger one ends the connection.
func (c *Conn) SetReadLimit(n int64) { c.ws.SetReadLimit(n) }

// ErrText is returned for a message that is text.
var ErrText = errors.New("socket: messages must be binary")

// buffers are for messages while they come in.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// keepBuffer bounds the buffers that are used again.
const keepBuffer = 64 << 10

// Read waits for a message and returns it in a slice of its own. There is no time-out: who
// wants one calls Cut. [ErrText] does not end the connection.
func (c *Conn) Read() ([]byte, error) {
	kind, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return nil, err
	}
	scratch := buffers.Get().(*[]byte)
	data, err := readAll((*scratch)[:0], r)
	message := append([]byte(nil), data...)
	if cap(data) <= keepBuffer {
		*scratch = data
		buffers.Put(scratch)
	}
	switch {
	case err != nil:
		return nil, err
	case kind != websocket.MessageBinary:
		return nil, ErrText
	}
	return message, nil
}

func readAll(buf []byte, r io.Reader) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, make([]byte, max(1024, len(buf)))...)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// Write writes a message. If that has to wait for the client, wait is called first; every
// 64 KiB may take the given time. After an error nothing can be written any more.
func (c *Conn) Write(m Message, within time.Duration, wait func()) error {
	return c.raw.writeFrame(within, wait, m)
}

// WriteAnswer writes an answer as Write does a message, compressed if the client reads that
// and it pays. What is shared is not copied. To compress may take time: wait is called before.
func (c *Conn) WriteAnswer(a *payload.Answer, within time.Duration, wait func()) error {
	first, before, shared, after := byte(final|binaryData), a.Before, a.Shared.Data(), a.After
	if c.deflates && a.Worthwhile() {
		wait()
		first |= compressed
		before, shared, after = a.Deflated()
	}
	size := len(before) + len(shared) + len(after)
	head := make([]byte, headerLen(size), headerLen(size)+len(before))
	putHeader(head, first, size)
	return c.raw.writeFrame(within, wait, append(head, before...), shared, after)
}

// Close says goodbye and waits for the client's answer, for the given time at most.
func (c *Conn) Close(status int, reason string, within time.Duration) {
	cut := time.AfterFunc(within, c.cutClosing)
	defer cut.Stop()
	c.ws.Close(websocket.StatusCode(status), reason) //nolint:errcheck // best effort
}

// cutClosing ends a close that waits for the client's answer: left alone it would wait for
// longer than a server may take to stop. Only CloseRead closes a connection that is being
// closed; it does so at once when its context has ended.
func (c *Conn) cutClosing() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c.ws.CloseRead(ctx)
}

// Cut ends the connection without a word. Who reads or writes gets an error.
func (c *Conn) Cut() { c.ws.CloseNow() } //nolint:errcheck // it has ended then
