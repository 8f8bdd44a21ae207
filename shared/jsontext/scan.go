package jsontext

import (
	"iter"
	"unicode/utf16"
	"unicode/utf8"
)

// Kind is the type of a JSON value.
type Kind byte

// The kinds, each named by the byte that its text can begin with.
const (
	Object Kind = '{'
	Array  Kind = '['
	String Kind = '"'
	Number Kind = '0'
	True   Kind = 't'
	False  Kind = 'f'
	Null   Kind = 'n'
)

// String returns the kind with its article, for error messages.
func (k Kind) String() string {
	switch k {
	case Object:
		return "an object"
	case Array:
		return "an array"
	case String:
		return "a string"
	case Number:
		return "a number"
	case True, False:
		return "a boolean"
	case Null:
		return "null"
	}
	return "no value"
}

// Text is JSON text. Slices of a string need no copy to be kept.
type Text interface{ ~string | ~[]byte }

// KindOf returns the kind of a value. White space before it is skipped.
func KindOf[T Text](raw T) Kind {
	c := raw[skipSpace(raw, 0)]
	if c == '-' || '0' <= c && c <= '9' {
		return Number
	}
	return Kind(c)
}

// Members iterates over the members of an object in the order of the text: the
// unquoted name and the value, a slice of object without white space around it.
func Members[T Text](object T) iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		pos := skipSpace(object, skipSpace(object, 0)+1)
		for object[pos] != '}' {
			end := skipString(object, pos)
			name := Unquote(object[pos:end])
			pos = skipSpace(object, skipSpace(object, end)+1) // the colon
			end = skipValue(object, pos)
			if !yield(name, object[pos:end]) {
				return
			}
			pos = skipSpace(object, end)
			if object[pos] == ',' {
				pos = skipSpace(object, pos+1)
			}
		}
	}
}

// Elements iterates over the elements of an array, each a slice of array
// without white space around it.
func Elements[T Text](array T) iter.Seq[T] {
	return func(yield func(T) bool) {
		pos := skipSpace(array, skipSpace(array, 0)+1)
		for array[pos] != ']' {
			end := skipValue(array, pos)
			if !yield(array[pos:end]) {
				return
			}
			pos = skipSpace(array, end)
			if array[pos] == ',' {
				pos = skipSpace(array, pos+1)
			}
		}
	}
}

// Unquote returns the text that a string literal stands for. It is a part of
// quoted where that is a string without escapes.
func Unquote[T Text](quoted T) string {
	body := quoted[1 : len(quoted)-1]
	first := 0
	for first < len(body) && body[first] != '\\' {
		first++
	}
	if first == len(body) {
		return string(body)
	}
	out := append(make([]byte, 0, len(body)), body[:first]...)
	for i := first; i < len(body); i++ {
		if body[i] != '\\' {
			out = append(out, body[i])
			continue
		}
		i++
		switch body[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			unit, _ := hex4(body, i+1)
			i += 4
			if isHigh(unit) {
				low, _ := hex4(body, i+3)
				i += 6
				out = utf8.AppendRune(out, utf16.DecodeRune(rune(unit), rune(low)))
			} else {
				out = utf8.AppendRune(out, rune(unit))
			}
		default:
			out = append(out, body[i])
		}
	}
	return string(out)
}

func skipSpace[T Text](data T, pos int) int {
	for pos < len(data) && (data[pos] == ' ' || data[pos] == '\n' || data[pos] == '\t' || data[pos] == '\r') {
		pos++
	}
	return pos
}

// skipString returns the end of the string literal that begins at pos.
func skipString[T Text](data T, pos int) int {
	for pos++; data[pos] != '"'; pos++ {
		if data[pos] == '\\' {
			pos++
		}
	}
	return pos + 1
}

// skipValue returns the end of the value that begins at pos.
func skipValue[T Text](data T, pos int) int {
	switch data[pos] {
	case '"':
		return skipString(data, pos)
	case '{', '[':
		depth := 0
		for {
			switch data[pos] {
			case '"':
				pos = skipString(data, pos)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			pos++
			if depth == 0 {
				return pos
			}
		}
	}
	for pos < len(data) {
		switch data[pos] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			return pos
		}
		pos++
	}
	return pos
}

func hex4[T Text](data T, pos int) (uint16, bool) {
	if pos+4 > len(data) {
		return 0, false
	}
	var n uint16
	for i := range 4 {
		c := data[pos+i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		n = n<<4 | uint16(c)
	}
	return n, true
}

func isHigh(unit uint16) bool { return 0xd800 <= unit && unit < 0xdc00 }
func isLow(unit uint16) bool  { return 0xdc00 <= unit && unit < 0xe000 }
