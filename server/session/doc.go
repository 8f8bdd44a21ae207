// Package session serves one client over one WebSocket.
//
// A session has three goroutines: the reader, which is the caller of
// [Group.Serve], decodes frames and hands them to the documents; the writer takes
// everything that is queued for the client and writes it as one message per
// flush, so that messages join under load and nothing waits when there is none;
// one more answers requests for history, which take longer.
//
// What is queued for a client is bounded in bytes. A client that does not read
// as fast as its documents change is disconnected with [wire.CodeSlow]; it
// connects again and resumes from what it holds. What a client sends
// wrongly ends its own session and no other. There is no bound yet on how fast a
// client may send what is right.
package session
