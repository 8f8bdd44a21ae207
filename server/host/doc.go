// Package host keeps live documents: for each, one goroutine that owns it.
//
// A [Host] loads a document from its snapshot, if the log confirms it, and by
// replaying the log from there; judges the mutations that clients submit, appends
// those that pass and hands every committed record to the subscribers. Its
// guarantees:
//
//   - Durable before visible (L1): a record is sent to anybody, its authors
//     included, only after the log acknowledged it.
//   - Once (L3): a mutation is accepted only if it follows the last one that the
//     log holds of its client; one that is in the log already, or is on its way,
//     is not appended again.
//   - Serializable (L8): a mutation is accepted only if nothing that it read was
//     written after its base, by the log or by those accepted before it and not
//     yet appended.
//   - Each subscriber receives every record after the position that it was
//     opened at, in order, once. A record's bytes are encoded once and shared.
//
// Other servers may append to the same documents: a host hears of that by the news of
// the log, reads on when news does not continue what it has, and asks now and then,
// as the last news may be lost. docs/architecture.md has the rules.
//
// Who is on the document, and what they say of themselves, is kept by a
// [presence.Room], which hears of those on other servers by itself
// ([Config.Presence]). None of it is in the log.
//
// Who opens a document at an earlier position is sent the smallest of what it lacks, what
// that amounts to (law L12), and the document. The last two, and their compression, are made
// once for all who ask at one head.
//
// One append is in flight at a time. What arrives meanwhile waits, is judged
// together, and travels in one record (group commit). When another writer was
// first, the host reads what it wrote and judges the whole batch again.
//
// A document that nobody has open leaves memory. Its bytes stay for a while in an attic
// that is bounded ([Config.AtticBytes]); from there, or from its snapshot, it comes back,
// and the log is asked for what has been written since.
//
// Everything is bounded: the mailbox and the queue of a host (who submits to a
// full one waits for [Config.Patience] and gets [ErrBusy] then), the records kept
// for the conflict test and for resuming, and the size of a document. A full
// queue does not keep anybody from opening the document and reading it.
package host
