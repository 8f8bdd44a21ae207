package table

import (
	"strconv"
	"strings"
)

// Explain says how the query would be run now: by which index, reading how many
// rows, or why not at all. The text is for people.
func (q *Query) Explain() string {
	if q.err != nil {
		return "error: " + q.err.Error()
	}
	p := q.plan()
	var b strings.Builder
	if p.index == nil {
		b.WriteString("full scan")
	} else {
		b.WriteString("index (" + p.index.name + ")")
		for i, used := range p.used {
			b.WriteString([]string{": ", ", "}[min(i, 1)] + used.String())
		}
	}
	b.WriteString("; reads " + strconv.Itoa(p.count) + " of " + strconv.Itoa(q.t.len) + " rows")
	if len(p.filter) > 0 {
		b.WriteString("; filters")
		for i := range p.filter {
			b.WriteString([]string{" ", ", "}[min(i, 1)] + p.filter[i].String())
		}
	}
	switch {
	case !p.ordered:
		b.WriteString("; sorts by " + orderText(append(q.order[:len(q.order):len(q.order)], Asc("id"))))
	case p.reverse:
		b.WriteString("; backwards")
	}
	return b.String()
}

// String returns the predicate as text for people.
func (p *Predicate) String() string {
	switch p.op {
	case opAnd:
		return joined(p.parts, " and ")
	case opOr:
		return joined(p.parts, " or ")
	case opNot:
		return "not " + p.parts[0].String()
	case opFunc:
		return "func"
	case opExists:
		return p.field.name + " exists"
	}
	sign := [...]string{opEq: "=", opNe: "!=", opLt: "<", opLe: "<=", opGt: ">", opGe: ">=", opIn: "in", opPrefix: "begins with"}[p.op]
	values := strings.Join(p.texts, ", ")
	if p.op == opIn {
		values = "(" + values + ")"
	}
	return p.field.name + " " + sign + " " + values
}

func joined(parts []Predicate, by string) string {
	texts := make([]string, len(parts))
	for i := range parts {
		texts[i] = parts[i].String()
	}
	return "(" + strings.Join(texts, by) + ")"
}
