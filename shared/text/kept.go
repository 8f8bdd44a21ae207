package text

import (
	"slices"

	"github.com/rivulet-sync/rivulet/shared/doc"
)

// keptSplicing is the [doc.Kept] of splices.
type keptSplicing struct {
	splicing
	keeping
}

// keeping is what a kept edit is moved over when it is made.
type keeping struct {
	text  *Text
	since *point // of the text that it is about
	// restored: what it was moved over has a change in it, and that one's revert.
	restored bool
}

// Restored implements [doc.Kept].
func (k *keeping) Restored() { k.restored = true }

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
	s.change, s.others = earlier.Change(), join(k.text.since(k.since), s.made)
	if k.restored || len(s.made) > 0 {
		s.others = condense([]any{s.others}, false)
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
