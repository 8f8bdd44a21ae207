package delta

import (
	"strings"
	"unicode/utf8"
)

// Pointer names a place in a document as an RFC 6901 JSON pointer. The empty
// Pointer is the document itself. A pointer that was built by [Pointer.Member]
// or accepted by [ParsePointer] is in normal form, so that equal places have
// equal pointers.
type Pointer string

// ParsePointer checks that text is a JSON pointer in normal form, in UTF-8.
func ParsePointer(text string) (Pointer, bool) {
	if text != "" && text[0] != '/' || !utf8.ValidString(text) {
		return "", false
	}
	for i := 0; i < len(text); i++ {
		if text[i] == '~' && (i+1 == len(text) || text[i+1] != '0' && text[i+1] != '1') {
			return "", false
		}
	}
	return Pointer(text), true
}

// PointerOf returns the pointer whose tokens are the given member names.
func PointerOf(names ...string) Pointer {
	var p Pointer
	for _, name := range names {
		p = p.Member(name)
	}
	return p
}

// Member returns the pointer of a member of the object at p.
func (p Pointer) Member(name string) Pointer {
	for i := range len(name) {
		if name[i] == '~' || name[i] == '/' {
			// A strings.Replacer would weigh three times as much in a browser.
			name = strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
			break
		}
	}
	return p + "/" + Pointer(name)
}

// Names returns the member names on the way from the root to p.
func (p Pointer) Names() []string {
	if p == "" {
		return nil
	}
	names := strings.Split(string(p[1:]), "/")
	for i, name := range names {
		names[i] = unescape(name)
	}
	return names
}

// unescape returns the name that a token stands for.
func unescape(token string) string {
	if strings.Contains(token, "~") {
		return strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
	}
	return token
}

// Contains reports whether q is p or lies below it.
func (p Pointer) Contains(q Pointer) bool {
	return len(q) >= len(p) && q[:len(p)] == p && (len(q) == len(p) || q[len(p)] == '/')
}

// Parent returns the pointer of the object that p is a member of, and false for
// the root.
func (p Pointer) Parent() (Pointer, bool) {
	if p == "" {
		return "", false
	}
	return p[:strings.LastIndexByte(string(p), '/')], true
}
