package edits

import (
	"slices"
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/text"
)

// Script is a transaction of a page.
type Script struct {
	patch delta.Delta
	reads []delta.Read
	edits []edit
}

// edit is one edit of the collection at a place. Which fields count depends on op.
type edit struct {
	op       byte
	at       delta.Pointer
	from, to int64 // positions and lengths, an index, or what is added
	expand   text.Expand
	name     string // of a mark, or the id of an item
	value    string // JSON
	text     string
	ids      []string // of new items, with their values
	values   []string
}

// The edits, each an array of the letter, the pointer of the collection and:
const (
	opAdd    = '+' // n
	opSplice = 's' // position, deleted units, text
	opMark   = 'm' // from, to, name, value, expand (0 none, 1 start, 2 end, 3 both)
	opUnmark = 'u' // from, to, name
	opInsert = 'i' // index, id, value, id, value, …
	opMove   = 'v' // id, index
	opDelete = 'd' // id
	opSet    = '=' // id, value
)

func (e edit) ofText() bool { return e.op == opSplice || e.op == opMark || e.op == opUnmark }

// ScriptError reports a script that is not of this form.
type ScriptError struct{ Reason string }

func (e *ScriptError) Error() string { return "edit: " + e.Reason }

// Parse reads a transaction: a merge patch, a JSON array of reads (see
// [delta.ParseReads]), and a JSON array of edits, or nothing where there are none.
func Parse(patch, reads, edits []byte) (Script, error) {
	var s Script
	var err error
	if s.patch, err = delta.Parse(patch); err != nil {
		return Script{}, err
	}
	if s.reads, err = delta.ParseReads(reads); err != nil {
		return Script{}, err
	}
	if len(edits) == 0 {
		return s, nil
	}
	if err := jsontext.Validate(edits); err != nil {
		return Script{}, err
	}
	if jsontext.KindOf(edits) != jsontext.Array {
		return Script{}, &ScriptError{"edits are an array"}
	}
	for raw := range jsontext.Elements(string(edits)) {
		e, err := parseEdit(raw)
		if err != nil {
			return Script{}, err
		}
		s.edits = append(s.edits, e)
	}
	return s, nil
}

func parseEdit(raw string) (edit, error) {
	if jsontext.KindOf(raw) != jsontext.Array {
		return edit{}, &ScriptError{"one is an array"}
	}
	a := args{rest: slices.Collect(jsontext.Elements(raw))}
	op := a.text()
	at, ok := delta.ParsePointer(a.text())
	if !ok {
		a.fail("a place is a JSON pointer")
	}
	if len(op) != 1 {
		return edit{}, &ScriptError{"unknown kind"}
	}
	e := edit{op: op[0], at: at}
	switch e.op {
	case opAdd:
		e.from = a.integer()
	case opSplice:
		e.from, e.to, e.text = a.integer(), a.integer(), a.text()
	case opMark:
		e.from, e.to, e.name, e.value = a.integer(), a.integer(), a.text(), a.next()
		expand := a.integer()
		if expand < 0 || expand > int64(text.ExpandBoth) {
			a.fail("a mark expands by 0 to 3")
		}
		e.expand = text.Expand(expand)
	case opUnmark:
		e.from, e.to, e.name = a.integer(), a.integer(), a.text()
	case opInsert:
		for e.from = a.integer(); len(a.rest) > 0; {
			e.ids, e.values = append(e.ids, a.id()), append(e.values, a.next())
		}
	case opMove:
		e.name, e.from = a.id(), a.integer()
	case opDelete:
		e.name = a.id()
	case opSet:
		e.name, e.value = a.id(), a.next()
	default:
		a.fail("unknown kind")
	}
	if len(a.rest) > 0 {
		a.fail("too many arguments")
	}
	return e, a.err
}

// args takes the elements of an array one by one, and keeps the first fault.
type args struct {
	rest []string
	err  error
}

func (a *args) fail(reason string) {
	if a.err == nil {
		a.err = &ScriptError{reason}
	}
}

func (a *args) next() string {
	if len(a.rest) == 0 {
		a.fail("too few arguments")
		return "0"
	}
	raw := a.rest[0]
	a.rest = a.rest[1:]
	return raw
}

func (a *args) text() string {
	raw := a.next()
	if jsontext.KindOf(raw) != jsontext.String {
		a.fail("an argument is not a string")
		return ""
	}
	return jsontext.Unquote(raw)
}

func (a *args) id() string {
	id := a.text()
	if id == "" || id == "$" || jsontext.QuotedLen(id)-2 > jsontext.MaxName {
		a.fail("not the id of an item")
	}
	return id
}

func (a *args) integer() int64 {
	n, err := strconv.ParseInt(a.next(), 10, 64)
	if err != nil || n > maxInteger || n < -maxInteger {
		a.fail("an argument is not an integer")
		return 0
	}
	return n
}

// maxInteger is the largest integer that a number of JavaScript holds exactly.
const maxInteger = 1<<53 - 1
