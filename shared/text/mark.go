package text

import (
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// Expand says at which ends a mark takes in what is inserted right there.
type Expand uint8

// Text in bold goes on at its end; a link or a comment does not.
const (
	ExpandNone  Expand = 0
	ExpandStart Expand = 1
	ExpandEnd   Expand = 2
	ExpandBoth  Expand = ExpandStart | ExpandEnd
)

// ErrMark reports a mark without a name, or with a value that is no JSON value
// or is null.
var ErrMark = errors.New("text: a mark needs a name and a value")

// span is a range that a mark covers. Spans of one name do not overlap.
type span struct {
	from, to     int
	value        string
	before, last bool // whether it grows at its beginning and its end
}

// stretch is the markers of one name from one that begins, at depth 0, up to the
// one that brings the depth back to 0.
type stretch struct {
	spans   []span
	markers []*item
}

// Mark gives the range a mark. value is JSON, not null. What there was under that
// name within the range gives way; the same value next to it is joined with it.
// The error is a [*RangeError] or [ErrMark]; then nothing was done.
func (s *State) Mark(st Store, from, to int, name, value string, e Expand) error {
	if name == "" || !utf8.ValidString(name) || jsontext.ValidateWithin([]byte(value), 3) != nil {
		return ErrMark
	}
	value = string(jsontext.AppendCanonical(nil, []byte(value)))
	if value == "null" {
		return ErrMark
	}
	return s.mark(st, from, to, name, &span{value: value, before: e&ExpandStart != 0, last: e&ExpandEnd != 0})
}

// Unmark takes the marks of a name off the range. The error is a [*RangeError] or
// [ErrMark]; then nothing was done.
func (s *State) Unmark(st Store, from, to int, name string) error {
	if name == "" {
		return ErrMark
	}
	return s.mark(st, from, to, name, nil)
}

func (s *State) mark(st Store, from, to int, name string, put *span) error {
	if from < 0 || to < from || to > s.Len() {
		return &RangeError{Pos: from, Del: to - from, Len: s.Len()}
	}
	if from == to {
		return nil
	}
	from, n := s.widen(from, to-from)
	to = from + n
	var now []span
	var was []*item
	low, high := from, to
	stretches, strays := s.stretches(name)
	for _, t := range stretches {
		first, last := t.spans[0], t.spans[len(t.spans)-1]
		if last.to < from || first.from > to {
			continue
		}
		low, high = min(low, first.from), max(high, last.to)
		was = append(was, t.markers...)
		for _, sp := range t.spans {
			if left := sp; left.from < from {
				left.to = min(left.to, from)
				now = append(now, left)
			}
			if right := sp; right.to > to {
				right.from = max(right.from, to)
				now = append(now, right)
			}
		}
	}
	for _, it := range strays {
		if at := s.tree.Offset(it); from <= at && at <= to {
			was = append(was, it)
		}
	}
	if put != nil {
		put.from, put.to = from, to
		now = append(now, *put)
	}
	sorts.Func(now, func(a, b span) int { return a.from - b.from })
	s.enter(st)
	s.readRange(low, high)
	s.setMarkers(name, was, joinSpans(now))
	s.store = nil
	if len(s.batches) > 0 {
		s.keep(nil)
	}
	return nil
}

// joinSpans drops empty spans and joins equal ones that touch.
func joinSpans(list []span) []span {
	var out []span
	for _, sp := range list {
		if sp.from >= sp.to {
			continue
		}
		if n := len(out); n > 0 && out[n-1].to == sp.from && out[n-1].value == sp.value {
			out[n-1].to, out[n-1].last = sp.to, sp.last
			continue
		}
		out = append(out, sp)
	}
	return out
}

// stretches returns where the marks of a name are, and the ends without a
// beginning.
func (s *State) stretches(name string) (list []stretch, strays []*item) {
	var open []*marker
	for _, it := range s.markers {
		m := it.Value.marker
		if m.name != name {
			continue
		}
		at := s.tree.Offset(it)
		if len(open) == 0 {
			if !m.begins {
				strays = append(strays, it)
				continue
			}
			list = append(list, stretch{})
		}
		t := &list[len(list)-1]
		t.markers = append(t.markers, it)
		if n := len(t.spans); n > 0 {
			t.spans[n-1].to = at
			if !m.begins {
				t.spans[n-1].last = m.grows
			}
		}
		if m.begins {
			open = append(open, m)
		} else {
			open = open[:len(open)-1]
		}
		if n := len(open); n > 0 {
			t.spans = append(t.spans, span{from: at, value: open[n-1].value, before: open[n-1].grows})
		}
	}
	if len(open) > 0 {
		t := &list[len(list)-1]
		t.spans[len(t.spans)-1].to = s.Len()
	}
	return list, strays
}

// readRange notes that an edit depends on the members of a range of the text.
func (s *State) readRange(from, to int) {
	left, right := "", ""
	if from > 0 {
		it, _ := s.find(from)
		left = keyOf(it)
	}
	if it, _ := s.tree.AtWeight(to); it != nil {
		right = keyOf(it)
	}
	s.store.ReadGap(left, right)
}

// setMarkers puts markers around the spans, in place of those that were.
func (s *State) setMarkers(name string, was []*item, now []span) {
	type place struct {
		pos int
		raw string
	}
	var missing []place
	var wanted []marker
	for _, sp := range now {
		for _, m := range []marker{{begins: true, name: name, value: sp.value, grows: sp.before}, {name: name, grows: sp.last}} {
			pos := sp.from
			if !m.begins {
				pos = sp.to
			}
			raw := m.raw()
			kept := slices.IndexFunc(was, func(it *item) bool { return it.Value.raw == raw && s.tree.Offset(it) == pos })
			if kept >= 0 {
				was = slices.Delete(was, kept, kept+1)
				continue
			}
			missing, wanted = append(missing, place{pos, raw}), append(wanted, m)
		}
	}
	s.at = nil
	for _, it := range was {
		s.drop(it)
	}
	for i, p := range missing {
		s.placeMarker(p.pos, &wanted[i], p.raw)
	}
}

// placeMarker makes a marker at a position. What is inserted there is to go
// before markers that lead and behind the others, so those stand first.
func (s *State) placeMarker(pos int, m *marker, raw string) {
	if pos > 0 {
		if it, start := s.find(pos); pos-start < it.Value.units {
			s.cutAt(it, pos-start)
		}
	}
	left, markers, right := s.boundary(pos)
	place := 0
	if m.leads() {
		place = len(markers)
	}
	// An end stands before the beginning of the next mark of its name.
	for i, it := range markers {
		if other := it.Value.marker; other.name == m.name && other.begins != m.begins {
			if m.begins {
				place = max(place, i+1)
			} else {
				place = min(place, i)
			}
		}
	}
	if place > 0 {
		left = markers[place-1]
	}
	if place < len(markers) {
		right = markers[place]
	}
	s.set(s.newKey(left, right, false), raw)
}

// cutAt divides a chunk in two.
func (s *State) cutAt(it *item, unit int) {
	at, _ := it.Value.offset(unit)
	rest, foreign := it.Value.text[at:], it.Value.foreign
	s.rewrite(it, it.Value.text[:at])
	it = s.create(it, it.Next(), false, rest)
	it.Value.mine, it.Value.foreign = !foreign, foreign
}
