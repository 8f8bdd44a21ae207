package snapshot

import (
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Snapshot is a document as it was after a record, with all that a reader who
// starts there must know of what came before.
type Snapshot struct {
	// At is the position after the record.
	At record.Position
	// Records is how many valid records the log had up to there.
	Records uint64
	// Time is when the snapshot was made, in milliseconds since 1970.
	Time int64
	// Modified is when the record was made, likewise.
	Modified int64
	// Deleted is the revision of the document's last deletion, 0 if there was none.
	Deleted record.Revision
	// Clients is what each client did last. It is never left out: without it a mutation
	// could take effect twice.
	Clients map[record.ClientID]Client
	// Checksum is that of the document.
	Checksum doc.Checksum
	// Document is the canonical document.
	Document []byte
}

// Client is what is known of a client's mutations.
type Client struct {
	// Last is the last one in the log.
	Last record.MutationID
	// Seen is when its record was made, in milliseconds since 1970.
	Seen int64
}
