package typed

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// flat is how a struct of strings, numbers and booleans is encoded and decoded at a
// fraction of what encoding/json takes: most records are such. It does what that
// does, or leaves it to that.
type flat struct {
	members []flatMember // sorted by name
	floats  bool         // whose text is an affair of encoding/json
}

type flatMember struct {
	name      string
	key       string // the name as JSON, with the colon
	index     int
	kind      reflect.Kind
	omitempty bool
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// plain reports whether encoding/json decides about a type by its kind alone.
func plain(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return !marshals(t) && !p.Implements(unmarshaler) && !p.Implements(textUnmarshaler) && t != reflect.TypeFor[json.Number]()
}

// newFlat returns how values of a type are encoded, nil for another type. Tags have
// no mistakes.
func newFlat(t reflect.Type) *flat {
	if t.Kind() != reflect.Struct || !plain(t) {
		return nil
	}
	f := &flat{}
	all, _ := membersOf(t)
	for name, m := range all {
		_, options, _ := strings.Cut(m.field.Tag.Get("json"), ",")
		if m.depth > 1 || !plain(m.field.Type) || options != "" && options != "omitempty" {
			return nil
		}
		kind := m.field.Type.Kind()
		switch kind {
		case reflect.Float32, reflect.Float64:
			f.floats = true
		case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		default:
			return nil
		}
		key := string(append(jsontext.AppendString(nil, name), ':'))
		f.members = append(f.members, flatMember{name, key, m.field.Index[0], kind, options != ""})
	}
	slices.SortFunc(f.members, func(a, b flatMember) int { return strings.Compare(a.name, b.name) })
	return f
}

// decode sets a zero struct to a canonical text. It reports false where
// encoding/json has to say what that means.
func (f *flat) decode(raw string, to reflect.Value) bool {
	if jsontext.KindOf(raw) != jsontext.Object {
		return false
	}
	next := f.members
	for name, value := range jsontext.Members(strings.Clone(raw)) { // strings are parts of it
		for len(next) > 0 && next[0].name < name {
			next = next[1:]
		}
		switch {
		case len(next) == 0 || next[0].name != name:
			if f.folds(name) {
				return false
			}
		case !next[0].decode(value, to.Field(next[0].index)):
			return false
		}
	}
	return true
}

// folds reports whether encoding/json takes a name for a member's, whose letters it
// does not tell from capitals.
func (f *flat) folds(name string) bool {
	return slices.ContainsFunc(f.members, func(m flatMember) bool { return strings.EqualFold(m.name, name) })
}

func (m *flatMember) decode(raw string, to reflect.Value) bool {
	switch m.kind {
	case reflect.String:
		if jsontext.KindOf(raw) != jsontext.String {
			return false
		}
		to.SetString(jsontext.Unquote(raw))
		return true
	case reflect.Bool:
		to.SetBool(raw == "true")
		return raw == "true" || raw == "false"
	case reflect.Float32, reflect.Float64:
		if jsontext.KindOf(raw) != jsontext.Number {
			return false
		}
		x, err := strconv.ParseFloat(raw, to.Type().Bits())
		to.SetFloat(x)
		return err == nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(raw, 10, to.Type().Bits())
		to.SetInt(n)
		return err == nil
	}
	n, err := strconv.ParseUint(raw, 10, to.Type().Bits())
	to.SetUint(n)
	return err == nil
}

// encode appends the canonical text of a struct. The error is errText.
func (f *flat) encode(dst []byte, from reflect.Value) ([]byte, error) {
	dst = append(dst, '{')
	start := len(dst)
	for i := range f.members {
		m := &f.members[i]
		v := from.Field(m.index)
		if m.omitempty && v.IsZero() {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(dst, m.key...)
		switch m.kind {
		case reflect.String:
			if !utf8.ValidString(v.String()) {
				return nil, errText
			}
			dst = jsontext.AppendString(dst, v.String())
		case reflect.Bool:
			dst = strconv.AppendBool(dst, v.Bool())
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			dst = strconv.AppendInt(dst, v.Int(), 10)
		default:
			dst = strconv.AppendUint(dst, v.Uint(), 10)
		}
	}
	return append(dst, '}'), nil
}
