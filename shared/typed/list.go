package typed

import (
	"iter"
	"math"
	"reflect"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/list"
	"github.com/rivulet-sync/rivulet/shared/orderkey"
)

// Entry is an item of a list or a row of a table.
type Entry[T any] struct {
	ID    string
	Value T
	// Err is a [*DecodeError] if the entry is malformed, ErrAbsent if it is gone since
	// it was found; then Value is zero.
	Err error
}

// List is a sequence of items that keep their identity, whoever moves them: a
// [list.Items]. An item can be null if T can.
//
// Edits return an [*EncodeError], a [*doc.FormatError] where there is something else
// than a list, or a [*doc.PathError].
type List[T any] struct {
	place
	codec *codec[T]
	items *list.Items
}

func (l *List[T]) check(o *Options) string {
	switch {
	case o.Tag == "" || o.NewID == nil:
		return "a list needs the options Tag and NewID"
	case orderkey.ValidateTag(o.Tag) != nil:
		return orderkey.ValidateTag(o.Tag).Error()
	}
	return unfit(reflect.TypeFor[T](), nil)
}

func (l *List[T]) open(b *binding, at delta.Pointer, o *Options) {
	*l = List[T]{placeOf(b, at), newCodec[T](), list.Open(b.doc, at, o.Tag, o.NewID)}
	b.until(l.items.Close)
}

// At returns the place of the list.
func (l *List[T]) At() delta.Pointer { return l.at }

// Len returns the number of items, malformed ones included.
func (l *List[T]) Len() int { return l.items.Len() }

// Item returns the item at an index, 0 <= i < Len.
func (l *List[T]) Item(i int) Entry[T] {
	if i < 0 || i >= l.items.Len() {
		panic("typed: index out of range")
	}
	return l.entry(l.items.At(i))
}

// IndexOf returns the index of an item, -1 if there is none.
func (l *List[T]) IndexOf(id string) int { return l.items.IndexOf(id) }

// Get returns the value of an item; false if there is none, or none that fits.
func (l *List[T]) Get(id string) (value T, ok bool) {
	raw, ok := l.items.Get(id)
	if !ok {
		return value, false
	}
	e := l.entry(id, raw)
	return e.Value, e.Err == nil
}

// All iterates over the ids and the values in order, without malformed items. The
// list must not be changed meanwhile.
func (l *List[T]) All() iter.Seq2[string, T] { return wellFormed(l.Entries()) }

// Entries iterates over all items in order, malformed ones included.
func (l *List[T]) Entries() iter.Seq[Entry[T]] {
	return func(yield func(Entry[T]) bool) {
		for id, raw := range l.items.All() {
			if !yield(l.entry(id, raw)) {
				return
			}
		}
	}
}

// Read returns the items. A transaction then depends on all of them. The error is a
// [*doc.FormatError].
func (l *List[T]) Read(r Reader) ([]Entry[T], error) {
	v := r.Value(l.at)
	if !v.Present() {
		return nil, nil
	}
	if tag, _ := v.Field("$"); tag != `"list"` {
		return nil, &doc.FormatError{Path: l.at, Want: `a list: an object with "$":"list"`}
	}
	entries := make([]Entry[T], 0, l.items.Len())
	for e := range l.Entries() {
		entries = append(entries, e)
	}
	return entries, nil
}

func (l *List[T]) entry(id, raw string) Entry[T] {
	value, err := l.codec.decode(raw)
	if err != nil {
		err = &DecodeError{Path: l.valueAt(id), Type: l.codec.typ, Err: err}
	}
	return Entry[T]{id, value, err}
}

// encode returns the text of a new item's value, or the error for a place.
func (l *List[T]) encode(value T, at delta.Pointer) (string, error) {
	raw, err := l.codec.marshal(value, depthOf(l.at)+2)
	if err != nil {
		return "", &EncodeError{Path: at, Type: l.codec.typ, Err: err}
	}
	return string(raw), nil
}

func (l *List[T]) valueAt(id string) delta.Pointer { return l.at.Member(id).Member("v") }

// Insert inserts values before the item at index, at the end if there is none, and
// returns the ids of the new items.
func (l *List[T]) Insert(tx *doc.Tx, index int, values ...T) (ids []string, err error) {
	raws := make([]string, len(values))
	for i, value := range values {
		if raws[i], err = l.encode(value, l.at); err != nil {
			return nil, l.wrote(err)
		}
	}
	err = l.write(tx, func(tx *doc.Tx) (err error) {
		ids, err = l.items.Insert(tx, index, raws...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// Append inserts values at the end.
func (l *List[T]) Append(tx *doc.Tx, values ...T) (ids []string, err error) {
	return l.Insert(tx, math.MaxInt, values...)
}

// Set gives an item another value, if it is there.
func (l *List[T]) Set(tx *doc.Tx, id string, value T) error {
	raw, err := l.encode(value, l.valueAt(id))
	if err != nil {
		return l.wrote(err)
	}
	return l.write(tx, func(tx *doc.Tx) error { return l.items.Set(tx, id, raw) })
}

// Edit changes an item in place; see [Field.Edit]. One that is null is absent.
func (l *List[T]) Edit(tx *doc.Tx, id string, fn func(*T)) error {
	if l.closed {
		return l.wrote(ErrClosed)
	}
	return l.wrote(l.codec.edit(tx, l.valueAt(id), fn))
}

// Move moves an item, if it is there, to where index items are before it.
func (l *List[T]) Move(tx *doc.Tx, id string, index int) error {
	return l.write(tx, func(tx *doc.Tx) error { return l.items.Move(tx, id, index) })
}

// Delete removes an item, if it is there.
func (l *List[T]) Delete(tx *doc.Tx, id string) error {
	return l.write(tx, func(tx *doc.Tx) error { return l.items.Delete(tx, id) })
}

// Watch calls fn after every change of the list. The function that it returns ends
// that.
func (l *List[T]) Watch(fn func()) (stop func()) {
	return l.until(l.doc.Subscribe(l.at, doc.Prefix, func(doc.Event) { fn() }))
}

// wellFormed leaves malformed entries out.
func wellFormed[T any](entries iter.Seq[Entry[T]]) iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		for e := range entries {
			if e.Err == nil && !yield(e.ID, e.Value) {
				return
			}
		}
	}
}
