package delta

import (
	"bytes"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// Diff returns the patch that leads from one document to another, both texts of
// objects, canonical or not. It is the least one: each of its members is needed. An
// object that takes the place of an object is a patch of what differs; numbers are
// the same if their literals are. The patch is in canonical form.
//
// The error is a [*jsontext.Error]: a text is not a valid object, or after has a
// member that is null, which no patch can lead to.
func Diff(before, after []byte) (Delta, error) {
	if err := jsontext.ValidateObject(before); err != nil {
		return Delta{}, err
	}
	if err := jsontext.ValidateObject(after); err != nil {
		return Delta{}, err
	}
	var p, q tree
	q.read(after, guide{})
	if err := q.refuseNulls(); err != nil {
		return Delta{}, err
	}
	p.all = make([]member, 0, len(q.all)) // the two are alike
	p.read(before, guide{tree: &q})
	d := differ{before: &p, after: &q}
	if !d.object(p.root, q.root) {
		return Delta{}, nil
	}
	return Delta{data: d.out}, nil
}

// refuseNulls returns an error if a member of any object is null, but for those in
// arrays.
func (t *tree) refuseNulls() error {
	for i := range t.all {
		if m := &t.all[i]; m.isNull() {
			return &jsontext.Error{
				Fault: jsontext.FaultType,
				// Both slices end where the array below them does.
				Offset: cap(t.text) - cap(m.value),
				Reason: "member \"" + string(m.name) + "\" is null: a document cannot hold null as a member",
			}
		}
	}
	return nil
}

// Invert returns the patch that leads back to a document, the text of a valid object
// without null members, from what applying d to it leads to. It is the least one,
// and in canonical form. It costs what the document is long, but takes the memory
// that the patch does.
func Invert(before []byte, d Delta) Delta {
	var p, q tree
	q.read(d.Bytes(), guide{})
	p.read(before, guide{tree: &q, matched: true})
	w := inverter{differ{before: &p, after: &q}}
	if !w.object(p.root, q.root) {
		return Delta{}
	}
	return Delta{data: w.out}
}

type differ struct {
	before, after *tree
	out           []byte
}

// begin begins a member in the object that began at start, and the object with its
// first.
func (d *differ) begin(m *member, start int) {
	if len(d.out) == start {
		d.out = append(d.out, '{')
	}
	d.out = m.appendMember(d.out, start)
}

// end ends the object that began at start. It reports whether there is one: none
// is begun where nothing differs.
func (d *differ) end(start int) bool {
	if len(d.out) == start {
		return false
	}
	d.out = append(d.out, '}')
	return true
}

// object appends the patch from one object to another, if they differ, and reports
// whether they do.
func (d *differ) object(before, after members) bool {
	start := len(d.out)
	m := merged{d.before.of(before), d.after.of(after)}
	for m.more() {
		p, q := m.next()
		switch {
		case q == nil:
			d.begin(p, start)
			d.out = append(d.out, "null"...)
		case p != nil && sameText(p, q):
		case p != nil && p.isObject() && q.isObject():
			undo := len(d.out)
			d.begin(q, start)
			if !d.object(p.members, q.members) {
				d.out = d.out[:undo]
			}
		default:
			d.begin(q, start)
			d.out = jsontext.AppendCanonical(d.out, q.value)
		}
	}
	return d.end(start)
}

// inverter is a differ whose after is a patch of before.
type inverter struct{ differ }

func (w *inverter) object(before, patch members) bool {
	start := len(w.out)
	m := merged{w.before.of(before), w.after.of(patch)}
	for m.more() {
		p, q := m.next()
		switch {
		case p == nil && q.isNull():
		case p == nil:
			w.begin(q, start)
			w.out = append(w.out, "null"...)
		case p.isObject() && q.isObject():
			undo := len(w.out)
			w.begin(p, start)
			if !w.object(p.members, q.members) {
				w.out = w.out[:undo]
			}
		case !sameText(p, q):
			w.begin(p, start)
			w.out = jsontext.AppendCanonical(w.out, p.value)
		}
	}
	return w.end(start)
}

// sameText reports whether two values are the same: their canonical forms are
// equal.
func sameText(p, q *member) bool {
	if bytes.Equal(p.value, q.value) {
		return true
	}
	if p.value[0] != q.value[0] {
		return false
	}
	switch p.value[0] {
	case '"':
		if !bytes.ContainsRune(p.value, '\\') && !bytes.ContainsRune(q.value, '\\') {
			return false
		}
	case '[':
	default:
		return false
	}
	return bytes.Equal(jsontext.AppendCanonical(nil, p.value), jsontext.AppendCanonical(nil, q.value))
}
