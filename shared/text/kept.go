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
}

// Held implements [doc.Kept].
func (e *keptSplicing) Held(held bool) {
	if held {
		e.first = e.splices
		e.hold(e)
	} else if e.release() {
		e.splices = e.first
	}
}

// together are the edits of a text that are held from one point on: those of a change, which
// follow each other. What is moved over its own undo comes to nothing. That may be taken
// off again, so then all of them are kept from where they were.
type together struct {
	done  int // splices of the batch before the point
	edits []*keptSplicing
	less  bool // is left of one of them than it was
}

// hold notes that edits are held from now on: those of e, or marks, with nil.
func (k *keeping) hold(e *keptSplicing) {
	t := k.text
	if done := t.state.made(); t.together == nil || t.together.done != done {
		t.together = &together{done: done}
	}
	k.held, k.with = true, t.together
	if e != nil {
		k.with.edits = append(k.with.edits, e)
	}
}

// release ends that. It reports whether they are kept from where they were then, else they
// are where the text is now.
func (k *keeping) release() (back bool) {
	t, with := k.text, k.with
	k.held, k.with, t.together, k.since = false, nil, nil, t.now()
	if !t.holding {
		return false
	}
	with.less = with.less || slices.ContainsFunc(with.edits, func(e *keptSplicing) bool { return units(e.splices) < units(e.first) })
	with.edits = nil // it is found once, for all of them
	if with.less {
		k.since = t.point(with.done, -1)
	}
	return with.less
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
	with  *together // while it is held
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
	var happened []Splice
	if s.change = earlier.Change(); !k.held {
		happened = k.text.since(k.since)
	}
	if s.others = join(happened, s.made); k.restored || len(s.made) > 0 {
		s.others = condense([]any{s.others}, false)
	}
	return s
}

// keptMarking is the [doc.Kept] of marks.
type keptMarking struct {
	marking
	keeping
	first []mark // what it was when it was held first
}

// Held implements [doc.Kept].
func (e *keptMarking) Held(held bool) {
	if held {
		e.first = slices.Clone(e.marks)
		e.hold(nil)
	} else if e.release() {
		e.marks = e.first
	}
}

// Now implements [doc.Kept].
func (e *keptMarking) Now(earlier *doc.Below) doc.Edit {
	now := &marking{text: e.marking.text, marks: slices.Clone(e.marks)}
	now.over(e.sinceThen(earlier).others)
	return now
}
