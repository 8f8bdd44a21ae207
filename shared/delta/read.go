package delta

import (
	"strings"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

//msgp:tuple Read

// ReadKind says what of a place a transaction depended on.
type ReadKind uint8

const (
	// ReadValue is the whole value at the path, or that there is none. It is also
	// what a look at an object is when there was none.
	ReadValue ReadKind = 'v'
	// ReadExists is that there is an object at the path.
	ReadExists ReadKind = 'e'
	// ReadMembers is which members the object at the path has.
	ReadMembers ReadKind = 'm'
	// ReadGap is which members an object has from one name to another, both
	// included; see [Gap].
	ReadGap ReadKind = 'g'
)

// Read is one thing that a transaction depended on.
type Read struct {
	Kind ReadKind
	Path Pointer
}

// WholeDocument is the read that every write conflicts with.
var WholeDocument = Read{Kind: ReadValue}

// Valid reports whether r is well formed and can name a place in a document.
// Reads come from clients.
func (r Read) Valid() bool {
	if _, ok := ParsePointer(string(r.Path)); !ok {
		return false
	}
	depth := strings.Count(string(r.Path), "/")
	switch r.Kind {
	case ReadValue, ReadExists, ReadMembers:
		return depth <= jsontext.MaxDepth
	case ReadGap: // its last two names stand side by side
		return depth-1 <= jsontext.MaxDepth && r.validGap()
	}
	return false
}
