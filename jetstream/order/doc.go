// Package order delivers the events of many documents, each document's in the order of
// their predecessors: everything that was not delivered when a server stopped, what
// comes meanwhile, and what comes from places that promise no order at all, such as
// archives, devices that were offline, and other regions.
//
//	o := order.New(store, order.Config{Marks: marks})
//	err := o.Run(ctx)
//
// # What it guarantees
//
//   - An event is delivered after its predecessor, and only then.
//   - Every event of the store is delivered at least once, whatever is killed at whatever
//     point, unless its predecessor never comes, or the store says that it is not to be
//     delivered (Done). Once while nothing is killed and no delivery fails.
//   - A document that cannot go on holds up no other one: it is suspended.
//   - The marks that are saved never pass an event that is neither delivered nor of a
//     suspended document. They advance by whole pages.
//   - Memory is bounded by Config, however much waits and for whatever.
//
// # How
//
// The events of a document are in one partition of the store, which its reader reads
// page by page, from the mark on. Readers are many, as each of them waits for the store
// most of the time. Pages go to the worker of the partition, over a channel that is
// bounded; a worker takes all that is there before it puts any in order, as what it is
// about to look for may be there already. A worker owns the documents of its partitions,
// so it needs no locks, and the order of one document's events does not depend on
// anything but the order in which they are read: a fold of Line.
//
// One writer delivers what the workers let through, in Config.Lanes deliveries at a time
// of which no two are of one document, and saves the marks.
//
// A document is suspended at the position of its first event that could not be
// delivered: because that event's predecessor is missing (a gap), because delivering it
// failed, or because there was no room. What is known of it then is a few bytes; its
// events are read again, in one pass over the document and not one by one, when there is
// reason to: the predecessor came, the time for another attempt has come, there is room.
//
// The design is that of a system which had millions of streams to put in order after a
// migration (github.com/ceramicnetwork/rust-ceramic, pull request 620): many readers, small
// pages, a bounded channel that is drained first, many workers, one writer.
package order
