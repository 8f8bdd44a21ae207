package table

import (
	"unicode/utf16"
	"unicode/utf8"
)

// A key is bytes whose order is the order of values: a tag for the kind, then
// what orders the values of that kind. No key is a prefix of another, so keys
// can be joined to compound ones, and a descending element is its key with every
// bit inverted.
//
//	null, missing, false, true   the tag
//	number below or above 0      the tag, exponent and digits as in number.go
//	zero                         the tag
//	string                       the tag, every byte of the UTF-8 plus 1, 0x00
//	array, object                the tag
const (
	tagNull byte = iota + 1
	tagFalse
	tagTrue
	tagNegative
	tagZero
	tagPositive
	tagString
	tagOther
	tagEnd
)

// appendKey appends the key of a valid JSON text without white space around it.
func appendKey(dst []byte, raw string) []byte {
	switch raw[0] {
	case 'n':
		return append(dst, tagNull)
	case 'f':
		return append(dst, tagFalse)
	case 't':
		return append(dst, tagTrue)
	case '"':
		return append(appendQuoted(append(dst, tagString), raw), 0)
	case '[', '{':
		return append(dst, tagOther)
	}
	return appendNumber(dst, raw)
}

// appendText appends the bytes of a string's key without its end: what the keys
// of all strings that begin with s begin with.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, tagString)
	for i := range len(s) {
		dst = append(dst, s[i]+1)
	}
	return dst
}

// appendQuoted appends what a string literal stands for, every byte plus 1. The
// bytes of UTF-8 stay below 0xff, so none becomes 0.
func appendQuoted(dst []byte, quoted string) []byte {
	for i := 1; i < len(quoted)-1; i++ {
		c := quoted[i]
		if c != '\\' {
			dst = append(dst, c+1)
			continue
		}
		i++
		switch c = quoted[i]; c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hex4(quoted[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				r = utf16.DecodeRune(r, hex4(quoted[i+3:]))
				i += 6
			}
			var encoded [utf8.UTFMax]byte
			for _, c := range encoded[:utf8.EncodeRune(encoded[:], r)] {
				dst = append(dst, c+1)
			}
			continue
		}
		dst = append(dst, c+1)
	}
	return dst
}

func hex4(s string) (r rune) {
	for _, c := range []byte(s[:4]) {
		switch {
		case c <= '9':
			c -= '0'
		case c <= 'F':
			c -= 'A' - 10
		default:
			c -= 'a' - 10
		}
		r = r<<4 | rune(c)
	}
	return r
}

func invert(key []byte) {
	for i := range key {
		key[i] = ^key[i]
	}
}

// after returns the smallest bytes that are greater than everything that begins
// with prefix, in place; nil when there are none.
func after(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			prefix[i]++
			return prefix[:i+1]
		}
	}
	return nil
}
