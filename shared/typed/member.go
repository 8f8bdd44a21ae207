package typed

import (
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// member is a field of a struct as encoding/json sees it.
type member struct {
	field  reflect.StructField
	depth  int  // in embedded structs
	tagged bool // with a name
	twice  bool // another field has the name and the same right to it
}

// membersOf returns the members of a struct's JSON by their names, by the rules of
// encoding/json: of several fields with one name that of the least depth counts, then
// the one with a tag. It also returns a mistake in the tags, empty for none.
func membersOf(t reflect.Type) (all map[string]member, mistake string) {
	all = make(map[string]member)
	mistake = collect(all, t, []reflect.Type{t})
	for name, m := range all {
		if m.twice && mistake == "" {
			mistake = "two fields of " + t.String() + " have the JSON name " + strconv.Quote(name)
		}
	}
	return all, mistake
}

func collect(all map[string]member, t reflect.Type, within []reflect.Type) (mistake string) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("json")
		name, _, _ := strings.Cut(tag, ",")
		if tag == "-" {
			continue
		}
		inner := f.Type
		if f.Anonymous && inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if f.Anonymous && name == "" && inner.Kind() == reflect.Struct {
			if !slices.Contains(within, inner) {
				mistake = first(mistake, collect(all, inner, append(slices.Clip(within), inner)))
			}
			continue
		}
		if !f.IsExported() {
			if tagged {
				mistake = first(mistake, "field "+f.Name+" of "+t.String()+" has a tag json but is not exported")
			}
			continue
		}
		if strings.ContainsAny(name, "\"\\'`") {
			mistake = first(mistake, "field "+f.Name+" of "+t.String()+" has a tag json that is no name")
			continue
		}
		m := member{field: f, depth: len(within), tagged: name != ""}
		if name == "" {
			name = f.Name
		}
		old, known := all[name]
		switch {
		case !known, m.depth < old.depth, m.depth == old.depth && m.tagged && !old.tagged:
			all[name] = m
		case m.depth == old.depth && m.tagged == old.tagged:
			old.twice = true
			all[name] = old
		}
	}
	return mistake
}

// marshalMember returns the text of one member of a struct type, nil if it is left
// out.
func marshalMember(t reflect.Type, name string, value any, depth int) ([]byte, error) {
	isStruct, members, _ := typesWithin(t)
	m, ok := members[name]
	if !isStruct || !ok {
		return nil, errors.New("no known member " + strconv.Quote(name))
	}
	v := reflect.Zero(m.field.Type)
	if value != nil || !nullable(m.field.Type) {
		if v = reflect.ValueOf(value); !v.IsValid() || !v.Type().AssignableTo(m.field.Type) {
			return nil, errors.New("member " + strconv.Quote(name) + " is a " + m.field.Type.String())
		}
	}
	// A struct of this field alone writes it as the whole one does, by its tag.
	alone := reflect.StructOf([]reflect.StructField{{Name: m.field.Name, Type: m.field.Type, Tag: m.field.Tag}})
	record := reflect.New(alone).Elem()
	record.Field(0).Set(v)
	raw, err := marshal(record.Interface(), alone, depth-1)
	if err != nil {
		return nil, err
	}
	for _, text := range jsontext.Members(raw) {
		return text, nil
	}
	return nil, nil
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

var (
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	unmarshaler   = reflect.TypeFor[json.Unmarshaler]()
)

// marshals reports whether a type decides about its JSON itself.
func marshals(t reflect.Type) bool {
	return t.Implements(marshaler) || reflect.PointerTo(t).Implements(marshaler) ||
		t.Implements(textMarshaler) || reflect.PointerTo(t).Implements(textMarshaler)
}

// nullable reports whether null is a value of a type.
func nullable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return true
	}
	return reflect.PointerTo(t).Implements(unmarshaler)
}

// unfit says why a type has no JSON, empty if it has.
func unfit(t reflect.Type, within []reflect.Type) string {
	if slices.Contains(within, t) || marshals(t) {
		return ""
	}
	within = append(slices.Clip(within), t)
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return t.String() + " has no JSON"
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return unfit(t.Elem(), within)
	case reflect.Map:
		switch k := t.Key(); k.Kind() {
		case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		default:
			if !k.Implements(textMarshaler) {
				return t.String() + " has no JSON: its keys are no names"
			}
		}
		return unfit(t.Elem(), within)
	case reflect.Struct:
		fields, mistake := membersOf(t)
		for name, m := range fields {
			if reason := unfit(m.field.Type, within); reason != "" {
				mistake = first(mistake, "member "+strconv.Quote(name)+" of "+t.String()+": "+reason)
			}
		}
		return mistake
	}
	return ""
}

// holdsInterface reports whether there may be interfaces in values of a type.
func holdsInterface(t reflect.Type, within []reflect.Type) bool {
	if slices.Contains(within, t) {
		return false
	}
	within = append(slices.Clip(within), t)
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return holdsInterface(t.Elem(), within)
	case reflect.Struct:
		for i := range t.NumField() {
			if holdsInterface(t.Field(i).Type, within) {
				return true
			}
		}
	}
	return false
}
