package msgpack

import "math"

// Require returns b with room for at least extra more bytes.
func Require(b []byte, extra int) []byte {
	if cap(b)-len(b) >= extra {
		return b
	}
	grown := make([]byte, len(b), max(2*cap(b), len(b)+extra))
	copy(grown, b)
	return grown
}

// AppendBool appends a boolean.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, leadTrue)
	}
	return append(b, leadFalse)
}

// AppendUint8 appends u in its shortest encoding.
func AppendUint8(b []byte, u uint8) []byte { return AppendUint64(b, uint64(u)) }

// AppendUint16 appends u in its shortest encoding.
func AppendUint16(b []byte, u uint16) []byte { return AppendUint64(b, uint64(u)) }

// AppendUint32 appends u in its shortest encoding.
func AppendUint32(b []byte, u uint32) []byte { return AppendUint64(b, uint64(u)) }

// AppendUint64 appends u in its shortest encoding.
func AppendUint64(b []byte, u uint64) []byte {
	switch {
	case u <= math.MaxInt8:
		return append(b, byte(u))
	case u <= math.MaxUint8:
		return appendWide(b, leadUint8, u, 1)
	case u <= math.MaxUint16:
		return appendWide(b, leadUint8+1, u, 2)
	case u <= math.MaxUint32:
		return appendWide(b, leadUint8+2, u, 4)
	}
	return appendWide(b, leadUint8+3, u, 8)
}

// AppendInt64 appends i in its shortest signed encoding.
func AppendInt64(b []byte, i int64) []byte {
	switch u := uint64(i); {
	case -32 <= i && i <= math.MaxInt8:
		return append(b, byte(u))
	case math.MinInt8 <= i && i < 0:
		return appendWide(b, leadInt8, u, 1)
	case math.MinInt16 <= i && i <= math.MaxInt16:
		return appendWide(b, leadInt8+1, u, 2)
	case math.MinInt32 <= i && i <= math.MaxInt32:
		return appendWide(b, leadInt8+2, u, 4)
	default:
		return appendWide(b, leadInt8+3, u, 8)
	}
}

// AppendArrayHeader begins an array of n elements, which are to follow.
func AppendArrayHeader(b []byte, n uint32) []byte {
	switch {
	case n < 16:
		return append(b, leadFixArray|byte(n))
	case n <= math.MaxUint16:
		return appendWide(b, leadArray16, uint64(n), 2)
	}
	return appendWide(b, leadArray16+1, uint64(n), 4)
}

// AppendBytes appends data as a MessagePack bin.
func AppendBytes(b, data []byte) []byte {
	b = Require(b, BytesPrefixSize+len(data))
	return append(appendLength(b, leadBytes8, len(data)), data...)
}

// AppendString appends s as a MessagePack str.
func AppendString(b []byte, s string) []byte {
	b = Require(b, StringPrefixSize+len(s))
	if len(s) < 32 {
		b = append(b, leadFixString|byte(len(s)))
	} else {
		b = appendLength(b, leadString8, len(s))
	}
	return append(b, s...)
}

// appendLength appends a length of one, two or four bytes. lead8 is the leading
// byte for one.
func appendLength(b []byte, lead8 byte, n int) []byte {
	switch {
	case n <= math.MaxUint8:
		return appendWide(b, lead8, uint64(n), 1)
	case n <= math.MaxUint16:
		return appendWide(b, lead8+1, uint64(n), 2)
	}
	return appendWide(b, lead8+2, uint64(n), 4)
}

// appendWide appends a leading byte and the last width bytes of u, big-endian.
func appendWide(b []byte, lead byte, u uint64, width int) []byte {
	b = append(b, lead)
	for shift := 8 * (width - 1); shift >= 0; shift -= 8 {
		b = append(b, byte(u>>shift))
	}
	return b
}
