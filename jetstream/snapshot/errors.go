package snapshot

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// ErrNone reports that a document has no snapshot.
var ErrNone = errors.New("snapshot: the document has none")

// DamagedError reports a snapshot that is not what was put, or not all of it.
type DamagedError struct {
	Key    record.Key
	Reason string
}

func (e *DamagedError) Error() string { return "snapshot: " + e.Key.String() + ": " + e.Reason }

// VersionError reports a snapshot that was written by a later version of this
// software, or by an earlier one that knew less of a document.
type VersionError struct {
	Key     record.Key
	Version uint8
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("snapshot: %s: format version %d is not this program's %d", e.Key, e.Version, Version)
}

// TooLargeError reports a snapshot that [Config.MaxSize] does not allow.
type TooLargeError struct {
	Key       record.Key
	Size, Max int
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("snapshot: %s: it has %d bytes, more than %d", e.Key, e.Size, e.Max)
}

// StreamError reports an existing stream that cannot hold snapshots. Nothing was
// changed. To delete the stream loses nothing.
type StreamError struct {
	Stream string
	Reason string
}

func (e *StreamError) Error() string {
	return "snapshot: stream " + strconv.Quote(e.Stream) + " cannot hold snapshots: " + e.Reason + "; it may be deleted, nothing is lost"
}
