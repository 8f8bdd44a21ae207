package host

import (
	"context"
	"errors"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Delete deletes the document and returns the revision of that. Who has it open sees it
// empty; what others made on it before does not come into the log any more. A document
// that does not exist is left as it is. One with more members than a record has room for
// is emptied first, in several steps.
//
// The errors are those of Run.
func (h *Handle) Delete(ctx context.Context) (record.Revision, error) {
	for {
		rev, err := h.run(ctx, record.KindDeletion, func(tx *doc.Tx) error {
			left, err := deleteMembers(tx)
			if err == nil && left {
				return errLeft
			}
			return err
		})
		if !errors.Is(err, errLeft) {
			return rev, err
		}
		if _, err := h.Run(ctx, func(tx *doc.Tx) error { _, err := deleteMembers(tx); return err }); err != nil {
			return 0, err
		}
	}
}

var errLeft = errors.New("host: the document has more members than a record has room for")

// deleteMembers deletes members of the root, as many as a record has room for, and
// reports whether some are left.
func deleteMembers(tx *doc.Tx) (left bool, err error) {
	size := 0
	for _, name := range tx.Members("") {
		// Each character may be escaped.
		if size += 6*len(name) + len(`"":null,`); size > maxBatchBytes {
			return true, nil
		}
		if err := tx.Delete(delta.Pointer("").Member(name)); err != nil {
			return false, err
		}
	}
	return false, nil
}
