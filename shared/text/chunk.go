package text

import (
	"strings"
	"unicode/utf8"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/rank"
)

// chunk is one member of the object: a piece of text, or a marker.
type chunk struct {
	key    string
	raw    string  // canonical JSON
	text   string  // shares memory with raw where nothing is escaped
	units  int     // length of text in UTF-16 units; a marker has none
	marker *marker // nil: a piece of text

	owners
	loose bool // is in State.loose
}

// owners is what is known of those who write in a chunk.
type owners struct {
	// mine: this session made it, nobody else has changed it. Only such a chunk
	// is extended in place at its end.
	mine bool
	// foreign: someone else may be writing there. It is left out of compaction.
	foreign bool
}

type item = rank.Item[*chunk]

func (c *chunk) ascii() bool { return c.units == len(c.text) }

// offset returns the byte offset of the unit, and whether the unit is the second
// half of a surrogate pair; then the offset is that of the pair.
func (c *chunk) offset(unit int) (at int, inside bool) {
	if c.ascii() {
		return unit, false
	}
	return byteOffset(c.text, unit)
}

// parse reads a member. It returns nil if that is no part of a text.
func parse(key, raw string) *chunk {
	if !validKey(key) || raw == "" {
		return nil
	}
	switch raw[0] {
	case '"':
		text := unquote(raw)
		if text == "" {
			return nil
		}
		return &chunk{key: key, raw: raw, text: text, units: Units(text)}
	case '[':
		if m := parseMarker(raw); m != nil {
			return &chunk{key: key, raw: raw, marker: m}
		}
	}
	return nil
}

func unquote(raw string) string {
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	return jsontext.Unquote(raw)
}

// quote returns the literal of a text, and the text as a part of it if possible.
func quote(text string) (raw, shared string) {
	if plain(text) {
		raw = `"` + text + `"`
		return raw, raw[1 : len(raw)-1]
	}
	return string(jsontext.AppendString(make([]byte, 0, len(text)+8), text)), text
}

// plain reports whether nothing of s is escaped in JSON.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// Units returns the length of s in UTF-16 units.
func Units(s string) int {
	n := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c < utf8.RuneSelf || c >= 0xc0 && c < 0xf0:
			n++
		case c >= 0xf0: // a surrogate pair
			n += 2
		}
	}
	return n
}

// byteOffset returns the byte offset of the unit in s, and whether the unit is
// the second half of a surrogate pair; then the offset is that of the pair.
func byteOffset(s string, unit int) (at int, inside bool) {
	for at < len(s) && unit > 0 {
		switch c := s[at]; {
		case c < utf8.RuneSelf:
			at++
		case c < 0xe0:
			at += 2
		case c < 0xf0:
			at += 3
		default:
			if unit == 1 {
				return at, true
			}
			unit--
			at += 4
		}
		unit--
	}
	return at, false
}

// cut returns the units from i up to j of s.
func cut(s string, i, j int) string {
	from, _ := byteOffset(s, i)
	n, _ := byteOffset(s[from:], j-i)
	return s[from : from+n]
}
