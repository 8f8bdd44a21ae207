package typed

import (
	"strings"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// Reader is from where a value is read: a [doc.Tx], a [doc.Reader] or a [doc.Doc].
type Reader interface {
	Value(p delta.Pointer) doc.Value
}

// place is where a part is.
type place struct {
	*binding
	at delta.Pointer
	// into is the object that the part's writes go into: above it, or itself.
	into delta.Pointer
}

// placeOf returns the place of a part that is one member.
func placeOf(b *binding, at delta.Pointer) place {
	into, _ := at.Parent()
	return place{b, at, into}
}

// write runs fn, which writes into the object, and makes that first if need be. The
// error is remembered; then nothing was written.
func (p *place) write(tx *doc.Tx, fn func(*doc.Tx) error) error {
	if p.closed {
		return p.wrote(ErrClosed)
	}
	if _, ok := tx.Object(p.into); ok {
		return p.wrote(fn(tx))
	}
	return p.wrote(tx.Update(func(tx *doc.Tx) error {
		if err := makeObject(tx, p.into); err != nil {
			return err
		}
		return fn(tx)
	}))
}

// makeObject makes an object that is not there, with those above it.
func makeObject(tx *doc.Tx, at delta.Pointer) error {
	var p delta.Pointer
	for _, name := range at.Names() {
		if p = p.Member(name); !tx.IsObject(p) && tx.Value(p).Present() {
			return &doc.PathError{Path: p, Reason: "is not an object, so it has no members to write"}
		}
	}
	return tx.Merge(patchAt(at, "{}"))
}

// patchAt returns the merge patch that merges a value, which is valid, at a place.
func patchAt(at delta.Pointer, value string) delta.Delta {
	names := at.Names()
	patch := make([]byte, 0, len(at)+len(value)+len(names)*len(`{"":}`))
	for _, name := range names {
		patch = append(jsontext.AppendString(append(patch, '{'), name), ':')
	}
	patch = append(patch, value...)
	for range names {
		patch = append(patch, '}')
	}
	return delta.Trusted(patch)
}

// depthOf returns how many objects are around the value at a place.
func depthOf(at delta.Pointer) int { return strings.Count(string(at), "/") }
