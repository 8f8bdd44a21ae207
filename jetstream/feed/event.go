package feed

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Kind says what has happened to a document.
type Kind uint8

// The kinds.
const (
	// Change: mutations were applied.
	Change Kind = iota + 1
	// Delete: the document was deleted. It may be written again.
	Delete
	// Reset: the document is to be taken as Document says, or as deleted. What led to it
	// is forgotten.
	Reset
)

var kinds = [...]string{"", "change", "delete", "reset"}

// String returns change, delete or reset.
func (k Kind) String() string { return kinds[k] }

// Event is a revision of a document.
type Event struct {
	Kind     Kind
	Key      record.Key
	Revision record.Revision
	// Prev is the revision before it; 0 of the first, and of a Reset.
	Prev record.Revision
	// Time is when the record was made, by the clock of the server that did.
	Time time.Time
	// Mutations are applied in order, as one step: merge patches (RFC 7386). Those of a
	// Delete take every member off. A Reset has none.
	Mutations []record.Mutation
	// Document is the canonical JSON of a Reset; nil if that is of a deleted document.
	Document []byte
	// Cursor is where the event is in the log of its space; see [Feed.Follow].
	Cursor Cursor
}

// Cursor is a place in the log of a space. The zero value is before everything.
type Cursor struct {
	Epoch    record.Epoch
	Sequence uint64
}

// String returns the cursor in a form that ParseCursor reads: the epoch in hexadecimal and the
// sequence, with a hyphen between.
func (c Cursor) String() string {
	if c == (Cursor{}) {
		return "0"
	}
	return strconv.FormatUint(uint64(c.Epoch), 16) + "-" + strconv.FormatUint(c.Sequence, 10)
}

// ErrCursor reports a text that is no cursor.
var ErrCursor = errors.New(`a cursor is "0" or what an event had, like 5f0c2a-17`)

// ParseCursor is the inverse of String. The error is ErrCursor.
func ParseCursor(text string) (Cursor, error) {
	if text == "0" || text == "" {
		return Cursor{}, nil
	}
	epoch, sequence, ok := strings.Cut(text, "-")
	e, err1 := strconv.ParseUint(epoch, 16, 64)
	n, err2 := strconv.ParseUint(sequence, 10, 64)
	if !ok || err1 != nil || err2 != nil || e == 0 {
		return Cursor{}, fmt.Errorf("%.40q: %w", text, ErrCursor)
	}
	return Cursor{Epoch: record.Epoch(e), Sequence: n}, nil
}

// message is a message of the log on its way to become an event.
type message struct {
	deltalog.Message
	// base is set when the event is the beginning of a document of which what is before is
	// forgotten: that, and not the message.
	base *deltalog.Entry
	// anew is what the log says is before the message; nil if nobody has asked.
	anew *state
}

// event returns what is delivered for a message.
func event(codec *snapshot.Codec, epoch record.Epoch, m *message) (Event, error) {
	at := Cursor{Epoch: epoch, Sequence: m.Sequence}
	if b := m.base; b != nil {
		e := Event{Kind: Reset, Key: m.Key, Revision: b.Position.Revision, Time: b.Modified(), Cursor: at}
		if b.Deleted() {
			return e, nil
		}
		snap, err := codec.Decode(m.Key, b.Base.Content)
		if err != nil {
			return Event{}, &deltalog.DamagedError{Key: m.Key, Sequence: b.Sequence, Err: fmt.Errorf("its base: %w", err)}
		}
		e.Document = snap.Document
		return e, nil
	}
	if m.Err != nil {
		return Event{}, m.Err
	}
	e := Event{
		Kind: Change, Key: m.Key, Revision: record.Revision(m.Sequence), Prev: m.Record.Prev,
		Time: time.UnixMilli(m.Record.Time).UTC(), Mutations: m.Record.Mutations, Cursor: at,
	}
	if m.Record.Kind == record.KindDeletion {
		e.Kind = Delete
	}
	return e, nil
}
