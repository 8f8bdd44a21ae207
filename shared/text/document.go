package text

import (
	"iter"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// Text is the text at a place of a document, kept up to date with it. Where
// there is none yet, the first insertion makes it, if there is an object to put
// it in.
//
// Positions given to its edits are those of the text as it is then; when others
// turn out to have been first, the edits are moved and made again. Outside of
// transactions a Text reads as its document is, pending edits included.
type Text struct {
	doc    *doc.Doc
	at     delta.Pointer
	state  *State
	detach func()

	object   doc.Object // in the transaction that runs
	tagged   bool       // the object says that it is a text
	holding  bool       // a batch is open until the next Flush
	sum      []Splice   // what it amounts to
	vague    bool       // not known: something happened that nobody accounted for
	depth    int        // of the series within it
	amounted bool       // the series under way is in the sum
	editing  bool       // an edit of a transaction is being done
	saves    saves
	watches  map[*watch]struct{}
	log      history
	points   []*point // in the batch that is held, in order
}

type watch struct{ fn func([]Splice) }

// Open returns the text at p. It must not be called within a transaction.
func Open(d *doc.Doc, p delta.Pointer) *Text {
	t := &Text{doc: d, at: p, state: New(), watches: make(map[*watch]struct{})}
	t.detach = d.Derive(p, t)
	return t
}

// Close ends the Text, its cursors and its watchers.
func (t *Text) Close() { t.detach() }

// At returns the place of the text.
func (t *Text) At() delta.Pointer { return t.at }

// Len returns the length of the text in UTF-16 units.
func (t *Text) Len() int { return t.state.Len() }

// String returns the text.
func (t *Text) String() string { return t.state.String() }

// Slice returns a part of the text; see [State.Slice].
func (t *Text) Slice(from, to int) (string, error) { return t.state.Slice(from, to) }

// Runs returns the text with its marks; see [State.Runs].
func (t *Text) Runs() []Run { return t.state.Runs() }

// Cursor returns a position that stays with the text around it; see
// [State.Cursor]. It moves when changes are over, never by what is reverted.
func (t *Text) Cursor(pos int, bias Bias) *Cursor { return t.state.Cursor(pos, bias) }

// Watch has fn called when changes are over, with what they amount to: splices,
// each on the text that the one before it left. The function that it returns
// ends that.
func (t *Text) Watch(fn func([]Splice)) (end func()) {
	w := &watch{fn}
	t.watches[w] = struct{}{}
	t.observe()
	return func() {
		delete(t.watches, w)
		t.observe()
	}
}

// observe has the state tell what happens if somebody wants to know.
func (t *Text) observe() {
	if len(t.watches) == 0 && !t.log.kept {
		t.state.Watch(nil)
		return
	}
	t.state.Watch(func(splices []Splice) {
		for w := range t.watches {
			w.fn(splices)
		}
	})
}

// Read returns the text within a transaction, which then depends on all of it.
func (t *Text) Read(tx *doc.Tx) string {
	tx.Value(t.at)
	return t.state.String()
}

// Splice replaces del units at pos by ins. See [State.Splice] for the errors; it
// is a [*doc.FormatError] where there is something else than a text.
func (t *Text) Splice(tx *doc.Tx, pos, del int, ins string) error {
	e := &splicing{text: t, one: [1]Splice{{Pos: pos, Del: del, Ins: ins}}}
	e.splices = e.one[:]
	return tx.Do(e)
}

// Insert inserts s at pos.
func (t *Text) Insert(tx *doc.Tx, pos int, s string) error { return t.Splice(tx, pos, 0, s) }

// Delete deletes n units at pos.
func (t *Text) Delete(tx *doc.Tx, pos, n int) error { return t.Splice(tx, pos, n, "") }

// Mark gives a range a mark; see [State.Mark].
func (t *Text) Mark(tx *doc.Tx, from, to int, name, value string, e Expand) error {
	return tx.Do(&marking{text: t, marks: []mark{{from, to, name, value, e}}})
}

// Unmark takes the marks of a name off a range; see [State.Unmark].
func (t *Text) Unmark(tx *doc.Tx, from, to int, name string) error {
	return tx.Do(&marking{text: t, marks: []mark{{from: from, to: to, name: name}}})
}

// tag marks the object of a text; nothing in an order key sorts before it.
const (
	tagName = "$"
	tag     = `"text"`
)

// enter prepares the object for an edit.
func (t *Text) enter(tx *doc.Tx) error {
	var ok bool
	if t.object, ok = tx.Object(t.at); ok && t.tagged {
		t.editing = true
		return nil
	}
	if tx.Value(t.at).Present() {
		return &doc.FormatError{Path: t.at, Want: `a text: an object with "$":"text"`}
	}
	if err := tx.Set(t.at, []byte(`{"`+tagName+`":`+tag+`}`)); err != nil {
		return err
	}
	t.object, _ = tx.Object(t.at)
	t.editing = true
	return nil
}

// leave ends what enter began.
func (t *Text) leave() { t.editing = false }

// Reset implements [doc.Derived].
func (t *Text) Reset(members iter.Seq2[string, doc.Value]) {
	if t.plainly() {
		defer t.state.End()
	}
	t.tagged = false
	t.state.Reset(func(yield func(string, string) bool) {
		for name, v := range members {
			if name == tagName {
				t.tagged = v.Raw() == tag
			} else if !yield(name, v.Raw()) {
				return
			}
		}
	})
}

// Changed implements [doc.Derived].
func (t *Text) Changed(name string, now doc.Value) {
	raw := now.Raw()
	if t.editing && (t.holding || !t.state.observed()) && name != tagName {
		t.state.Changed(name, raw, raw != "") // typing, as a rule
		return
	}
	if t.plainly() {
		defer t.state.End()
	}
	if name == tagName {
		t.tagged = raw == tag
	}
	t.state.Changed(name, raw, raw != "")
}

// hold keeps changes from those who observe the text until they are over.
func (t *Text) hold() {
	if !t.holding && t.state.observed() {
		t.holding, t.vague, t.sum = true, false, nil
		t.state.Begin(Own)
	}
}

// plainly holds a change, and reports whether it is a plain write of a transaction, or
// one that is taken back: a batch of one's own is begun for it.
func (t *Text) plainly() bool {
	t.hold()
	if t.depth > 0 || t.editing || t.detach == nil {
		return false
	}
	t.save(1)
	t.vague = true
	t.state.Begin(Own)
	return true
}

// Flush implements [doc.Flusher].
func (t *Text) Flush() {
	if !t.holding {
		return
	}
	known := !t.vague && t.state.amountsTo(t.sum)
	if t.holding = false; t.log.kept {
		t.note(known)
	}
	if known {
		t.state.EndAs(t.sum)
	} else {
		t.state.End()
	}
	t.sum = nil
}

// Begin implements [doc.Positioned].
func (t *Text) Begin(by doc.Author) {
	t.depth++
	t.hold()
	t.state.Begin(by)
}

// End implements [doc.Positioned].
func (t *Text) End(back any) any {
	t.depth--
	undone, _ := back.([]Splice)
	t.state.settleAs(inverse(undone))
	splices := t.state.End()
	if t.depth == 0 && !t.amounted {
		t.sum = append(t.sum, splices...)
	}
	t.amounted = t.amounted && t.depth > 0
	if len(splices) == 0 {
		return nil
	}
	return splices
}

// Sum implements [doc.Positioned].
func (t *Text) Sum(off any, series []any, again any) any {
	last, _ := again.([]Splice)
	last = slices.Clone(last)
	for i := range last {
		last[i].Continues = false
	}
	return sumOf(condense(append(append([]any{off}, series...), last), false))
}

// Instead implements [doc.Positioned].
func (t *Text) Instead(back, made any) any { return sumOf(condense([]any{back, made}, true)) }

func sumOf(splices []Splice) any {
	if len(splices) == 0 {
		return nil
	}
	return splices
}

// Amounts implements [doc.Positioned].
func (t *Text) Amounts(net any) {
	splices, _ := net.([]Splice)
	t.sum = append(t.sum, splices...)
	t.amounted = true
}

var (
	_ doc.Positioned = (*Text)(nil)
	_ doc.Flusher    = (*Text)(nil)
)

// below moves something over what others have done, and that over it.
func (t *Text) below(b *doc.Below, move func(others []Splice) []Splice) {
	if others, ok := b.Get(t).([]Splice); ok {
		b.Put(t, move(others))
	}
}

// splicing is the [doc.Edit] of splices.
type splicing struct {
	text    *Text
	splices []Splice // each on the text that the one before it left
	one     [1]Splice
	done    bool
}

func (e *splicing) At() delta.Pointer { return e.text.at }

func (e *splicing) Do(tx *doc.Tx) error {
	t := e.text
	if err := t.enter(tx); err != nil {
		return err
	}
	defer t.leave()
	for i := range e.splices {
		sp := &e.splices[i]
		if e.done {
			*sp = t.state.within(*sp)
		}
		continues := sp.Continues
		t.save(0)
		if err := t.state.splice(&t.object, sp); err != nil {
			return err
		}
		if e.done {
			sp.Continues = continues // as it did where it was typed
		}
		if t.holding && t.depth == 0 {
			t.sum = append(t.sum, *sp)
		}
	}
	e.done = true
	return nil
}

// within brings a splice that is made again into the text. It is not in it only if
// it was made on a state that its session could not keep to; at least it must
// neither fail nor take a character of somebody else away, which it would by being
// put between the halves of one.
func (s *State) within(sp Splice) Splice {
	sp.Pos = min(sp.Pos, s.Len())
	sp.Del = min(sp.Del, s.Len()-sp.Pos)
	if sp.Del == 0 {
		sp.Pos, _ = s.widen(sp.Pos, 0)
	}
	return sp
}

// Move implements [doc.Mover].
func (e *splicing) Move(b *doc.Below) {
	e.text.below(b, func(others []Splice) []Splice {
		e.splices, others = Transform(e.splices, others)
		return others
	})
}

// Unmake implements [doc.Mover].
func (e *splicing) Unmake(b *doc.Below) {
	back, _ := b.Get(e.text).([]Splice)
	b.Put(e.text, join(back, inverse(e.splices)))
}

// Stand implements [doc.Mover].
func (e *splicing) Stand(collection any, made *doc.Below) {
	if collection == e.text {
		e.splices, _ = made.Get(e.text).([]Splice)
		made.Put(e.text, nil)
	}
}

// Inverse must be called before the document changes again.
func (e *splicing) Inverse() doc.Edit {
	if !e.done {
		return nil
	}
	return &keptSplicing{splicing: splicing{text: e.text, splices: inverse(e.splices)}, keeping: e.text.keep()}
}

// marking is the [doc.Edit] of marks.
type marking struct {
	text  *Text
	marks []mark
	was   []mark // what Do has replaced
}

// mark is one mark over a range, or with no value none.
type mark struct {
	from, to    int
	name, value string
	expand      Expand
}

func (e *marking) At() delta.Pointer { return e.text.at }

func (e *marking) Do(tx *doc.Tx) error {
	t := e.text
	if err := t.enter(tx); err != nil {
		return err
	}
	defer t.leave()
	e.was = nil
	for _, m := range e.marks {
		e.was = append(e.was, t.state.marksWithin(m.from, m.to, m.name)...)
		err := error(nil)
		if m.value == "" {
			err = t.state.Unmark(&t.object, m.from, m.to, m.name)
		} else {
			err = t.state.Mark(&t.object, m.from, m.to, m.name, m.value, m.expand)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Move implements [doc.Mover]. Marks move no text.
func (e *marking) Move(b *doc.Below) {
	e.text.below(b, func(others []Splice) []Splice {
		e.over(others)
		return others
	})
}

// Unmake implements [doc.Mover].
func (e *marking) Unmake(b *doc.Below) {
	back, _ := b.Get(e.text).([]Splice)
	b.Put(e.text, back)
}

// Stand implements [doc.Mover].
func (e *marking) Stand(any, *doc.Below) {}

func (e *marking) over(splices []Splice) {
	for i := range e.marks {
		m := &e.marks[i]
		for _, sp := range splices {
			m.from, m.to = sp.Move(m.from, Right), sp.Move(m.to, Left)
		}
		m.to = max(m.from, m.to)
	}
}

// Inverse must be called before the document changes again.
func (e *marking) Inverse() doc.Edit {
	return &keptMarking{marking: marking{text: e.text, marks: e.was}, keeping: e.text.keep()}
}

// marksWithin returns the marks of a name within a range, with the gaps between
// them: to put them there is to make the range what it is.
func (s *State) marksWithin(from, to int, name string) []mark {
	list := []mark{{from: from, to: to, name: name}}
	stretches, _ := s.stretches(name)
	for _, t := range stretches {
		for _, sp := range t.spans {
			if m := (mark{max(sp.from, from), min(sp.to, to), name, sp.value, sp.expand()}); m.from < m.to {
				list = append(list, m)
			}
		}
	}
	return list
}

func (sp *span) expand() (e Expand) {
	if sp.before {
		e |= ExpandStart
	}
	if sp.last {
		e |= ExpandEnd
	}
	return e
}
