// Package snapshot keeps documents as they were at a position of their log, so
// that a cold document need not be replayed from its first record.
//
//	store, err := snapshot.Open(ctx, snapshot.Config{JetStream: node.JetStream()})
//	err = store.Put(ctx, key, snapshot.Snapshot{At: head, Document: canonical, ...})
//	s, err := store.Get(ctx, key)
//
// It is a cache beside the log, which stays the only truth: the stream
// RV_SNAPSHOTS may be deleted at any moment, and costs longer replays until its
// snapshots have been made again. A document has one snapshot, the last that was
// put.
//
// # What Get guarantees
//
// What [Store.Get] returns was given to one call of [Store.Put] for this very
// document, unharmed: a hash covers all of it, its key included. Anything else is
// an error with a name: [ErrNone], [*DamagedError], [*VersionError]. Whether the
// log still has the position, or ever had it, is for the caller to find out: the
// log may have been wiped or restored since.
//
// # Two at once
//
// Puts of one document by several nodes are not ordered. Whichever comes last
// stays, even if its position is the older one: that makes the next replay longer
// by the difference, and the next snapshot mends it. To compare positions first
// would cost every Put a request, to save a replay of records that a node fell
// behind by. A snapshot that is divided is another matter, since one of pieces of
// two would be lost: it is stored only if no other was put meanwhile.
//
// # Divided snapshots
//
// What is larger than a message may be is stored in parts under subjects of their
// own, which bear a generation that is used once, and the head that names the
// generation last. So a snapshot is there as a whole or not at all, whenever the
// writer dies. Parts that no head names are removed by the next divided snapshot of
// the document, or by [Store.Delete].
//
// # Resources
//
// A [Store] has no goroutines and needs no Close. Methods may be called
// concurrently, and keep and change nothing that they are given. Each request to
// JetStream ends within two seconds. Memory is bounded by [Config.MaxSize], also
// when what is stored claims to be larger. The bytes of a Snapshot from Get belong
// to the caller.
package snapshot
