package mutator

import (
	"maps"
	"slices"
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/doc"
)

// Func changes a document. args is one valid JSON value, which must not be changed or
// kept.
//
// It must be deterministic: what it writes depends on args and on what it reads of the
// document by tx, and on nothing else. It runs in several places and several times for
// one mutation. Time, random numbers, ids and the name of the user are for the caller to
// find out, and to pass in args. A map of Go is not walked in the same order twice.
//
// With an error the document is as it was, and whoever asked for the mutation is told
// the error's text. The server runs it while the document waits: it must be quick.
type Func func(tx *doc.Tx, args []byte) error

// MaxName bounds the name of a mutation, in bytes.
const MaxName = 64

// ValidName reports whether a mutation may have the name: 1 to [MaxName] letters,
// digits and characters - _ . : /
func ValidName(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.', c == ':', c == '/':
		default:
			return false
		}
	}
	return name != "" && len(name) <= MaxName
}

// Registry is a set of functions by name. The zero Registry is empty. It is filled
// before it is used; from then on it may be used concurrently.
type Registry struct{ funcs map[string]Func }

// Register adds a function. It panics when the name is none or is taken: that is found
// when the program starts, or never.
func (r *Registry) Register(name string, fn Func) {
	switch {
	case !ValidName(name):
		panic("mutator: " + strconv.Quote(name) + " cannot be the name of a mutation: it has 1 to " +
			strconv.Itoa(MaxName) + " letters, digits and characters - _ . : /")
	case fn == nil:
		panic("mutator: " + strconv.Quote(name) + " has no function")
	case r.funcs[name] != nil:
		panic("mutator: " + strconv.Quote(name) + " is registered twice")
	}
	if r.funcs == nil {
		r.funcs = make(map[string]Func)
	}
	r.funcs[name] = fn
}

// Lookup returns the function of a name, nil if there is none. A nil Registry is empty.
func (r *Registry) Lookup(name string) Func {
	if r == nil {
		return nil
	}
	return r.funcs[name]
}

// Names returns the names, sorted.
func (r *Registry) Names() []string {
	if r == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(r.funcs))
}

// UnknownError says that a program has no function of a name.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	return "mutator " + strconv.Quote(e.Name) + " is not registered in this program: register it, in a browser in a module of your own (see docs/mutators.md)"
}
