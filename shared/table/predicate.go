package table

import "slices"

// operator is what a [Predicate] does.
type operator uint8

const (
	opEq operator = iota + 1
	opNe
	opLt
	opLe
	opGt
	opGe
	opIn
	opPrefix
	opExists
	opAnd
	opOr
	opNot
	opFunc
)

// Predicate says which rows a query wants. It is made by the functions below;
// what is wrong with it is told by the query that it is used in.
type Predicate struct {
	op    operator
	field field
	keys  []string // of the parameters, ascending
	texts []string // the parameters as JSON
	// low and high bound the keys that opLt to opGe and opPrefix want: from low on
	// and below high.
	low, high string
	parts     []Predicate
	fn        func(Row) bool
	err       error
}

func compare(op operator, name string, values ...any) Predicate {
	p := Predicate{op: op}
	if p.field, p.err = parseField(name); p.err != nil {
		return p
	}
	for _, value := range values {
		text, err := literal(value)
		if err != nil {
			err.(*Error).Field = p.field.name
			p.err = err
			return p
		}
		p.texts = append(p.texts, string(text))
		p.keys = append(p.keys, string(appendKey(nil, string(text))))
	}
	return p
}

// Eq wants the field to equal the value. Literal("null") equals a missing field.
func Eq(name string, value any) Predicate { return compare(opEq, name, value) }

// Ne wants the field not to equal the value: everything that [Eq] does not want,
// missing fields and values of other types included.
func Ne(name string, value any) Predicate { return compare(opNe, name, value) }

// Lt wants the field to be less than the value and of its type.
func Lt(name string, value any) Predicate { return within(opLt, name, value) }

// Le wants the field to be at most the value and of its type.
func Le(name string, value any) Predicate { return within(opLe, name, value) }

// Gt wants the field to be greater than the value and of its type.
func Gt(name string, value any) Predicate { return within(opGt, name, value) }

// Ge wants the field to be at least the value and of its type.
func Ge(name string, value any) Predicate { return within(opGe, name, value) }

// In wants the field to equal one of the values; none is wanted of no values.
func In(name string, values ...any) Predicate {
	p := compare(opIn, name, values...)
	slices.Sort(p.keys)
	p.keys = slices.Compact(p.keys)
	return p
}

// Prefix wants the field to be a string that begins with the given text.
func Prefix(name, text string) Predicate {
	p := compare(opPrefix, name, text)
	if p.err == nil {
		key := appendText(nil, text)
		p.low = string(key)
		p.high = string(after(key)) // changes key
	}
	return p
}

// Exists wants the row to have the field, whatever it holds.
func Exists(name string) Predicate { return compare(opExists, name) }

// And wants what all the parts want: every row if there is no part.
func And(parts ...Predicate) Predicate { return combine(opAnd, parts) }

// Or wants what any of the parts wants: no row if there is no part.
func Or(parts ...Predicate) Predicate { return combine(opOr, parts) }

// Not wants what the part does not want.
func Not(part Predicate) Predicate { return combine(opNot, []Predicate{part}) }

// Func wants the rows for which fn returns true. fn must depend on nothing but
// the row's content and must not keep the row.
func Func(fn func(Row) bool) Predicate {
	p := Predicate{op: opFunc, fn: fn}
	if fn == nil {
		p.err = &Error{Fault: FaultPredicate, Reason: "Func without a function"}
	}
	return p
}

func combine(op operator, parts []Predicate) Predicate {
	p := Predicate{op: op, parts: slices.Clone(parts)}
	for i := range parts {
		if p.err = parts[i].check(); p.err != nil {
			break
		}
	}
	return p
}

func (p *Predicate) check() error {
	if p.err == nil && p.op == 0 {
		return &Error{Fault: FaultPredicate, Reason: "an empty Predicate: use the functions that make one"}
	}
	return p.err
}

// within makes a range among the values of the parameter's type.
func within(op operator, name string, value any) Predicate {
	p := compare(op, name, value)
	if p.err != nil {
		return p
	}
	key := p.keys[0]
	first, end := key[0], key[0]+1
	switch key[0] {
	case tagFalse, tagTrue:
		first, end = tagFalse, tagTrue+1
	case tagNegative, tagZero, tagPositive:
		first, end = tagNegative, tagPositive+1
	}
	p.low, p.high = string([]byte{first}), string([]byte{end})
	switch op {
	case opLt:
		p.high = key
	case opLe:
		p.high = string(after([]byte(key)))
	case opGt:
		p.low = string(after([]byte(key)))
	case opGe:
		p.low = key
	}
	return p
}
