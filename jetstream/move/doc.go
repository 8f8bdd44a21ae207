// Package move copies the log from one NATS to another one, as when a server with its own
// JetStream has outgrown its machine:
//
//	err := move.Log(ctx, move.Config{From: embedded.JetStream(), To: cluster.JetStream(), Replicas: 3})
//
// It is the same log afterwards: sequences, and so revisions, stay what they are, and the
// epoch does. A client that was connected to the one goes on with the other from where it
// was. Nobody may append to either meanwhile.
//
// What is copied already is passed over, so a copy that was interrupted is begun again by
// the same call. At the end every message is compared. Snapshots are left behind: they are a
// cache, and are made again.
//
// Messages that were erased leave gaps in the sequences. A gap is filled by empty
// messages, on a subject that is no document's, which are deleted at once.
package move
