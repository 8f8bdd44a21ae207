package order

import "time"

// Mark is how far a partition has been settled. What is before Position was delivered, or
// will never be, or is of a document in Suspended and not before its From.
type Mark struct {
	Partition int
	Position  uint64
	Suspended []Suspended
}

// Cause says why a document is suspended.
type Cause uint8

// The causes.
const (
	// Gap: the predecessor of an event is missing.
	Gap Cause = iota + 1
	// Failed: delivering failed, and is tried again at Until.
	Failed
	// Room: too much waited or was to be delivered; it goes on when there is room.
	Room
	// Ready: what was missing has come.
	Ready
)

// String returns the cause in a word.
func (c Cause) String() string {
	return [...]string{"", "gap", "failed", "room", "ready"}[c]
}

// Suspended is a document that cannot go on, for now.
type Suspended struct {
	Document string
	Cause    Cause
	// From is the position of the first event that may not be delivered.
	From uint64
	// Since is when the document was suspended first.
	Since time.Time
	// Missing is an id that is waited for, of several any (Gap).
	Missing string
	// Attempts have failed, the last one with Err; the next one is due at Until (Failed).
	Attempts int
	Err      string
	Until    time.Time
}
