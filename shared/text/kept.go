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
	since int // the version of the text that it is about
	held  bool
}

// Held implements [doc.Kept].
func (k *keeping) Held(held bool) { k.held, k.since = held, k.text.version() }

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
		s.others = join(k.text.since(k.since), s.made)
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
