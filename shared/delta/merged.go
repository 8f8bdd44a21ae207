package delta

import "bytes"

// merged walks the members of two objects together, in the order of their names.
type merged struct{ first, second []member }

// next returns the next name's members: the one that is not there is nil.
func (m *merged) next() (p, q *member) {
	switch c := m.compare(); {
	case c < 0:
		p, m.first = &m.first[0], m.first[1:]
	case c > 0:
		q, m.second = &m.second[0], m.second[1:]
	default:
		p, m.first = &m.first[0], m.first[1:]
		q, m.second = &m.second[0], m.second[1:]
	}
	return p, q
}

func (m *merged) more() bool { return len(m.first) > 0 || len(m.second) > 0 }

func (m *merged) compare() int {
	if len(m.second) == 0 {
		return -1
	}
	if len(m.first) == 0 {
		return 1
	}
	return bytes.Compare(m.first[0].name, m.second[0].name)
}
