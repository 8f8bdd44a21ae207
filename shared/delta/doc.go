// Package delta is about the change from one revision of a document to the
// next: an RFC 7386 (7396) JSON merge patch, held as the bytes that its author
// made.
//
// A [Delta] is made by [Parse] and is valid from then on: an object, strict
// JSON, within the nesting limit. What a transaction depended on is a set of
// [Read]s, what a delta changed a set of [Write]s; [Conflicts] decides whether
// a transaction may still commit after others did (law L8).
//
// Deltas have an algebra, over bytes: [Apply], [Diff], [Invert], [Compose] where it
// is exact (law L12), and [Fold]. Its functions read each text once and rely on its
// being valid; they keep number literals and do not depend on the order of members.
//
// A merge patch cannot hold null as a member's value: null deletes. Arrays are
// atomic; nulls inside them are kept.
package delta

//go:generate go run ../msgpack/gen -sent pointer.go -sent read.go
