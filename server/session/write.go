package session

import (
	"errors"
	"slices"
	"time"

	"github.com/rivulet-sync/rivulet/server/socket"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

const (
	// writeTimeout is how long a client may take for a part of a message, see socket.
	writeTimeout = 15 * time.Second
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

// sayWhy tells the client why the session ends, if it may be there to hear it, and closes
// the connection.
func (s *Session) sayWhy(err error) {
	defer s.queueEnded()
	var c *closing
	if !errors.As(err, &c) {
		return // the client has closed, or was cut
	}
	fault, _ := socket.Append(nil, wire.Append(slices.Clone(c.before), &wire.Fault{Code: c.code, Detail: c.detail}))
	if s.conn.Write(fault, closeTimeout, func() {}) == nil {
		s.conn.Close(c.code.CloseStatus(), c.code.String(), closeTimeout)
	}
	s.conn.Cut()
}
