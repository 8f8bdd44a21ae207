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
	if r.Kind != ReadValue && r.Kind != ReadExists && r.Kind != ReadMembers {
		return false
	}
	_, ok := ParsePointer(string(r.Path))
	return ok && strings.Count(string(r.Path), "/") <= jsontext.MaxDepth
}
