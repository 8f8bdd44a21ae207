package table

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"strings"
)

// A number other than 0 is ±0.d1d2...dn * 10^e, d1 and dn not 0, and has the key
//
//	tag       1 byte
//	exponent  1 byte 0x80+e     for -48 <= e <= 63
//	          0xc0+n, n bytes   for e > 63: big endian, n as small as possible
//	          0xd0, 8 bytes, digits   for e >= 10^18: the number of decimal digits, and they
//	          the last two forms of -e, every bit inverted, for e < -48
//	digits    a byte 1+10*d1+d2 for each pair, the last one filled up with 0; 0x00
//
// with everything after the tag inverted for a negative number.
const (
	exponentBias = 0x80
	exponentMin  = -48
	exponentMax  = 63
	exponentWide = 0xc0
	exponentHuge = 0xd0
	hugeDigits   = 18 // exponents of more digits are kept as digits
)

func appendNumber(dst []byte, raw string) []byte {
	mantissa, exponent := raw, ""
	if i := strings.IndexAny(raw, "eE"); i >= 0 {
		mantissa, exponent = raw[:i], raw[i+1:]
	}
	tag := tagPositive
	if mantissa[0] == '-' {
		tag, mantissa = tagNegative, mantissa[1:]
	}
	first := strings.IndexAny(mantissa, "123456789")
	if first < 0 {
		return append(dst, tagZero)
	}
	point := strings.IndexByte(mantissa, '.')
	if point < 0 {
		point = len(mantissa)
	}
	shift := int64(point - first) // the exponent, but for the literal's own
	if first > point {
		shift++
	}
	last := len(mantissa) - 1
	for mantissa[last] == '0' || mantissa[last] == '.' {
		last--
	}
	dst = append(dst, tag)
	start := len(dst)
	dst = appendExponent(dst, exponent, shift)
	high := true
	for i := first; i <= last; i++ {
		d := mantissa[i] - '0'
		switch {
		case mantissa[i] == '.':
			continue
		case high:
			dst = append(dst, 1+10*d)
		default:
			dst[len(dst)-1] += d
		}
		high = !high
	}
	dst = append(dst, 0)
	if tag == tagNegative {
		invert(dst[start:])
	}
	return dst
}

// appendExponent appends the sum of a literal's exponent and shift.
func appendExponent(dst []byte, literal string, shift int64) []byte {
	negative := strings.HasPrefix(literal, "-")
	digits := strings.TrimLeft(strings.TrimLeft(literal, "+-"), "0")
	if len(digits) <= hugeDigits {
		e := parseDigits(digits)
		if negative {
			e = -e
		}
		return appendShortExponent(dst, e+shift)
	}
	if negative {
		shift = -shift
	}
	digits = addSmall(digits, shift)
	if len(digits) > hugeDigits {
		return appendHugeExponent(dst, digits, negative)
	}
	e := parseDigits(digits)
	if negative {
		e = -e
	}
	return appendShortExponent(dst, e)
}

func appendShortExponent(dst []byte, e int64) []byte {
	if exponentMin <= e && e <= exponentMax {
		return append(dst, byte(exponentBias+e))
	}
	magnitude, start := uint64(max(e, -e)), len(dst)
	if digits := strconv.FormatUint(magnitude, 10); len(digits) > hugeDigits {
		return appendHugeExponent(dst, digits, e < 0)
	}
	n := (bits.Len64(magnitude) + 7) / 8
	dst = append(dst, byte(exponentWide+n))
	for i := n - 1; i >= 0; i-- {
		dst = append(dst, byte(magnitude>>(8*i)))
	}
	if e < 0 {
		invert(dst[start:])
	}
	return dst
}

func appendHugeExponent(dst []byte, digits string, negative bool) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint64(append(dst, exponentHuge), uint64(len(digits)))
	dst = append(dst, digits...)
	if negative {
		invert(dst[start:])
	}
	return dst
}

// addSmall adds n to a decimal number that is greater than n's magnitude.
func addSmall(digits string, n int64) string {
	sum := []byte("0" + digits)
	for i := len(sum) - 1; n != 0; i-- {
		d := int64(sum[i]-'0') + n%10
		n /= 10
		if d < 0 {
			d, n = d+10, n-1
		} else if d > 9 {
			d, n = d-10, n+1
		}
		sum[i] = byte('0' + d)
	}
	return strings.TrimLeft(string(sum), "0")
}

// parseDigits returns the value of at most hugeDigits decimal digits.
func parseDigits(digits string) (n int64) {
	for _, c := range []byte(digits) {
		n = 10*n + int64(c-'0')
	}
	return n
}
