// Package replica is the sync engine of a client: the part of Rivulet that runs
// in a browser, in a Go program and in the command line tool alike.
//
// An [Engine] stands for one client. It is a state machine without goroutines,
// clock or I/O: whoever drives it tells it what happened ([Engine.Connected],
// [Engine.Receive], [Engine.Disconnected], [Engine.Tick]) and sends what
// [Engine.TakeOutput] returns. It keeps everything that must survive a lost
// connection, so a driver's whole duty is to dial again.
//
// A [Document] holds what the log says of a document up to its position, with
// the client's own pending mutations applied on top:
//
//	view = confirmed + pending
//
// A mutation is visible in the view at once. It becomes confirmed when the
// engine reads it in the log: the record that everybody else gets is the
// acknowledgement, there is no other, so that no lost message can make a
// mutation count twice or never (law L3). When others commit first, pending
// mutations stay where they are if the changes commute, and are else rolled
// back and applied again on top. When the server answers that something which a
// mutation read has changed, that mutation and those after it are rolled back
// and their functions run again (law L8).
//
// An Engine and its documents are not safe for concurrent use. They call their
// observers synchronously; an observer must not call back into the engine.
package replica
