package socket

import (
	"encoding/binary"

	"github.com/rivulet-sync/rivulet/server/payload"
)

// Message is one binary message as it goes over the wire: the header of its one frame, then
// the payload. It can be written to any number of connections, at once.
type Message []byte

// maxHeader is that of the header of a frame that is not masked.
const maxHeader = 10

// Bits of a frame's first byte (RFC 6455, section 5.2): it is the last one of its message,
// its payload is compressed (RFC 7692, section 6), and is binary.
const (
	final      = 0x80
	compressed = 0x40
	binaryData = 0x02
)

// Append returns a message of some parts, in buf if it has room; what was in buf is lost.
func Append(buf []byte, parts ...[]byte) (message Message, reuse []byte) {
	return appendFrame(buf, final|binaryData, parts...)
}

// appendFrame leaves room for the longest header, and puts the header right before the payload.
func appendFrame(buf []byte, first byte, parts ...[]byte) (Message, []byte) {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	if cap(buf) < maxHeader+size {
		buf = make([]byte, 0, maxHeader+size+size/4)
	}
	buf = buf[:maxHeader]
	for _, p := range parts {
		buf = append(buf, p...)
	}
	var start int
	switch {
	case size < 126:
		start = maxHeader - 2
		buf[start+1] = byte(size)
	case size < 1<<16:
		start = maxHeader - 4
		buf[start+1] = 126
		binary.BigEndian.PutUint16(buf[start+2:], uint16(size))
	default:
		start = 0
		buf[1] = 127
		binary.BigEndian.PutUint64(buf[2:], uint64(size))
	}
	buf[start] = first
	return Message(buf[start:]), buf
}

// Compress returns the message of an answer, compressed.
func Compress(a *payload.Answer) Message {
	m, _ := appendFrame(nil, final|compressed|binaryData, a.Deflate())
	return m
}
