// Package deltalog is the log of documents on NATS JetStream: the only truth.
//
//	log, err := deltalog.Open(ctx, deltalog.Config{Conn: node.Conn(), JetStream: node.JetStream()})
//	tail, err := log.Replay(ctx, key, deltalog.Tail{}, func(e deltalog.Entry) error { ... })
//	tail, err = log.Append(ctx, key, tail, data)
//
// A document is one subject in one of [Shards] streams, its revision the
// stream sequence of its latest valid record. See [Subject] for the layout,
// which is fixed for ever.
//
// # Append
//
// [Log.Append] stores a record if and only if nothing was stored on the
// document's subject after the tail that the caller has read. Its outcomes are
// definite, whatever happens to the network and the servers in between:
//
//   - nil: the record is stored, once, and is the valid successor of tail.Head.
//   - [*ConflictError]: it is not stored and will not be; somebody else's is.
//   - [*RefusedError]: it is not stored, and never will be: the bytes are at fault.
//   - [*EpochError]: the stream is not the one that was opened. Whatever was
//     stored is void for every reader.
//   - [*UncertainError]: ctx ended first. The one thing that a caller may then
//     do with this document is to call Append again, with the same tail and the
//     same bytes. It continues where the first call gave up.
//
// While the outcome is unknown Append sends the same bytes with the same
// expectation again. This is safe by itself: an earlier attempt which arrives
// late finds its expectation outdated, and should a server ever store the bytes
// twice, the second does not follow the first and is void. Of one document, one
// Append may run at a time.
//
// # Replay
//
// [Log.Replay] yields every valid record that was stored before the call, in
// order, and each at most once. A record is valid when its epoch and its
// predecessor are the reader's ([record.Record.Continues]); others are void,
// for every reader the same way, and are passed over. A record that cannot be
// read is a [*DamagedError] and ends the replay of this document only.
//
// # News
//
// What a stream stores it publishes again, under rvn. in place of rv. [Log.Watch]
// subscribes to that for one document, [Watch.Take] reads on by it without asking
// anybody. It is a hint that may be lost, never a claim that is wrong: whoever may
// publish under rvn. is believed as whoever may publish under rv., so an external
// NATS should let nobody else do either.
//
// # Resources
//
// A [Log] needs no Close. It has one goroutine, which watches the connection and
// ends when that is closed. Methods may be called concurrently. The bytes of an
// [Entry] belong to the receiver.
package deltalog
