// Package presence keeps who is on a document, and what each client there tells the
// others about itself: cursors, names. It is ephemeral: never in the log, gone with who
// said it.
//
// A [Room] is one document's, on one server. With a [Network] the rooms of several
// servers tell each other, by core NATS subjects, one a document; without one a Room
// knows the clients of its own server, and costs a map. The room of a document is on
// the network while somebody on this server has the document open. Its guarantees then:
//
//   - The last state of each client is what counts. Changes leave a server 50 ms after
//     the ones before at the earliest, all of a document's in one message, the last
//     always. So does that a client has gone.
//   - Nothing that clients say leaves a server while no other one has the document open.
//   - A server that opens a document learns who is there, from each of the others.
//   - Whoever is on several servers, as a client is that has moved before its old
//     connection is known to be dead, is seen as on the connection that was first heard
//     of last. That it has gone from another one takes nothing away.
//   - What comes late, or twice, changes nothing; what is lost is found.
//   - Bytes from the network that are no message have no effect but to be counted.
//
// # How a dead server is found, and what was lost
//
// A room that shares its document says something every third of the expiry (15 s unless
// [Config] says otherwise), if only how many messages it has sent: a beat, of 40 bytes.
// Who has not been heard of for the expiry that it has itself announced is gone, with
// its clients; who leaves in order says so, and is gone at once. Who finds by the number
// that it has missed something asks, and is told all.
//
// A heartbeat of the whole server would be fewer messages, but it is not enough. It
// tells that a server lives, not that the end of what it said has come: core NATS
// delivers at most once, and when the last state of a client is lost, or that it has
// gone, nothing follows that would show it. So each document needs a word now and then
// anyway, and that word shows life as well: one mechanism, no table of servers between
// documents, and a document that hangs is found like a server that does. To state
// everything periodically would be right too, and cost as much as there are clients. A
// beat is one message in five seconds from each server that shares a document, less than
// the look at its log that every open document takes anyway.
//
// A document that nobody else has open beats, too, after the first moments every 30 s:
// that nobody receives it costs the NATS server next to nothing, and two halves of a cluster that
// were apart for so long that they took each other for dead find together by it.
//
// # What it takes
//
// The servers' clocks decide which of two connections of one client is the newer one
// when the servers have not heard of each other's before. Where they differ by more than a
// client takes to reconnect, its old state may be seen until the old connection is
// closed.
//
// # Bounds
//
// A state has at most [wire.MaxPresence] bytes, a message 64 KiB; what is more goes in
// several. Of a document 64 messages may wait to be heard, at most 256 other
// servers are listened to, and 4096 clients on all of them are kept; who comes then is not
// seen before it says something when there is room again.
//
// [wire.MaxPresence]: https://pkg.go.dev/github.com/rivulet-sync/rivulet/shared/wire#MaxPresence
package presence
