package msgpack

import "math"

// ReadBoolBytes reads a boolean and returns what follows it.
func ReadBoolBytes(b []byte) (bool, []byte, error) {
	switch {
	case len(b) == 0:
		return false, nil, ErrShortBytes
	case b[0] == leadTrue:
		return true, b[1:], nil
	case b[0] == leadFalse:
		return false, b[1:], nil
	}
	return false, nil, errNotBool
}

// ReadUint8Bytes reads a number from 0 to 255 and returns what follows it.
func ReadUint8Bytes(b []byte) (uint8, []byte, error) {
	u, rest, err := readUint(b, math.MaxUint8)
	return uint8(u), rest, err
}

// ReadUint16Bytes reads a number from 0 to 65535 and returns what follows it.
func ReadUint16Bytes(b []byte) (uint16, []byte, error) {
	u, rest, err := readUint(b, math.MaxUint16)
	return uint16(u), rest, err
}

// ReadUint32Bytes reads a number from 0 to 1<<32 - 1 and returns what follows it.
func ReadUint32Bytes(b []byte) (uint32, []byte, error) {
	u, rest, err := readUint(b, math.MaxUint32)
	return uint32(u), rest, err
}

// ReadUint64Bytes reads a number from 0 to 1<<64 - 1 and returns what follows it.
func ReadUint64Bytes(b []byte) (uint64, []byte, error) {
	return readUint(b, math.MaxUint64)
}

// ReadInt64Bytes reads a number from -1<<63 to 1<<63 - 1 and returns what
// follows it.
func ReadInt64Bytes(b []byte) (int64, []byte, error) {
	u, negative, rest, err := readInteger(b)
	if err != nil {
		return 0, nil, err
	}
	if !negative && u > math.MaxInt64 {
		return 0, nil, errRange
	}
	return int64(u), rest, nil
}

// ReadArrayHeaderBytes reads the length of an array and returns what follows
// it. The length is only a claim until the elements are read.
func ReadArrayHeaderBytes(b []byte) (n uint32, rest []byte, err error) {
	if len(b) == 0 {
		return 0, nil, ErrShortBytes
	}
	var u uint64
	switch lead := b[0]; {
	case leadFixArray <= lead && lead < leadFixString:
		u, rest = uint64(lead-leadFixArray), b[1:]
	case lead == leadArray16 || lead == leadArray16+1:
		u, rest, err = readWide(b[1:], 2<<(lead-leadArray16))
	default:
		err = errNotArray
	}
	return uint32(u), rest, err
}

// ReadBytesHeader reads the length of a bin and returns what follows it. The
// length is only a claim: the bytes may be cut short.
func ReadBytesHeader(b []byte) (n uint32, rest []byte, err error) {
	if len(b) == 0 {
		return 0, nil, ErrShortBytes
	}
	lead := b[0]
	if lead < leadBytes8 || lead > leadBytes8+2 {
		return 0, nil, errNotBytes
	}
	u, rest, err := readWide(b[1:], 1<<(lead-leadBytes8))
	return uint32(u), rest, err
}

// ReadBytesZC reads a bin without a copy, as a slice of b, and returns what
// follows it.
func ReadBytesZC(b []byte) (v, rest []byte, err error) {
	n, rest, err := ReadBytesHeader(b)
	if err != nil {
		return nil, nil, err
	}
	return cut(rest, n)
}

// ReadExactBytes reads a bin of the very length of into, into it, and returns
// what follows it. The error is an [ArrayError] when the length is another one.
func ReadExactBytes(b, into []byte) (rest []byte, err error) {
	n, rest, err := ReadBytesHeader(b)
	if err != nil {
		return nil, err
	}
	if uint64(n) != uint64(len(into)) {
		return nil, ArrayError{Wanted: uint32(len(into)), Got: n}
	}
	v, rest, err := cut(rest, n)
	copy(into, v)
	return rest, err
}

// ReadStringBytes reads a str and returns what follows it. Whether the text is
// UTF-8 is not checked.
func ReadStringBytes(b []byte) (s string, rest []byte, err error) {
	if len(b) == 0 {
		return "", nil, ErrShortBytes
	}
	var u uint64
	switch lead := b[0]; {
	case leadFixString <= lead && lead < leadFixString+32:
		u, rest = uint64(lead-leadFixString), b[1:]
	case leadString8 <= lead && lead <= leadString8+2:
		u, rest, err = readWide(b[1:], 1<<(lead-leadString8))
	default:
		err = errNotString
	}
	if err != nil {
		return "", nil, err
	}
	v, rest, err := cut(rest, uint32(u))
	return string(v), rest, err
}

func readUint(b []byte, limit uint64) (uint64, []byte, error) {
	u, negative, rest, err := readInteger(b)
	if err != nil {
		return 0, nil, err
	}
	if negative || u > limit {
		return 0, nil, errRange
	}
	return u, rest, nil
}

// readInteger reads an integer of any encoding. A negative one is returned in
// two's complement.
func readInteger(b []byte) (u uint64, negative bool, rest []byte, err error) {
	if len(b) == 0 {
		return 0, false, nil, ErrShortBytes
	}
	lead := b[0]
	switch {
	case lead <= math.MaxInt8:
		return uint64(lead), false, b[1:], nil
	case lead >= leadFixNegative:
		return uint64(int8(lead)), true, b[1:], nil
	case lead < leadUint8 || lead > leadInt8+3:
		return 0, false, nil, errNotInteger
	case lead < leadInt8:
		u, rest, err = readWide(b[1:], 1<<(lead-leadUint8))
		return u, false, rest, err
	}
	width := 1 << (lead - leadInt8)
	u, rest, err = readWide(b[1:], width)
	unused := 64 - 8*width
	signed := int64(u<<unused) >> unused
	return uint64(signed), signed < 0, rest, err
}

// readWide reads width bytes as a big-endian number.
func readWide(b []byte, width int) (u uint64, rest []byte, err error) {
	if len(b) < width {
		return 0, nil, ErrShortBytes
	}
	for _, c := range b[:width] {
		u = u<<8 | uint64(c)
	}
	return u, b[width:], nil
}

// cut splits b after n bytes. What comes before has no spare capacity.
func cut(b []byte, n uint32) (v, rest []byte, err error) {
	if uint64(len(b)) < uint64(n) {
		return nil, nil, ErrShortBytes
	}
	return b[:n:n], b[n:], nil
}
