package list

import (
	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/orderkey"
)

// Op is what an [Edit] does.
type Op uint8

const (
	// OpInsert puts new items, in order and together, between two neighbours.
	OpInsert Op = iota + 1
	// OpMove puts an item between two neighbours.
	OpMove
	// OpDelete removes an item.
	OpDelete
	// OpSet gives an item another value.
	OpSet
)

// Item is an item's id and its value, canonical JSON.
type Item struct{ ID, Value string }

// Edit says what to do with a list, independently of the state that it was made
// on: it can be applied to another one. A deleted item is neither moved nor set. An
// edit from outside is validated before it is applied.
type Edit struct {
	Op Op
	// Items is the new items of an OpInsert, else the one that is concerned; its
	// value is that of an OpSet.
	Items []Item
	Place // of an OpInsert or OpMove
	// Tag is that of the client who makes the edit.
	Tag string
}

// Place is a place between two neighbours. It is found again right behind the left
// one and what continues its run; if that is gone, right before the right one; if
// that is gone too, where the left one was, by its order key and else by the index.
type Place struct {
	Left, Right string // ids; empty at an end of the list
	LeftKey     string // the order key of the left neighbour
	Inside      bool   // the right neighbour is of the run that the left one is of
	Continues   bool   // the left neighbour is what the client inserted just before
	Index       int    // without the item that is moved
}

// EditError reports an edit that means nothing.
type EditError struct{ Reason string }

func (e *EditError) Error() string { return "list edit: " + e.Reason }

// Validate checks an edit from outside. The error is an [*EditError], an
// [*orderkey.Error] or a [*jsontext.Error].
func (e Edit) Validate() error {
	switch {
	case e.Op < OpInsert || e.Op > OpSet:
		return &EditError{"no such operation"}
	case len(e.Items) == 0 || len(e.Items) > 1 && e.Op != OpInsert:
		return &EditError{"wrong number of items"}
	case e.Tag == "" && (e.Op == OpInsert || e.Op == OpMove):
		return &EditError{"no tag"}
	}
	for _, it := range e.Items {
		if it.ID == tagMember {
			return &EditError{"reserved id"}
		}
		if e.Op == OpInsert || e.Op == OpSet {
			if err := jsontext.Validate([]byte(it.Value)); err != nil {
				return err
			}
		}
	}
	if e.LeftKey != "" {
		if err := orderkey.Validate(e.LeftKey); err != nil {
			return err
		}
	}
	return orderkey.ValidateTag(e.Tag)
}

// InsertEdit returns an edit that inserts values, each canonical JSON, as new items
// before the item at index; at the end if there is none. New items are before all
// malformed ones.
func (l *List) InsertEdit(index int, values ...string) Edit {
	items := make([]Item, len(values))
	for i, value := range values {
		items[i] = Item{l.newID(), value}
	}
	e := Edit{Op: OpInsert, Items: items, Place: l.place(index, nil), Tag: l.tag}
	e.Continues = e.Left != "" && e.Left == l.last
	if len(items) > 0 {
		l.last = items[len(items)-1].ID
	}
	return e
}

// MoveEdit returns an edit that moves an item so that its index becomes that given,
// or the nearest that there is.
func (l *List) MoveEdit(id string, index int) Edit {
	return Edit{Op: OpMove, Items: []Item{{ID: id}}, Place: l.place(index, l.items[id]), Tag: l.tag}
}

// DeleteEdit returns an edit that deletes an item.
func DeleteEdit(id string) Edit { return Edit{Op: OpDelete, Items: []Item{{ID: id}}} }

// SetEdit returns an edit that sets the value of an item, canonical JSON.
func SetEdit(id, value string) Edit { return Edit{Op: OpSet, Items: []Item{{id, value}}} }

// Apply does the edit and reports whether there was anything to do it to. An item
// that is there already is not inserted again. The edit may be another client's than
// the list's.
func (e Edit) Apply(l *List, s Store) bool {
	switch e.Op {
	case OpInsert:
		return l.applyInsert(s, e)
	case OpMove:
		return l.applyMove(s, e)
	case OpDelete:
		return l.Delete(s, e.Items[0].ID)
	case OpSet:
		return l.Set(s, e.Items[0].ID, e.Items[0].Value)
	}
	return false
}

// Insert inserts values, each canonical JSON, before the item at index and returns
// the ids of the new items: see [List.InsertEdit].
func (l *List) Insert(s Store, index int, values ...string) []string {
	e := l.InsertEdit(index, values...)
	l.applyInsert(s, e)
	ids := make([]string, len(e.Items))
	for i, it := range e.Items {
		ids[i] = it.ID
	}
	return ids
}

// Move moves an item and reports whether it is there: see [List.MoveEdit].
func (l *List) Move(s Store, id string, index int) bool {
	return l.applyMove(s, l.MoveEdit(id, index))
}

// Delete deletes an item and reports whether it was there.
func (l *List) Delete(s Store, id string) bool {
	if l.items[id] == nil {
		s.ReadExists([]string{id}) // somebody may take its deletion back
		return false
	}
	s.Delete([]string{id})
	return true
}

// Set gives an item another value, canonical JSON, and reports whether it is there.
func (l *List) Set(s Store, id, value string) bool {
	s.ReadExists([]string{id})
	it := l.items[id]
	switch {
	case it == nil:
		return false
	case it.Value.order == malformed:
		l.write(s, l.gapAt(l.valid, nil), []Item{{id, value}}, l.tag)
	case value != "null":
		s.Set([]string{id, valueMember}, value)
	case it.Value.value != "null":
		s.Delete([]string{id, valueMember})
	}
	return true
}
