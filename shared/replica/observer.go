package replica

import (
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Observer is told what happens to one document.
//
// Reset, Patched and the functions of mutations that are run again come in the
// order in which they change the view; Changed ends a batch of them, and only
// then is the view a state that a user should see.
type Observer interface {
	// Reset: the view was replaced by the document with this JSON, which must not
	// be kept. Nothing is pending in it; what is comes next, by Patched.
	Reset(snapshot []byte)
	// Patched: a delta was applied to the view.
	Patched(patch delta.Delta)
	// Changed: a batch is over.
	Changed()
	// Committed: a record of the log was read. Its deltas must not be kept. It is nil when
	// what several records amount to was read in their place: then nothing is pending in
	// the view, what is comes next, as after Reset.
	Committed(at record.Position, rec *record.Record)
	// Settled: a mutation that was pending is over.
	Settled(tag uint64, outcome Outcome)
	// Peer: the presence of another client; empty when it is gone.
	Peer(client record.ClientID, state []byte)
	// Failed: the document could not be opened, or was closed by the server. If
	// the code says to retry, the engine does; Failed may then come again.
	Failed(code wire.Code, detail string)
}

// Outcome is how a mutation ended.
type Outcome struct {
	// Revision is where the log holds the mutation; a later one, if that was learned of
	// from a snapshot. It is also set, to the
	// position of the replica, when the mutation turned out to change nothing.
	Revision record.Revision
	// Err is nil when the mutation is in the log. It is a [*RejectedError] when
	// the server refused it, else what the mutation's function returned when it
	// was run again.
	Err error
}

// Author runs the function of a mutation on a document, which it leaves changed,
// as [doc.Doc.Update] does, and describes the change. If it returns an error the
// document is unchanged.
type Author func(view *doc.Doc) (doc.Change, error)

// RejectedError says that a mutation was given up: it was taken off the view and
// will not be sent again. The server has refused it, or, where the code is
// unknown_mutation or the document was closed, what was sent of it may be in the
// log nevertheless.
type RejectedError struct {
	Code   wire.Code
	Detail string
}

func (e *RejectedError) Error() string {
	if e.Detail == "" {
		return "rejected: " + e.Code.String()
	}
	return "rejected: " + e.Code.String() + ": " + e.Detail
}
