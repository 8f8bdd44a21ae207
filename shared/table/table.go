package table

import (
	"iter"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/rank"
)

// Row is a record as it is now, held by the document.
type Row interface {
	// Field returns the canonical JSON text of the value at a path of member
	// names; false if there is none.
	Field(path ...string) (raw string, ok bool)
	// Raw returns the canonical JSON text of the record.
	Raw() string
}

// Index declares an index over one or more fields. The first fields are those
// that queries demand to be equal, then one for a range or an order.
type Index []Order

// On returns an index over the given fields.
func On(fields ...Order) Index { return fields }

// Bounds of a [Config].
const (
	MaxIndexes     = 64
	MaxIndexFields = 16
)

// Config declares a table.
type Config struct {
	// Indexes are what queries may use, at most [MaxIndexes], each of at most
	// [MaxIndexFields] fields.
	Indexes []Index
	// Seed keys the hash that tells whether a row's content changed. With a seed
	// that others cannot guess they cannot make two contents of one hash.
	Seed uint64
}

// Table holds the indexes and live results of one table. Use [New].
type Table struct {
	seed    uint64
	rows    map[string]*record
	len     int // rows that are there now
	indexes []*index

	touched []*record // written since the last Flush
	stale   []*record // written since the indexes were brought up to date

	routes   []*route // live results by the fields that they demand to be equal
	general  []*watch // those that demand none
	fresh    []*watch // those that began with rows in touched
	woken    []*watch // to be settled by the Flush under way
	outbox   []notifier
	sending  bool
	flushing bool
	round    uint64 // counts the rows that were shown to live results

	key, group []byte // scratch
	work       work
}

// work counts what a change costs, for tests.
type work struct {
	matched int // predicates evaluated for live results
	read    int // rows read by queries
}

// New returns the table without rows. The error is an [*Error].
func New(cfg Config) (*Table, error) {
	if len(cfg.Indexes) > MaxIndexes {
		return nil, &Error{Fault: FaultIndex, Reason: "too many indexes"}
	}
	t := &Table{seed: cfg.Seed, rows: make(map[string]*record)}
	for _, fields := range cfg.Indexes {
		x, err := newIndex(len(t.indexes), fields)
		if err != nil {
			return nil, err
		}
		for _, other := range t.indexes {
			if other.name == x.name {
				return nil, &Error{Fault: FaultIndex, Reason: "index " + x.name + " is declared twice"}
			}
		}
		t.indexes = append(t.indexes, x)
	}
	return t, nil
}

// record is what the table knows of a row. A deleted one stays until the next
// Flush, and no longer.
type record struct {
	id  string
	row Row // nil: gone
	// items are the row's entries in the indexes, by number of the index; shorter
	// or nil where it has none.
	items []*rank.Item[entry]
	held  []held // the live results that hold the row
	// hash is that of the content at the last Flush, 0 while nobody asks.
	hash    uint64
	touched bool // in Table.touched
	stale   bool // in Table.stale
}

// entry is a row's place in an order: by key, then by id.
type entry struct {
	key string
	rec *record
}

func compareEntries(a, b entry) int {
	if c := strings.Compare(a.key, b.key); c != 0 {
		return c
	}
	return strings.Compare(a.rec.id, b.rec.id)
}

// Len returns the number of rows.
func (t *Table) Len() int { return t.len }

// Row returns a row as it is now, nil if there is none.
func (t *Table) Row(id string) Row {
	if r := t.rows[id]; r != nil {
		return r.row
	}
	return nil
}

// Changed says that a row was written: row is what it is now, nil if it is gone.
// It may be called any number of times, and must be called for every write and
// for every write that is taken back. The table keeps row until the next call.
func (t *Table) Changed(id string, row Row) {
	r := t.rows[id]
	if r == nil {
		if row == nil {
			return
		}
		r = &record{id: id}
		t.rows[id] = r
	}
	if (r.row == nil) != (row == nil) {
		if row == nil {
			t.len--
		} else {
			t.len++
		}
	}
	r.row = row
	if !r.touched {
		r.touched = true
		t.touched = append(t.touched, r)
	}
	if !r.stale {
		r.stale = true
		t.stale = append(t.stale, r)
	}
}

// Reset replaces the whole content, as if every row were deleted or written. Live
// results move with the next Flush, by what really differs.
func (t *Table) Reset(rows iter.Seq2[string, Row]) {
	gone := make(map[string]struct{}, len(t.rows))
	for id := range t.rows {
		gone[id] = struct{}{}
	}
	for id, row := range rows {
		delete(gone, id)
		t.Changed(id, row)
	}
	for id := range gone {
		t.Changed(id, nil)
	}
}
