package msgpack

import (
	"errors"
	"strconv"
)

var (
	// ErrDirection reports a type that browsers do not decode, or do not encode.
	ErrDirection = errors.New("a browser does not do that")
	// ErrShortBytes reports an input that ends within a value.
	ErrShortBytes = errors.New("cut short")
	// ErrLimitExceeded reports a length above the limit for its field.
	ErrLimitExceeded = errors.New("longer than allowed")

	errNotBool    = errors.New("not a boolean")
	errNotInteger = errors.New("not an integer")
	errNotArray   = errors.New("not an array")
	errNotBytes   = errors.New("not bytes")
	errNotString  = errors.New("not a string")
	errRange      = errors.New("number out of range")
)

// ArrayError reports an array, or bytes, of another length than the one that
// the type demands.
type ArrayError struct {
	Wanted uint32
	Got    uint32
}

func (e ArrayError) Error() string {
	return "length is " + strconv.FormatUint(uint64(e.Got), 10) +
		", must be " + strconv.FormatUint(uint64(e.Wanted), 10)
}

// WrapError adds to err in which field it happened: names, and the indexes of
// elements. [ErrShortBytes] stays as it is.
func WrapError(err error, field ...any) error {
	if err == ErrShortBytes {
		return err
	}
	path := ""
	for _, part := range field {
		switch part := part.(type) {
		case string:
			path += "/" + part
		case int:
			path += "/" + strconv.Itoa(part)
		}
	}
	if inner, ok := err.(*fieldError); ok {
		return &fieldError{path: path + inner.path, cause: inner.cause}
	}
	return &fieldError{path: path, cause: err}
}

// fieldError is an error with the path of the field that it happened in.
type fieldError struct {
	path  string
	cause error
}

func (e *fieldError) Error() string {
	if e.path == "" {
		return e.cause.Error()
	}
	return e.cause.Error() + " at " + e.path[1:]
}

func (e *fieldError) Unwrap() error { return e.cause }
