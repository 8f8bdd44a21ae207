package jsontext

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// MaxDepth is how deep objects and arrays may nest, counted together.
const MaxDepth = 100

// MaxName is how long a member name may be, in bytes of its literal without the
// quotation marks. Paths are made of names: a short delta below a long one would
// else be written down, many times over, in full.
const MaxName = 1024

// Fault classifies an [Error].
type Fault uint8

const (
	// FaultSyntax: not JSON.
	FaultSyntax Fault = iota + 1
	// FaultText: invalid UTF-8, or an escape that is half of a surrogate pair.
	FaultText
	// FaultDuplicate: a member name twice in one object.
	FaultDuplicate
	// FaultDepth: nested deeper than [MaxDepth].
	FaultDepth
	// FaultType: valid JSON, but not of the type that is needed here.
	FaultType
	// FaultSize: longer than is allowed here.
	FaultSize
)

// Error says what is wrong with a JSON text and at which byte.
type Error struct {
	Fault  Fault
	Offset int
	Reason string
}

func (e *Error) Error() string {
	return "json at byte " + strconv.Itoa(e.Offset) + ": " + e.Reason
}

// Validate checks that data is one strict JSON value, with optional white space
// around it. The error is an [*Error].
func Validate(data []byte) error { return ValidateWithin(data, 0) }

// ValidateWithin is [Validate] for a value that is to stand within objects and
// arrays nested as deep as depth: together they must keep to [MaxDepth].
func ValidateWithin(data []byte, depth int) error {
	v := validator{data: data}
	v.space()
	if err := v.value(depth); err != nil {
		return err
	}
	v.space()
	if v.pos != len(data) {
		return v.fail(FaultSyntax, "text after the value")
	}
	return nil
}

// ValidateObject checks that data is one strict JSON object.
func ValidateObject(data []byte) error {
	if err := Validate(data); err != nil {
		return err
	}
	if KindOf(data) != Object {
		return &Error{Fault: FaultType, Reason: "is " + KindOf(data).String() + ", must be an object"}
	}
	return nil
}

type validator struct {
	data []byte
	pos  int
}

func (v *validator) fail(f Fault, reason string) error {
	return &Error{Fault: f, Offset: v.pos, Reason: reason}
}

// peek returns the next byte, or 0 at the end (which is no JSON either way).
func (v *validator) peek() byte {
	if v.pos < len(v.data) {
		return v.data[v.pos]
	}
	return 0
}

func (v *validator) space() { v.pos = skipSpace(v.data, v.pos) }

func (v *validator) unexpected(wanted string) error {
	if v.pos >= len(v.data) {
		return v.fail(FaultSyntax, "ends where "+wanted+" should be")
	}
	return v.fail(FaultSyntax, "expected "+wanted)
}

func (v *validator) value(depth int) error {
	switch c := v.peek(); {
	case c == '{':
		return v.object(depth + 1)
	case c == '[':
		return v.array(depth + 1)
	case c == '"':
		return v.string()
	case c == '-' || '0' <= c && c <= '9':
		return v.number()
	case c == 't':
		return v.word("true")
	case c == 'f':
		return v.word("false")
	case c == 'n':
		return v.word("null")
	}
	return v.unexpected("a value")
}

func (v *validator) object(depth int) error {
	if depth > MaxDepth {
		return v.fail(FaultDepth, "nested deeper than "+strconv.Itoa(MaxDepth))
	}
	v.pos++
	v.space()
	if v.peek() == '}' {
		v.pos++
		return nil
	}
	var names nameSet
	for {
		if v.peek() != '"' {
			return v.unexpected("a member name")
		}
		start := v.pos
		if err := v.string(); err != nil {
			return err
		}
		if v.pos-start-len(`""`) > MaxName {
			v.pos = start
			return v.fail(FaultSize, "member name longer than "+strconv.Itoa(MaxName)+" bytes")
		}
		if !names.add(v.data[start:v.pos]) {
			v.pos = start
			return v.fail(FaultDuplicate, "member name occurs twice")
		}
		v.space()
		if v.peek() != ':' {
			return v.unexpected("':'")
		}
		v.pos++
		v.space()
		if err := v.value(depth); err != nil {
			return err
		}
		v.space()
		switch v.peek() {
		case ',':
			v.pos++
			v.space()
		case '}':
			v.pos++
			return nil
		default:
			return v.unexpected("',' or '}'")
		}
	}
}

func (v *validator) array(depth int) error {
	if depth > MaxDepth {
		return v.fail(FaultDepth, "nested deeper than "+strconv.Itoa(MaxDepth))
	}
	v.pos++
	v.space()
	if v.peek() == ']' {
		v.pos++
		return nil
	}
	for {
		if err := v.value(depth); err != nil {
			return err
		}
		v.space()
		switch v.peek() {
		case ',':
			v.pos++
			v.space()
		case ']':
			v.pos++
			return nil
		default:
			return v.unexpected("',' or ']'")
		}
	}
}

func (v *validator) word(w string) error {
	if len(v.data)-v.pos < len(w) || string(v.data[v.pos:v.pos+len(w)]) != w {
		return v.unexpected("a value")
	}
	v.pos += len(w)
	return nil
}

// number checks the grammar of RFC 8259, section 6.
func (v *validator) number() error {
	if v.peek() == '-' {
		v.pos++
	}
	switch c := v.peek(); {
	case c == '0':
		v.pos++
	case '1' <= c && c <= '9':
		v.digits()
	default:
		return v.unexpected("a digit")
	}
	if v.peek() == '.' {
		v.pos++
		if !v.digits() {
			return v.unexpected("a digit")
		}
	}
	if c := v.peek(); c == 'e' || c == 'E' {
		v.pos++
		if c := v.peek(); c == '+' || c == '-' {
			v.pos++
		}
		if !v.digits() {
			return v.unexpected("a digit")
		}
	}
	return nil
}

func (v *validator) digits() bool {
	start := v.pos
	for c := v.peek(); '0' <= c && c <= '9'; c = v.peek() {
		v.pos++
	}
	return v.pos > start
}

func (v *validator) string() error {
	v.pos++
	for v.pos < len(v.data) {
		switch c := v.data[v.pos]; {
		case c == '"':
			v.pos++
			return nil
		case c == '\\':
			if err := v.escape(); err != nil {
				return err
			}
		case c < ' ':
			return v.fail(FaultSyntax, "control character in a string")
		case c < utf8.RuneSelf:
			v.pos++
		default:
			r, size := utf8.DecodeRune(v.data[v.pos:])
			if r == utf8.RuneError && size <= 1 {
				return v.fail(FaultText, "invalid UTF-8")
			}
			v.pos += size
		}
	}
	return v.unexpected("the end of the string")
}

func (v *validator) escape() error {
	v.pos++
	switch v.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		v.pos++
		return nil
	case 'u':
	default:
		return v.unexpected("an escape")
	}
	unit, ok := hex4(v.data, v.pos+1)
	if !ok {
		return v.unexpected("four hexadecimal digits")
	}
	switch {
	case isLow(unit):
		return v.fail(FaultText, "lone low surrogate")
	case isHigh(unit):
		if len(v.data) < v.pos+7 || v.data[v.pos+5] != '\\' || v.data[v.pos+6] != 'u' {
			return v.fail(FaultText, "lone high surrogate")
		}
		low, ok := hex4(v.data, v.pos+7)
		if !ok || !isLow(low) {
			return v.fail(FaultText, "lone high surrogate")
		}
		v.pos += 11
	default:
		v.pos += 5
	}
	return nil
}

// nameSet finds a member name that occurs twice. Most objects are small: a
// linear search beats a map there and allocates nothing.
type nameSet struct {
	few  [8][]byte
	n    int
	many map[string]struct{}
}

// add reports whether the quoted name is new.
func (s *nameSet) add(quoted []byte) bool {
	if s.many == nil && s.n < len(s.few) {
		plain := !slices.Contains(quoted, '\\')
		for _, other := range s.few[:s.n] {
			if string(other) == string(quoted) {
				return false
			}
			if (!plain || slices.Contains(other, '\\')) && Unquote(other) == Unquote(quoted) {
				return false
			}
		}
		s.few[s.n] = quoted
		s.n++
		return true
	}
	if s.many == nil {
		s.many = make(map[string]struct{}, 64)
		for _, other := range s.few[:s.n] {
			s.many[Unquote(other)] = struct{}{}
		}
	}
	before := len(s.many)
	s.many[Unquote(quoted)] = struct{}{}
	return len(s.many) > before
}
