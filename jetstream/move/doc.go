// Package move copies the log, and what is beside it, from one NATS to another one, as when
// a server with its own JetStream has outgrown its machine:
//
//	moved, err := move.All(ctx, move.Config{From: embedded.JetStream(), To: cluster.JetStream(), Replicas: 3})
//
// It is the same log afterwards: sequences, and so revisions, stay what they are, and the
// epoch does. A client that was connected to the one goes on with the other from where it
// was; so do subscriptions to the feed, and the inbox, with what waits in it and what is
// parked, and dead letters are where they were. Nobody may write to either meanwhile.
//
// What is copied already is passed over, so a copy that was interrupted is begun again by
// the same call, even if the old server has run in between. At the end every message is
// compared. Snapshots are left behind: they are a cache, and are made again. A stream of a
// later version of Rivulet, of which it is not known what has to stay as it is, is refused
// before anything is copied.
//
// # Two ways to copy
//
// Streams of which something else knows sequences, those of the log and of the inbox's
// events, are copied exactly. Messages that were erased leave gaps in the sequences. A gap is
// filled by empty messages, on a subject that is no document's, which are deleted when the
// rest is there.
//
// Streams that keep the last value of each subject have few messages far apart, and nobody
// knows their sequences. They are copied by value, in the order of the source; each copy has
// the source's sequence in a header, by which an interrupted copy is gone on with.
package move
