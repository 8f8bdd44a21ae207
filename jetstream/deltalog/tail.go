package deltalog

import "github.com/rivulet-sync/rivulet/shared/record"

// Tail says where the log of a document ends for a reader. The zero Tail is
// that of a reader which has read nothing.
type Tail struct {
	// Head is the position after the last valid record.
	Head record.Position
	// Last is the sequence of the last message on the subject, valid or void:
	// what the next append expects. 0: the document never existed.
	Last uint64
}

// Entry is a record in its place.
type Entry struct {
	// Position is that of a reader which has taken this record.
	Position record.Position
	// Sequence is where the record is stored, the last part of a base.
	Sequence uint64
	Record   record.Record
	// Data is the record's bytes. The deltas of Record are slices of it.
	Data []byte
	// Base is set when this is no record but all that came before: Record is the last
	// part of it then, and Data is empty.
	Base *Base
}

// Void is a record that no reader applies, because its epoch or predecessor is
// not that of the log at its place.
type Void struct {
	Sequence uint64
	Record   record.Record
	// Head is the position that a valid record would have continued. A
	// Record.Prev below Head.Revision is a publish that arrived late; one above
	// it names a predecessor that readers have not found: a writer at fault, or
	// a record that was lost.
	Head record.Position
}
