package typed

import (
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// Document is embedded in a struct for [Bind]. It is what the struct is bound to.
type Document struct{ b *binding }

// Options are what parts of a document need to be opened.
type Options struct {
	// Tag and NewID are for lists; see [list.New]. A struct with a List needs both.
	Tag   string
	NewID func() string
	// Seed is for tables; see [table.Config].
	Seed uint64
}

// binding is what the fields of one bound struct share.
type binding struct {
	doc    *doc.Doc
	closed bool
	ends   map[*ending]struct{} // of what follows the document
	// failed is the first error of a write in the innermost Checked function that
	// is running.
	failed error
}

// ending ends something that follows the document.
type ending struct{ end func() }

// Doc returns the document.
func (d *Document) Doc() *doc.Doc { return d.b.doc }

// Update is [doc.Doc.Update] with fn [Document.Checked].
func (d *Document) Update(fn func(*doc.Tx) error) (doc.Change, error) {
	return d.b.doc.Update(d.Checked(fn))
}

// Checked returns fn for whoever runs transactions: it fails with the first error of
// a write by the struct in it, if it does not fail by itself. To try a write which
// may fail, nest:
//
//	err := tx.Update(board.Checked(func(tx *doc.Tx) error { ... }))
//
// The error of that is the caller's to handle.
func (d *Document) Checked(fn func(*doc.Tx) error) func(*doc.Tx) error {
	b := d.b
	return func(tx *doc.Tx) error {
		outer := b.failed
		defer func() { b.failed = outer }()
		b.failed = nil
		if err := fn(tx); err != nil {
			return err
		}
		return b.failed
	}
}

// Close ends tables, lists, texts and watches. Live views do not move any more,
// writes fail with [ErrClosed]. It must not be called within a transaction.
func (d *Document) Close() {
	b := d.b
	b.closed = true
	for e := range b.ends {
		e.end()
	}
	b.ends = nil
}

// wrote remembers the error of a write and returns it.
func (b *binding) wrote(err error) error {
	if b.failed == nil {
		b.failed = err
	}
	return err
}

// until has end called by Close, or once by the function that it returns.
func (b *binding) until(end func()) (stop func()) {
	e := &ending{end}
	b.ends[e] = struct{}{}
	return func() {
		if _, on := b.ends[e]; on {
			delete(b.ends, e)
			end()
		}
	}
}
