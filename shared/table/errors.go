package table

import "strconv"

// Fault classifies an [Error].
type Fault uint8

const (
	// FaultField: no field can have this name, or a field is named twice.
	FaultField Fault = iota + 1
	// FaultValue: a parameter of a type that cannot be compared with.
	FaultValue
	// FaultPredicate: a predicate that was not made by this package's functions.
	FaultPredicate
	// FaultWindow: a negative offset or limit.
	FaultWindow
	// FaultIndex: an index without fields, declared twice, or one too many.
	FaultIndex
)

// Error says what is wrong with a declaration or a query.
type Error struct {
	Fault Fault
	// Field is the field concerned, empty if there is none.
	Field  string
	Reason string
}

func (e *Error) Error() string {
	if e.Field == "" {
		return "table: " + e.Reason
	}
	return "table: field " + strconv.Quote(e.Field) + ": " + e.Reason
}
