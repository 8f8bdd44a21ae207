package doc

import (
	"maps"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// Positioned is derived state with positions in it, of edits and cursors, which
// have to know what a series of changes amounts to.
type Positioned interface {
	Derived
	// Begin begins such a series, of the changes of one author: one's own, which are
	// taken back or made again, or another one's. Series may nest.
	Begin(by Author)
	// End ends it and returns what it amounts to, in a form that [Mover.Move] of
	// the collection understands; nil for nothing. If it may be what back takes back,
	// which may be nil, it is that.
	End(back any) any
	// Sum returns what it amounts to that a change is taken off, other series are made, and
	// it is made again; any of them may be nil. What one of them takes away and a later one
	// puts there again has not changed. What the change has more goes on with nothing.
	Sum(off any, series []any, again any) any
	// Instead is Sum of two: one takes back a change, the other makes another one in its
	// place. What that has more goes on with what both have.
	Instead(back, made any) any
	// Amounts says, before the End of the outermost series, what that amounts to
	// for those who look on, if that is known: net, in the same form.
	Amounts(net any)
}

// Author says who has made a change.
type Author string

const (
	// Own changes are made here.
	Own Author = ""
	// Others made them, who have no name here. Any other Author is a name.
	Others Author = "others"
)

// Rebase is a change of what is below one's own latest changes: they are taken
// off, others' are made, and one's own are made again, the oldest first, moved.
type Rebase struct {
	doc *Doc
	// below is what the next change is to be moved over, one after the other; at least one.
	below []Below
}

// Rebase runs fn, which takes changes off the document and puts others on it.
// Subscribers, and positions that are kept, see only what it all amounts to. It
// must not be called within another one.
func (d *Doc) Rebase(fn func(*Rebase)) {
	d.Batch(func() {
		r := &Rebase{doc: d, below: make([]Below, 1)}
		d.series(Own, nil, nil, func() {
			fn(r)
			for _, x := range d.positioned {
				for i := range r.below {
					x.Amounts(r.below[i].Get(x))
				}
			}
		})
	})
}

// Own runs fn, which takes one's own changes off, or puts them on again.
func (r *Rebase) Own(fn func()) { r.doc.series(Own, nil, nil, fn) }

// Below runs fn, which makes the changes of an author below one's own.
func (r *Rebase) Below(by Author, fn func()) {
	var made Below
	if r.doc.series(by, &made, nil, fn); by == Own {
		for _, x := range r.doc.positioned {
			if change := made.Get(x); change != nil {
				made.Put(x, x.Instead(nil, change))
			}
		}
	}
	r.below = append(r.below, made)
}

// Move moves the edits of a change, the oldest first, over what was done below them.
func (r *Rebase) Move(edits []Edit) {
	for _, e := range edits {
		if m, ok := e.(Mover); ok {
			for i := range r.below {
				m.Move(&r.below[i])
			}
		}
	}
}

// TakeOff runs fn, which takes a change off, and returns what that amounts to, for who
// puts it on again.
func (r *Rebase) TakeOff(fn func()) (off Below) { return r.made(nil, fn) }

// Again runs fn, which makes a change that was taken off, or another one in its place. Its
// edits, which were moved, were made again by that.
func (r *Rebase) Again(edits []Edit, off Below, fn func()) {
	r.besides(unmade(edits), off, r.made(nil, fn))
}

// besides finds what a change that was taken off and made again is to the collections
// that it has no edits of, those that moved has nothing for. It is not moved there: so
// what was below it may become something else.
func (r *Rebase) besides(moved, off, made Below) {
	for _, x := range r.doc.positioned {
		if again := made.Get(x); moved.Get(x) == nil && (again != nil || off.Get(x) != nil) {
			r.found(x, off, r.below, again)
		}
	}
}

// Stands moves the edits of a change that was taken off and runs fn, which puts it on as
// it was: they need not be made again. Where they had to decide which comes first of what
// they and others did at one place, the change has the last word.
func (r *Rebase) Stands(edits []Edit, off Below, fn func()) {
	was := unmade(edits)
	before := make([]Below, len(r.below))
	for i := range r.below {
		before[i].of = maps.Clone(r.below[i].of)
	}
	r.Move(edits)
	back := unmade(edits)
	made := r.made(&back, fn)
	r.besides(back, off, made)
	for _, x := range r.doc.positioned {
		if again := made.Get(x); back.Get(x) != nil && x.Sum(back.Get(x), nil, again) != nil {
			r.found(x, was, before, again)
			for _, e := range edits {
				if m, ok := e.(Mover); ok {
					m.Stand(x, &made)
				}
			}
		}
	}
}

// found says what the changes below are to a collection: with one that was taken off
// before them, and was made again after them.
func (r *Rebase) found(x Positioned, off Below, below []Below, again any) {
	var series []any
	for i := range below {
		series = append(series, below[i].Get(x))
	}
	for i := range r.below {
		r.below[i].Put(x, nil)
	}
	r.below[0].Put(x, x.Sum(off.Get(x), series, again))
}

// Unmake says that edits, which were moved, are not made any more.
func (r *Rebase) Unmake(edits []Edit) { r.below = append(r.below, unmade(edits)) }

// Instead runs fn, which makes a change in the place of one that was taken off. Its edits
// were moved and are not made any more.
func (r *Rebase) Instead(edits []Edit, off Below, fn func()) {
	change, made := unmade(edits), r.made(nil, fn)
	r.besides(change, off, made)
	for _, x := range r.doc.positioned {
		if back := change.Get(x); back != nil {
			change.Put(x, x.Instead(back, made.Get(x)))
		}
	}
	r.below = append(r.below, change)
}

func unmade(edits []Edit) (b Below) {
	for _, e := range slices.Backward(edits) {
		if m, ok := e.(Mover); ok {
			m.Unmake(&b)
		}
	}
	return b
}

func (r *Rebase) made(back *Below, fn func()) (b Below) {
	r.doc.series(Own, &b, back, fn)
	return b
}

func (d *Doc) series(by Author, below, back *Below, fn func()) {
	positioned := d.positioned
	for _, x := range positioned {
		x.Begin(by)
	}
	d.rebasing++
	defer func() {
		d.rebasing--
		for _, x := range positioned {
			if change := x.End(back.Get(x)); change != nil && below != nil {
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
