package typed

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// codec encodes and decodes the values of one Go type.
type codec[T any] struct {
	typ      reflect.Type
	numbers  bool // it may hold interfaces, whose numbers keep their digits
	nullable bool // null is one of its values
	flat     *flat
}

func newCodec[T any]() *codec[T] {
	t := reflect.TypeFor[T]()
	return &codec[T]{typ: t, numbers: holdsInterface(t, nil), nullable: nullable(t), flat: newFlat(t)}
}

// decode returns the value of a canonical text.
func (c *codec[T]) decode(raw string) (T, error) {
	var value T
	if c.flat == nil && decodeScalar(raw, &value) || c.flat != nil && c.flat.decode(raw, reflect.ValueOf(&value).Elem()) {
		return value, nil
	}
	var none T // what was decoded may be half of it
	value = none
	var err error
	switch {
	case raw == "null" && !c.nullable:
		err = errNullItem
	case c.numbers:
		d := json.NewDecoder(strings.NewReader(raw))
		d.UseNumber()
		err = d.Decode(&value)
	default:
		err = json.Unmarshal([]byte(raw), &value)
	}
	if err != nil {
		return none, err
	}
	return value, nil
}

// read decodes the value at a place, and says whether there is one. The error is a
// [*DecodeError].
func (c *codec[T]) read(v doc.Value, at delta.Pointer) (value T, ok bool, err error) {
	if !v.Present() {
		return value, false, nil
	}
	if value, err = c.decode(v.Raw()); err != nil {
		return value, false, &DecodeError{Path: at, Type: c.typ, Err: err}
	}
	return value, true, nil
}

// decodeScalar decodes the most frequent types without reflection. It reports
// false for other types, and for values that do not fit.
func decodeScalar(raw string, to any) bool {
	switch to := to.(type) {
	case *string:
		if jsontext.KindOf(raw) == jsontext.String {
			*to = strings.Clone(jsontext.Unquote(raw)) // not to keep the document for it
			return true
		}
	case *bool:
		*to = raw == "true"
		return *to || raw == "false"
	case *int:
		n, err := strconv.ParseInt(raw, 10, strconv.IntSize)
		*to = int(n)
		return err == nil
	case *int64:
		n, err := strconv.ParseInt(raw, 10, 64)
		*to = n
		return err == nil
	}
	return false
}

// encode returns the text of a value that is to be the member at a place. The error
// is an [*EncodeError].
func (c *codec[T]) encode(value T, at delta.Pointer) ([]byte, error) {
	raw, err := c.marshal(value, depthOf(at))
	if err == nil && string(raw) == "null" {
		err = errNull
	}
	if err != nil {
		return nil, &EncodeError{Path: at, Type: c.typ, Err: err}
	}
	return raw, nil
}

// marshal returns the text of a value that is to stand within as many objects.
func (c *codec[T]) marshal(value T, depth int) ([]byte, error) {
	switch value := any(&value).(type) {
	case *string:
		if !utf8.ValidString(*value) {
			return nil, errText
		}
		return jsontext.AppendString(nil, *value), nil
	case *bool:
		return strconv.AppendBool(nil, *value), nil
	case *int:
		return strconv.AppendInt(nil, int64(*value), 10), nil
	case *int64:
		return strconv.AppendInt(nil, *value, 10), nil
	}
	if c.flat != nil && !c.flat.floats && depth < jsontext.MaxDepth {
		return c.flat.encode(nil, reflect.ValueOf(&value).Elem())
	}
	return marshal(value, c.typ, depth)
}

// marshal returns the text of a value as values of type t are written.
func marshal(value any, t reflect.Type, depth int) ([]byte, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(raw, badText) && !escaped(raw) {
		return nil, errText
	}
	if err := jsontext.ValidateWithin(raw, depth); err != nil {
		return nil, err
	}
	if bytes.Contains(raw, []byte("null")) {
		return appendWithoutNulls(make([]byte, 0, len(raw)), string(raw), t)
	}
	return raw, nil
}

// badText is what encoding/json writes for bytes that are not UTF-8, and for nothing
// else: it does not escape a U+FFFD that is in a string.
var badText = []byte(`\ufffd`)

// escaped reports whether every badText in raw is a reverse solidus and a word.
func escaped(raw []byte) bool {
	for {
		i := bytes.Index(raw, badText)
		if i < 0 {
			return true
		}
		n := 0
		for n < i && raw[i-1-n] == '\\' {
			n++
		}
		if n%2 == 0 {
			return false
		}
		raw = raw[i+len(badText):]
	}
}
