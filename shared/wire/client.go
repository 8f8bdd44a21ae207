package wire

import (
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
)

//msgp:tuple Hello Open Leave Push Invoke SetPresence Ping ReadLog Transact Part

// Hello opens a connection; it is the first frame that a client sends.
type Hello struct {
	Protocol uint16
	// Mutators is reserved: a client says 0, and a server does not look at it. Whether both
	// have the same named mutators shows when one is made, see docs/mutators.md.
	Mutators uint64
	// Client is the id that an earlier Welcome gave out, or zero for a new one.
	Client record.ClientID
	Token  string
}

// Open asks for a document. At is what the client holds of it. The answer is
// Opened with what is missing, or Fault, with the same Request number, which is
// not 0. A document that is open already is left and opened anew.
type Open struct {
	Request uint32
	Key     string
	At      record.Position
}

// Leave ends the subscription to a document, or takes back an Open.
type Leave struct{ Key string }

// Push submits one mutation. It is answered by a Commit that contains it, a
// Conflict or a Reject.
//
// Mutations of one client on one document form a chain: Follows names the last
// one before it, with the nonce of the delta that this one was computed on. The
// server accepts a mutation only if Follows is what it holds as the client's
// last. Everything of the client's own that lies between Base and the head is
// then known to have been seen, and is left out of the conflict test.
type Push struct {
	Doc     uint32
	ID      record.MutationID
	Follows record.MutationID
	// Base is the confirmed revision that the mutation was computed on.
	Base record.Revision
	// Reads are at most MaxReads.
	Reads []delta.Read `msg:",limit=4096"`
	Delta []byte       `msg:",zerocopy"`
}

// Invoke submits one named mutation: what Push has, and which function of the
// server's set makes it anew where the delta does not do. It is answered as Push is,
// but what its author read having changed is no reason for a Conflict: the server runs
// the function on the present state, and the record has the delta that comes of it,
// under the id that [record.MutationID.Rewritten] returns.
//
// It may follow another attempt at the mutation before it than the one in the log: the
// nonce in Follows then says only whether Delta can be taken as it is. A nonce of 0 is
// that of no attempt.
type Invoke struct {
	Doc     uint32
	ID      record.MutationID
	Follows record.MutationID
	Base    record.Revision
	// Reads are at most MaxReads.
	Reads []delta.Read `msg:",limit=4096"`
	Name  string
	// Args is a JSON value of at most MaxArgs bytes.
	Args []byte `msg:",zerocopy"`
	// Delta is what the function did where its author ran it; empty: it did nothing
	// that could be offered, and the server has to run it.
	Delta []byte `msg:",zerocopy"`
}

// Transact submits a transaction over several documents of one space that are open on
// this connection: all of it is stored, or nothing. It is answered by Transacted with the
// same Request number, which is not 0; what it changes comes by Commits as if somebody
// else had made it.
//
// The numbers of a client's transactions grow, but are not part of the chain of its
// mutations. A transaction may be sent again, on another connection too, and has one
// effect. It is to be made while nothing of the client's own is pending on its documents.
type Transact struct {
	Request uint32
	ID      record.MutationID
	// Parts are at most MaxParts, one for a document.
	Parts []Part `msg:",limit=64"`
}

// Part is what a transaction does to one document; the members are as in Push.
type Part struct {
	Doc   uint32
	Base  record.Revision
	Reads []delta.Read `msg:",limit=4096"`
	Delta []byte       `msg:",zerocopy"`
}

// SetPresence tells the other clients on a document something ephemeral about
// this one. State is a JSON object; empty takes it back.
type SetPresence struct {
	Doc   uint32
	State []byte `msg:",zerocopy"`
}

// Ping is answered by Pong with the same number.
type Ping struct{ Number uint64 }

// ReadLog asks for the records of a document after a revision, oldest first,
// at most Limit of them (0: as many as the server puts into one page). The
// answer is one LogPage with the same Request number, or Fault.
type ReadLog struct {
	Request uint32
	Key     string
	After   record.Revision
	Limit   uint32
}
