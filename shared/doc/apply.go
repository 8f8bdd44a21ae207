package doc

import (
	"slices"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// Effect is what applying a delta did.
type Effect struct {
	// Inverse is the delta that leads back, exactly, from the state after to the
	// state before.
	Inverse delta.Delta
	// Writes lists what changed, for the conflict test; see [delta.Writes].
	Writes []delta.Write
}

// Apply merges a delta into the document (RFC 7386, section 2). It cannot fail.
// It costs what the delta and what it replaces cost, and small objects around
// that, whatever the size of the document.
//
// It must not be called within a transaction of the same document, which could
// not be reverted then; it panics.
func (d *Doc) Apply(patch delta.Delta) Effect { return d.ApplyBy(Others, patch) }

// ApplyBy is Apply of a delta whose author is known. Within a [Rebase] it is that of
// the series.
func (d *Doc) ApplyBy(by Author, patch delta.Delta) Effect {
	if d.busy {
		panic("doc: Apply within Update")
	}
	a := applier{doc: d, scratch: d.scratch}
	if len(d.positioned) == 0 || d.rebasing > 0 {
		a.root(patch)
	} else {
		d.series(by, nil, nil, func() { a.root(patch) })
	}
	effect := Effect{Inverse: delta.Trusted(append([]byte(nil), a.inverse...)), Writes: a.writes.List()}
	if a.inverse = a.inverse[:0]; cap(a.inverse) > maxScratch {
		a.inverse = nil
	}
	if cap(a.text) > maxScratch {
		a.text = nil
	}
	d.scratch = a.scratch
	d.notify(effect.Writes)
	return effect
}

// applier walks a patch and the tree side by side, writing the inverse as it
// goes: both have the same shape down to the leaves of the patch.
type applier struct {
	doc    *Doc
	writes delta.Writes
	scratch
}

// scratch is memory that is used again.
type scratch struct {
	path             []byte       // the pointer of the place that the walk is at
	members          []flatMember // of the flat objects on the way
	text             []byte
	forward, inverse []byte // patches in the making
}

// maxScratch bounds the bytes that are kept of a large change.
const maxScratch = 64 << 10

type flatMember struct{ quoted, name, raw string }

type patchMember struct{ name, raw string }

func sortMembers(members []patchMember) {
	sorts.Func(members, func(a, b patchMember) int { return strings.Compare(a.name, b.name) })
}

func (a *applier) wrote(kind delta.WriteKind) { a.writes.Add(kind, delta.Pointer(a.path)) }

func (a *applier) root(patch delta.Delta) {
	a.doc.busy = true // for what is derived
	a.object(a.doc.root.obj, string(patch.Bytes()), rootPlace, a.doc.watched)
	a.doc.busy = false
}

// open begins a member of the inverse.
func (a *applier) open(name string, first bool) {
	if !first {
		a.inverse = append(a.inverse, ',')
	}
	a.inverse = append(jsontext.AppendString(a.inverse, name), ':')
}

func (a *applier) object(o *object, patch string, at place, w *watched) {
	a.inverse = append(a.inverse, '{')
	first := true
	for name, raw := range jsontext.Members(patch) {
		a.open(name, first)
		first = false
		back := len(a.path)
		a.path = appendToken(a.path, name)
		child := o.members[name]
		if jsontext.KindOf(raw) == jsontext.Object && child.isObject() {
			a.merge(child, raw, at.member(name), w.child(name))
		} else {
			a.put(o, name, raw, child, at, w.child(name))
		}
		a.path = a.path[:back]
		w.memberChanged(name, o.members[name])
	}
	if first && len(a.path) > 0 {
		a.wrote(delta.WroteNothing)
	}
	a.inverse = append(a.inverse, '}')
}

// merge merges an object of the patch into one of the document.
func (a *applier) merge(n *node, patch string, at place, w *watched) {
	if n.flatObject() && len(patch) <= flatMax && !w.hasDerived() {
		n.raw = a.flat(n.raw, patch, at)
		return
	}
	a.object(n.expand(), patch, at, w)
}

// put replaces a member by a value of the patch that is not merged into it.
func (a *applier) put(o *object, name, raw string, child *node, parent place, w *watched) {
	acc := &a.doc.account
	a.invert(child)
	if child != nil && child.obj != nil {
		a.doc.forgetSite()
	}
	if jsontext.KindOf(raw) == jsontext.Null {
		if child == nil {
			a.wrote(delta.WroteNothing)
			return
		}
		a.wrote(delta.WroteMember)
		o.remove(name)
		acc.take(child, parent.member(name))
		acc.unnamed(name, len(o.members), parent)
		*child = node{} // its neighbours in memory may live on
		w.replaced(nil)
		return
	}
	now := node{raw: strings.Clone(a.merged(raw))} // not to keep the patch for it
	at := parent.member(name)
	switch {
	case child == nil:
		a.wrote(delta.WroteMember)
		acc.named(name, len(o.members), parent)
		child = &node{}
		o.put(name, child)
	case child.same(&now):
		a.wrote(delta.WroteNothing)
		return
	default:
		a.wrote(delta.WroteValue)
		acc.take(child, at)
	}
	acc.give(&now, at)
	*child = now
	w.replaced(child)
}

func (a *applier) invert(old *node) {
	if old == nil {
		a.inverse = append(a.inverse, "null"...)
	} else {
		a.inverse = old.appendCanonical(a.inverse)
	}
}

// merged returns the canonical text of a value of the patch that meets nothing.
// It may be a part of the patch.
func (a *applier) merged(raw string) string {
	switch jsontext.KindOf(raw) {
	case jsontext.Object, jsontext.Array:
	case jsontext.String:
		if strings.IndexByte(raw, '\\') < 0 {
			return raw
		}
	default:
		return raw
	}
	a.text = appendMerged(a.text[:0], raw)
	return string(a.text)
}

// flat merges an object of the patch into one that is kept as text.
func (a *applier) flat(raw, patch string, at place) string {
	base := len(a.members)
	for quoted, value := range rawMembers(raw) {
		a.members = append(a.members, flatMember{quoted, jsontext.Unquote(quoted), value})
	}
	a.inverse = append(a.inverse, '{')
	first, changed := true, false
	for name, value := range jsontext.Members(patch) {
		a.open(name, first)
		first = false
		back := len(a.path)
		a.path = appendToken(a.path, name)
		changed = a.flatMember(base, name, value, at) || changed
		a.path = a.path[:back]
	}
	if first {
		a.wrote(delta.WroteNothing)
	}
	a.inverse = append(a.inverse, '}')
	if changed {
		raw = joinMembers(a.members[base:])
	}
	clear(a.members[base:])
	a.members = a.members[:base]
	return raw
}

// flatMember does for a flat object, whose members are on the stack from base
// on, what object and put do for an expanded one. It reports a change.
func (a *applier) flatMember(base int, name, raw string, parent place) bool {
	acc := &a.doc.account
	i, found := slices.BinarySearchFunc(a.members[base:], name, func(m flatMember, name string) int {
		return strings.Compare(m.name, name)
	})
	i += base
	kind := jsontext.KindOf(raw)
	at := parent.member(name)
	if !found {
		a.inverse = append(a.inverse, "null"...)
		if kind == jsontext.Null {
			a.wrote(delta.WroteNothing)
			return false
		}
		a.wrote(delta.WroteMember)
		acc.named(name, len(a.members)-base, parent)
		now := node{raw: a.merged(raw)}
		acc.give(&now, at)
		a.text = jsontext.AppendString(a.text[:0], name)
		quoted := string(a.text)
		a.members = sorts.Replace(a.members, i, i, flatMember{quoted, quoted[1 : len(quoted)-1], now.raw})
		a.members[i].name = jsontext.Unquote(quoted)
		return true
	}
	old := node{raw: a.members[i].raw}
	if kind == jsontext.Object && old.isObject() {
		now := a.flat(old.raw, raw, at)
		changed := now != old.raw
		a.members[i].raw = now
		return changed
	}
	a.inverse = append(a.inverse, old.raw...)
	if kind == jsontext.Null {
		a.wrote(delta.WroteMember)
		acc.take(&old, at)
		a.members = slices.Delete(a.members, i, i+1)
		acc.unnamed(name, len(a.members)-base, parent)
		return true
	}
	now := node{raw: a.merged(raw)}
	if now.raw == old.raw {
		a.wrote(delta.WroteNothing)
		return false
	}
	a.wrote(delta.WroteValue)
	acc.take(&old, at)
	acc.give(&now, at)
	a.members[i].raw = now.raw
	return true
}

// joinMembers writes the text of an object.
func joinMembers(members []flatMember) string {
	size := len("{}")
	for _, m := range members {
		size += len(m.quoted) + len(m.raw) + len(":,")
	}
	var b strings.Builder
	b.Grow(size)
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(m.quoted)
		b.WriteByte(':')
		b.WriteString(m.raw)
	}
	b.WriteByte('}')
	return b.String()
}
