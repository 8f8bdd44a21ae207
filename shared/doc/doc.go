// Package doc holds one JSON document in memory, changes it by merge patches and
// tells who depends on what has changed.
//
// A [Doc] is opened from its canonical text and looks into it only as far as
// somebody asks: what nobody reads stays text. [Doc.Apply] applies a delta that
// somebody else made and returns its inverse; [Doc.Update] runs a transaction,
// which either commits, yielding its forward and inverse delta and what it read,
// or leaves no trace. Both cost what the change costs, whatever the size of the
// document (law L6).
//
// State beside the document follows it in three ways. [Doc.Derive] is for indexes
// and positions: told of every write, within transactions too. [Doc.Subscribe]
// and [Compute] are for users: told once, after a change is over.
//
// A Doc is not safe for concurrent use: it has one owner.
package doc

import (
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// Doc is a JSON document: an object. Use [New], [Parse] or [Open].
type Doc struct {
	root    *node // always expanded
	account account
	busy    bool     // a transaction is running
	watched *watched // nil until something is
	scratch scratch
	pool    *pool
	site    *site // that was found last, nil for none
	outbox  outbox
	// positioned is the derived state that has positions in it.
	positioned []Positioned
	rebasing   int // series that are under way, one within the other
	// transactions is how many there were, the one that runs included.
	transactions uint64
}

// New returns the empty document.
func New() *Doc { return Open([]byte(emptyObject)) }

// Parse returns the document with the given JSON text. Members that are null
// are refused: a document cannot hold them. The error is a [*jsontext.Error].
func Parse(data []byte) (*Doc, error) {
	text, err := parse(data)
	if err != nil {
		return nil, err
	}
	return open(text), nil
}

// Open returns the document with the given text, which must be canonical and
// have no member that is null: it was written by [Doc.Canonical] and is known to
// be unharmed. It is copied once and not looked into.
func Open(canonical []byte) *Doc { return open(string(canonical)) }

func open(canonical string) *Doc {
	d := &Doc{root: &node{raw: canonical}}
	d.account.size = len(canonical)
	d.root.expand()
	return d
}

// OpenSummed is [Open] of a text whose checksum is known: it is taken to be right, so
// that the document need not be walked for it.
func OpenSummed(canonical []byte, sum Checksum) *Doc {
	d := Open(canonical)
	d.account.sum, d.account.known = sum, true
	return d
}

// Size returns the length of the canonical form in bytes; within a transaction,
// as it was before.
func (d *Doc) Size() int { return d.account.size }

// Checksum returns the checksum of the document. The first call walks all of it;
// from then on it is kept. A call within a transaction, which may come to nothing,
// walks as well.
func (d *Doc) Checksum() Checksum {
	if d.busy {
		return d.root.sum(rootPlace)
	}
	if !d.account.known {
		d.account.sum, d.account.known = d.root.sum(rootPlace), true
	}
	return d.account.sum
}

// AppendCanonical appends the canonical JSON of the document to dst.
func (d *Doc) AppendCanonical(dst []byte) []byte { return d.root.appendCanonical(dst) }

// Canonical returns the canonical JSON of the document in a new slice.
func (d *Doc) Canonical() []byte { return d.AppendCanonical(make([]byte, 0, d.account.size)) }

// Get returns the canonical JSON of the value at p, and whether there is one. A
// value within an array has no pointer of its own: arrays are atomic.
func (d *Doc) Get(p delta.Pointer) ([]byte, bool) {
	v := d.Value(p)
	if !v.Present() {
		return nil, false
	}
	n := v.node()
	return n.appendCanonical(nil), true
}

// Value returns the value at p, no value if there is none.
func (d *Doc) Value(p delta.Pointer) Value {
	v := Value{cell: d.root}
	for p != "" {
		var name string
		name, p = cut(p)
		if v = v.Member(name); !v.Present() {
			return Value{}
		}
	}
	return v
}

// cellOf returns the place of a value, with all that is above it expanded; nil
// where there is none.
func (d *Doc) cellOf(p delta.Pointer) *node {
	n := d.root
	for p != "" {
		var name string
		name, p = cut(p)
		n = n.expandedCell(name)
	}
	return n
}

func refuseNulls(object []byte) error {
	for name, raw := range jsontext.Members(object) {
		switch jsontext.KindOf(raw) {
		case jsontext.Null:
			return &jsontext.Error{Fault: jsontext.FaultType, Reason: "member " + strconv.Quote(name) + " is null: a document cannot hold null as a member"}
		case jsontext.Object:
			if err := refuseNulls(raw); err != nil {
				return err
			}
		}
	}
	return nil
}
