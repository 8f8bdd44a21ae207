package replica

import (
	"slices"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// verify compares the confirmed document with the server's (law L4) and reports
// whether that had consequences. If they differ, what is held is in doubt: the
// document is opened anew from nothing, and pending mutations are run again on the
// snapshot, but not sent before a checksum has agreed. If the next one does not,
// asking once more would lead to the same, and the document is closed for good: to
// let users go on would be to take edits that were computed on a state which the
// server does not have.
func (d *Document) verify(f *wire.Checksum) (changed bool, err error) {
	if d.state != catching && d.state != live {
		return false, nil
	}
	if f.Revision != d.at.Revision {
		return false, &ProtocolError{Reason: "a checksum of another revision than that of " + d.at.String()}
	}
	doubted := d.doubted
	if d.confirmedSum() == (doc.Checksum{Hi: f.Hi, Lo: f.Lo}) {
		d.doubted = false
		d.caughtUp()
		return doubted, nil
	}
	d.engine.noteDiverged(d)
	if !doubted {
		d.doubted = true
		d.resync()
		return true, nil
	}
	d.unsubscribe()
	d.failed(wire.CodeDiverged, "the document differs from the server's, and did so again after it was taken anew")
	return true, nil
}

// confirmedSum returns the checksum of the document without the pending mutations.
// They are taken off and put on again, which leads back to the very same view: the
// observer hears nothing of it. The cost is theirs, whatever the size of the
// document, but for the first call after a snapshot.
func (d *Document) confirmedSum() doc.Checksum {
	if len(d.pending) == 0 {
		return d.view.Checksum()
	}
	var sum doc.Checksum
	d.view.Rebase(func(r *doc.Rebase) {
		r.Own(func() {
			for _, m := range slices.Backward(d.pending) {
				d.view.Apply(m.change.Inverse)
			}
			sum = d.view.Checksum()
			for _, m := range d.pending {
				m.change.Effect = d.view.Apply(m.change.Delta)
			}
		})
	})
	return sum
}
