package table

import (
	"strings"
	"unicode/utf8"
)

// field is a place in a row.
type field struct {
	name string // as the caller wrote it
	path []string
}

// parseField reads a member name, or a JSON pointer (RFC 6901) if it begins with
// a slash. "lane" and "/lane" are one field, with one name.
func parseField(name string) (field, error) {
	if !utf8.ValidString(name) {
		return field{}, &Error{Fault: FaultField, Field: name, Reason: "is not UTF-8"}
	}
	if name == "" || name[0] != '/' {
		return field{name: name, path: []string{name}}, nil
	}
	path := strings.Split(name[1:], "/")
	for i, token := range path {
		for at := 0; at < len(token); at++ {
			if token[at] == '~' && (at+1 == len(token) || token[at+1] != '0' && token[at+1] != '1') {
				return field{}, &Error{Fault: FaultField, Field: name, Reason: "is not a JSON pointer"}
			}
		}
		path[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
	}
	if len(path) == 1 && (path[0] == "" || path[0][0] != '/') {
		name = path[0]
	}
	return field{name: name, path: path}, nil
}

// appendOf appends the key of what the field holds in a row.
func (f *field) appendOf(dst []byte, row Row) []byte {
	raw, ok := row.Field(f.path...)
	if !ok {
		return append(dst, tagNull)
	}
	return appendKey(dst, raw)
}

// Order is a field and a direction to sort by.
type Order struct {
	field field
	desc  bool
	err   error
}

// Asc orders by a field, smallest first.
func Asc(name string) Order {
	f, err := parseField(name)
	return Order{field: f, err: err}
}

// Desc orders by a field, greatest first.
func Desc(name string) Order {
	f, err := parseField(name)
	return Order{field: f, desc: true, err: err}
}

// appendOf appends the key of a row's field in this direction.
func (o *Order) appendOf(dst []byte, row Row) []byte {
	start := len(dst)
	dst = o.field.appendOf(dst, row)
	if o.desc {
		invert(dst[start:])
	}
	return dst
}

func (o *Order) String() string {
	if o.desc {
		return o.field.name + " desc"
	}
	return o.field.name
}

// checkOrders returns the first error, or that a field is named twice.
func checkOrders(orders []Order) error {
	for i := range orders {
		if orders[i].err != nil {
			return orders[i].err
		}
		if orders[i].field.path == nil {
			return &Error{Fault: FaultField, Reason: "an order must be made by Asc or Desc"}
		}
		for j := range i {
			if orders[i].field.name == orders[j].field.name {
				return &Error{Fault: FaultField, Field: orders[i].field.name, Reason: "is named twice"}
			}
		}
	}
	return nil
}

func appendOrders(dst []byte, orders []Order, row Row) []byte {
	for i := range orders {
		dst = orders[i].appendOf(dst, row)
	}
	return dst
}
