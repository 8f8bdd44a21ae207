package table

// matches reports whether the predicate wants the row. scratch is for keys.
func (p *Predicate) matches(row Row, scratch *[]byte) bool {
	switch p.op {
	case opAnd:
		return matchesAll(p.parts, row, scratch)
	case opOr:
		for i := range p.parts {
			if p.parts[i].matches(row, scratch) {
				return true
			}
		}
		return false
	case opNot:
		return !p.parts[0].matches(row, scratch)
	case opFunc:
		return p.fn(row)
	case opExists:
		_, ok := row.Field(p.field.path...)
		return ok
	}
	*scratch = p.field.appendOf((*scratch)[:0], row)
	key := *scratch
	switch p.op {
	case opEq:
		return string(key) == p.keys[0]
	case opNe:
		return string(key) != p.keys[0]
	case opIn:
		low, high := 0, len(p.keys)
		for low < high {
			if mid := int(uint(low+high) / 2); p.keys[mid] < string(key) {
				low = mid + 1
			} else {
				high = mid
			}
		}
		return low < len(p.keys) && p.keys[low] == string(key)
	}
	return p.low <= string(key) && string(key) < p.high
}

func matchesAll(parts []Predicate, row Row, scratch *[]byte) bool {
	for i := range parts {
		if !parts[i].matches(row, scratch) {
			return false
		}
	}
	return true
}
