package doc

import (
	"bytes"
	"maps"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// node is an object (members is not nil) or a leaf (raw is the canonical JSON of
// a scalar or an array). raw is never changed once set.
type node struct {
	raw     []byte
	members map[string]*node
}

func newObject() *node { return &node{members: make(map[string]*node)} }

func newLeaf(raw []byte) *node { return &node{raw: jsontext.AppendCanonical(nil, raw)} }

// parseNode builds the tree of a valid value. Null members are left out: this is
// what merging the value into nothing yields.
func parseNode(raw []byte) *node {
	if jsontext.KindOf(raw) != jsontext.Object {
		return newLeaf(raw)
	}
	n := newObject()
	for name, raw := range jsontext.Members(raw) {
		if jsontext.KindOf(raw) != jsontext.Null {
			n.members[name] = parseNode(raw)
		}
	}
	return n
}

func (n *node) isObject() bool { return n != nil && n.members != nil }

// member returns a member of an object; nil when n is no object or has none of
// that name.
func (n *node) member(name string) *node {
	if n == nil {
		return nil
	}
	return n.members[name]
}

func (n *node) equalLeaf(other *node) bool {
	return n.members == nil && other.members == nil && bytes.Equal(n.raw, other.raw)
}

func (n *node) names() []string { return slices.Sorted(maps.Keys(n.members)) }

func (n *node) appendCanonical(dst []byte) []byte {
	if !n.isObject() {
		return append(dst, n.raw...)
	}
	dst = append(dst, '{')
	for i, name := range n.names() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendString(dst, name), ':')
		dst = n.members[name].appendCanonical(dst)
	}
	return append(dst, '}')
}

// size returns the length that memberSize counts with.
func (n *node) size() int {
	if !n.isObject() {
		return len(n.raw)
	}
	total := len("{}")
	for name, child := range n.members {
		total += memberSize(name, child)
	}
	return total
}

// memberSize is the size of a member with its quoted name, colon and comma; 0
// for none.
func memberSize(name string, n *node) int {
	if n == nil {
		return 0
	}
	return jsontext.QuotedLen(name) + len(":,") + n.size()
}
