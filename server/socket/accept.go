package socket

import (
	"bufio"
	"bytes"
	"net"
	"net/http"

	"github.com/coder/websocket"
)

const (
	// readBuffer has room for the header of a frame and a small edit. What is larger is
	// read past it.
	readBuffer = 512
	// writeBuffer has room for a control frame, which has at most 125 bytes of payload: so
	// each of them is one write, and no data frame can come in between.
	writeBuffer = 256
)

// Accept makes a WebSocket of a request, or answers it with an error. The patterns are
// host[:port] of further origins whose pages may connect; that of the request's own host
// always may.
func Accept(w http.ResponseWriter, r *http.Request, origins []string) (*Conn, error) {
	h := &hijacker{ResponseWriter: w}
	ws, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		OriginPatterns: origins, CompressionMode: websocket.CompressionNoContextTakeover,
	})
	if err != nil {
		return nil, err
	}
	return &Conn{
		ws: ws, raw: h.raw,
		deflates: w.Header().Get("Sec-WebSocket-Extensions") != "",
	}, nil
}

// hijacker takes the connection from net/http, and its buffers off it.
type hijacker struct {
	http.ResponseWriter
	raw *raw
}

// Hijack implements [http.Hijacker].
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, old, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early, err := old.Reader.Peek(old.Reader.Buffered()) // what came behind the request
	if err != nil {
		conn.Close() //nolint:errcheck // the error is told
		return nil, nil, err
	}
	h.raw = newRaw(conn, bytes.Clone(early))
	return h.raw, bufio.NewReadWriter(bufio.NewReaderSize(h.raw, readBuffer), bufio.NewWriterSize(h.raw, writeBuffer)), nil
}
