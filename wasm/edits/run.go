package edits

import (
	"slices"
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/text"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Code says, by a name for JavaScript, why an edit was not made.
type Code string

const (
	CodeNoText    Code = "no_text"    // there is no text at the place
	CodeNoList    Code = "no_list"    // there is no list
	CodeNoCounter Code = "no_counter" // there is something else than an integer, or the sum would be too large
	CodeRange     Code = "range"      // a position or index that is not there
	CodeMark      Code = "mark"       // a mark without a name or a value
	CodeTooMany   Code = "too_many"   // see MaxOpen
	CodeTooLarge  Code = "too_large"  // see Session.Step
)

// Error reports an edit that cannot be made. Nothing was changed.
type Error struct {
	Code   Code
	At     delta.Pointer
	Detail string
}

func (e *Error) Error() string { return "edit of " + string(e.At) + ": " + e.Detail }

// ErrTooMany reports a transaction that edits more collections than [MaxOpen].
var ErrTooMany = &Error{Code: CodeTooMany, Detail: "more collections are edited than a document's session keeps in step"}

// ErrTooLarge reports a step of undo that the server would not take in one edit.
var ErrTooLarge = &Error{Code: CodeTooLarge, Detail: "it is more than " + strconv.Itoa(wire.MaxDelta>>10) + " KiB"}

// Run runs a script on the document as one transaction. idle says that none is
// pending. The error is an [*Error], or one of [doc.Tx.Merge] and the like; then the
// document is unchanged.
func (s *Session) Run(sc Script, idle bool) (doc.Change, error) {
	if len(sc.edits) == 0 {
		return doc.Change{Delta: sc.patch, Effect: s.view.Apply(sc.patch), Reads: sc.reads}, nil
	}
	if err := s.Open(sc, idle); err != nil {
		return doc.Change{}, err
	}
	change, err := s.view.Update(func(tx *doc.Tx) error { return s.write(tx, sc) })
	if err != nil || change.Empty() {
		return doc.Change{}, err
	}
	// What the page's function has seen is no part of the edits: when that changes,
	// it is the function that has to run again.
	change.Seen = append(slices.Clone(change.Seen), sc.reads...)
	change.Reads = append(slices.Clone(change.Reads), sc.reads...)
	return change, nil
}

// write does what a script says.
func (s *Session) write(tx *doc.Tx, sc Script) error {
	if sc.patch.Len() > len("{}") {
		if err := tx.Merge(sc.patch); err != nil {
			return err
		}
	}
	for _, e := range sc.edits {
		if err := s.do(tx, e); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) do(tx *doc.Tx, e edit) error {
	switch {
	case e.op == opAdd:
		if _, err := tx.Add(e.at, e.from); err != nil {
			return &Error{Code: CodeNoCounter, At: e.at, Detail: err.Error()}
		}
		return nil
	case e.ofText():
		return s.doText(tx, e)
	}
	return s.doList(tx, e)
}

func (s *Session) doText(tx *doc.Tx, e edit) error {
	if !tagged(tx, e.at, `"text"`) {
		return &Error{Code: CodeNoText, At: e.at, Detail: "there is no text"}
	}
	t := s.texts[e.at]
	if length := int64(t.Len()); e.from < 0 || e.to < 0 || e.from > length || e.to > length {
		return &Error{Code: CodeRange, At: e.at, Detail: (&text.RangeError{Pos: int(e.from), Del: int(e.to), Len: t.Len()}).Error()}
	}
	from, to := int(e.from), int(e.to)
	var err error
	switch e.op {
	case opSplice:
		err = t.Splice(tx, from, to, e.text)
	case opMark:
		err = t.Mark(tx, from, to, e.name, e.value, e.expand)
	case opUnmark:
		err = t.Unmark(tx, from, to, e.name)
	}
	switch err := err.(type) {
	case nil:
		return nil
	case *text.RangeError:
		return &Error{Code: CodeRange, At: e.at, Detail: err.Error()}
	default:
		if err == text.ErrMark {
			return &Error{Code: CodeMark, At: e.at, Detail: err.Error()}
		}
		return err
	}
}

func (s *Session) doList(tx *doc.Tx, e edit) error {
	if !tagged(tx, e.at, `"list"`) {
		return &Error{Code: CodeNoList, At: e.at, Detail: "there is no list"}
	}
	l := s.lists[e.at]
	index := int(max(0, min(e.from, int64(l.Len()))))
	if int64(index) != e.from && (e.op == opInsert || e.op == opMove) {
		return &Error{Code: CodeRange, At: e.at, Detail: "there is no such index"}
	}
	switch e.op {
	case opInsert:
		s.ids = e.ids
		_, err := l.Insert(tx, index, e.values...)
		return err
	case opMove:
		return l.Move(tx, e.name, index)
	case opDelete:
		return l.Delete(tx, e.name)
	default:
		return l.Set(tx, e.name, e.value)
	}
}

// tagged reports whether there is an object with a tag at a place. That is no read
// of what is in it: an edit of it reads what it depends on.
func tagged(tx *doc.Tx, at delta.Pointer, tag string) bool {
	o, ok := tx.Object(at)
	return ok && o.Value("$").Raw() == tag
}
