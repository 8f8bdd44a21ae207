package text

import "github.com/rivulet-sync/rivulet/shared/jsontext"

// marker is a boundary of a mark.
type marker struct {
	begins bool
	name   string
	value  string // canonical JSON; of a beginning
	grows  bool   // what is inserted here belongs to the mark
}

// leads reports whether what is inserted at the marker goes before it.
func (m *marker) leads() bool { return m.begins != m.grows }

// parseMarker reads a marker. It returns nil for any other array.
func parseMarker(raw string) *marker {
	var part [4]string
	n := 0
	for element := range jsontext.Elements(raw) {
		if n == len(part) {
			return nil
		}
		part[n] = element
		n++
	}
	m := &marker{begins: part[0] == `"<"`}
	if !m.begins && part[0] != `">"` || n < 2 || part[1][0] != '"' {
		return nil
	}
	m.name = jsontext.Unquote(part[1])
	rest := part[2:n]
	if m.begins {
		if n < 3 || part[2] == "null" {
			return nil
		}
		m.value, rest = part[2], part[3:n]
	}
	switch {
	case len(rest) == 0:
	case len(rest) == 1 && rest[0] == "1":
		m.grows = true
	default:
		return nil
	}
	if m.name == "" {
		return nil
	}
	return m
}

// raw returns the canonical JSON of the marker.
func (m *marker) raw() string {
	b := []byte(`[">",`)
	if m.begins {
		b[2] = '<'
	}
	b = jsontext.AppendString(b, m.name)
	if m.begins {
		b = append(append(b, ','), m.value...)
	}
	if m.grows {
		b = append(b, ",1"...)
	}
	return string(append(b, ']'))
}

// boundary returns what stands at a position which divides no chunk: the chunk
// before, the markers in order, and the chunk behind.
func (s *State) boundary(pos int) (left *item, markers []*item, right *item) {
	if pos > 0 {
		left, _ = s.find(pos)
		right = left.Next()
	} else {
		right = s.tree.First()
	}
	for ; right != nil && right.Value.marker != nil; right = right.Next() {
		markers = append(markers, right)
	}
	return left, markers, right
}

// choosePlace returns between which neighbours an insertion at pos goes: behind
// the markers that do not lead, before those that do. Where they are not in this
// order they get new keys. If a mark wants the text at its end and one of the
// same name at its beginning, the former gets it. (Without room for keys, which
// only a hostile client brings about, the order stays.)
func (s *State) choosePlace(pos int) (left, right *item) {
	left, markers, right := s.boundary(pos)
	if len(markers) > 0 {
		// Beside a marker, too, somebody may insert at the same place.
		s.store.ReadGap(keyOf(left), keyOf(right))
	}
	var before, behind []string
	inOrder := true
	led := make(map[string]bool)
	for _, it := range markers {
		if m := it.Value.marker; m.leads() || led[m.name] {
			led[m.name] = true
			behind = append(behind, it.Value.raw)
		} else {
			inOrder = inOrder && len(behind) == 0
			before = append(before, it.Value.raw)
		}
	}
	place := len(before)
	if keys := spreadKeys(keyOf(left), keyOf(right), len(markers), freeForRest, longKey); !inOrder && keys != nil {
		s.lay(layout{items: markers, raws: append(before, behind...), before: left, after: right}, keys)
		for i, key := range keys {
			markers[i] = s.byKey[key]
		}
	}
	if place > 0 {
		left = markers[place-1]
	}
	if place < len(markers) {
		right = markers[place]
	}
	return left, right
}

// dropEmptyMarks deletes the marks that have no text left at pos.
func (s *State) dropEmptyMarks(pos int) {
	if pos > 0 {
		if it, start := s.find(pos); pos-start < it.Value.units {
			return
		}
	}
	left, markers, right := s.boundary(pos)
	gone := false
	for i := 0; i < len(markers); i++ {
		end := markers[i].Value.marker
		if end.begins {
			continue
		}
		for j := i - 1; j >= 0; j-- {
			if m := markers[j].Value.marker; m.name != end.name {
				continue
			} else if m.begins {
				if !gone {
					s.store.ReadGap(keyOf(left), keyOf(right))
					gone = true
				}
				s.drop(markers[i])
				s.drop(markers[j])
				markers = append(markers[:i], markers[i+1:]...)
				markers = append(markers[:j], markers[j+1:]...)
				i -= 2
			}
			break
		}
	}
}
