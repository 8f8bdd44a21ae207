package list

// Store is the object that a list lives in, within one transaction. Paths are
// relative to that object: an item's id, or its id and "o" or "v"; nil is the
// object itself. Before Set and Delete return, the store tells the list what has
// become of the item: see [List.Changed].
type Store interface {
	// Set puts a value, which is canonical JSON and not null.
	Set(path []string, raw string)
	// Delete removes a member that is there.
	Delete(path []string)
	// ReadValue notes that the transaction depends on the value there.
	ReadValue(path []string)
	// ReadExists notes that it depends on there being an object, or none.
	ReadExists(path []string)
	// ReadMembers notes that it depends on which members there are.
	ReadMembers(path []string)
}
