package table

// Kind is what happened to a row or group in a live result.
type Kind uint8

const (
	// Add: it came in at To.
	Add Kind = iota + 1
	// Remove: it was at From.
	Remove
	// Move: it was taken from From and put in at To, counted without it. Its
	// content changed too.
	Move
	// Change: it is at To as before, with another content.
	Change
)

// String returns the kind's name.
func (k Kind) String() string {
	return [...]string{"none", "add", "remove", "move", "change"}[min(k, Change)]
}

// Event is one step from an old result to a new one. The steps of a batch, taken
// in order, lead from exactly the old result to exactly the new one, with at most
// one step for each row.
type Event struct {
	Kind Kind
	// From and To are indexes in the result when the step is taken. From is set
	// for Remove and Move, To for all but Remove.
	From, To int
	ID       string
	// Row is the row as it is now, nil for Remove.
	Row Row
}
