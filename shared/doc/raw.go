package doc

import (
	"iter"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// rawMembers iterates over the members of an object in canonical text: the
// quoted name and the value. It knows that there is no white space.
func rawMembers(raw string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for pos := 1; raw[pos] != '}'; {
			colon := endOfString(raw, pos)
			end := endOfValue(raw, colon+1)
			if !yield(raw[pos:colon], raw[colon+1:end]) {
				return
			}
			if pos = end; raw[pos] == ',' {
				pos++
			}
		}
	}
}

// endOfString returns the end of the string literal that begins at pos.
func endOfString(raw string, pos int) int {
	for pos++; ; {
		pos += strings.IndexByte(raw[pos:], '"') + 1
		// A quotation mark after an odd number of backslashes is escaped.
		slashes := pos - 2
		for raw[slashes] == '\\' {
			slashes--
		}
		if (pos-slashes)%2 == 0 {
			return pos
		}
	}
}

// endOfValue returns the end of the value that begins at pos, in canonical text.
func endOfValue(raw string, pos int) int {
	switch raw[pos] {
	case '"':
		return endOfString(raw, pos)
	case '{', '[':
		for depth := 0; ; {
			switch raw[pos] {
			case '"':
				pos = endOfString(raw, pos)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return pos + 1
				}
			}
			pos++
		}
	}
	for ; pos < len(raw); pos++ {
		switch raw[pos] {
		case ',', '}', ']':
			return pos
		}
	}
	return pos
}

// isCanonical reports whether data, a valid object, is canonical already and has
// no member that is null. It may say no of a text with long escapes.
func isCanonical(data string) bool {
	before, first, length := "", true, len("{}")
	for name, raw := range jsontext.Members(data) {
		if !first && name <= before || !isCanonicalName(name) || !isCanonicalValue(raw) {
			return false
		}
		if !first {
			length += len(",")
		}
		length += jsontext.QuotedLen(name) + len(":") + len(raw)
		before, first = name, false
	}
	return length == len(data)
}

func isCanonicalValue(raw string) bool {
	switch raw[0] {
	case '{':
		return isCanonical(raw)
	case '[':
		return string(jsontext.AppendCanonical(make([]byte, 0, len(raw)), raw)) == raw
	case '"':
		return strings.IndexByte(raw, '\\') < 0 || string(jsontext.AppendString(nil, jsontext.Unquote(raw))) == raw
	}
	return raw[0] != 'n'
}

// isCanonicalName reports whether there is one length for the quoted name: a
// hexadecimal escape may be written in two ways.
func isCanonicalName(name string) bool {
	for i := range len(name) {
		if name[i] < ' ' {
			return false
		}
	}
	return true
}

// appendMerged appends what merging a valid value into nothing yields: its
// canonical text without the members that are null.
func appendMerged(dst []byte, raw string) []byte {
	if jsontext.KindOf(raw) != jsontext.Object {
		return jsontext.AppendCanonical(dst, raw)
	}
	var members []patchMember
	for name, value := range jsontext.Members(raw) {
		if jsontext.KindOf(value) != jsontext.Null {
			members = append(members, patchMember{name, value})
		}
	}
	sortMembers(members)
	dst = append(dst, '{')
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendString(dst, m.name), ':')
		dst = appendMerged(dst, m.raw)
	}
	return append(dst, '}')
}
