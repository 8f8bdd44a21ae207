// Package load is many clients of a Rivulet server in one process, and says what they cost
// it. It is behind `rivulet bench` and bench/fanout.
//
// Its clients speak the protocol of a native client but keep no replica, so that one core of
// theirs keeps up with one of the server: what they receive is decoded and checked, and
// forgotten. Each of them holds the server to its promises while it counts: the records of
// a document come in order, once each, with no mutation missing. A run in which that is not
// so ends with an error and no numbers.
//
// # Words
//
// A delivery is one mutation that one subscriber has received. K is how many of them came
// in one WebSocket message. An edit is in flight until all subscribers of its document have
// it; with a rate, edits are sent at their times, in groups of as many as would be in flight,
// whatever is, and their latency counts from when they were due: a server that stalls does not hide it.
//
// CPU is that of the server's process, user and system, as GET /metrics of the server says
// it, in steps of 10 ms. On loopback the system's part has most of the receiver's work in
// it, too: a packet is delivered by who sends it.
package load
