// Package inbox takes events that come in no order, such as those of an archive, of a device
// that was offline or of another region, and commits each once to the log, after its
// predecessor.
//
//	in := inbox.New(inbox.Config{Documents: documents, Log: log, JetStream: js, Conn: conn})
//	go in.Run(ctx)
//	receipt, err := in.Put(ctx, "", lines)
//
// # What it guarantees
//
//   - Once (L3): the log has an event at most once, by its id within its document, whatever is
//     killed, and however often it is put.
//   - After its predecessor: an event comes into the log after the one that it names. One
//     whose predecessor is not there waits, and holds up no other document (L10).
//   - Nothing is overwritten unseen: what an event writes was not written by anybody since the
//     state that it was made on. Otherwise it is parked: kept with the reason, and listed. So
//     is what follows it.
//   - Nothing is lost: what Put has stored is in the log, parked, or waits, and Status says so.
//
// # How
//
// The events are in 16 streams by document. Package order reads them and says which are next;
// they are committed by the host of the document, under a client id that is the inbox's own,
// with a nonce made of the event's id. So the log itself says what is in it. A ledger beside
// it says so faster, and remembers what was parked, and what the log has forgotten; after a
// crash it is completed from the log.
//
// One process runs the inbox at a time, though any may put. If two did, neither could harm:
// each append expects that the inbox's last number is what the ledger says.
package inbox
