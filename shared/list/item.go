package list

import (
	"cmp"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/orderkey"
	"github.com/rivulet-sync/rivulet/shared/rank"
)

// tagMember marks the object as a list. It is no item.
const tagMember = "$"

// The members of an item.
const (
	orderMember = "o"
	valueMember = "v"
)

// malformed is the order of what is no item. It sorts behind all order keys.
const malformed = "~"

type entry struct {
	id    string
	order string // a valid key of at most orderkey.MaxLen bytes, or malformed
	value string
}

type item = rank.Item[entry]

func compare(a, b entry) int {
	return cmp.Or(strings.Compare(a.order, b.order), strings.Compare(a.id, b.id))
}

func parse(id, raw string) entry {
	e := entry{id: id, order: malformed, value: "null"}
	if jsontext.KindOf(raw) == jsontext.Object {
		for name, value := range jsontext.Members(raw) {
			switch {
			case name == valueMember:
				e.value = value
			case name == orderMember && jsontext.KindOf(value) == jsontext.String:
				if key := jsontext.Unquote(value); len(key) <= orderkey.MaxLen && orderkey.Valid(key) {
					e.order = key
				}
			}
		}
	}
	if e.order == malformed {
		e.value = raw
	}
	return e
}

// format returns the canonical JSON of an item.
func format(order, value string) string {
	if value == "null" {
		return `{"o":"` + order + `"}`
	}
	return `{"o":"` + order + `","v":` + value + `}`
}

func orderPath(id string) []string { return []string{id, orderMember} }
