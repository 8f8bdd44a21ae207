package typed

import (
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/text"
)

// Text is a text that several people write at once: a [text.Text]. Positions and
// lengths are UTF-16 units. Edits return a [*text.RangeError], [text.ErrEncoding],
// a [*doc.FormatError] where there is something else than a text, or a
// [*doc.PathError].
type Text struct {
	place
	text *text.Text
}

func (*Text) check(*Options) string { return "" }

func (t *Text) open(b *binding, at delta.Pointer, _ *Options) {
	*t = Text{placeOf(b, at), text.Open(b.doc, at)}
	b.until(t.text.Close)
}

// At returns the place of the text.
func (t *Text) At() delta.Pointer { return t.at }

// String returns the text as it is now, empty if there is none.
func (t *Text) String() string { return t.text.String() }

// Len returns its length.
func (t *Text) Len() int { return t.text.Len() }

// Slice returns a part of it; see [text.State.Slice].
func (t *Text) Slice(from, to int) (string, error) { return t.text.Slice(from, to) }

// Runs returns it with its marks; see [text.State.Runs].
func (t *Text) Runs() []text.Run { return t.text.Runs() }

// Read returns the text, empty if there is none. A transaction then depends on all
// of it. The error is a [*doc.FormatError].
func (t *Text) Read(r Reader) (string, error) {
	v := r.Value(t.at)
	if tag, _ := v.Field("$"); v.Present() && tag != `"text"` {
		return "", &doc.FormatError{Path: t.at, Want: `a text: an object with "$":"text"`}
	}
	return t.text.String(), nil
}

// Splice replaces del units at pos by s. What is read to find pos need not be read
// in the transaction: the edit moves with what others have written before it.
func (t *Text) Splice(tx *doc.Tx, pos, del int, s string) error {
	return t.write(tx, func(tx *doc.Tx) error { return t.text.Splice(tx, pos, del, s) })
}

// Insert inserts s at pos.
func (t *Text) Insert(tx *doc.Tx, pos int, s string) error { return t.Splice(tx, pos, 0, s) }

// Delete deletes n units at pos.
func (t *Text) Delete(tx *doc.Tx, pos, n int) error { return t.Splice(tx, pos, n, "") }

// Mark gives a range a mark with a value, which is encoded as JSON; see
// [text.State.Mark]. The error may be an [*EncodeError].
func (t *Text) Mark(tx *doc.Tx, from, to int, name string, value any, e text.Expand) error {
	raw, err := marks.encode(value, t.at)
	if err != nil {
		return t.wrote(err)
	}
	return t.write(tx, func(tx *doc.Tx) error { return t.text.Mark(tx, from, to, name, string(raw), e) })
}

var marks = newCodec[any]()

// Unmark takes the marks of a name off a range.
func (t *Text) Unmark(tx *doc.Tx, from, to int, name string) error {
	return t.write(tx, func(tx *doc.Tx) error { return t.text.Unmark(tx, from, to, name) })
}

// Cursor returns a position that stays with the text around it; see
// [text.Text.Cursor].
func (t *Text) Cursor(pos int, bias text.Bias) *text.Cursor { return t.text.Cursor(pos, bias) }

// Watch calls fn when changes are over, with the splices that they amount to, each on
// the text that the one before it left. The function that it returns ends that.
func (t *Text) Watch(fn func([]text.Splice)) (stop func()) { return t.until(t.text.Watch(fn)) }
