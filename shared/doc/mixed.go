package doc

import (
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// disturbed reports whether a plain write of the transaction may have changed what is
// in a collection that one of its edits is about, beside the edit. Edits move over
// each other, not over that: such a transaction is run again as a whole, as one
// without edits is. inverse is what leads back to the document before it.
func (tx *Tx) disturbed(inverse string) bool {
	for i := range tx.script {
		for j := range tx.script {
			write, edit := &tx.script[i], &tx.script[j]
			if write.edit == nil && edit.edit != nil && write.disturbs(edit.edit.At(), i > j, inverse) {
				return true
			}
		}
	}
	return false
}

// disturbs is disturbed for one plain write and a collection; made says that an edit may
// have made the collection before.
func (s *step) disturbs(collection delta.Pointer, made bool, inverse string) bool {
	above := false // it puts something in the place of all that is around the collection
	switch {
	case s.patch != nil:
		raw, whole := reach(string(s.patch.Bytes()), collection)
		if above = !whole && raw != ""; whole && raw != "" {
			return true
		}
	case collection.Contains(s.at):
		return true
	case s.at.Contains(collection):
		above = true
		if !s.value.nothing() {
			if raw, whole := reach(s.value.text(), collection[len(s.at):]); whole && raw != "" {
				return true
			}
		}
	}
	if !above {
		return false
	}
	raw, whole := reach(inverse, collection)
	return made || whole && raw != "" && jsontext.KindOf(raw) != jsontext.Null
}

// reach follows a place into the JSON of an object as far as there are objects. It
// returns what it comes to, nothing if there is no such member, and whether that is the
// whole way.
func reach(raw string, p delta.Pointer) (string, bool) {
	for p != "" && jsontext.KindOf(raw) == jsontext.Object {
		var name string
		name, p = cut(p)
		raw = memberOf(raw, name)
		if raw == "" {
			return "", false
		}
	}
	return raw, p == ""
}

func memberOf(object, name string) string {
	for member, raw := range jsontext.Members(object) {
		if member == name {
			return raw
		}
	}
	return ""
}
