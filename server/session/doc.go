// Package session serves clients, each over one WebSocket.
//
// A session has one goroutine, which reads: it decodes frames and hands them to the
// documents. What takes long beside that, history and transactions over several documents,
// gets a goroutine for as long as there is something to do.
//
// # Writing
//
// Hosts push what they send into the queue of each session: references to bytes that are the
// same for all, never copies (law L5). Sessions that have something queued stand in a line,
// and a few workers go along it; each takes everything that is queued for a session and
// writes it as one message, with one system call. So messages join under load, nothing waits
// when there is none, and an idle connection has no goroutine for writing and no buffer.
//
// # Slow readers
//
// What is queued for a client is bounded in bytes, 4 MiB. Past the bound the client is cut
// off from the documents that have the most of them: what is queued of them is dropped, and a
// Fault takes its place, CodeSlow with the document's key. When the client has read so far it
// opens the document from where it is, and gets the smallest of what it lacks, what that
// amounts to and a snapshot; it loses nothing but the steps in between. A client that has not caught up 30 s after it
// was cut off is disconnected, with CodeSlow: it connects again and resumes. A client that
// takes nothing at all for 15 s is cut. Of presence only the last state of each peer is sent.
//
// # Limits
//
// What a client sends wrongly ends its own session and no other. What it sends rightly but too
// fast is not read, so it waits in the network and then at the client; nothing is dropped.
// [Config] has the bounds.
package session
