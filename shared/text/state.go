package text

import (
	"iter"
	"slices"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/rank"
	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// Store is the object that a text lives in, within one transaction. Each write
// must reach [State.Changed] before the call returns.
type Store interface {
	// Set writes a member; raw is canonical JSON.
	Set(key, raw string)
	// Delete removes a member.
	Delete(key string)
	// ReadValue notes that the edit depends on the value of a member.
	ReadValue(key string)
	// ReadGap notes that the edit depends on which members there are from left
	// to right, both included. "" is an open end.
	ReadGap(left, right string)
}

// State is one text, derived from the members of its object. The zero State is
// not usable: see [New].
type State struct {
	tree    *rank.Tree[*chunk]
	byKey   map[string]*item
	markers []*item // in order
	wide    int     // number of chunks that are not all ASCII

	// The place of the last lookup: find need not descend for what is near it.
	at      *item
	atStart int

	store    Store // of the edit under way, else nil
	expected write // the write under way, so that Changed need not parse it
	added    *item // the latest chunk

	last    int               // where the last own edit ended
	loose   []*item           // own small chunks that compaction has not seen yet
	spare   []*item           // memory for loose
	scratch []byte            // memory for a chunk in the making
	own     passages          // typed in this session
	others  passages          // typed by others meanwhile
	graves  graves            // what own changes have deleted last
	gone    map[string]owners // of chunks deleted by own edits, which may be undone

	batches []batch
	touched map[string]string // within a batch, since it was last looked at: the text that was there
	total   map[string]string // the same since the outermost batch began
	cursors map[*Cursor]struct{}
	watch   func([]Splice)
}

// write is what a write under way makes of a chunk.
type write struct {
	it             *item  // nil for a new one
	key, raw, text string // raw is "" if none is under way
	units          int
}

// goneMax bounds how many deleted chunks are remembered; more, and none is.
const goneMax = 4096

// New returns the empty text.
func New() *State {
	s := &State{tree: rank.New(func(a, b *chunk) int { return strings.Compare(a.key, b.key) })}
	s.byKey = make(map[string]*item)
	s.touched, s.total = make(map[string]string), make(map[string]string)
	s.gone = make(map[string]owners)
	s.cursors = make(map[*Cursor]struct{})
	return s
}

// Reset makes the text that of the given members, with their canonical JSON;
// they may come in any order. Of a text that nobody looks at it is forgotten who
// wrote what until then.
func (s *State) Reset(members iter.Seq2[string, string]) {
	single := len(s.batches) == 0 && s.observed()
	if single {
		s.Begin(Own)
	}
	was, others := s.byKey, len(s.batches) > 0 && s.origin() != Own
	own := len(s.batches) > 0 && !single && !others
	if len(s.batches) == 0 {
		was, s.own, s.others, s.graves = nil, nil, nil, graves{}
	}
	s.tree.Clear()
	s.wide = 0
	s.byKey = make(map[string]*item)
	if !own {
		clear(s.gone)
	}
	s.markers, s.loose, s.spare, s.at, s.added = nil, nil, nil, nil, nil
	for key, raw := range members {
		c := parse(key, raw)
		if c == nil {
			continue
		}
		switch it := was[key]; {
		case it == nil:
			s.touch(key, nil)
			c.owners = s.gone[key]
			c.foreign = c.foreign || others
			delete(s.gone, key)
		case it.Value.raw == raw:
			c.owners = it.Value.owners
			delete(was, key)
		case own:
			c.owners = it.Value.owners
		default:
			c.foreign = others
		}
		s.add(c)
	}
	for key, it := range was {
		if s.touch(key, it); own && s.byKey[key] == nil {
			s.goes(it.Value)
		}
	}
	if single {
		s.End()
	}
}

// Len returns the length of the text.
func (s *State) Len() int { return s.tree.Weight() }

// String returns the text.
func (s *State) String() string {
	var b strings.Builder
	for it := range s.tree.All() {
		b.WriteString(it.Value.text)
	}
	return b.String()
}

// Slice returns the text from i up to j, widened to whole surrogate pairs. The
// error is a [*RangeError].
func (s *State) Slice(i, j int) (string, error) {
	if i < 0 || j < i || j > s.Len() {
		return "", &RangeError{Pos: i, Del: j - i, Len: s.Len()}
	}
	i, n := s.widen(i, j-i)
	return s.slice(i, n), nil
}

func (s *State) slice(pos, n int) string {
	if n == 0 {
		return ""
	}
	it, start := s.find(pos + 1)
	if c := it.Value; pos+n <= start+c.units {
		return c.cut(pos-start, pos-start+n)
	}
	var b strings.Builder
	for end := pos + n; start < end; it = it.Next() {
		c := it.Value
		b.WriteString(c.cut(max(pos-start, 0), min(end-start, c.units)))
		start += c.units
	}
	return b.String()
}

func (c *chunk) cut(i, j int) string {
	if c.ascii() {
		return c.text[i:j]
	}
	return cut(c.text, i, j)
}

// Changed tells that a member now has this canonical JSON, or is gone. It must
// be called for every write to the object, one's own through a [Store] as well
// as others', and for those that undo an aborted transaction. Telling the same
// twice does no harm.
func (s *State) Changed(key, raw string, present bool) {
	if e := &s.expected; present && raw == e.raw && key == e.key {
		e.raw = ""
		s.touch(key, e.it)
		if s.at != e.it {
			s.at = nil
		}
		if e.it != nil {
			s.put(e.it, raw, e.text, e.units)
			return
		}
		delete(s.gone, key)
		s.add(&chunk{key: key, raw: raw, text: e.text, units: e.units})
		return
	}
	var now *chunk
	if present {
		now = parse(key, raw)
	}
	it := s.byKey[key]
	if it == nil && now == nil || it != nil && now != nil && it.Value.raw == raw {
		return
	}
	single := s.store == nil && len(s.batches) == 0
	if single {
		s.Begin(Others)
	}
	s.touch(key, it)
	s.at = nil
	others := s.store == nil && s.origin() != Own
	switch {
	case now == nil:
		if !others {
			s.goes(it.Value)
		}
		s.remove(it)
	case it == nil || it.Value.marker != nil || now.marker != nil:
		if it != nil {
			s.remove(it)
		}
		if others {
			now.foreign = true
		} else {
			now.owners = s.gone[key]
		}
		delete(s.gone, key)
		s.add(now)
	default:
		s.put(it, now.raw, now.text, now.units)
		if others {
			it.Value.mine, it.Value.foreign = false, true
		}
	}
	if single {
		s.End()
	}
}

// goes remembers the owners of a chunk that an own change deletes.
func (s *State) goes(c *chunk) {
	if len(s.gone) == goneMax {
		clear(s.gone)
	}
	s.gone[c.key] = c.owners
}

// buried reports whether a key was that of a chunk which was not one's own. Another one
// does not get it: taken back, it would be taken for that.
func (s *State) buried(key string) bool {
	o, gone := s.gone[key]
	return gone && !o.mine
}

// put replaces the text of a chunk.
func (s *State) put(it *item, raw, text string, units int) {
	c := it.Value
	s.countWide(c, -1)
	c.raw, c.text = raw, text
	if units != c.units {
		c.units = units
		s.tree.SetWeight(it, units)
	}
	s.countWide(c, 1)
}

// countWide keeps the number of chunks that are not all ASCII.
func (s *State) countWide(c *chunk, by int) {
	if !c.ascii() {
		s.wide += by
	}
}

func (s *State) add(c *chunk) {
	s.countWide(c, 1)
	it := s.tree.Insert(c, c.units)
	s.byKey[c.key], s.added = it, it
	if c.marker != nil {
		i, _ := s.markerAt(c.key)
		s.markers = sorts.Replace(s.markers, i, i, it)
	}
}

func (s *State) remove(it *item) {
	c := it.Value
	s.countWide(c, -1)
	if c.marker != nil {
		i, _ := s.markerAt(c.key)
		s.markers = slices.Delete(s.markers, i, i+1)
	}
	delete(s.byKey, c.key)
	s.tree.Delete(it)
}

func (s *State) markerAt(key string) (int, bool) {
	return slices.BinarySearchFunc(s.markers, key, func(it *item, key string) int { return strings.Compare(it.Value.key, key) })
}

// find returns the chunk that holds the unit before pos, and the position at
// which it starts: start < pos <= start+units. pos is positive.
func (s *State) find(pos int) (it *item, start int) {
	if s.at == nil || pos <= s.atStart || s.atStart+s.at.Value.units < pos {
		s.descend(pos)
	}
	return s.at, s.atStart
}

func (s *State) descend(pos int) {
	it, within := s.tree.AtWeight(pos - 1)
	s.at, s.atStart = it, pos-1-within
}

// widen extends a range to whole surrogate pairs.
func (s *State) widen(pos, n int) (int, int) {
	if s.wide == 0 {
		return pos, n
	}
	return s.widenPairs(pos, n)
}

func (s *State) widenPairs(pos, n int) (int, int) {
	if s.dividesPair(pos) {
		pos, n = pos-1, n+1
	}
	if s.dividesPair(pos + n) {
		n++
	}
	return pos, n
}

func (s *State) dividesPair(pos int) bool {
	if pos <= 0 || pos >= s.Len() {
		return false
	}
	it, start := s.find(pos)
	_, inside := it.Value.offset(pos - start)
	return inside
}
