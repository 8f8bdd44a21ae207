package replica

import (
	"slices"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Deleted reports whether the document was deleted, and not written since.
func (d *Document) Deleted() bool { return d.deleted > 0 && d.deleted == d.at.Revision }

// deletedAt takes note of a deletion. What is pending was made on what is not there any
// more, and the log will not take it: neither what was sent, nor what would be sent now.
// To make it again on the empty document would bring back what somebody has deleted.
func (d *Document) deletedAt(rev record.Revision) {
	d.deleted = rev
	for _, m := range slices.Backward(d.pending) {
		d.takeOff(m)
	}
	d.settleAll(errDeleted())
}

func errDeleted() error {
	return &RejectedError{Code: wire.CodeDeleted, Detail: "the document was deleted after this was made"}
}
