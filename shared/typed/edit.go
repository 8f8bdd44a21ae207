package typed

import (
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// edit changes the value at a place, which counts as read, and writes the difference.
//
// That is between two encodings, not between the document and one: whatever the Go
// type does not see or writes in another way, such as 1.0, is as it was.
func (c *codec[T]) edit(tx *doc.Tx, at delta.Pointer, fn func(*T)) error {
	value, ok, err := c.read(tx.Value(at), at)
	switch {
	case err != nil:
		return err
	case !ok:
		return ErrAbsent
	}
	before, err := c.encode(value, at)
	if err != nil {
		return err
	}
	fn(&value)
	after, err := c.encode(value, at)
	switch {
	case err != nil:
		return err
	case string(before) == string(after):
		return nil
	case jsontext.KindOf(before) != jsontext.Object || jsontext.KindOf(after) != jsontext.Object:
		return tx.Set(at, after)
	}
	patch, err := delta.Diff(before, after)
	if err != nil {
		return &EncodeError{Path: at, Type: c.typ, Err: err}
	}
	if string(patch.Bytes()) == "{}" {
		return nil
	}
	return tx.Merge(patchAt(at, string(patch.Bytes())))
}
