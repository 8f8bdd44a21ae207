package text

import (
	"slices"

	"github.com/rivulet-sync/rivulet/shared/doc"
)

// keptSplicing is the [doc.Kept] of splices.
type keptSplicing struct {
	splicing
	since int // the version of the text that they are about
}

// Now implements [doc.Kept].
func (e *keptSplicing) Now(earlier *doc.Below) doc.Edit {
	s := e.text.sinceThen(earlier, e.since)
	now := &splicing{text: e.text}
	now.splices, s.others = Transform(slices.Clone(e.splices), s.others)
	s.made = append(s.made, now.splices...)
	return now
}

// sinceThen is what edits that are kept have to be moved over.
type sinceThen struct {
	version int      // of the text that those of one transaction are about
	others  []Splice // what happened since, as it is after those of them that are made
	made    []Splice // by all so far
}

func (t *Text) sinceThen(earlier *doc.Below, version int) *sinceThen {
	s, ok := earlier.Get(t).(*sinceThen)
	if !ok {
		s = &sinceThen{version: -1}
		earlier.Put(t, s)
	}
	if s.version != version {
		s.version, s.others = version, join(t.log.from(version), s.made)
	}
	return s
}

// keptMarking is the [doc.Kept] of marks.
type keptMarking struct {
	marking
	since int // the version of the text that they are about
}

// Now implements [doc.Kept].
func (e *keptMarking) Now(earlier *doc.Below) doc.Edit {
	now := &marking{text: e.text, marks: slices.Clone(e.marks)}
	now.over(e.text.sinceThen(earlier, e.since).others)
	return now
}
