package table

import (
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// Literal is the JSON text of a scalar, for parameters that no Go type holds
// exactly: Literal("12345678901234567890.5"), Literal("null").
type Literal string

// literal returns a parameter's JSON text: a string, bool, int, int64, float64
// or [Literal] of a scalar.
func literal(value any) (Literal, error) {
	bad := func(reason string) (Literal, error) {
		return "", &Error{Fault: FaultValue, Reason: reason}
	}
	switch v := value.(type) {
	case string:
		if !utf8.ValidString(v) {
			return bad("a parameter is not UTF-8")
		}
		return Literal(jsontext.AppendString(nil, v)), nil
	case bool:
		return Literal(strconv.FormatBool(v)), nil
	case int:
		return Literal(strconv.Itoa(v)), nil
	case int64:
		return Literal(strconv.FormatInt(v, 10)), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return bad("a parameter is no finite number")
		}
		return Literal(strconv.FormatFloat(v, 'g', -1, 64)), nil
	case Literal:
		text := []byte(v)
		if err := jsontext.Validate(text); err != nil {
			return bad("a parameter is not JSON: " + err.Error())
		}
		switch jsontext.KindOf(text) {
		case jsontext.Object, jsontext.Array:
			return bad("a parameter is an object or array: only scalars are compared")
		}
		return Literal(jsontext.AppendCanonical(nil, text)), nil
	}
	return bad("a parameter is none of string, bool, int, int64, float64, Literal")
}
