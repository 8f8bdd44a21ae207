package jsontext

import (
	"strings"

	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// AppendCanonical appends the canonical form of a value: no white space, the
// members of every object sorted by the bytes of their names, strings escaped
// as by [AppendString], numbers in their literal text.
func AppendCanonical[T Text](dst []byte, raw T) []byte {
	switch KindOf(raw) {
	case Object:
		type member struct {
			name string
			raw  T
		}
		var members []member
		for name, raw := range Members(raw) {
			members = append(members, member{name, raw})
		}
		sorts.Func(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
		dst = append(dst, '{')
		for i, m := range members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendString(dst, m.name)
			dst = append(dst, ':')
			dst = AppendCanonical(dst, m.raw)
		}
		return append(dst, '}')
	case Array:
		dst = append(dst, '[')
		first := true
		for element := range Elements(raw) {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = AppendCanonical(dst, element)
		}
		return append(dst, ']')
	case String:
		return appendCanonicalString(dst, trim(raw))
	}
	return append(dst, trim(raw)...)
}

// AppendString appends s as a string literal: the quotation mark, the reverse
// solidus and control characters are escaped, by the two-character form where
// there is one; nothing else is. s must be valid UTF-8.
func AppendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[start:]...), '"')
}

// QuotedLen returns the length of the string literal that [AppendString] writes.
func QuotedLen(s string) int {
	n := len(s) + len(`""`)
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\', '\b' <= c && c <= '\r' && c != '\v':
			n += len(`\n`) - 1
		case c < ' ':
			n += len(`\u0000`) - 1
		}
	}
	return n
}

// appendCanonicalString copies a literal that has no escape; it is canonical.
func appendCanonicalString[T Text](dst []byte, quoted T) []byte {
	if hasEscape(quoted) {
		return AppendString(dst, Unquote(quoted))
	}
	return append(dst, quoted...)
}

func trim[T Text](raw T) T {
	start := skipSpace(raw, 0)
	return raw[start:skipValue(raw, start)]
}

func hasEscape[T Text](quoted T) bool {
	for i := range len(quoted) {
		if quoted[i] == '\\' {
			return true
		}
	}
	return false
}
