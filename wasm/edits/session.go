package edits

import (
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/list"
	"github.com/rivulet-sync/rivulet/shared/text"
	"github.com/rivulet-sync/rivulet/shared/undo"
)

// MaxOpen is how many collections of a document a session keeps in step. Past it,
// those that nobody watches are closed as soon as nothing is pending, and with them
// what could be undone; until then edits of further ones are refused, with
// [ErrTooMany].
const MaxOpen = 1000

// Session is one document of a page. It belongs to whoever owns the document.
type Session struct {
	view    *doc.Doc
	tag     string
	texts   map[delta.Pointer]*text.Text
	lists   map[delta.Pointer]*list.Items
	watches map[delta.Pointer]func() // end them
	ids     []string                 // of the next items that are inserted

	stack   undo.Stack
	tickets map[uint64]undo.Ticket // of transactions that are pending, by tag
}

// New returns the session of a document. random returns 64 random bits.
func New(view *doc.Doc, random func() uint64) *Session {
	return &Session{
		view: view, tag: newTag(random()),
		texts:   make(map[delta.Pointer]*text.Text),
		lists:   make(map[delta.Pointer]*list.Items),
		watches: make(map[delta.Pointer]func()),
		tickets: make(map[uint64]undo.Ticket),
	}
}

// newTag returns the tag of a client's order keys. Should two clients of a document
// have the same one, two items may get one key: then their ids decide.
func newTag(n uint64) string {
	const digits = "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
	var tag [4]byte
	for i := range tag {
		tag[i] = digits[n%uint64(len(digits))]
		n /= uint64(len(digits))
	}
	return string(tag[:])
}

// Text returns the text at a place. It must not be called within a transaction.
func (s *Session) Text(at delta.Pointer) *text.Text {
	t := s.texts[at]
	if t == nil {
		t = text.Open(s.view, at)
		s.texts[at] = t
	}
	return t
}

// Runs returns the text at a place with its marks, nothing where there is none.
func (s *Session) Runs(at delta.Pointer) []text.Run {
	if t := s.texts[at]; t != nil {
		return t.Runs()
	}
	t := text.Open(s.view, at)
	defer t.Close()
	return t.Runs()
}

func (s *Session) list(at delta.Pointer) *list.Items {
	l := s.lists[at]
	if l == nil {
		l = list.Open(s.view, at, s.tag, s.nextID)
		s.lists[at] = l
	}
	return l
}

func (s *Session) nextID() string {
	id := s.ids[0]
	s.ids = s.ids[1:]
	return id
}

// Open opens what a script edits, because that cannot be done within a transaction.
// idle says that no transaction is pending, so that collections may be closed. The error
// is [ErrTooMany].
func (s *Session) Open(sc Script, idle bool) error {
	if len(s.texts)+len(s.lists)+len(sc.edits) > MaxOpen && idle {
		s.closeUnwatched()
	}
	for _, e := range sc.edits {
		switch {
		case s.holds(e):
		case len(s.texts)+len(s.lists) >= MaxOpen:
			return ErrTooMany
		case e.ofText():
			s.Text(e.at)
		default:
			s.list(e.at)
		}
	}
	return nil
}

// holds reports whether the collection that an edit is of is open, if it is of one.
func (s *Session) holds(e edit) bool {
	switch {
	case e.op == opAdd:
		return true
	case e.ofText():
		return s.texts[e.at] != nil
	}
	return s.lists[e.at] != nil
}

// closeUnwatched closes what nobody watches. What could be undone speaks of it.
func (s *Session) closeUnwatched() {
	for at, t := range s.texts {
		if s.watches[at] == nil {
			t.Close()
			delete(s.texts, at)
		}
	}
	for at, l := range s.lists {
		l.Close()
		delete(s.lists, at)
	}
	s.stack = undo.Stack{}
	clear(s.tickets)
}

// Watch has fn called with what changes of the text at a place amount to, see
// [text.Text.Watch]; nil ends that. A text that is watched does not count as one too
// many.
func (s *Session) Watch(at delta.Pointer, fn func([]text.Splice)) {
	if end := s.watches[at]; end != nil {
		end()
		delete(s.watches, at)
	}
	if fn != nil {
		s.watches[at] = s.Text(at).Watch(fn)
	}
}
