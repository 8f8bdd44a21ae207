// Package wire defines the frames that a client and a server exchange over one
// WebSocket.
//
// A WebSocket message is binary and holds one or more frames, one after the
// other, so that a writer can join everything it has queued into one message.
// A frame is a MessagePack array of two: the frame's [Type] and its body, which
// is an array of the fields of one of the structs here, in their order. There
// is no optional field: a change of layout is a new [Protocol] version.
//
// The first frame of a client is [Hello], the first of the server [Welcome].
// After it, the frames of one document are in the order of its log: a client
// that was answered [Opened] receives every later [Commit] of the document,
// once and without a gap, until it leaves, a [Fault] names the document's key or the
// connection ends. What comes of the document between that and the next Opened is of the
// subscription before, and to be passed over. An Opened that is folded
// has the place of the first of its Commits.
//
// A [Commit] frame names its document by a number that the server gives out
// for the life of its process, and carries nothing about the receiver. It is
// therefore encoded once and the same bytes go to every subscriber.
//
// Decoding never copies: byte fields are slices of the message. All errors of
// [Decode] are [*FrameError]. Layouts are documented in docs/formats.md and
// held by golden files in testdata.
package wire

//go:generate go run ../msgpack/gen -file code.go -sent client.go -received server.go
