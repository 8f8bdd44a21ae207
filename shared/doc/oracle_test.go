package doc_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// mergePatch is the pseudocode of RFC 7386, section 2, over decoded values. It
// changes neither argument.
func mergePatch(target, patch any) any {
	members, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	object = maps.Clone(object)
	for name, value := range members {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = mergePatch(object[name], value)
		}
	}
	return object
}

// decode reads JSON the dumb way; numbers keep their text.
func decode(t testing.TB, text []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func decodeObject(t testing.TB, text []byte) map[string]any {
	t.Helper()
	return decode(t, text).(map[string]any)
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }

func parseDoc(t testing.TB, text string) *doc.Doc {
	t.Helper()
	d, err := doc.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}

func parseDelta(t testing.TB, text string) delta.Delta {
	t.Helper()
	d, err := delta.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}

// clone returns an equal document that shares nothing with d.
func clone(t testing.TB, d *doc.Doc) *doc.Doc {
	t.Helper()
	return parseDoc(t, string(d.Canonical()))
}

// lookup finds the value at a place in decoded JSON.
func lookup(root any, p delta.Pointer) (any, bool) {
	for _, name := range p.Names() {
		object, _ := root.(map[string]any)
		member, ok := object[name]
		if !ok {
			return nil, false
		}
		root = member
	}
	return root, true
}

// wantText fails unless the document is the given JSON, in any order.
func wantText(t testing.TB, d *doc.Doc, want string) {
	t.Helper()
	if !same(decode(t, d.Canonical()), decode(t, []byte(want))) {
		t.Errorf("document is %s, want %s", d.Canonical(), want)
	}
}

// wantSize fails unless Size is the length of the canonical text, and the
// checksum, if it is kept, that of a document opened from it.
func wantSize(t testing.TB, d *doc.Doc) {
	t.Helper()
	canonical := d.Canonical()
	if d.Size() != len(canonical) {
		t.Fatalf("Size is %d, want %d for %s", d.Size(), len(canonical), canonical)
	}
	if kept, fresh := d.Checksum(), doc.Open(canonical).Checksum(); kept != fresh {
		t.Fatalf("checksum is %x, want %x for %s", kept.Bytes(), fresh.Bytes(), canonical)
	}
}
