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
	// Clients has the last mutation of each client. It is never left out: without it
	// a mutation could take effect twice.
	Clients map[record.ClientID]record.MutationID
	// Checksum is that of the document.
	Checksum doc.Checksum
	// Document is the canonical document.
	Document []byte
}
