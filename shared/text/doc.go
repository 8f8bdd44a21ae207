// Package text keeps a text in a plain JSON object, so that a keystroke's merge
// patch is tens of bytes whatever the length of the text:
//
//	{"$":"text","<key>":"chunk","<key>":"chunk",...}
//
// The chunks in the byte order of their keys make the text. A key is made of
// the digits 0-9 A-Z _ a-z and does not end in 0, so that there is always room
// for another key between two.
//
// Marks (bold, a link, a comment) are members of the same object: a boundary
// marker has no width and stands, by its key, between the chunks.
//
//	["<","bold",true]    here a mark named bold begins, with the value true
//	[">","bold"]         here it ends
//	[">","bold",1]       the same; text that is inserted here belongs to the mark
//
// The 1 at the end means the same for a beginning. An end closes the latest
// beginning of its name that is still open; an end without one means nothing,
// and a mark without an end goes on to the end of the text. Every other member
// (another name, a value of another form) is no part of the text and left alone.
//
// A [State] is what is derived from one such object. It is told of every write
// to the object, whoever made it, by [State.Changed], and writes through a
// [Store], telling it what the edit depends on: an edit within a chunk on the
// chunk's value, a new chunk on the gap between its neighbours. Whoever orders
// the edits of several clients must refuse one whose reads have changed; it is
// then undone, transformed over what came first ([Transform]) and made again.
// Two clients cannot make the same key: both would have read the same gap.
//
// Positions and lengths are UTF-16 code units, as editors count. No splice ever
// divides a surrogate pair: it is widened to the whole of it.
//
// A State belongs to one goroutine. The package has no state of its own.
package text
