package typed

import (
	"errors"
	"reflect"
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// appendWithoutNulls appends the text of a value of type t without the members of
// structs that are null. Other members that are null are an error: absent, they
// would not read as they were written. Arrays can hold null and are left alone.
func appendWithoutNulls(dst []byte, raw string, t reflect.Type) ([]byte, error) {
	if jsontext.KindOf(raw) != jsontext.Object {
		return append(dst, raw...), nil
	}
	isStruct, members, entry := typesWithin(t)
	dst = append(dst, '{')
	start := len(dst)
	for name, value := range jsontext.Members(raw) {
		if value == "null" {
			if isStruct {
				continue
			}
			return nil, errors.New("member " + strconv.Quote(name) + " is null, which no member can be")
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendString(dst, name), ':')
		of := entry
		if isStruct {
			of = members[name].field.Type
		}
		var err error
		if dst, err = appendWithoutNulls(dst, value, of); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// typesWithin returns the types of what an object of type t holds: the members of a
// struct or the entries of a map; neither where that is not known.
func typesWithin(t reflect.Type) (isStruct bool, fields map[string]member, entry reflect.Type) {
	for t != nil && t.Kind() == reflect.Pointer && !marshals(t) {
		t = t.Elem()
	}
	switch {
	case t == nil || marshals(t):
	case t.Kind() == reflect.Struct:
		fields, _ = membersOf(t)
		return true, fields, nil
	case t.Kind() == reflect.Map:
		return false, nil, t.Elem()
	}
	return false, nil, nil
}
