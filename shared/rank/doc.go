// Package rank is an ordered sequence whose items have weights. It answers, in
// logarithmic time and in both directions, which item is the i-th, which item
// holds the i-th unit of weight, and where a given item stands: text chunks
// weigh their length, list items weigh 1.
//
// A [Tree] is a B+tree. An [Item] is a handle that stays the same while the item
// is in the tree, whatever is inserted and deleted around it. Looking things up
// and changing a weight allocate nothing; what is deleted leaves nothing behind.
//
// A tree belongs to one goroutine at a time; lookups change nothing, so several
// may read a tree at once while nobody changes it. Misuse (a duplicate, an item
// that is not in the tree, a negative weight) is a fault of the program and
// panics.
package rank
