package delta

// WriteKind says what happened at a place.
type WriteKind uint8

const (
	// WroteValue: a value was put in the place of another one. The names of the
	// members around it stayed as they were.
	WroteValue WriteKind = iota + 1
	// WroteMember: a member came to be or ceased to be; whatever was below the
	// path is gone or new.
	WroteMember
	// WroteNothing: what was there already was written again. No reader can see a
	// difference, but the patch has an effect once something else is there.
	WroteNothing
)

// Write is the effect of one leaf of a delta on the document that it was
// applied to. A delta that created an object has one Write for the object and
// none for what is in it.
type Write struct {
	Kind WriteKind
	Path Pointer
}

// Bounds on the writes of one delta that are told apart: their number, and the
// bytes of their paths, which can be many times those of the delta.
const (
	MaxWrites     = 4096
	MaxWriteBytes = 256 << 10
)

// Writes collects the effect of one delta. Past the bounds it is one write of the
// whole document. The zero Writes is empty.
type Writes struct {
	list  []Write
	bytes int
	all   bool
}

// NewWrites returns a Writes that first fills the memory of list, from its start.
func NewWrites(list []Write) Writes { return Writes{list: list[:0]} }

// Add notes one write.
func (w *Writes) Add(kind WriteKind, at Pointer) {
	if w.bytes += len(at); len(w.list) == MaxWrites || w.bytes > MaxWriteBytes {
		w.all, w.list = true, nil
	}
	if !w.all {
		w.list = append(w.list, Write{Kind: kind, Path: at})
	}
}

// List returns the writes.
func (w *Writes) List() []Write {
	if w.all {
		return []Write{{Kind: WroteMember}}
	}
	return w.list
}

// Conflicts reports whether any of the writes changed what any of the reads
// saw (law L8). It may report true where a reader sees no difference, never
// false where one sees it. To test many sets of writes, use a [ReadSet].
func Conflicts(reads []Read, writes []Write) bool {
	s := ReadSet{reads: reads}
	return s.ConflictsWith(writes)
}

// ReadSet is what one transaction read, prepared for the conflict test. The test
// costs what the writes cost, however many reads there are.
type ReadSet struct {
	reads []Read
	work  int // comparisons so far
	index *readIndex
}

// indexAfter is the number of comparisons past which an index is made.
const indexAfter = 1024

// NewReadSet returns the set of the reads, which it keeps.
func NewReadSet(reads []Read) *ReadSet { return &ReadSet{reads: reads} }

// ConflictsWith reports whether any of the writes changed what any of the reads
// saw.
func (s *ReadSet) ConflictsWith(writes []Write) bool {
	if s.work += len(s.reads) * len(writes); s.index == nil && s.work > indexAfter {
		s.index = newReadIndex(s.reads)
	}
	for _, w := range writes {
		if s.index != nil && s.index.invalidatedBy(w) || s.index == nil && anyInvalidatedBy(s.reads, w) {
			return true
		}
	}
	return false
}

func anyInvalidatedBy(reads []Read, w Write) bool {
	for _, r := range reads {
		if r.invalidatedBy(w) {
			return true
		}
	}
	return false
}

func (r Read) invalidatedBy(w Write) bool {
	if w.Kind == WroteNothing {
		return false
	}
	if r.Kind == ReadGap {
		return r.gapInvalidatedBy(w)
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
