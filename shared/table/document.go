package table

import (
	"iter"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// Records is the [Table] of the records at a place of a document, kept up to
// date with it: queries within a transaction see its writes, live results move
// when changes are over.
type Records struct {
	*Table
	at     delta.Pointer
	detach func()
}

// Open returns the table of the records at p. It must not be called within a
// transaction. The error is an [*Error].
func Open(d *doc.Doc, p delta.Pointer, cfg Config) (*Records, error) {
	t, err := New(cfg)
	if err != nil {
		return nil, err
	}
	r := &Records{Table: t, at: p}
	r.detach = d.Derive(p, follower{t})
	return r, nil
}

// Close ends the table: its results do not move any more.
func (r *Records) Close() { r.detach() }

// At returns the place of the table.
func (r *Records) At() delta.Pointer { return r.at }

// In returns the table as a transaction sees it. The transaction then depends on
// all records: whatever a query finds, or does not, has been read.
func (r *Records) In(tx *doc.Tx) *Table {
	tx.Value(r.at)
	return r.Table
}

// Get returns one record within a transaction, which then depends on it alone.
func (r *Records) Get(tx *doc.Tx, id string) (Row, bool) {
	v := tx.Value(r.at.Member(id))
	return v, v.Present()
}

// Put writes a record, given as JSON. If there is no object for the records yet,
// it is made. The errors are those of [doc.Tx.Set].
func (r *Records) Put(tx *doc.Tx, id string, record []byte) error {
	if r.at != "" && !tx.IsObject(r.at) && !tx.Value(r.at).Present() {
		if err := tx.Set(r.at, []byte("{}")); err != nil {
			return err
		}
	}
	return tx.Set(r.at.Member(id), record)
}

// Delete removes a record, if it is there.
func (r *Records) Delete(tx *doc.Tx, id string) error {
	if !tx.IsObject(r.at) {
		return nil
	}
	return tx.Delete(r.at.Member(id))
}

// follower is what the document tells.
type follower struct{ table *Table }

// Reset implements [doc.Derived].
func (f follower) Reset(members iter.Seq2[string, doc.Value]) {
	f.table.Reset(func(yield func(string, Row) bool) {
		for id, v := range members {
			if !yield(id, v) {
				return
			}
		}
	})
}

// Changed implements [doc.Derived].
func (f follower) Changed(id string, now doc.Value) {
	if now.Present() {
		f.table.Changed(id, now)
	} else {
		f.table.Changed(id, nil)
	}
}

// Flush implements [doc.Flusher].
func (f follower) Flush() { f.table.Flush() }

var _ doc.Flusher = follower{}
