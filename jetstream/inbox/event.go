package inbox

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Bounds of an event, in bytes.
const (
	MaxID    = 128
	MaxDelta = 900 << 10
	// MaxLine is more than any valid event has.
	MaxLine = MaxDelta + 4<<10
)

// Event is something that was done to a document, by somebody who had seen its predecessor and
// all that was before that, and nothing else.
type Event struct {
	// ID identifies it within its document. Prev is that of its predecessor, empty for one
	// that begins a document.
	ID, Prev string
	Key      record.Key
	// Delta is a merge patch (RFC 7386).
	Delta delta.Delta

	line []byte
	by   string // the import that has stored it; may be empty
	// id and prev are hashes, of an event that was read from a stream.
	id, prev hash
}

// Errors of an event, which a [*LineError] wraps.
var (
	ErrJSON   = errors.New("it is no JSON object")
	ErrMember = errors.New(`it has the members "id", "doc", "prev" and "delta", and no others`)
	ErrID     = errors.New("an id has 1 to 128 bytes of UTF-8 and no control characters")
	ErrKey    = errors.New("doc is no key, space/id")
	ErrDelta  = errors.New("delta is no merge patch")
	ErrLarge  = errors.New("it is too large")
	ErrSelf   = errors.New("prev is its own id")
)

// LineError says what is wrong with a line. Lines count from 1.
type LineError struct {
	Line int
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Err) }
func (e *LineError) Unwrap() error { return e.Err }

// Parse reads an event, a JSON object. The event keeps the line. The error wraps one of those
// above.
func Parse(line []byte) (Event, error) {
	e := Event{line: line}
	if len(line) > MaxLine {
		return e, fmt.Errorf("%w: it has more than %d bytes", ErrLarge, MaxLine)
	}
	if err := jsontext.ValidateObject(line); err != nil {
		return e, fmt.Errorf("%w: %w", ErrJSON, err)
	}
	seen := 0
	for name, raw := range jsontext.Members(line) {
		seen++
		if err := e.member(name, raw); err != nil {
			return Event{}, err
		}
	}
	switch {
	case seen != 4: // ValidateObject takes no name twice
		return Event{}, fmt.Errorf("%w; one is missing", ErrMember)
	case e.ID == e.Prev:
		return Event{}, ErrSelf
	}
	return e, nil
}

func (e *Event) member(name string, raw []byte) (err error) {
	switch name {
	case "id":
		e.ID, err = parseID(raw)
	case "prev":
		if string(raw) != `""` {
			e.Prev, err = parseID(raw)
		}
	case "doc":
		if jsontext.KindOf(raw) != jsontext.String {
			return ErrKey
		}
		if e.Key, err = record.ParseKey(jsontext.Unquote(raw)); err != nil {
			return fmt.Errorf("%w: %w", ErrKey, err)
		}
	case "delta":
		if len(raw) > MaxDelta {
			return fmt.Errorf("%w: the delta has %d bytes, more than %d", ErrLarge, len(raw), MaxDelta)
		}
		if jsontext.KindOf(raw) != jsontext.Object {
			return fmt.Errorf("%w: it is no object", ErrDelta)
		}
		e.Delta = delta.Trusted(raw) // the line was validated
	default:
		return fmt.Errorf("%w: %.40q", ErrMember, name)
	}
	return err
}

func parseID(raw []byte) (string, error) {
	if jsontext.KindOf(raw) != jsontext.String {
		return "", ErrID
	}
	id := jsontext.Unquote(raw)
	if id == "" || len(id) > MaxID {
		return "", ErrID
	}
	for _, r := range id {
		if unicode.IsControl(r) {
			return "", ErrID
		}
	}
	return id, nil
}

// hash is an id as ledger and log have it: the first 8 bytes of its SHA-256, big-endian. Of
// the empty id, which is nobody's, it is 0.
type hash uint64

func hashOf(id string) hash {
	if id == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(id))
	return hash(max(1, binary.BigEndian.Uint64(sum[:])))
}

// client is the author of everything that the inbox commits. Its numbers on a document count
// its events.
var client = func() (id record.ClientID) {
	sum := sha256.Sum256([]byte("rivulet inbox"))
	copy(id[:], sum[:])
	return id
}()

// Client returns the author of everything that the inbox commits. Everybody knows it, so nobody
// else may say that he is: what he writes under a number would be taken for an event.
func Client() record.ClientID { return client }
