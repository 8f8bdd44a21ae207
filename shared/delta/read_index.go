package delta

// readIndex answers what a write needs to know of many reads.
type readIndex struct {
	value   map[Pointer]struct{} // places whose value was read
	members map[Pointer]struct{} // places whose members were read
	gaps    map[Pointer]gapIndex // by object
	within  map[Pointer]struct{} // places at or above a read
}

func newReadIndex(reads []Read) *readIndex {
	x := &readIndex{
		value:   make(map[Pointer]struct{}),
		members: make(map[Pointer]struct{}),
		gaps:    make(map[Pointer]gapIndex),
		within:  make(map[Pointer]struct{}, 2*len(reads)),
	}
	for _, r := range reads {
		place := r.Path
		switch r.Kind {
		case ReadValue:
			x.value[place] = struct{}{}
		case ReadMembers:
			x.members[place] = struct{}{}
		case ReadGap:
			object, left, right := r.gap()
			x.gaps[object] = append(x.gaps[object], span{unescape(left), unescape(right), right == ""})
			place = object
		}
		for at, ok := place, true; ok; at, ok = at.Parent() {
			if _, known := x.within[at]; known {
				break // and so is everything above
			}
			x.within[at] = struct{}{}
		}
	}
	for object, gaps := range x.gaps {
		x.gaps[object] = newGapIndex(gaps)
	}
	return x
}

// invalidatedBy is [Read.invalidatedBy] for all reads at once.
func (x *readIndex) invalidatedBy(w Write) bool {
	if w.Kind == WroteNothing {
		return false
	}
	if _, ok := x.within[w.Path]; ok {
		return true
	}
	if w.Kind == WroteMember { // of no root: that is within
		parent, token := w.Path.cutLast()
		if _, ok := x.members[parent]; ok {
			return true
		}
		if gaps, ok := x.gaps[parent]; ok && gaps.has(unescape(token)) {
			return true
		}
	}
	for at, ok := w.Path, true; ok; at, ok = at.Parent() {
		if _, ok := x.value[at]; ok {
			return true
		}
	}
	return false
}
