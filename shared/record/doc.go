// Package record defines what the log of a document consists of: the key that
// names a document, the record that leads from one revision to the next, and
// the position that says how far a reader has come.
//
// A record is encoded once, by the server that appends it. The same bytes are
// stored in the log, sent to every subscriber and replayed on resume; nobody
// encodes them again. [Decode] does not copy: the deltas of a decoded record
// are slices of the input, which must not be changed afterwards.
//
// Records form a chain. Each names the revision and the [Chain] of its
// predecessor, and the chain of a record is a hash over all its bytes. Two
// readers with equal positions have therefore read equal histories, and a
// record that does not continue a reader's position is void for that reader
// and, by the same rule, for every other one.
//
// The byte layout is documented in docs/formats.md and held by golden files in
// testdata.
package record

//go:generate go run ../msgpack/gen -file position.go -file mutation.go -received record.go
