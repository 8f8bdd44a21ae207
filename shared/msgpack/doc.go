// Package msgpack reads and writes the few MessagePack types that the frames
// and records of this module consist of.
//
// It stands in for the runtime of github.com/tinylib/msgp in browsers, where
// that one would bring fmt, reflect and encoding/json into the download. Code
// that the msgp generator wrote compiles against either: names, signatures and
// bytes are the same (see gen). Errors differ in their text and type.
//
// The readers take every encoding of a value that msgp takes, not only the
// shortest. They never panic and never read past the end of their input: what
// is cut short is [ErrShortBytes]. They allocate nothing but the strings that
// they return. There is one difference in what is accepted: [ReadExactBytes]
// refuses a value that is cut short, where msgp fills a part of it.
package msgpack

// The longest encoding of a value of each type, or what comes before the bytes
// of a value of variable length.
const (
	BoolSize         = 1
	ByteSize         = Uint8Size
	Uint8Size        = 2
	Uint16Size       = 3
	Uint32Size       = 5
	Uint64Size       = 9
	Int64Size        = 9
	ArrayHeaderSize  = 5
	BytesPrefixSize  = 5
	StringPrefixSize = 5
)

// Leading bytes, as in the MessagePack specification. The widths of one type
// follow each other: 1, 2, 4 and 8 bytes for numbers, 1, 2 and 4 for the length
// of strings and bytes, 2 and 4 for the length of arrays.
const (
	leadFixArray    = 0x90 // to 0x9f
	leadFixString   = 0xa0 // to 0xbf
	leadFalse       = 0xc2
	leadTrue        = 0xc3
	leadBytes8      = 0xc4 // to 0xc6
	leadUint8       = 0xcc // to 0xcf
	leadInt8        = 0xd0 // to 0xd3
	leadString8     = 0xd9 // to 0xdb
	leadArray16     = 0xdc // to 0xdd
	leadFixNegative = 0xe0 // to 0xff
)
