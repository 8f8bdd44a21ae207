// Package doc holds one JSON document in memory and changes it by merge
// patches.
//
// A [Doc] is a tree of objects whose leaves are the canonical bytes of scalars
// and arrays. [Doc.Apply] applies a delta that somebody else made and returns
// its inverse; [Doc.Update] runs a transaction, which either commits, yielding
// its forward and inverse delta and what it read, or leaves no trace. Both cost
// what the change costs, whatever the size of the document.
//
// A Doc is not safe for concurrent use: it has one owner.
package doc

import (
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// Doc is a JSON document: an object. Use [New] or [Parse].
type Doc struct {
	root *node
	size int
	busy bool // a transaction is running
}

// New returns the empty document.
func New() *Doc {
	root := newObject()
	return &Doc{root: root, size: root.size()}
}

// Parse returns the document with the given JSON text. Members that are null
// are refused: a document cannot hold them. The error is a [*jsontext.Error].
func Parse(data []byte) (*Doc, error) {
	if err := jsontext.ValidateObject(data); err != nil {
		return nil, err
	}
	if err := refuseNulls(data); err != nil {
		return nil, err
	}
	root := parseNode(data)
	return &Doc{root: root, size: root.size()}, nil
}

// Size returns about how many bytes the canonical form has: exact but for a
// comma too many in every object that has members.
func (d *Doc) Size() int { return d.size }

// AppendCanonical appends the canonical JSON of the document to dst.
func (d *Doc) AppendCanonical(dst []byte) []byte { return d.root.appendCanonical(dst) }

// Canonical returns the canonical JSON of the document in a new slice.
func (d *Doc) Canonical() []byte { return d.AppendCanonical(make([]byte, 0, d.size)) }

// Get returns the canonical JSON of the value at p, and whether there is one.
// A value within an array has no pointer of its own: arrays are atomic.
func (d *Doc) Get(p delta.Pointer) ([]byte, bool) {
	n := d.lookup(p)
	if n == nil {
		return nil, false
	}
	return n.appendCanonical(nil), true
}

func (d *Doc) lookup(p delta.Pointer) *node {
	n := d.root
	for _, name := range p.Names() {
		if n = n.member(name); n == nil {
			return nil
		}
	}
	return n
}

func refuseNulls(object []byte) error {
	for name, raw := range jsontext.Members(object) {
		switch jsontext.KindOf(raw) {
		case jsontext.Null:
			return &jsontext.Error{Fault: jsontext.FaultType, Reason: "member \"" + name + "\" is null: a document cannot hold null as a member"}
		case jsontext.Object:
			if err := refuseNulls(raw); err != nil {
				return err
			}
		}
	}
	return nil
}
