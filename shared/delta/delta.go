package delta

import (
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// Delta is a valid merge patch of a document. The zero Delta is the patch that
// changes nothing. A Delta shares the bytes that it was parsed from; they must
// not be changed.
type Delta struct{ data []byte }

// Parse checks that data is a merge patch whose root is an object. The error is
// a [*jsontext.Error].
func Parse(data []byte) (Delta, error) {
	if err := jsontext.ValidateObject(data); err != nil {
		return Delta{}, err
	}
	return Delta{data: data}, nil
}

// Trusted returns a Delta of bytes that are a valid merge patch by construction:
// this program has just written them.
func Trusted(data []byte) Delta { return Delta{data: data} }

// Bytes returns the patch as its author wrote it. The caller must not change it.
func (d Delta) Bytes() []byte {
	if d.data == nil {
		return []byte("{}")
	}
	return d.data
}

// Len returns the length of the patch in bytes.
func (d Delta) Len() int { return len(d.Bytes()) }

// Leaves calls yield with the pointer of every leaf of the patch: each member
// whose value is not an object with members. It stops when yield returns false.
func (d Delta) Leaves(yield func(Pointer) bool) {
	leaves(d.Bytes(), "", yield)
}

func leaves(object []byte, at Pointer, yield func(Pointer) bool) bool {
	for name, raw := range jsontext.Members(object) {
		path := at.Member(name)
		if jsontext.KindOf(raw) == jsontext.Object && !isEmptyObject(raw) {
			if !leaves(raw, path, yield) {
				return false
			}
			continue
		}
		if !yield(path) {
			return false
		}
	}
	return true
}

func isEmptyObject(raw []byte) bool {
	for range jsontext.Members(raw) {
		return false
	}
	return true
}
