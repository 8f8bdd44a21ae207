package typed

import (
	"reflect"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// Field is a value of the document: a member that Set replaces as a whole.
type Field[T any] struct {
	place
	codec *codec[T]
}

func (f *Field[T]) check(*Options) string { return unfit(reflect.TypeFor[T](), nil) }

func (f *Field[T]) open(b *binding, at delta.Pointer, _ *Options) {
	*f = Field[T]{placeOf(b, at), newCodec[T]()}
}

// At returns the place of the field.
func (f *Field[T]) At() delta.Pointer { return f.at }

// Get returns the value as it is now; false if there is none, or none that fits.
func (f *Field[T]) Get() (value T, ok bool) {
	value, ok, _ = f.codec.read(f.doc.Value(f.at), f.at)
	return value, ok
}

// Read returns the value, and whether there is one. The error is a [*DecodeError].
func (f *Field[T]) Read(r Reader) (value T, ok bool, err error) {
	return f.codec.read(r.Value(f.at), f.at)
}

// Set puts a value in place of what is there. The error is an [*EncodeError], or a
// [*doc.PathError] where the document has something else than objects above it.
func (f *Field[T]) Set(tx *doc.Tx, value T) error {
	raw, err := f.codec.encode(value, f.at)
	if err != nil {
		return f.wrote(err)
	}
	return f.write(tx, func(tx *doc.Tx) error { return tx.Set(f.at, raw) })
}

// Delete removes the value, if there is one.
func (f *Field[T]) Delete(tx *doc.Tx) error { return f.delete(tx, f.at) }

// Edit changes the value in place and writes only the members that fn has changed:
// those that others change at the same time keep what they write. The transaction
// depends on the value. The error is [ErrAbsent], a [*DecodeError] or an
// [*EncodeError].
func (f *Field[T]) Edit(tx *doc.Tx, fn func(*T)) error {
	return f.wrote(f.edit(tx, fn))
}

func (f *Field[T]) edit(tx *doc.Tx, fn func(*T)) error {
	if f.closed {
		return ErrClosed
	}
	return f.codec.edit(tx, f.at, fn)
}

// Watch calls fn after every change of the value, with what Get would return. The
// function that it returns ends that.
func (f *Field[T]) Watch(fn func(value T, ok bool)) (stop func()) {
	return watch(f.binding, f.codec, f.at, fn)
}

// delete removes a member of an object that may not be there.
func (p *place) delete(tx *doc.Tx, at delta.Pointer) error {
	switch parent, _ := at.Parent(); {
	case p.closed:
		return p.wrote(ErrClosed)
	case !tx.IsObject(parent):
		return nil
	}
	return p.wrote(tx.Delete(at))
}

func watch[T any](b *binding, c *codec[T], at delta.Pointer, fn func(T, bool)) (stop func()) {
	last := b.doc.Value(at).Raw()
	return b.until(b.doc.Subscribe(at, doc.Prefix, func(doc.Event) {
		v := b.doc.Value(at)
		if now := v.Raw(); now != last {
			last = now
			value, ok, _ := c.read(v, at)
			fn(value, ok)
		}
	}))
}
