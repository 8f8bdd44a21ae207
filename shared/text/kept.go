package text

import (
	"slices"

	"github.com/rivulet-sync/rivulet/shared/doc"
)

// keptSplicing is the [doc.Kept] of splices.
type keptSplicing struct {
	splicing
	keeping
	first []Splice // what it was when it was held first
	done  int      // splices of the batch before that
}

// Held implements [doc.Kept]. What is moved over its own undo comes to nothing. That may
// be taken off again, so then the edit is kept from where it was.
func (e *keptSplicing) Held(held bool) {
	t := e.keeping.text
	if e.keeping.Held(held); held {
		e.first, e.done = e.splices, t.state.made()
	} else if t.holding && units(e.splices) < units(e.first) {
		e.splices, e.since = e.first, t.point(e.done, -1)
	}
}

// units returns how many units splices delete and insert.
func units(splices []Splice) (n int) {
	for _, sp := range splices {
		n += sp.Del + Units(sp.Ins)
	}
	return n
}

// keeping is what a kept edit is moved over when it is made.
type keeping struct {
	text  *Text
	since *point // of the text that it is about
	held  bool
	// restored: what it was moved over has a change in it, and that one's revert.
	restored bool
}

// Restored implements [doc.Kept].
func (k *keeping) Restored() { k.restored = true }

// Held implements [doc.Kept].
func (k *keeping) Held(held bool) {
	if k.held = held; !held {
		k.since = k.text.now()
	}
}

// Now implements [doc.Kept].
func (e *keptSplicing) Now(earlier *doc.Below) doc.Edit {
	s := e.sinceThen(earlier)
	now := &splicing{text: e.splicing.text}
	now.splices, s.others = Transform(slices.Clone(e.splices), s.others)
	s.made = append(s.made, now.splices...)
	return now
}

// sinceThen is what edits that are kept have to be moved over.
type sinceThen struct {
	change int      // that they take back
	others []Splice // what happened since, as it is after those of them that are made
	made   []Splice // by all so far
}

func (k *keeping) sinceThen(earlier *doc.Below) *sinceThen {
	s, ok := earlier.Get(k.text).(*sinceThen)
	if ok && s.change == earlier.Change() {
		return s
	}
	if !ok {
		s = &sinceThen{}
		earlier.Put(k.text, s)
	}
	if s.change, s.others = earlier.Change(), s.made; !k.held {
		happened := k.text.since(k.since)
		if k.restored {
			happened = condense([]any{happened}, false)
		}
		s.others = join(happened, s.made)
	}
	return s
}

// keptMarking is the [doc.Kept] of marks.
type keptMarking struct {
	marking
	keeping
}

// Now implements [doc.Kept].
func (e *keptMarking) Now(earlier *doc.Below) doc.Edit {
	now := &marking{text: e.marking.text, marks: slices.Clone(e.marks)}
	now.over(e.sinceThen(earlier).others)
	return now
}
