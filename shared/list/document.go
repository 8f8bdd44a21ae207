package list

import (
	"iter"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// Items is the [List] at a place of a document, kept up to date with it. Where
// there is none yet, the first insertion makes it, if there is an object to put
// it in. When others turn out to have been first, its edits are made again, at
// the neighbours that they were meant to have.
type Items struct {
	doc    *doc.Doc
	list   *List
	at     delta.Pointer
	detach func()
	tagged bool
	lasts  lasts
}

// lasts is what the list took for the latest insertion before each one of a
// transaction, which may be taken back.
type lasts struct {
	transaction uint64
	ids         []string
}

// maxLasts bounds the memory that is kept for the next transaction, in insertions.
const maxLasts = 1024

// saveLast has the latest insertion be what it was, should what comes next be taken back.
func (l *Items) saveLast() {
	transaction := l.doc.OnRevert(l, 0)
	if transaction == 0 {
		return
	}
	if s := &l.lasts; s.transaction != transaction {
		if s.transaction, s.ids = transaction, s.ids[:0]; cap(s.ids) > maxLasts {
			s.ids = nil
		}
	}
	l.lasts.ids = append(l.lasts.ids, l.list.last)
}

// Revert implements [doc.Reverter].
func (l *Items) Revert() {
	n := len(l.lasts.ids) - 1
	l.list.last, l.lasts.ids = l.lasts.ids[n], l.lasts.ids[:n]
}

// Open returns the list at p. For tag and newID see [New]. It must not be called
// within a transaction.
func Open(d *doc.Doc, p delta.Pointer, tag string, newID func() string) *Items {
	l := &Items{doc: d, list: New(tag, newID), at: p}
	l.detach = d.Derive(p, l)
	return l
}

// Close ends the list: it does not follow the document any more.
func (l *Items) Close() { l.detach() }

// Path returns the place of the list.
func (l *Items) Path() delta.Pointer { return l.at }

// Len returns the number of items.
func (l *Items) Len() int { return l.list.Len() }

// At returns the id and the value of an item; see [List.At].
func (l *Items) At(index int) (id, value string) { return l.list.At(index) }

// Get returns the value of an item; see [List.Get].
func (l *Items) Get(id string) (value string, ok bool) { return l.list.Get(id) }

// IndexOf returns the index of an item, -1 if there is none.
func (l *Items) IndexOf(id string) int { return l.list.IndexOf(id) }

// All iterates over the ids and the values; see [List.All].
func (l *Items) All() iter.Seq2[string, string] { return l.list.All() }

// In returns the list as a transaction sees it. The transaction then depends on
// all of it.
func (l *Items) In(tx *doc.Tx) *List {
	tx.Value(l.at)
	return l.list
}

// Insert inserts values, each any JSON, before the item at index, at the end if
// there is none, and returns the ids of the new items. The error is a
// [*jsontext.Error], or a [*doc.FormatError] where there is something else than a
// list.
func (l *Items) Insert(tx *doc.Tx, index int, values ...string) ([]string, error) {
	canonical := make([]string, len(values))
	for i, value := range values {
		var err error
		if canonical[i], err = canonicalOf(value); err != nil {
			return nil, err
		}
	}
	l.saveLast()
	e := l.list.InsertEdit(index, canonical...)
	ids := make([]string, len(e.Items))
	for i, it := range e.Items {
		ids[i] = it.ID
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return ids, l.do(tx, e)
}

// Move moves an item to where index items are before it. An item that is not
// there is not moved.
func (l *Items) Move(tx *doc.Tx, id string, index int) error {
	return l.do(tx, l.list.MoveEdit(id, index))
}

// Delete removes an item, if it is there.
func (l *Items) Delete(tx *doc.Tx, id string) error { return l.do(tx, DeleteEdit(id)) }

// Set gives an item another value, any JSON, if it is there.
func (l *Items) Set(tx *doc.Tx, id, value string) error {
	canonical, err := canonicalOf(value)
	if err != nil {
		return err
	}
	return l.do(tx, SetEdit(id, canonical))
}

func (l *Items) do(tx *doc.Tx, e Edit) error { return tx.Do(&editing{list: l, edit: e}) }

func canonicalOf(value string) (string, error) {
	if err := jsontext.Validate([]byte(value)); err != nil {
		return "", err
	}
	return string(jsontext.AppendCanonical(nil, value)), nil
}

const tag = `"list"`

// enter prepares the object for an edit.
func (l *Items) enter(tx *doc.Tx) error {
	if l.tagged {
		return nil
	}
	if tx.Value(l.at).Present() {
		return &doc.FormatError{Path: l.at, Want: `a list: an object with "$":"list"`}
	}
	return tx.Set(l.at, []byte(`{"`+tagMember+`":`+tag+`}`))
}

// Reset implements [doc.Derived].
func (l *Items) Reset(members iter.Seq2[string, doc.Value]) {
	l.tagged = false
	l.list.Reset(func(yield func(string, string) bool) {
		for name, v := range members {
			if name == tagMember {
				l.tagged = v.Raw() == tag
			} else if !yield(name, v.Raw()) {
				return
			}
		}
	})
}

// Changed implements [doc.Derived].
func (l *Items) Changed(name string, now doc.Value) {
	if name == tagMember {
		l.tagged = now.Raw() == tag
		return
	}
	l.list.Changed(name, now.Raw(), now.Present())
}

// editing is the [doc.Edit] of an edit.
type editing struct {
	list *Items
	edit Edit
	done []change
}

// change is what became of an item; "" stands for none. place is where it was before.
type change struct {
	id, before, after string
	place             Place
}

func (e *editing) At() delta.Pointer { return e.list.at }

func (e *editing) Do(tx *doc.Tx) error {
	if err := e.list.enter(tx); err != nil {
		return err
	}
	return e.list.noting(tx, &e.done, idsOf(e.edit.Items), func(s *store) { e.edit.Apply(e.list.list, s) })
}

// Inverse implements [doc.Edit].
func (e *editing) Inverse() doc.Edit { return inverse(e.list, e.done) }

func idsOf(items []Item) []string {
	ids := make([]string, len(items))
	for i, it := range items {
		ids[i] = it.ID
	}
	return ids
}

// noting runs fn and notes what it does to the items.
func (l *Items) noting(tx *doc.Tx, done *[]change, ids []string, fn func(*store)) error {
	*done = nil
	for _, id := range ids {
		*done = append(*done, change{id: id, before: l.raw(tx, id), place: l.list.placeOf(id)})
	}
	s := &store{tx: tx, at: l.at}
	fn(s)
	for i := range *done {
		(*done)[i].after = l.raw(tx, (*done)[i].id)
	}
	return s.err
}

// raw returns an item as it is, which does not count as read.
func (l *Items) raw(tx *doc.Tx, id string) string {
	if o, ok := tx.Object(l.at); ok {
		return o.Value(id).Raw()
	}
	return ""
}

// restoring is the [doc.Edit] that takes back what was done to items, as far as
// they are still as they were left then: an item that came to be goes if its value
// is still that, wherever it was moved; one that was deleted comes back; else the
// place and the value are put back each for itself.
type restoring struct {
	list *Items
	back []change // before is what was left, after what there was earlier
	done []change
}

func inverse(l *Items, done []change) doc.Edit {
	r := &restoring{list: l}
	for i := len(done) - 1; i >= 0; i-- {
		if c := done[i]; c.before != c.after {
			r.back = append(r.back, change{id: c.id, before: c.after, after: c.before, place: c.place})
		}
	}
	if r.back == nil {
		return nil
	}
	return r
}

func (r *restoring) At() delta.Pointer { return r.list.at }

// Inverse implements [doc.Edit].
func (r *restoring) Inverse() doc.Edit { return inverse(r.list, r.done) }

func (r *restoring) Do(tx *doc.Tx) error {
	if err := r.list.enter(tx); err != nil {
		return err
	}
	ids := make([]string, len(r.back))
	for i, c := range r.back {
		ids[i] = c.id
	}
	return r.list.noting(tx, &r.done, ids, func(s *store) {
		for _, c := range r.back {
			c.do(r.list.list, s, r.list.raw(tx, c.id))
		}
	})
}

// do makes an item what it was, as far as it is now what was left then.
func (c change) do(l *List, s *store, now string) {
	if c.before == "" || c.after == "" || now == "" {
		s.ReadValue([]string{c.id})
		switch {
		case now == "" != (c.before == ""), fieldOf(now, valueMember) != fieldOf(c.before, valueMember):
		case c.after == "":
			l.Delete(s, c.id)
		default:
			l.putBack(s, c.place, c.id, c.after)
		}
		return
	}
	for _, field := range []string{orderMember, valueMember} {
		path := []string{c.id, field}
		left, earlier := fieldOf(c.before, field), fieldOf(c.after, field)
		if left == earlier {
			continue
		}
		if s.ReadValue(path); fieldOf(now, field) != left {
			continue
		}
		switch {
		case earlier == "":
			s.Delete(path)
		case field == orderMember:
			l.moveBack(s, c.place, c.id, parse(c.id, c.after).order, earlier)
		default:
			s.Set(path, earlier)
		}
	}
}

func fieldOf(item, name string) string {
	if item != "" && jsontext.KindOf(item) == jsontext.Object {
		for other, raw := range jsontext.Members(item) {
			if other == name {
				return raw
			}
		}
	}
	return ""
}

// store is the [Store] of a transaction. It keeps the first error.
type store struct {
	tx  *doc.Tx
	at  delta.Pointer
	err error
}

func (s *store) path(names []string) delta.Pointer {
	p := s.at
	for _, name := range names {
		p = p.Member(name)
	}
	return p
}

func (s *store) note(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *store) Set(path []string, raw string) { s.note(s.tx.Set(s.path(path), []byte(raw))) }
func (s *store) Delete(path []string)          { s.note(s.tx.Delete(s.path(path))) }
func (s *store) ReadValue(path []string)       { s.tx.Value(s.path(path)) }
func (s *store) ReadExists(path []string)      { s.tx.IsObject(s.path(path)) }
func (s *store) ReadMembers(path []string)     { s.tx.Members(s.path(path)) }
