// Package list is a sequence of items that keep their identity when they are
// moved, stored as plain JSON in an object:
//
//	{"$":"list", "<item id>": {"o":"<order key>", "v":<value>}, ...}
//
// The items are sorted by their order keys (package orderkey) and, where those
// are equal, by their ids. An item without "v" has the value null, which no
// member of a document can be. An item that is no object with an order key of at
// most [orderkey.MaxLen] bytes is malformed: it is plain JSON, the value of itself,
// and sorted behind all others by its id.
//
// A [List] is an index of that object. It makes changes through a [Store], which
// tells it about every change of the object, its own ones included: it does not
// change by itself.
//
// # Concurrency
//
// What an edit depends on is noted in the store, so that edits of several people
// never misplace, duplicate or lose an item: an insertion or a move reads the order
// keys of its two neighbours; a move and a change of a value read that the item
// exists. Two insertions at one place read the same, write different things, and
// commute. An edit that has to be done again on another state is an [Edit], which
// knows its place by its neighbours.
//
// Items that one client inserts one behind the other form a run: the runs of
// several people at one place are not interleaved.
//
// # Rebalancing
//
// An order key that would exceed [orderkey.MaxLen] bytes makes the list give new
// keys to a few neighbours, in the same transaction, which then reads the members of
// the list and the order keys that it rewrites.
package list
