// Package orderkey makes fractional order keys: short strings such that between
// any two there is room for another. They are compared by their bytes.
//
// # Form
//
// A key is one or more segments joined by '-'. A segment is one or more digits
// of base 63, '0'-'9' 'A'-'Z' '_' 'a'-'z', which is also their order; '-' sorts
// below them all. No segment ends in '0', since below it there would be no room.
//
// # Runs
//
// What one person puts in order without a break is a run: its first key, the
// root, comes from [Between]; each of the others from [Continue], which gives
// root-A, root-B and so on. All keys that begin with "root-" sort right behind the
// root and before everything else that is behind it. Between never returns such
// a key, except to somebody who names two neighbours that are both of the run.
// So runs that are made at one place at one time, unseen by each other, are never
// interleaved, in whatever order they arrive:
//
//	Hx7 Hx7-A Hx7-B Hx7-C Hy2 Hy2-A Hy2-B
//
// A key that is put inside a run which its author has seen is a root too, and its
// run lies inside that run.
//
// # Uniqueness
//
// Keys of Between that end in different tags of one length are different, and a
// run is its author's own. So with a tag to each author, no two authors make one
// key. One author makes a key again only in the gap where it was before, once it
// is gone.
//
// # Length
//
// Segments begin with a number of variable length, which counts up when keys are
// added at the end and down at the beginning: see [Between] for the bounds. Within
// a gap of two given keys, every 5 or 6 keys put at one place add a digit. Who
// keeps keys for long bounds them to [MaxLen] by giving a neighbourhood new keys
// from [Spread].
package orderkey
