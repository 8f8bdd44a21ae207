package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/shared/wire"
)

const (
	// joinLimit bounds how many bytes of frames are joined into one message.
	joinLimit = 256 << 10
	// writeTimeout is how long a client may take for one message.
	writeTimeout = 15 * time.Second
	// keepBuffer bounds the buffer that a session keeps between messages.
	keepBuffer = 16 << 10
	// closeTimeout is how long the last message may take, and the close as well.
	closeTimeout = 500 * time.Millisecond
)

// closing is an error that ends the session and is told to the client.
type closing struct {
	code   wire.Code
	detail string
	before []byte // a frame to send before the Fault, or nil
}

func (e *closing) Error() string { return e.code.String() + ": " + e.detail }

// write sends what is queued until the queue ends, then closes the connection
// and makes the reader return.
func (s *Session) write(endRead func()) {
	defer endRead()
	var buffer []byte
	for range s.out.wake {
		for more := true; more; {
			var err error
			buffer, more, err = s.out.take(buffer[:0], joinLimit)
			if err != nil {
				s.sayWhy(err)
				return
			}
			if len(buffer) > 0 && s.writeMessage(buffer, writeTimeout) != nil {
				return
			}
			if cap(buffer) > keepBuffer {
				buffer = nil
			}
		}
	}
}

// sayWhy tells the client why the session ends, if it may be there to hear it.
func (s *Session) sayWhy(err error) {
	var c *closing
	if !errors.As(err, &c) {
		return // the client has closed, or was cut
	}
	fault := wire.Append(slices.Clone(c.before), &wire.Fault{Code: c.code, Detail: c.detail})
	if s.writeMessage(fault, closeTimeout) != nil {
		return
	}
	cut := time.AfterFunc(closeTimeout, s.cut)
	defer cut.Stop()
	s.conn.Close(websocket.StatusCode(c.code.CloseStatus()), c.code.String()) //nolint:errcheck // best effort
}

// cut ends a close that waits for the client's answer: left alone it would wait
// for longer than a server may take to stop. Only CloseRead closes a connection
// that is being closed; it does so at once when its context has ended.
func (s *Session) cut() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.conn.CloseRead(ctx)
}

// writeMessage is not bound to the session's life: a cut message would be a
// protocol error to the client. Its time-out closes the connection.
func (s *Session) writeMessage(message []byte, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageBinary, message)
}
