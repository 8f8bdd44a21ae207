package doc

import (
	"slices"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// node is one value of the tree. A leaf, and an object that nobody has looked
// into or that is small, is its canonical text; any other object is expanded.
// Text is never changed, so parts of it may be kept.
type node struct {
	raw string // canonical, without null members; unused where obj is set
	obj *object
}

// object is an expanded object: one level of it, whose members are nodes again.
type object struct {
	members map[string]*node
	sorted  []string // the names in canonical order; nil when not known

	// The member that was looked for last to be written: typing writes the same one
	// again. nil for none.
	last     *node
	lastName string
}

// flatMax is the length up to which an object is kept as text. To read a member
// is then to scan it, and to write one is to copy it: both cost less than the
// memory and the look-ups of an expanded object.
const flatMax = 512

// nothing reports whether n is the zero node, which stands for no value.
func (n *node) nothing() bool { return n.obj == nil && n.raw == "" }

func (n *node) isObject() bool {
	return n != nil && (n.obj != nil || n.raw[0] == '{')
}

// flatObject reports whether n is an object that stays text.
func (n *node) flatObject() bool {
	return n.obj == nil && len(n.raw) <= flatMax && n.raw[0] == '{'
}

// expand makes n, an object, an expanded one and returns it.
func (n *node) expand() *object {
	if n.obj != nil {
		return n.obj
	}
	var nodes []node
	var names []string
	seen := 0
	for quoted, value := range rawMembers(n.raw) {
		if len(nodes) == cap(nodes) {
			more := moreMembers(len(nodes), seen, len(n.raw))
			nodes, names = slices.Grow(nodes, more), slices.Grow(names, more)
		}
		seen += len(quoted) + len(value) + len(":,")
		nodes = append(nodes, node{raw: value})
		names = append(names, jsontext.Unquote(quoted))
	}
	o := &object{members: make(map[string]*node, len(nodes)), sorted: names}
	for i, name := range names {
		o.members[name] = &nodes[i]
	}
	*n = node{obj: o}
	return o
}

// moreMembers estimates how many members are to come after n in the first seen
// bytes of size. Those of a large object tend to be of one size, but for the
// first few; so it asks again after eight times as many.
func moreMembers(n, seen, size int) int {
	if n == 0 {
		return 8
	}
	return 1 + min(7*n, (size-seen)*n/seen)
}

// collapse makes an expanded object text again if it is small. Nobody may hold
// on to what is in it.
func (n *node) collapse() {
	if n.obj == nil {
		return
	}
	size := len("{}")
	for name, child := range n.obj.members {
		if child.obj != nil {
			return
		}
		if size += len(name) + len(child.raw); size > flatMax/2 {
			return // not at the bound itself, where it might go to and fro
		}
	}
	*n = node{raw: string(n.appendCanonical(make([]byte, 0, 2*size)))}
}

// member returns a member of a flat object.
func (n *node) member(name string) (node, bool) {
	for quoted, value := range rawMembers(n.raw) {
		if quotedIs(quoted, name) {
			return node{raw: value}, true
		}
	}
	return node{}, false
}

// cell returns the place of a member of a large object, which it expands. It is
// nil where there is none, and for anything else.
func (n *node) cell(name string) *node {
	if n == nil || !n.isObject() || n.flatObject() {
		return nil
	}
	return n.expand().members[name]
}

// names returns the member names of an object in canonical order. The caller
// must not change the slice.
func (n *node) names() []string {
	if n.obj == nil {
		var names []string
		for quoted := range rawMembers(n.raw) {
			names = append(names, jsontext.Unquote(quoted))
		}
		return names
	}
	return n.obj.names()
}

func (o *object) names() []string {
	if o.sorted == nil {
		o.sorted = make([]string, 0, len(o.members))
		for name := range o.members {
			o.sorted = append(o.sorted, name)
		}
		slices.Sort(o.sorted)
	}
	return o.sorted
}

// member returns a member, nil where there is none.
func (o *object) member(name string) *node {
	if o.last == nil || name != o.lastName {
		o.last, o.lastName = o.members[name], name
	}
	return o.last
}

// put makes a member that is not there.
func (o *object) put(name string, child *node) {
	o.members[name] = child
	o.last, o.lastName = child, name
	if n := len(o.sorted); n > 0 && o.sorted[n-1] < name && n < cap(o.sorted) {
		o.sorted = append(o.sorted, name)
	} else {
		o.sorted = nil
	}
}

func (o *object) remove(name string) {
	delete(o.members, name)
	o.sorted, o.last = nil, nil
}

// entry is a member by value.
type entry struct {
	name string
	node node
}

// entries appends the members of an object in canonical order.
func (n *node) entries(dst []entry) []entry {
	if n.obj == nil {
		for quoted, value := range rawMembers(n.raw) {
			dst = append(dst, entry{jsontext.Unquote(quoted), node{raw: value}})
		}
		return dst
	}
	for _, name := range n.obj.names() {
		dst = append(dst, entry{name, *n.obj.members[name]})
	}
	return dst
}

func (n *node) appendCanonical(dst []byte) []byte {
	if n.obj == nil {
		return append(dst, n.raw...)
	}
	return n.obj.appendCanonical(dst)
}

func (o *object) appendCanonical(dst []byte) []byte {
	dst = append(dst, '{')
	for i, name := range o.names() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendString(dst, name), ':')
		dst = o.members[name].appendCanonical(dst)
	}
	return append(dst, '}')
}

// text returns the canonical text.
func (n *node) text() string {
	if n.obj == nil {
		return n.raw
	}
	return string(n.appendCanonical(nil))
}

// size returns the length of the canonical text.
func (n *node) size() int {
	if n.obj == nil {
		return len(n.raw)
	}
	return n.obj.size()
}

func (o *object) size() int {
	total := len("{}") + max(0, len(o.members)-1)
	for name, child := range o.members {
		total += jsontext.QuotedLen(name) + len(":") + child.size()
	}
	return total
}

// same reports whether two nodes are the same text. It may say no of expanded
// objects that are equal.
func (n *node) same(other *node) bool {
	return n.obj == other.obj && (n.obj != nil || n.raw == other.raw)
}

// quotedIs reports whether a canonical string literal stands for the name.
func quotedIs(quoted, name string) bool {
	if strings.IndexByte(quoted, '\\') >= 0 {
		return jsontext.Unquote(quoted) == name
	}
	return quoted[1:len(quoted)-1] == name
}
