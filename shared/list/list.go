package list

import (
	"iter"

	"github.com/rivulet-sync/rivulet/shared/orderkey"
	"github.com/rivulet-sync/rivulet/shared/rank"
	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// List is the index of a list. It belongs to one goroutine at a time.
type List struct {
	tag   string
	newID func() string
	items map[string]*item
	order *rank.Tree[entry]
	valid int    // the number of items that are not malformed
	last  string // the id of what was inserted last by this client
	// spent is the order keys that items have had which are gone. Somebody may be
	// inserting next to those, or put them back: another item does not get their keys.
	spent map[string]string // ids by keys
}

// New returns an empty list. tag ends the order keys that this client makes: it is
// not empty, of the same length for all clients, and no two that may be active at
// once share it. It panics if the tag is not one of orderkey. newID returns a name
// that no item has had, and is not "$"; it is called for each item that is inserted.
func New(tag string, newID func() string) *List {
	if err := orderkey.ValidateTag(tag); err != nil || tag == "" {
		panic("list: not a tag: " + tag)
	}
	return &List{tag: tag, newID: newID, items: make(map[string]*item), order: rank.New(compare)}
}

// Reset makes the list that of the given members, ids and the canonical JSON of
// whole items. The member "$" may be among them or not.
func (l *List) Reset(members iter.Seq2[string, string]) {
	var entries []entry
	for id, raw := range members {
		if id != tagMember {
			entries = append(entries, parse(id, raw))
		}
	}
	sorts.Func(entries, compare)
	l.items = make(map[string]*item, len(entries))
	l.order.Clear()
	l.valid = 0
	clear(l.spent)
	for _, e := range entries {
		l.insert(e)
	}
}

// Changed tells the list what has become of an item: its canonical JSON, or that
// it is not present. To be told what it knows already changes nothing.
func (l *List) Changed(id, raw string, present bool) {
	old := l.items[id]
	switch {
	case id == tagMember:
	case !present:
		if old != nil {
			l.spend(old.Value)
			l.remove(old)
			delete(l.items, id)
		}
	default:
		e := parse(id, raw)
		if old != nil && old.Value.order == e.order {
			old.Value.value = e.value
			return
		}
		if old != nil {
			l.remove(old)
		}
		l.insert(e)
	}
}

func (l *List) insert(e entry) {
	l.items[e.id] = l.order.Insert(e, 1)
	delete(l.spent, e.order)
	if e.order != malformed {
		l.valid++
	}
}

func (l *List) remove(it *item) {
	if it.Value.order != malformed {
		l.valid--
	}
	l.order.Delete(it)
}

// Len returns the number of items.
func (l *List) Len() int { return l.order.Len() }

// At returns the id and the value, canonical JSON, of the item at an index. It
// gives empty strings out of range.
func (l *List) At(index int) (id, value string) {
	if it := l.order.At(index); it != nil {
		return it.Value.id, it.Value.value
	}
	return "", ""
}

// Get returns the value of an item, canonical JSON, and whether there is one.
func (l *List) Get(id string) (value string, ok bool) {
	if it := l.items[id]; it != nil {
		return it.Value.value, true
	}
	return "", false
}

// IndexOf returns the index of an item, -1 if there is none.
func (l *List) IndexOf(id string) int {
	if it := l.items[id]; it != nil {
		return l.order.Index(it)
	}
	return -1
}

// All iterates over the ids and the values, canonical JSON, in order. The list must
// not be changed meanwhile.
func (l *List) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for it := range l.order.All() {
			if !yield(it.Value.id, it.Value.value) {
				return
			}
		}
	}
}
