package text

import (
	"errors"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Splice is a change of a text: Del units at Pos give way to Ins. All counts are
// UTF-16 units.
type Splice struct {
	Pos, Del int
	Ins      string
	// Was is the text that was deleted, of Del units.
	Was string
	// Continues: Ins goes on with a run of typing that ended at Pos. What others
	// insert at Pos goes behind it.
	Continues bool
}

// Inverse returns the splice that takes sp back.
func (sp Splice) Inverse() Splice {
	return Splice{Pos: sp.Pos, Del: Units(sp.Ins), Ins: sp.Was, Was: sp.Ins}
}

// RangeError reports a range that is not within the text.
type RangeError struct{ Pos, Del, Len int }

func (e *RangeError) Error() string {
	return "text: " + strconv.Itoa(e.Del) + " units at " + strconv.Itoa(e.Pos) + " of a text of " + strconv.Itoa(e.Len)
}

// inverse returns the splices that take a list of them back.
func inverse(list []Splice) []Splice {
	back := make([]Splice, 0, len(list))
	for _, sp := range slices.Backward(list) {
		back = append(back, sp.Inverse())
	}
	return back
}

// ErrEncoding reports a text to be inserted which is no valid UTF-8. Half a
// surrogate pair has none.
var ErrEncoding = errors.New("text: not valid UTF-8")

// The layout, in units. docs/text.md has the measurements that chose it.
const (
	growMax  = 8   // a chunk that is typed into is followed by another one
	editMax  = 12  // a chunk up to this is rewritten, a longer one divided
	keepLeft = 10  // what is cut off together with the cursor when deleting
	edgeMin  = 4   // a division leaves no less than this at the ends
	runMin   = 96  // a run of small chunks is merged when it has this many
	smallMax = 48  // what is smaller is merged with its neighbours
	bigMax   = 160 // a merged chunk has no more
	pasteMax = 128 // a longer insertion is divided
)

// Splice replaces del units at pos by ins. A range that begins or ends inside a
// surrogate pair is widened to the whole pair. It returns what was done. The
// error is a [*RangeError] or [ErrEncoding]; then nothing was done.
func (s *State) Splice(st Store, pos, del int, ins string) (Splice, error) {
	done := Splice{Pos: pos, Del: del, Ins: ins}
	if err := s.splice(st, &done); err != nil {
		return Splice{}, err
	}
	return done, nil
}

// splice is Splice in place.
func (s *State) splice(st Store, done *Splice) error {
	pos, del, ins := done.Pos, done.Del, done.Ins
	if pos < 0 || del < 0 || pos > s.Len() || del > s.Len()-pos {
		return &RangeError{Pos: pos, Del: del, Len: s.Len()}
	}
	if !utf8.ValidString(ins) {
		return ErrEncoding
	}
	pos, del = s.widen(pos, del)
	done.Pos, done.Del, done.Was, done.Continues = pos, del, "", false
	if del == 0 && ins == "" {
		return nil
	}
	s.enter(st)
	moved := pos != s.last && pos+del != s.last
	if del > 0 {
		done.Was = s.slice(pos, del)
		s.delete(pos, del)
		if len(s.markers) > 0 {
			s.dropEmptyMarks(pos)
		}
	}
	if ins != "" {
		done.Continues = s.insert(pos, ins) || s.own.reach(pos, Own)
	}
	if moved && len(s.loose) > 0 {
		s.tidy(pos + Units(ins))
	}
	s.leave(done)
	return nil
}

// enter begins an own edit, leave ends it.
func (s *State) enter(st Store) {
	if len(s.batches) > 0 {
		s.settle()
	}
	s.store = st
}

func (s *State) leave(done *Splice) {
	s.store = nil
	s.shift(done, Own, true)
	s.last = done.Pos + Units(done.Ins)
	switch {
	case len(s.batches) > 0:
		s.keep([]Splice{*done})
	case s.observed():
		s.publish([]Splice{*done})
	}
}

// insert puts a text at pos, which divides no pair. It reports whether it goes on
// with the run before it.
func (s *State) insert(pos int, ins string) (continues bool) {
	n := Units(ins)
	var left, right *item
	if pos > 0 {
		it, start := s.find(pos)
		c := it.Value
		switch off := pos - start; {
		case off < c.units && c.units+n <= editMax:
			s.write(it, off, off, ins, n)
			return false
		case off < c.units:
			s.divide(it, off, off, ins, 0, 0)
			return false
		case len(s.markers) == 0 && c.mine && c.units+n <= growMax:
			s.write(it, off, off, ins, n)
			return true
		}
		left, right = it, it.Next()
	} else {
		right = s.tree.First()
	}
	if len(s.markers) > 0 {
		left, right = s.choosePlace(pos)
	}
	switch {
	case isText(left) && left.Value.mine && left.Value.units+n <= growMax:
		s.write(left, left.Value.units, left.Value.units, ins, n)
		return true
	case isText(left) && left.Value.mine:
		continues = true
	case pos != s.last && !s.own.reach(pos, Own) && isText(right) && !right.Value.foreign && right.Value.units+n <= growMax:
		s.store.ReadGap(keyOf(left), keyOf(right))
		s.write(right, 0, 0, ins, n)
		return false
	}
	if n > pasteMax {
		s.paste(left, right, ins)
		return continues
	}
	it := s.create(left, right, true, ins)
	if continues && left.Placed() {
		s.mergeRun(left)
	}
	if it.Placed() {
		s.at, s.atStart = it, pos
	}
	return continues
}

func keyOf(it *item) string {
	if it == nil {
		return ""
	}
	return it.Value.key
}

func isText(it *item) bool { return it != nil && it.Value.marker == nil }

// write replaces the units from i up to j of a chunk, not all of them unless by
// others, by ins of n units.
func (s *State) write(it *item, i, j int, ins string, n int) {
	c := it.Value
	from, to := i, j
	if !c.ascii() {
		from, _ = byteOffset(c.text, i)
		to, _ = byteOffset(c.text, j)
	}
	e := write{it: it, key: c.key, units: c.units - (j - i) + n}
	if len(c.raw) == len(c.text)+len(`""`) && plain(ins) {
		e.raw = c.raw[:from+1] + ins + c.raw[to+1:]
		e.text = e.raw[1 : len(e.raw)-1]
	} else {
		e.raw, e.text = quote(c.text[:from] + ins + c.text[to:])
	}
	s.tell(e)
}

// tell writes what replaces a chunk.
func (s *State) tell(e write) {
	s.store.ReadValue(e.key)
	s.expected = e
	s.store.Set(e.key, e.raw)
	s.expected.raw = ""
	if !e.it.Value.loose {
		s.noteLoose(e.it)
	}
}

// create makes a chunk between two neighbours; run: more are to follow it.
func (s *State) create(left, right *item, run bool, text string) *item {
	e := write{key: s.newKey(left, right, run), units: Units(text)}
	e.raw, e.text = quote(text)
	s.expected = e
	return s.set(e.key, e.raw)
}

// newKey returns a key between two neighbours and notes what that depends on. It
// may give the neighbours other keys: then they are other items.
func (s *State) newKey(left, right *item, run bool) string {
	s.store.ReadGap(keyOf(left), keyOf(right))
	key := keyBetween(keyOf(left), keyOf(right), run)
	for s.buried(key) && len(key) <= longKey {
		key = keyBetween(key, keyOf(right), run)
	}
	if len(key) > longKey {
		return s.makeRoom(left, right)
	}
	return key
}

// set writes a member whose key is new, or that of one just deleted.
func (s *State) set(key, raw string) *item {
	s.store.Set(key, raw)
	s.expected.raw = ""
	it := s.added
	it.Value.mine, it.Value.foreign = true, false
	s.noteLoose(it)
	return it
}

func (s *State) drop(it *item) {
	s.store.ReadValue(it.Value.key)
	s.store.Delete(it.Value.key)
}

// paste makes several chunks of a long text.
func (s *State) paste(left, right *item, ins string) {
	var parts []string
	for ins != "" {
		at, inside := byteOffset(ins, pasteMax)
		if inside || at == 0 {
			at, _ = byteOffset(ins, pasteMax-1)
		}
		parts = append(parts, ins[:at])
		ins = ins[at:]
	}
	keys := spreadKeys(keyOf(left), keyOf(right), len(parts), freeForRest, longKey)
	if keys == nil {
		for _, part := range parts {
			left = s.create(left, right, true, part)
			right = left.Next()
		}
		return
	}
	s.store.ReadGap(keyOf(left), keyOf(right))
	for i, key := range keys {
		raw, _ := quote(parts[i])
		s.set(key, raw)
	}
}

// divide makes up to three chunks of one whose units from i up to j give way to
// ins: the middle one has ins with about left units before and right behind it.
func (s *State) divide(it *item, i, j int, ins string, left, right int) {
	c := it.Value
	if i-left < edgeMin {
		left = i
	}
	if c.units-j-right < edgeMin {
		right = c.units - j
	}
	from, _ := c.offset(i - left)
	to, inside := c.offset(j + right)
	if inside {
		to += 4
	}
	at, _ := c.offset(i)
	end, _ := c.offset(j)
	text, foreign := c.text, c.foreign
	middle, rest := text[from:at]+ins+text[end:to], text[to:]
	switch {
	case from > 0 && middle != "":
		s.rewrite(it, text[:from])
		it = s.create(it, it.Next(), true, middle)
		it.Value.foreign = foreign
	case from > 0:
		s.rewrite(it, text[:from])
	case middle != "":
		s.rewrite(it, middle)
	default:
		s.rewrite(it, rest)
		return
	}
	if rest != "" {
		it = s.create(it, it.Next(), false, rest)
		it.Value.mine, it.Value.foreign = !foreign, foreign
	}
}

func (s *State) rewrite(it *item, text string) {
	e := write{it: it, key: it.Value.key, units: Units(text)}
	e.raw, e.text = quote(text)
	s.tell(e)
}

// delete takes n units at pos away, from their end on.
func (s *State) delete(pos, n int) {
	forward := pos == s.last
	for n > 0 {
		it, start := s.find(pos + n)
		c := it.Value
		to := pos + n - start
		k := min(n, to)
		from := to - k
		switch {
		case k == c.units:
			s.drop(it)
		case c.units-k <= editMax:
			s.write(it, from, to, "", 0)
		case forward:
			s.at = nil
			s.divide(it, from, to, "", 0, keepLeft)
		default:
			s.at = nil
			s.divide(it, from, to, "", keepLeft, 0)
		}
		n -= k
	}
}
