package doc

// WatchedPlaces returns how many places are watched or above a watched one, the
// root left out.
func (d *Doc) WatchedPlaces() int {
	if d.watched == nil {
		return 0
	}
	return d.watched.places() - 1
}

func (w *watched) places() int {
	n := 1
	for _, child := range w.children {
		n += child.places()
	}
	return n
}

// WatchersOfRoot returns how many depend on the root itself.
func (d *Doc) WatchersOfRoot() int {
	if w := d.watched; w != nil {
		return len(w.derived) + len(w.value) + len(w.exists) + len(w.members)
	}
	return 0
}
