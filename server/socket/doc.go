// Package socket is the server's end of WebSockets.
//
// coder/websocket makes the handshake, reads messages, and answers pings and closes. What a
// server says is written past it: a frame of a server is not masked (RFC 6455, section 5.3),
// so the very bytes of a message, header included, can go to any number of connections.
// They are made once, as a [Message], and [Conn.Write] hands them to the kernel in one
// system call, without a copy, a timer or an allocation. docs/benchmarks.md says what that
// saves.
//
// A write never waits for a reader unless it has said so before: as long as the kernel takes
// the bytes nobody waits, and when it does not, Write calls a function first, so that whoever
// has others to serve can have somebody else do that.
//
// Messages can be compressed for those who can read that (RFC 7692, permessage-deflate,
// without a context that outlives a message): see package payload.
//
// # Memory
//
// net/http keeps 4 KiB for reading and 4 KiB for writing for a connection, and the stack of
// the goroutine that has parsed the request. [Accept] gives all of that back: a connection
// has buffers of readBuffer and writeBuffer bytes, and whoever serves it should do so on a
// goroutine of its own, not on that of the request.
package socket
