package text

const (
	reach    = 4   // chunks around the cursor that compaction leaves alone
	looseMax = 256 // small chunks that are remembered until the cursor has left
	rekeyMax = 16  // chunks that get new keys at once
	rekeyGap = 2   // least distance of their keys
	longKey  = 20  // a longer key is not made: its neighbours get new ones
)

// noteLoose remembers a small chunk, to be merged when the cursor has left.
func (s *State) noteLoose(it *item) {
	c := it.Value
	if c.loose || c.marker != nil || c.units >= smallMax {
		return
	}
	if len(s.loose) == looseMax {
		s.loose[0].Value.loose = false
		s.loose = append(s.loose[:0], s.loose[1:]...)
	}
	c.loose = true
	s.loose = append(s.loose, it)
}

// mergeRun merges the small chunks of the run that ends with last, once they are
// enough for a big one.
func (s *State) mergeRun(last *item) {
	sum, first := 0, last
	for it := last; isText(it) && !it.Value.foreign && it.Value.units <= editMax && sum < runMin; it = it.Prev() {
		sum += it.Value.units
		first = it
	}
	if sum >= runMin {
		s.merge(first, last)
	}
}

// tidy merges the small chunks from which the cursor, at pos, has gone away.
func (s *State) tidy(pos int) {
	here := 0
	if pos > 0 {
		it, _ := s.find(pos)
		here = s.tree.Index(it)
	}
	old := s.loose
	s.loose, s.spare = s.spare[:0], old
	for _, it := range old {
		if !it.Placed() {
			continue
		}
		c := it.Value
		c.loose = false
		if c.units >= smallMax || c.foreign {
			continue
		}
		index := s.tree.Index(it)
		if distance(index, here) <= reach {
			c.loose = true
			s.loose = append(s.loose, it)
			continue
		}
		here -= s.gather(it, index, here)
	}
}

func distance(a, b int) int { return max(a-b, b-a) }

// gather merges a small chunk with its smaller neighbours. It returns by how much
// the index of the cursor, which is here, has gone down.
func (s *State) gather(it *item, index, here int) int {
	first, last, sum, n := it, it, it.Value.units, 1
	low := index
	room := func(next *item, at int) int {
		if !isText(next) || next.Value.foreign || distance(at, here) <= reach || sum+next.Value.units > bigMax {
			return bigMax + 1
		}
		return next.Value.units
	}
	before, after := first.Prev(), last.Next()
	for {
		l, r := room(before, low-1), room(after, low+n)
		if least := min(l, r); least > bigMax || sum >= smallMax && least >= smallMax {
			break
		}
		if l < r {
			first, sum, low = before, sum+l, low-1
			before = before.Prev()
		} else {
			last, sum = after, sum+r
			after = after.Next()
		}
		n++
	}
	if n == 1 {
		return 0
	}
	s.merge(first, last)
	if index < here {
		return n - 1
	}
	return 0
}

// merge makes one chunk of those from first to last. Where its key is long it
// gets a shorter one, if need be together with its neighbours.
func (s *State) merge(first, last *item) {
	raw := s.joined(first, last)
	s.at = nil
	w := window{before: first.Prev(), after: last.Next(), n: 1}
	key := first.Value.key
	if k := keyBetween(keyOf(w.before), keyOf(w.after), false); len(k) < len(key) {
		key = k
	}
	if short := s.shortKey(); len(key) > short {
		for wide := w; wide.n < rekeyMax && wide.grow(keyLength); {
			if keys := wide.spread(short); keys != nil {
				s.lay(s.layout(wide, first, last, raw), keys)
				return
			}
		}
	}
	s.lay(s.layout(w, first, last, raw), []string{key})
}

// joined returns the literal of the text of all from first to last.
func (s *State) joined(first, last *item) string {
	b := append(s.scratch[:0], '"')
	for it := first; ; it = it.Next() {
		raw := it.Value.raw
		b = append(b, raw[1:len(raw)-1]...)
		if it == last {
			break
		}
	}
	s.scratch = append(b, '"')
	return string(s.scratch)
}

// shortKey is how long a key is that is not worth another one.
func (s *State) shortKey() int {
	n := 2
	for room := base * base / 2; room < s.tree.Len(); room *= base {
		n++
	}
	return n
}

// keyLength returns the length of the key of a chunk that compaction may touch.
func keyLength(it *item) int {
	if !isText(it) || it.Value.foreign {
		return 0
	}
	return len(it.Value.key)
}

// makeRoom gives neighbours new keys, as many as need be, and returns a key
// between left and right.
func (s *State) makeRoom(left, right *item) string {
	s.at = nil
	w := window{before: left, after: right, n: 1}
	for w.grow(anyKeyLength) {
		keys := w.spread(longKey - 2)
		if keys == nil && w.before == nil && w.after == nil {
			keys = w.spread(MaxKey)
		}
		if keys == nil {
			continue
		}
		l := layout{before: w.before, after: w.after}
		place := 0
		for it := s.behind(w.before); it != w.after; it = it.Next() {
			if it == right {
				place = len(l.raws)
				l.raws = append(l.raws, "")
			}
			l.items, l.raws = append(l.items, it), append(l.raws, it.Value.raw)
		}
		if right == w.after {
			place = len(l.raws)
			l.raws = append(l.raws, "")
		}
		s.lay(l, keys)
		return keys[place]
	}
	panic("text: no key is long, yet there is no room for one")
}

func anyKeyLength(it *item) int { return len(keyOf(it)) }

// window is a stretch of members that are to get n keys.
type window struct {
	before, after *item // the neighbours, not in it
	n             int
}

// grow takes in the neighbour with the longer key. It reports whether there is
// one; length is 0 for those that must stay as they are.
func (w *window) grow(length func(*item) int) bool {
	left, right := length(w.before), length(w.after)
	switch {
	case left == 0 && right == 0:
		return false
	case left >= right:
		w.before = w.before.Prev()
	default:
		w.after = w.after.Next()
	}
	w.n++
	return true
}

func (w *window) spread(longest int) []string {
	return spreadKeys(keyOf(w.before), keyOf(w.after), w.n, rekeyGap, longest)
}

func (s *State) behind(it *item) *item {
	if it == nil {
		return s.tree.First()
	}
	return it.Next()
}

// layout is a stretch of members and what is to replace them.
type layout struct {
	items         []*item
	raws          []string // "" keeps a place free
	before, after *item    // the neighbours
}

// layout returns that of a window where first to last become one, raw.
func (s *State) layout(w window, first, last *item, raw string) layout {
	l := layout{before: w.before, after: w.after, items: make([]*item, 0, 2*rekeyMax), raws: make([]string, 0, w.n)}
	merged := false
	for it := s.behind(w.before); it != w.after; it = it.Next() {
		l.items = append(l.items, it)
		merged = merged || it == first
		switch {
		case !merged:
			l.raws = append(l.raws, it.Value.raw)
		case it == last:
			l.raws = append(l.raws, raw)
			merged = false
		}
	}
	return l
}

// lay writes what replaces the members under the given keys.
func (s *State) lay(l layout, keys []string) {
	s.store.ReadGap(keyOf(l.before), keyOf(l.after))
	for _, it := range l.items {
		s.drop(it)
	}
	for i, key := range keys {
		if l.raws[i] != "" {
			s.set(key, l.raws[i])
		}
	}
}
