package table

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// literalOf returns the JSON text of the value that a key, ascending, begins
// with: the same for all texts with one key. Arrays and objects are {}.
func literalOf(key string) string {
	switch tag := key[0]; tag {
	case tagFalse:
		return "false"
	case tagTrue:
		return "true"
	case tagZero:
		return "0"
	case tagNegative, tagPositive:
		return numberOf(key)
	case tagString:
		return textOf(key[1:])
	case tagOther:
		return "{}"
	}
	return "null"
}

// keyLen returns the length of the ascending key that key begins with.
func keyLen(key string) int {
	switch key[0] {
	case tagString:
		return strings.IndexByte(key, 0) + 1
	case tagPositive, tagNegative:
		end := byte(0)
		if key[0] == tagNegative {
			end = 0xff
		}
		_, at := exponentOf(key)
		return at + strings.IndexByte(key[at:], end) + 1
	}
	return 1
}

func textOf(key string) string {
	const hex = "0123456789abcdef"
	out := []byte{'"'}
	for _, c := range []byte(key) {
		if c == 0 {
			break
		}
		switch c--; {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c >= ' ':
			out = append(out, c)
		case '\b' <= c && c <= '\r' && c != '\v':
			out = append(out, '\\', "btn-fr"[c-'\b'])
		default:
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return string(append(out, '"'))
}

// exponentOf returns the decimal digits of a number's exponent, with a sign if
// it is negative, and where its own digits begin.
func exponentOf(key string) (exponent string, end int) {
	flip := byte(0)
	if key[0] == tagNegative {
		flip = 0xff
	}
	head := key[1] ^ flip
	if exponentBias+exponentMin <= int(head) && head <= exponentBias+exponentMax {
		return strconv.Itoa(int(head) - exponentBias), 2
	}
	sign := ""
	if head < exponentBias {
		sign, flip, head = "-", ^flip, ^head
	}
	read := func(from, n int) []byte {
		b := []byte(key[from : from+n])
		for i := range b {
			b[i] ^= flip
		}
		return b
	}
	if head == exponentHuge {
		n := int(binary.BigEndian.Uint64(read(2, 8)))
		return sign + string(read(10, n)), 10 + n
	}
	var e uint64
	for _, c := range read(2, int(head)-exponentWide) {
		e = e<<8 | uint64(c)
	}
	return sign + strconv.FormatUint(e, 10), 2 + int(head) - exponentWide
}

func numberOf(key string) string {
	flip, sign := byte(0), ""
	if key[0] == tagNegative {
		flip, sign = 0xff, "-"
	}
	exponent, at := exponentOf(key)
	var digits []byte
	for ; key[at]^flip != 0; at++ {
		pair := key[at] ^ flip - 1
		digits = append(digits, '0'+pair/10, '0'+pair%10)
	}
	d := strings.TrimRight(string(digits), "0")
	e, err := strconv.Atoi(exponent)
	switch {
	case err != nil || e < -5 || e > 21:
		return sign + "0." + d + "e" + exponent
	case e <= 0:
		return sign + "0." + strings.Repeat("0", -e) + d
	case e < len(d):
		return sign + d[:e] + "." + d[e:]
	}
	return sign + d + strings.Repeat("0", e-len(d))
}
