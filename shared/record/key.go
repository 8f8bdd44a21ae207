package record

import "cmp"

import "strings"

// Bounds of the two parts of a [Key], in bytes.
const (
	MaxSpace = 64
	MaxID    = 128
)

// Key names a document: a space (a tenant, a workspace, a game) and an id
// within it. Its text form is "space/id". The zero Key is invalid; a Key that
// came from [ParseKey] is valid. Keys are comparable.
//
// Grammar:
//
//	key   = space "/" id
//	space = 1*64( ALPHA / DIGIT / "-" / "_" )
//	id    = 1*128( ALPHA / DIGIT / "-" / "_" / "." / ":" / "@" / "~" )
type Key struct {
	Space string
	ID    string
}

// KeyError reports a text that is not a key.
type KeyError struct {
	Text   string // what was given, cut to a printable length
	Reason string
}

func (e *KeyError) Error() string {
	return "document key \"" + e.Text + "\": " + e.Reason
}

// ParseKey reads a key from its text form. The error is a [*KeyError].
func ParseKey(text string) (Key, error) {
	space, id, found := strings.Cut(text, "/")
	switch {
	case !found:
		return Key{}, keyError(text, "has no '/': write it as space/id")
	case space == "":
		return Key{}, keyError(text, "the space before the '/' is empty")
	case id == "":
		return Key{}, keyError(text, "the id after the '/' is empty")
	case len(space) > MaxSpace:
		return Key{}, keyError(text, "the space is longer than 64 bytes")
	case len(id) > MaxID:
		return Key{}, keyError(text, "the id is longer than 128 bytes")
	}
	for i := range len(space) {
		if !isWord(space[i]) {
			return Key{}, keyError(text, "a space has only letters, digits, '-' and '_'")
		}
	}
	for i := range len(id) {
		if !isWord(id[i]) && !strings.ContainsRune(".:@~", rune(id[i])) {
			return Key{}, keyError(text, "an id has only letters, digits and the characters - _ . : @ ~")
		}
	}
	return Key{Space: space, ID: id}, nil
}

// String returns the text form.
func (k Key) String() string { return k.Space + "/" + k.ID }

// IsZero reports whether k is the zero Key.
func (k Key) IsZero() bool { return k == Key{} }

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

func keyError(text, reason string) error {
	const limit = 80
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || 0x7f <= r && r < 0xa0 || r == '"' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(clean) > limit {
		clean = strings.ToValidUTF8(clean[:limit], "") + "…"
	}
	return &KeyError{Text: clean, Reason: reason}
}

// MarshalText and UnmarshalText make a key a string in JSON.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

func (k *Key) UnmarshalText(text []byte) (err error) {
	*k, err = ParseKey(string(text))
	return err
}

// Compare orders keys, by their spaces first.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Space, other.Space), cmp.Compare(k.ID, other.ID))
}
