// Package edits is what a page may do to one document besides plain JSON: edits of
// texts, lists and counters, and undo. It is the part of wasm/bridge that needs no
// browser.
//
// A page's transaction comes as a [Script]: a merge patch, and behind it edits in
// their order. A [Session] runs scripts on the document and keeps what outlives
// them: the collections that the page edits or watches, and what it may undo.
//
// Scripts come from JavaScript. Whatever is wrong with one is a typed error, and
// nothing is left of it.
package edits
