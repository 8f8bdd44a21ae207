package order

import "context"

// Event is something that happened to a document after something else. I identifies
// events within their document, P is what the caller wants delivered.
type Event[I comparable, P any] struct {
	// Document is in one partition, always the same.
	Document string
	// Position is the event's place in its partition, from 1. Positions need not follow
	// each other, nor have they anything to do with the order of predecessors.
	Position uint64
	// ID and Prev are the event and its predecessor. What a first event's Prev is, is
	// between the store and its State.
	ID, Prev I
	Payload  P
	// Size is what the event takes in memory, in bytes, for Config.HeldBytes and FlightBytes.
	Size int
}

// sizeOf returns what events take together, in bytes.
func sizeOf[I comparable, P any](events []Event[I, P]) (bytes int) {
	for i := range events {
		bytes += events[i].Size
	}
	return bytes
}

// Verdict says what is to be done with an event now.
type Verdict uint8

// The verdicts of a State.
const (
	// Next can be delivered: its predecessor was.
	Next Verdict = iota + 1
	// Wait cannot be delivered before its predecessor.
	Wait
	// Done was delivered, or never will be.
	Done
)

// State is what was delivered of a document. It is used by one goroutine at a time.
type State[I comparable, P any] interface {
	Judge(*Event[I, P]) Verdict
	// Advance is told that a Next event is about to be delivered.
	Advance(*Event[I, P])
}

// Page is a part of a partition, or of a document.
type Page[I comparable, P any] struct {
	// Events ascend by position. They belong to the receiver.
	Events []Event[I, P]
	// To is the position up to which the page has all there is: at least that of the last
	// event, and later if nothing of interest follows it.
	To uint64
	// More is set unless the page ends where the partition or the document ended.
	More bool
}

// Limit bounds a page: there are no more events once there are so many, or once they take so
// many bytes together.
type Limit struct{ Events, Bytes int }

// Store is where events come from and go to. Its methods are called by several
// goroutines. An error of each is for another attempt later, with a pause in between; none
// of them should go on for long after its context has ended.
type Store[I comparable, P any] interface {
	// Read returns the events of a partition after a position, up to a limit.
	Read(ctx context.Context, partition int, after uint64, limit Limit) (Page[I, P], error)
	// History returns those of one document, in the same way.
	History(ctx context.Context, document string, after uint64, limit Limit) (Page[I, P], error)
	// State returns what was delivered of a document when the first event of it is found
	// that is not known to be delivered. What Deliver has returned from is delivered.
	State(ctx context.Context, document string, first *Event[I, P]) (State[I, P], error)
	// Deliver delivers events, the ones of each document in their order. What is of one
	// document is not in two deliveries at a time. If it fails, or the server is killed
	// before the marks are saved, the same events are delivered again; a delivery of
	// several documents that fails is followed by one of each of them. The attempt is 1
	// or, when a document was suspended for the same event before, more. The slice is the
	// store's until Deliver returns.
	Deliver(ctx context.Context, events []Event[I, P], attempt int) error
	// Save stores marks, each in place of the one before of its partition.
	Save(ctx context.Context, marks []Mark) error
}
