package edits

import (
	"errors"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// ErrNotOpen reports a script that edits a text or list which the session does not hold
// open. Nothing of it was done. See [Session.Open].
var ErrNotOpen = errors.New("edit: what is edited is not open")

// Within runs a script in a transaction of the document, which goes on; that then depends
// on what the script says was read. The error is [ErrNotOpen], or one of those of [Session.Run]; then the transaction must be given up.
func (s *Session) Within(tx *doc.Tx, sc Script) error {
	for _, e := range sc.edits {
		if !s.holds(e) {
			return ErrNotOpen
		}
	}
	// First of all: what the transaction has written itself is no read.
	for _, r := range sc.reads {
		switch r.Kind {
		case delta.ReadExists:
			tx.IsObject(r.Path)
		case delta.ReadMembers:
			tx.Members(r.Path)
		default:
			tx.Value(r.Path)
		}
	}
	return s.write(tx, sc)
}
