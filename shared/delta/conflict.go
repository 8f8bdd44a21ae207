package delta

// WriteKind says what happened at a place.
type WriteKind uint8

const (
	// WroteValue: a value was put in the place of another one, or the same value
	// was written again. The names of the members around it stayed as they were.
	WroteValue WriteKind = iota + 1
	// WroteMember: a member came to be or ceased to be; whatever was below the
	// path is gone or new.
	WroteMember
	// WroteNothing: an empty object was merged into an object. No reader can see
	// a difference, but the patch has an effect once the object is gone.
	WroteNothing
)

// Write is the effect of one leaf of a delta on the document that it was
// applied to. A delta that created an object has one Write for the object and
// none for what is in it.
type Write struct {
	Kind WriteKind
	Path Pointer
}

// MaxWrites bounds how many writes are told apart. A delta with more of them
// counts as a write of the whole document.
const MaxWrites = 4096

// Conflicts reports whether any of the writes changed what any of the reads
// saw (law L8). It may report true where nothing changed (the same value was
// written again), never false where something did.
func Conflicts(reads []Read, writes []Write) bool {
	for _, w := range writes {
		for _, r := range reads {
			if r.invalidatedBy(w) {
				return true
			}
		}
	}
	return false
}

func (r Read) invalidatedBy(w Write) bool {
	if w.Kind == WroteNothing {
		return false
	}
	if w.Path.Contains(r.Path) {
		return true
	}
	switch r.Kind {
	case ReadValue:
		return r.Path.Contains(w.Path)
	case ReadMembers:
		parent, ok := w.Path.Parent()
		return ok && w.Kind == WroteMember && parent == r.Path
	}
	return false
}

// Overlap reports whether a patch with the given leaves, applied after the
// writes, may not commute with them: a leaf is at, above or below a write.
func Overlap(d Delta, writes []Write) bool {
	overlap := false
	d.Leaves(func(leaf Pointer) bool {
		for _, w := range writes {
			if w.Path.Contains(leaf) || leaf.Contains(w.Path) {
				overlap = true
				return false
			}
		}
		return true
	})
	return overlap
}
