package doc

import (
	"iter"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// Value is a JSON value of a document, as it is now: it must not be used after
// the next change. The zero Value is no value.
type Value struct {
	cell *node  // in the tree
	raw  string // or a part of a text
}

// Present reports whether there is a value.
func (v Value) Present() bool { return v.cell != nil || v.raw != "" }

func (v Value) node() node {
	if v.cell != nil {
		return *v.cell
	}
	return node{raw: v.raw}
}

// IsObject reports whether the value is an object.
func (v Value) IsObject() bool {
	n := v.node()
	return v.Present() && n.isObject()
}

// Raw returns the canonical text, which may be kept; empty for no value. For
// anything but a large object it is a part of the document, not a copy.
func (v Value) Raw() string {
	if v.cell == nil {
		return v.raw
	}
	return v.cell.text()
}

// Member returns a member of the value, no value when there is none.
func (v Value) Member(name string) Value {
	if child := v.cell.cell(name); child != nil {
		return Value{cell: child}
	}
	if n := v.node(); v.Present() && n.obj == nil && n.isObject() {
		child, _ := n.member(name)
		return Value{raw: child.raw}
	}
	return Value{}
}

// At returns the value at the end of the names, no value when there is none.
func (v Value) At(names ...string) Value {
	for _, name := range names {
		v = v.Member(name)
	}
	return v
}

// Field is [Value.At] as a text, and whether there is one.
func (v Value) Field(names ...string) (raw string, ok bool) {
	v = v.At(names...)
	return v.Raw(), v.Present()
}

// Members iterates over the members of an object in canonical order; there are
// none in any other value.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if !v.IsObject() {
			return
		}
		if n := v.node(); n.obj == nil {
			for quoted, raw := range rawMembers(n.raw) {
				if !yield(jsontext.Unquote(quoted), Value{raw: raw}) {
					return
				}
			}
			return
		}
		for _, name := range v.cell.obj.names() {
			if !yield(name, Value{cell: v.cell.obj.members[name]}) {
				return
			}
		}
	}
}
