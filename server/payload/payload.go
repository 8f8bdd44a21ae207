// Package payload is what is sent to several clients and compressed once for all of them: a
// document's snapshot, or the records that many lack after a server was restarted.
//
// An [Answer] is an own part of each client around a [Shared] part. It is compressed as
// permessage-deflate wants it (RFC 7692): DEFLATE blocks (RFC 1951) that end at a byte can be
// put one behind the other, so the shared part is compressed for itself, and the own ones
// become blocks that are only stored.
package payload

import (
	"bytes"
	"encoding/binary"
	"sync"

	"github.com/klauspost/compress/flate"
)

// Shared is the part that is the same for all. Its bytes must not be changed. Its methods are
// safe for concurrent use.
type Shared struct {
	data []byte

	once     sync.Once
	deflated []byte
}

// NewShared returns a part with these bytes.
func NewShared(data []byte) *Shared { return &Shared{data: data} }

// Data returns the bytes.
func (s *Shared) Data() []byte { return s.data }

// Answer is what one client is sent when it opens a document.
type Answer struct {
	// Doc is the number of the document in frames.
	Doc uint32

	Before []byte
	Shared *Shared
	After  []byte
}

// Len returns how many bytes it has, not compressed.
func (a *Answer) Len() int { return len(a.Before) + len(a.Shared.data) + len(a.After) }

// Bytes returns all of it in a new slice.
func (a *Answer) Bytes() []byte { return bytes.Join([][]byte{a.Before, a.Shared.data, a.After}, nil) }

// minDeflate is from how many bytes on it pays to compress.
const minDeflate = 1 << 10

// Worthwhile reports whether it pays to compress.
func (a *Answer) Worthwhile() bool { return len(a.Shared.data) >= minDeflate }

// Deflated returns its parts as those of the payload of a compressed message. The first call
// for a shared part takes time, about 10 ms for a megabyte; those meanwhile wait for it.
func (a *Answer) Deflated() (before, shared, after []byte) {
	// What ends it is what is left of the empty stored block that ends a message: RFC 7692,
	// section 7.2.1.
	return appendStored(nil, a.Before), a.Shared.deflate(), append(appendStored(nil, a.After), 0)
}

// deflaters are used again: they are large.
var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic("payload: " + err.Error())
	}
	return w
}}

// deflate returns the data as blocks that end at a byte, none of which is the last.
func (s *Shared) deflate() []byte {
	s.once.Do(func() {
		var out bytes.Buffer
		w := deflaters.Get().(*flate.Writer)
		defer deflaters.Put(w)
		w.Reset(&out)
		if _, err := w.Write(s.data); err != nil {
			panic("payload: " + err.Error()) // memory takes everything
		}
		if err := w.Flush(); err != nil {
			panic("payload: " + err.Error())
		}
		s.deflated = bytes.Clone(out.Bytes())
	})
	return s.deflated
}

// appendStored appends data as blocks that are not compressed.
func appendStored(dst, data []byte) []byte {
	const most = 1<<16 - 1
	for len(data) > 0 {
		n := min(len(data), most)
		dst = append(dst, 0) // not the last one; stored
		dst = binary.LittleEndian.AppendUint16(dst, uint16(n))
		dst = binary.LittleEndian.AppendUint16(dst, ^uint16(n))
		dst = append(dst, data[:n]...)
		data = data[n:]
	}
	return dst
}
