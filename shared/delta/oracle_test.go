package delta_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

type object = map[string]any

// mergePatch is the pseudocode of RFC 7386, section 2, over decoded values. It
// changes neither argument.
func mergePatch(target, patch any) any {
	members, ok := patch.(object)
	if !ok {
		return patch
	}
	result, ok := target.(object)
	if !ok {
		result = object{}
	}
	result = maps.Clone(result)
	for name, value := range members {
		if value == nil {
			delete(result, name)
		} else {
			result[name] = mergePatch(result[name], value)
		}
	}
	return result
}

// composeNaively is what one would do: the second patch's members in place of the
// first's.
func composeNaively(first, second any) any {
	p, ok := first.(object)
	q, too := second.(object)
	if !ok || !too {
		return second
	}
	result := maps.Clone(p)
	for name, value := range q {
		if _, both := p[name]; both {
			value = composeNaively(p[name], value)
		}
		result[name] = value
	}
	return result
}

// makesAnew is the criterion of law L12: at some path the first has a non-object
// where the second has an object.
func makesAnew(first, second object) bool {
	for name, q := range second {
		q, ok := q.(object)
		p, both := first[name]
		if !ok || !both {
			continue
		}
		if p, ok := p.(object); !ok || makesAnew(p, q) {
			return true
		}
	}
	return false
}

// decode reads JSON the dumb way; numbers keep their text.
func decode(t testing.TB, text []byte) object {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v object
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }

func parse(t testing.TB, text []byte) delta.Delta {
	t.Helper()
	d, err := delta.Parse(text)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}

func canonical(text []byte) string { return string(jsontext.AppendCanonical(nil, text)) }

// hasNull reports whether a member of any object is null, arrays left out.
func hasNull(v any) bool {
	members, _ := v.(object)
	for _, member := range members {
		if member == nil || hasNull(member) {
			return true
		}
	}
	return false
}

// decodeFloats reads JSON as encoding/json does by default.
func decodeFloats(t testing.TB, text []byte) object {
	t.Helper()
	var v object
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}
