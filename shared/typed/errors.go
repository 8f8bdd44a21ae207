package typed

import (
	"errors"
	"reflect"
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/delta"
)

var (
	// ErrAbsent is returned by an edit of a value that is not there.
	ErrAbsent = errors.New("typed: nothing there to edit")
	// ErrClosed is returned by writes after [Document.Close].
	ErrClosed = errors.New("typed: the document was closed")
)

// BindError reports a mistake in a struct that was to be bound, or in the
// [Options] that it needs.
type BindError struct {
	// Type is the struct, Field the path of Go names to the field in it; empty for
	// the struct itself.
	Type   reflect.Type
	Field  string
	Reason string
}

func (e *BindError) Error() string {
	name := e.Type.String()
	if e.Field != "" {
		name += "." + e.Field
	}
	return "typed: " + name + ": " + e.Reason
}

// DecodeError reports a value of the document that does not fit its Go type.
type DecodeError struct {
	Path delta.Pointer // of the value that was read; Err may say what within it
	Type reflect.Type
	Err  error
}

func (e *DecodeError) Error() string {
	return "typed: " + strconv.Quote(string(e.Path)) + " is not a " + e.Type.String() + ": " + e.Err.Error()
}

// Unwrap returns what encoding/json said.
func (e *DecodeError) Unwrap() error { return e.Err }

// EncodeError reports a Go value that the document cannot hold at its place.
type EncodeError struct {
	Path delta.Pointer // of the value that was to be written; Err may say what within it
	Type reflect.Type
	Err  error
}

func (e *EncodeError) Error() string {
	return "typed: " + e.Type.String() + " for " + strconv.Quote(string(e.Path)) + ": " + e.Err.Error()
}

// Unwrap returns the reason: an error of encoding/json, of the value's own
// marshaler, or a [*jsontext.Error].
func (e *EncodeError) Unwrap() error { return e.Err }

var (
	errNull     = errors.New("null cannot be a member: delete it instead")
	errNullItem = errors.New("null does not fit")
	errText     = errors.New("a string is not UTF-8")
	errRecord   = errors.New("a record must be an object")
	errReserved = errors.New(`"$" is reserved`)
)
