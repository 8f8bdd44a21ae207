package deltalog

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// ErrNotFound reports that the log has no record of a document at a revision.
var ErrNotFound = errors.New("deltalog: no such record")

// ErrNotNext reports a record that does not continue the tail which it was to
// be appended to.
var ErrNotNext = errors.New("the record does not continue the tail")

// ErrMissing reports that a record which the log must have cannot be read.
var ErrMissing = errors.New("the record is missing from its stream")

// ConflictError reports that nothing was stored because the document's log is
// not, or no longer, at the tail that was expected. Replay from there, then
// decide anew.
type ConflictError struct {
	Key record.Key
	// Last is the sequence of a message on the subject that the tail does not
	// cover; there may be later ones. When the subject was purged it is below
	// the tail's.
	Last uint64
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("deltalog: append to %s: another record is there, at %d", e.Key, e.Last)
}

// RefusedError reports bytes that cannot be stored, now or later.
type RefusedError struct {
	Key record.Key
	Err error
}

func (e *RefusedError) Error() string { return fmt.Sprintf("deltalog: append to %s: %v", e.Key, e.Err) }
func (e *RefusedError) Unwrap() error { return e.Err }

// UncertainError reports that the context ended before it was known whether
// the record is stored. Err wraps the context's error and the last cause. The
// caller must call Append again with the same arguments, and do nothing else
// with the document until that call's outcome is another one.
type UncertainError struct {
	Key record.Key
	Err error
}

func (e *UncertainError) Error() string {
	return fmt.Sprintf("deltalog: append to %s: outcome unknown: %v", e.Key, e.Err)
}
func (e *UncertainError) Unwrap() error { return e.Err }

// EpochError reports that a stream is not the one that this Log opened: it was
// wiped, restored or imported. The Log is of no more use for what is in that; open a
// new one, as by [Log.Reopen].
type EpochError struct {
	Stream string
	Opened record.Epoch
	Found  record.Epoch // 0 when the stream has none
}

func (e *EpochError) Error() string {
	return fmt.Sprintf("deltalog: stream %s was replaced: it had epoch %x and has %x: restart", e.Stream, e.Opened, e.Found)
}

// CutError reports that a stream has not what was read of it: its end was lost, as by a power
// cut or by restoring an older state, and there may be something else in its place.
type CutError struct {
	Shard byte
	// Read is the last sequence that was read, and Last the one that the stream has now, which
	// may have gone on since.
	Read, Last uint64
	// Kept is up to where the stream is known to be what it was; 0: nowhere.
	Kept uint64
}

func (e *CutError) Error() string {
	return fmt.Sprintf("deltalog: stream %s has lost its end: it was read up to %d, ends at %d, and is the same up to %d", streamName(e.Shard), e.Read, e.Last, e.Kept)
}

// PositionError reports a position that the log cannot continue: it is of
// another epoch, or later than everything that the log has. Read from a
// snapshot or from the beginning.
type PositionError struct {
	Key      record.Key
	Position record.Position
	Reason   string
}

func (e *PositionError) Error() string {
	return fmt.Sprintf("deltalog: %s cannot be read from %s: %s", e.Key, e.Position, e.Reason)
}

// DamagedError reports a message that is no record of this format, a record of
// a later version of this program (Err is then a [*record.VersionError]), or
// one that cannot be read at all ([ErrMissing]). Nothing after it is used.
type DamagedError struct {
	Key      record.Key
	Sequence uint64
	Err      error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("deltalog: %s: record at %d: %v", e.Key, e.Sequence, e.Err)
}
func (e *DamagedError) Unwrap() error { return e.Err }

// StreamError reports an existing stream that cannot serve as a log. Nothing
// was changed.
type StreamError struct {
	Stream string
	Reason string
}

func (e *StreamError) Error() string {
	return "deltalog: stream " + strconv.Quote(e.Stream) + " cannot hold the log: " + e.Reason
}

func checkKey(key record.Key) error {
	_, err := record.ParseKey(key.String())
	return err
}
