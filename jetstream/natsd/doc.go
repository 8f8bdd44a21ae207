// Package natsd is the NATS that Rivulet stores its log in: a server embedded
// in this process, or a cluster that somebody else runs.
//
//	node, err := natsd.Start(ctx, natsd.Config{Dir: "data"})
//	if err != nil { ... }
//	defer node.Close()
//	js := node.JetStream()
//
// # Embedded
//
// With a directory, [Start] runs a nats-server inside the process. It opens no
// port and handles no signals; [Node.Conn] reaches it through memory. The
// directory belongs to one process at a time: [Start] holds a lock on DIR/LOCK
// until [Node.Close], and fails with a [*LockedError] when another process has
// it. Messages are stored in DIR/jetstream.
//
// A [Node] is returned only after every stream in the directory was recovered.
// A stream that cannot be recovered is an error of [Start], so that nobody
// creates an empty one in its place.
//
// By default each message is on disk (fsync) before it is acknowledged; see
// [Sync] for the alternative.
//
// # External
//
// With a URL, [Start] connects to that cluster and takes neither directory nor
// lock. The connection is re-established for ever. When a message is on disk
// is then decided by the cluster's own sync_interval, and [Config.Sync] is not
// used.
//
// # Publishing while disconnected
//
// The connection does not buffer: a publish while it is down fails at once
// instead of being delivered at some later time.
//
// # Concurrency
//
// All methods of [Node] may be called from several goroutines. [Node.Close]
// waits for everything that Start has started.
package natsd
