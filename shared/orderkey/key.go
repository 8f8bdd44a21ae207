package orderkey

import (
	"strconv"
	"strings"
)

const (
	// MaxLen is the length, in bytes, that whoever stores keys keeps them to. The
	// functions here neither need it nor check it.
	MaxLen = 24
	// MaxTag is the length of the longest tag, in bytes.
	MaxTag = 8
)

// Error reports a key or tag that is not well-formed.
type Error struct {
	Text   string // the key or tag
	Reason string
}

func (e *Error) Error() string { return "order key " + strconv.Quote(e.Text) + ": " + e.Reason }

// OrderError reports bounds between which there is nothing: Left does not sort
// before Right.
type OrderError struct{ Left, Right string }

func (e *OrderError) Error() string {
	return "order keys " + strconv.Quote(e.Left) + " and " + strconv.Quote(e.Right) + " are not in order"
}

// Validate checks the form of a key. The error is an [*Error].
func Validate(key string) error {
	last := byte('-') // of the segment so far
	for i := range len(key) {
		c := key[i]
		switch {
		case c == '-':
			if err := endOfSegment(key, last); err != nil {
				return err
			}
		case value[c] < 0:
			return &Error{key, "not a digit: byte " + strconv.Itoa(i)}
		}
		last = c
	}
	return endOfSegment(key, last)
}

func endOfSegment(key string, last byte) error {
	switch last {
	case '-':
		return &Error{key, "empty segment"}
	case '0':
		return &Error{key, "segment ends in 0"}
	}
	return nil
}

// Valid reports whether key is well-formed.
func Valid(key string) bool { return Validate(key) == nil }

// InRun reports whether key is of the run that root begins, root itself included.
func InRun(key, root string) bool {
	return strings.HasPrefix(key, root) && (len(key) == len(root) || key[len(root)] == '-')
}

// Root returns the root of the run that a well-formed key is of, the key itself if
// Between or Spread made it.
func Root(key string) string {
	for {
		i := strings.LastIndexByte(key, '-')
		if i < 0 || !isNumber(key[i+1:]) {
			return key
		}
		key = key[:i]
	}
}

// Tagged reports whether the run that a well-formed key is of began with a key
// for that tag. Among tags of one length this is so for one at most, who may
// [Continue] the run.
func Tagged(key, tag string) bool {
	return tag != "" && strings.HasSuffix(Root(key), tag)
}

// validateBounds checks two keys, each empty for an open end.
func validateBounds(left, right string) error {
	if left != "" {
		if err := Validate(left); err != nil {
			return err
		}
	}
	if right != "" {
		if err := Validate(right); err != nil {
			return err
		}
		if left >= right {
			return &OrderError{left, right}
		}
	}
	return nil
}

// ValidateTag checks the form of a tag: empty, or a single segment of at most
// [MaxTag] bytes. The error is an [*Error].
func ValidateTag(tag string) error {
	switch {
	case tag == "":
		return nil
	case len(tag) > MaxTag:
		return &Error{tag, "tag longer than " + strconv.Itoa(MaxTag) + " bytes"}
	case strings.IndexByte(tag, '-') >= 0:
		return &Error{tag, "tag of several segments"}
	}
	return Validate(tag)
}
