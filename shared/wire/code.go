package wire

import "strconv"

// Protocol is the version of the frames in this package.
const Protocol = 1

// Bounds that are part of the protocol. A server may set lower ones and says so
// in Welcome.
const (
	// MaxMessage bounds a WebSocket message from a client, in bytes.
	MaxMessage = 1 << 20
	// MaxDelta bounds the delta of one mutation, in bytes.
	MaxDelta = 900 << 10
	// MaxPresence bounds one client's presence on one document, in bytes.
	MaxPresence = 4 << 10
	// MaxReads bounds how many things one mutation may have read. A transaction
	// that read more says that it read the whole document.
	MaxReads = 4096
	// MaxArgs bounds the arguments of a named mutation, in bytes.
	MaxArgs = 32 << 10
	// MaxParts bounds the documents of a transaction.
	MaxParts = 64
	// MaxEntries bounds how many records one LogPage has.
	MaxEntries = 4096
)

// Code says what went wrong, from a closed set, and by [Code.Retry] what to do.
// It is part of the protocol: numbers are never reused. A WebSocket that the
// server closes has 4000 + code as its close status.
type Code uint16

const (
	// CodeBadFrame: bytes that are not a frame, or a frame out of place.
	CodeBadFrame Code = 1
	// CodeBadVersion: the protocol version is not spoken here.
	CodeBadVersion Code = 2
	// CodeTooLarge: a message, delta, presence or document above its bound.
	CodeTooLarge Code = 3
	// CodeBadKey: a text that is not a document key.
	CodeBadKey Code = 4
	// CodeBadDelta: a delta that is not a valid merge patch of an object.
	CodeBadDelta Code = 5
	// CodeNotOpen: a frame for a document that this connection has not open.
	CodeNotOpen Code = 6
	// CodeTooMany: more documents or requests than a connection may have.
	CodeTooMany Code = 7
	// CodeUnavailable: the log cannot be read or written now.
	CodeUnavailable Code = 8
	// CodeSlow: the client did not read as fast as the document changed. With a Key it
	// opens that anew, from where it is; without one it has taken too long for that.
	CodeSlow Code = 9
	// CodeDraining: the server is stopping.
	CodeDraining Code = 10
	// CodeUnknownMutation: a number at or below the client's last one with
	// another nonce. The client must take a snapshot.
	CodeUnknownMutation Code = 11
	// CodeDamaged: the document's log holds a record that cannot be read.
	CodeDamaged Code = 12
	// CodeInternal: a fault of the server.
	CodeInternal Code = 13
	// CodeBadClient: a client id that this server cannot have issued.
	CodeBadClient Code = 14
	// CodeIdle: the client was silent for too long.
	CodeIdle Code = 15
	// CodeConflict: used by clients, never sent: a mutation conflicts and cannot
	// be run again.
	CodeConflict Code = 16
	// CodeDiverged: used by clients, never sent: a document differs from the
	// server's, and still does after it was taken anew.
	CodeDiverged Code = 17
	// CodeMutator: the function of a named mutation refused it, with the detail as
	// its reason, or failed.
	CodeMutator Code = 18
	// CodeUnknownMutator: the server has no function of that name.
	CodeUnknownMutator Code = 19
	// CodeMutatorsOnly: the document takes named mutations only.
	CodeMutatorsOnly Code = 20
	// CodeBadArgs: arguments of a named mutation that are not one JSON value.
	CodeBadArgs Code = 21
	// CodeDeleted: the mutation was made on a document that was deleted since.
	CodeDeleted Code = 22
	// CodeExpired: the client was away for so long that the server does not know any
	// more which of its mutations are in the log.
	CodeExpired Code = 23
	// CodeCrowded: the principal has as many connections as it may.
	CodeCrowded Code = 24
)

// Retry says what a client does after an error.
type Retry uint8

const (
	// RetryNever: the same request will be refused again.
	RetryNever Retry = iota
	// RetryLater: connect or ask again, with backoff.
	RetryLater
	// RetryResync: take a snapshot, then run pending mutations again.
	RetryResync
)

var codes = map[Code]struct {
	name  string
	retry Retry
}{
	CodeBadFrame:        {"bad_frame", RetryNever},
	CodeBadVersion:      {"bad_version", RetryNever},
	CodeTooLarge:        {"too_large", RetryNever},
	CodeBadKey:          {"bad_key", RetryNever},
	CodeBadDelta:        {"bad_delta", RetryNever},
	CodeNotOpen:         {"not_open", RetryNever},
	CodeTooMany:         {"too_many", RetryNever},
	CodeUnavailable:     {"unavailable", RetryLater},
	CodeSlow:            {"slow_reader", RetryLater},
	CodeDraining:        {"draining", RetryLater},
	CodeUnknownMutation: {"unknown_mutation", RetryResync},
	CodeDamaged:         {"damaged", RetryNever},
	CodeInternal:        {"internal", RetryLater},
	CodeBadClient:       {"bad_client", RetryNever},
	CodeIdle:            {"idle", RetryLater},
	CodeConflict:        {"conflict", RetryNever},
	CodeDiverged:        {"diverged", RetryNever},
	CodeMutator:         {"mutator", RetryNever},
	CodeUnknownMutator:  {"unknown_mutator", RetryNever},
	CodeMutatorsOnly:    {"mutators_only", RetryNever},
	CodeBadArgs:         {"bad_args", RetryNever},
	CodeDeleted:         {"deleted", RetryNever},
	CodeExpired:         {"expired", RetryNever},
	CodeCrowded:         {"crowded", RetryLater},
}

// String returns the code's name in snake case.
func (c Code) String() string {
	if known, ok := codes[c]; ok {
		return known.name
	}
	return "code_" + strconv.Itoa(int(c))
}

// Retry says what a client does about c. Unknown codes are retried later.
func (c Code) Retry() Retry {
	if known, ok := codes[c]; ok {
		return known.retry
	}
	return RetryLater
}

// CloseStatus is the WebSocket close status that stands for c.
func (c Code) CloseStatus() int { return 4000 + int(c) }

// CodeOfStatus is the inverse of [Code.CloseStatus].
func CodeOfStatus(status int) (Code, bool) {
	c := Code(status - 4000)
	_, ok := codes[c]
	return c, ok && c.CloseStatus() == status
}
