// Package mutator holds named mutations: functions that are compiled into the server
// and into its clients alike, and that travel by name and arguments.
//
//	var shop mutator.Registry
//
//	func init() { shop.Register("take", take) }
//
//	func take(tx *doc.Tx, args []byte) error {
//		...
//	}
//
// A client runs the function at once, on what it sees; should others have been first,
// the server runs it on what there is by then. No round trip is lost, and no conflict
// is told. What the function refuses, it refuses on the server, too.
package mutator
