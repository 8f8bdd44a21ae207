package typed

import (
	"iter"

	"github.com/rivulet-sync/rivulet/shared/table"
)

// View is the live result of a query: records in order, moved when changes are over;
// see [table.View]. Which records it has is as of the last change, what is in them as
// it is now. Records are decoded when they are asked for.
//
// Malformed records are part of it: indexes count them.
type View[T any] struct {
	view  *table.View
	query *Query[T]
}

// Event is one step from an old result to a new one; see [table.Event]. Of its Entry,
// Remove has the ID alone.
type Event[T any] struct {
	Kind     table.Kind
	From, To int
	Entry[T]
}

// Len returns the number of records in the view.
func (v *View[T]) Len() int { return v.view.Len() }

// Total returns the number of records that the query would have without offset and
// limit.
func (v *View[T]) Total() int { return v.view.Total() }

// IDs returns the ids in order.
func (v *View[T]) IDs() []string { return v.view.IDs() }

// Row returns the record at an index, 0 <= i < Len.
func (v *View[T]) Row(i int) Entry[T] {
	r := v.view.At(i)
	return v.query.entry(r.ID, r.Row)
}

// All iterates over the ids and the records in order, without malformed ones. The
// document must not be changed meanwhile.
func (v *View[T]) All() iter.Seq2[string, T] { return wellFormed(v.Entries()) }

// Entries iterates over all records in order, malformed ones included.
func (v *View[T]) Entries() iter.Seq[Entry[T]] {
	return func(yield func(Entry[T]) bool) {
		for id, row := range v.view.All() {
			if !yield(v.query.entry(id, row)) {
				return
			}
		}
	}
}

// OnChange has fn called with the steps of each batch that changes the view, when the
// view has taken them. stop ends it.
func (v *View[T]) OnChange(fn func([]Event[T])) (stop func()) {
	return v.view.OnChange(func(steps []table.Event) {
		events := make([]Event[T], len(steps))
		for i, s := range steps {
			events[i] = Event[T]{Kind: s.Kind, From: s.From, To: s.To, Entry: Entry[T]{ID: s.ID}}
			if s.Kind != table.Remove {
				events[i].Entry = v.query.entry(s.ID, s.Row)
			}
		}
		fn(events)
	})
}

// Close ends the view: it is empty, and nobody is told of anything any more.
func (v *View[T]) Close() { v.view.Close() }
