package doc

import (
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
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
//
// It must not be called within a transaction of the same document, which could
// not be reverted then; it panics.
func (d *Doc) Apply(patch delta.Delta) Effect {
	if d.busy {
		panic("doc: Apply within Update")
	}
	a := applier{doc: d, inverse: make([]byte, 0, patch.Len())}
	a.object(d.root, patch.Bytes(), "")
	return Effect{Inverse: delta.Trusted(a.inverse), Writes: a.writes.List()}
}

// applier walks a patch and the tree side by side, writing the inverse as it
// goes: both have the same shape down to the leaves of the patch.
type applier struct {
	doc     *Doc
	inverse []byte
	writes  delta.Writes
}

func (a *applier) object(target *node, patch []byte, at delta.Pointer) {
	a.inverse = append(a.inverse, '{')
	first := true
	for name, raw := range jsontext.Members(patch) {
		if !first {
			a.inverse = append(a.inverse, ',')
		}
		first = false
		a.inverse = append(jsontext.AppendString(a.inverse, name), ':')
		a.member(target, name, raw, at.Member(name))
	}
	if first && at != "" {
		a.writes.Add(delta.WroteNothing, at)
	}
	a.inverse = append(a.inverse, '}')
}

func (a *applier) member(parent *node, name string, raw []byte, at delta.Pointer) {
	old := parent.members[name]
	kind := jsontext.KindOf(raw)
	if kind == jsontext.Object && old.isObject() {
		a.object(old, raw, at)
		return
	}
	if old == nil {
		a.inverse = append(a.inverse, "null"...)
	} else {
		a.inverse = old.appendCanonical(a.inverse)
	}
	a.doc.size -= memberSize(name, old)
	if kind == jsontext.Null {
		delete(parent.members, name)
		if old != nil {
			a.writes.Add(delta.WroteMember, at)
		} else {
			a.writes.Add(delta.WroteNothing, at)
		}
		return
	}
	now := parseNode(raw)
	parent.members[name] = now
	a.doc.size += memberSize(name, now)
	switch {
	case old == nil:
		a.writes.Add(delta.WroteMember, at)
	case old.equalLeaf(now):
		a.writes.Add(delta.WroteNothing, at)
	default:
		a.writes.Add(delta.WroteValue, at)
	}
}
