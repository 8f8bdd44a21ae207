package socket

import "encoding/binary"

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
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	if cap(buf) < maxHeader+size {
		buf = make([]byte, 0, maxHeader+size+size/4)
	}
	// There is room for the longest header; a shorter one ends where the payload begins.
	buf = buf[:maxHeader]
	for _, p := range parts {
		buf = append(buf, p...)
	}
	start := maxHeader - headerLen(size)
	putHeader(buf[start:maxHeader], final|binaryData, size)
	return Message(buf[start:]), buf
}

func headerLen(size int) int {
	switch {
	case size < 126:
		return 2
	case size < 1<<16:
		return 4
	default:
		return maxHeader
	}
}

// putHeader writes the header of a frame into the bytes that it takes.
func putHeader(header []byte, first byte, size int) {
	header[0] = first
	switch len(header) {
	case 2:
		header[1] = byte(size)
	case 4:
		header[1] = 126
		binary.BigEndian.PutUint16(header[2:], uint16(size))
	default:
		header[1] = 127
		binary.BigEndian.PutUint64(header[2:], uint64(size))
	}
}
