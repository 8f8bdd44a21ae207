package typed

import (
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/table"
)

// Table is an object of records by id, each a T, whose JSON is an object: a
// [table.Records].
type Table[T any] struct {
	place
	codec   *codec[T]
	indexes []table.Index
	records *table.Records
}

func (t *Table[T]) check(*Options) string {
	typ := reflect.TypeFor[T]()
	of := typ
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if k := of.Kind(); k != reflect.Struct && k != reflect.Map && k != reflect.Interface && !marshals(typ) {
		return "the JSON of a " + typ.String() + " is no object, as a record must be"
	}
	return unfit(typ, nil)
}

// declare reads the tag index and keeps what it says.
func (t *Table[T]) declare(tag string) ([]table.Index, error) {
	for declared := range strings.SplitSeq(tag, ";") {
		var x table.Index
		for name := range strings.SplitSeq(declared, ",") {
			name, desc := strings.CutPrefix(strings.TrimSpace(name), "-")
			if err := hasMember(reflect.TypeFor[T](), name); err != nil {
				return nil, err
			}
			if desc {
				x = append(x, table.Desc(name))
			} else {
				x = append(x, table.Asc(name))
			}
		}
		t.indexes = append(t.indexes, x)
	}
	_, err := table.New(table.Config{Indexes: t.indexes})
	return t.indexes, err
}

// hasMember returns an error if values of a type never have a member. Name is as of
// [table.Asc].
func hasMember(t reflect.Type, name string) error {
	names := []string{name}
	if p, ok := delta.ParsePointer(name); ok && name != "" {
		names = p.Names()
	}
	for _, n := range names {
		isStruct, members, entry := typesWithin(t)
		if !isStruct {
			if t = entry; t == nil {
				return nil // not known
			}
			continue
		}
		m, ok := members[n]
		if !ok {
			return errors.New(t.String() + " has no member " + strconv.Quote(n))
		}
		t = m.field.Type
	}
	return nil
}

func (t *Table[T]) open(b *binding, at delta.Pointer, o *Options) {
	t.place, t.codec = place{b, at, at}, newCodec[T]()
	records, err := table.Open(b.doc, at, table.Config{Indexes: t.indexes, Seed: o.Seed})
	if err != nil {
		panic("typed: " + err.Error()) // declare has checked the indexes
	}
	t.records = records
	b.until(records.Close)
}

// At returns the place of the table.
func (t *Table[T]) At() delta.Pointer { return t.at }

// Len returns the number of records as it is now, malformed ones included.
func (t *Table[T]) Len() int { return t.records.Len() }

// Get returns a record as it is now; false if there is none, or none that fits.
func (t *Table[T]) Get(id string) (record T, ok bool) {
	record, ok, _ = t.codec.read(t.doc.Value(t.at).Member(id), t.at)
	return record, ok
}

// Read returns a record, and whether there is one. A transaction then depends on it
// alone. The error is a [*DecodeError].
func (t *Table[T]) Read(r Reader, id string) (record T, ok bool, err error) {
	at := t.at.Member(id)
	return t.codec.read(r.Value(at), at)
}

// Put writes a record in place of what is there. The error is an [*EncodeError] or a
// [*doc.PathError].
func (t *Table[T]) Put(tx *doc.Tx, id string, record T) error {
	at := t.at.Member(id)
	raw, err := t.codec.encode(record, at)
	switch {
	case err != nil:
	case jsontext.KindOf(raw) != jsontext.Object:
		err = &EncodeError{Path: at, Type: t.codec.typ, Err: errRecord}
	case id == "$":
		err = &EncodeError{Path: at, Type: t.codec.typ, Err: errReserved}
	}
	if err != nil {
		return t.wrote(err)
	}
	return t.write(tx, func(tx *doc.Tx) error { return tx.Set(at, raw) })
}

// Edit changes a record in place and writes only the members that fn has changed; see
// [Field.Edit]. The error is [ErrAbsent], a [*DecodeError] or an [*EncodeError].
func (t *Table[T]) Edit(tx *doc.Tx, id string, fn func(record *T)) error {
	if t.closed {
		return t.wrote(ErrClosed)
	}
	return t.wrote(t.codec.edit(tx, t.at.Member(id), fn))
}

// SetMember writes one member of a record, by its JSON name, whatever else is in the
// record: the transaction depends on the record's being there and not on its other
// members, whoever changes them. The value is of the Go type of the member; one that T would
// leave out, such as a nil pointer, removes the member. The error is [ErrAbsent] or
// an [*EncodeError].
func (t *Table[T]) SetMember(tx *doc.Tx, id, name string, value any) error {
	return t.wrote(t.setMember(tx, id, name, value))
}

func (t *Table[T]) setMember(tx *doc.Tx, id, name string, value any) error {
	record := t.at.Member(id)
	at := record.Member(name)
	raw, err := marshalMember(t.codec.typ, name, value, depthOf(at))
	switch {
	case err != nil:
		return &EncodeError{Path: at, Type: t.codec.typ, Err: err}
	case t.closed:
		return ErrClosed
	case !tx.IsObject(record):
		return ErrAbsent
	case raw == nil:
		return tx.Delete(at)
	}
	return tx.Set(at, raw)
}

// Delete removes a record, if it is there.
func (t *Table[T]) Delete(tx *doc.Tx, id string) error { return t.delete(tx, t.at.Member(id)) }

// Watch calls fn after every change of one record, with what Get would return. The
// function that it returns ends that.
func (t *Table[T]) Watch(id string, fn func(record T, ok bool)) (stop func()) {
	return watch(t.binding, t.codec, t.at.Member(id), fn)
}

// Where returns the query for the records that all the predicates want, for all
// records if there are none. It sees a running transaction's writes but is not noted
// as read by it; see In.
func (t *Table[T]) Where(predicates ...table.Predicate) *Query[T] {
	return t.query(t.records.Where(predicates...))
}

// OrderBy returns the query for all records in an order.
func (t *Table[T]) OrderBy(orders ...table.Order) *Query[T] { return t.Where().OrderBy(orders...) }

// In returns the query for all records, as read: a transaction then depends on all
// of them, for whatever a query finds, or does not, has been read.
func (t *Table[T]) In(r Reader) *Query[T] {
	r.Value(t.at)
	return t.Where()
}
