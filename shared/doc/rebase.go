package doc

import (
	"slices"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// Positioned is derived state with positions in it, of edits and cursors, which
// have to know what a series of changes amounts to.
type Positioned interface {
	Derived
	// Begin begins such a series: of changes of one's own, which are taken back or
	// made again, or of others'. Series may nest.
	Begin(own bool)
	// End ends it and returns what it amounts to, in a form that [Mover.Move] of
	// the collection understands; nil for nothing.
	End() any
	// Amounts says, before the End of the outermost series, what that amounts to
	// for those who look on, if that is known: net, in the same form.
	Amounts(net any)
}

// Rebase is a change of what is below one's own latest changes: they are taken
// off, others' are made, and one's own are made again, moved.
type Rebase struct {
	doc   *Doc
	below Below
	vague bool
}

// Rebase runs fn, which takes changes off the document and puts others on it.
// Subscribers, and positions that are kept, see only what it all amounts to. It
// must not be called within another one.
func (d *Doc) Rebase(fn func(*Rebase)) {
	d.Batch(func() {
		d.series(true, nil, func() {
			r := &Rebase{doc: d}
			if fn(r); !r.vague {
				for _, x := range d.positioned {
					x.Amounts(r.below.Get(x))
				}
			}
		})
	})
}

// Own runs fn, which takes one's own changes off, or puts them on again.
func (r *Rebase) Own(fn func()) { r.doc.series(true, nil, fn) }

// Others runs fn, which makes the changes of others, once.
func (r *Rebase) Others(fn func()) { r.doc.series(false, &r.below, fn) }

// Move moves edits, the oldest first, over what others have done.
func (r *Rebase) Move(edits []Edit) {
	for _, e := range edits {
		if m, ok := e.(Mover); ok {
			m.Move(&r.below)
		}
	}
}

// Unmake says that edits, the oldest first, are not made any more. The next Move is
// over that.
func (r *Rebase) Unmake(edits []Edit) {
	r.below = Below{}
	for _, e := range slices.Backward(edits) {
		if m, ok := e.(Mover); ok {
			m.Unmake(&r.below)
		}
	}
}

// Anew runs fn, which puts another change in the place of one of one's own. The next
// Move is over the difference.
func (r *Rebase) Anew(fn func()) {
	r.below = Below{}
	r.doc.series(true, &r.below, fn)
}

// Vague says that one's own changes may be others than they were, beyond what
// their edits say.
func (r *Rebase) Vague() { r.vague = true }

func (d *Doc) series(own bool, below *Below, fn func()) {
	positioned := d.positioned
	for _, x := range positioned {
		x.Begin(own)
	}
	d.rebasing++
	defer func() {
		d.rebasing--
		for _, x := range positioned {
			if change := x.End(); change != nil && below != nil {
				below.Put(x, change)
			}
		}
	}()
	fn()
}

// Load makes the document equal to another one, which must not be used any more.
// Whatever watches the document goes on watching it.
//
// It must not be called within a transaction of the document; it panics.
func (d *Doc) Load(other *Doc) {
	if d.busy {
		panic("doc: Load within Update")
	}
	d.root, d.account = other.root, other.account
	d.forgetSite()
	d.watched.replaced(d.root)
	d.notify([]delta.Write{{Kind: delta.WroteMember}})
}

// parse checks a document and returns its canonical text.
func parse(data []byte) (string, error) {
	if err := jsontext.ValidateObject(data); err != nil {
		return "", err
	}
	if text := string(data); isCanonical(text) {
		return text, nil
	}
	if err := refuseNulls(data); err != nil {
		return "", err
	}
	return string(jsontext.AppendCanonical(make([]byte, 0, len(data)), data)), nil
}
