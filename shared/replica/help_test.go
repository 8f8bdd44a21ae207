package replica_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	board = record.Key{Space: "demo", ID: "board"}
	me    = record.ClientID{0, 0, 0, 0, 0, 1, 'm', 'e'}
	other = record.ClientID{0, 0, 0, 0, 0, 1, 'o', 't', 'h', 'e', 'r'}
)

func parseDelta(t testing.TB, patch string) delta.Delta {
	t.Helper()
	d, err := delta.Parse([]byte(patch))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// mergePatch is the pseudocode of RFC 7386, section 2, over decoded values. It
// changes neither argument.
func mergePatch(target, patch any) any {
	members, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object := map[string]any{}
	if old, ok := target.(map[string]any); ok {
		object = maps.Clone(old)
	}
	for name, value := range members {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = mergePatch(object[name], value)
		}
	}
	return object
}

// decode reads JSON with numbers as they are written.
func decode(t testing.TB, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// plain writes a decoded value with sorted members.
func plain(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// mirror is an observer that follows a document as a user interface does: by
// the patches that it is told. It checks at the end of each batch that this has
// led to the document's view, and that each mutation is settled once.
type mirror struct {
	t       testing.TB
	doc     *replica.Document
	state   any
	settled map[uint64]replica.Outcome
	peers   map[record.ClientID]string
	failed  wire.Code
	changes int                              // batches
	note    func(format string, args ...any) // nil: nobody keeps a transcript
}

func newMirror(t testing.TB) *mirror {
	return &mirror{
		t: t, state: map[string]any{}, settled: make(map[uint64]replica.Outcome),
		peers: make(map[record.ClientID]string),
	}
}

func (m *mirror) notef(format string, args ...any) {
	if m.note != nil {
		m.note(format, args...)
	}
}

func (m *mirror) Reset(snapshot []byte) {
	m.state = decode(m.t, snapshot)
	m.notef("reset to %s", snapshot)
}

func (m *mirror) Patched(patch delta.Delta) {
	m.state = mergePatch(m.state, decode(m.t, patch.Bytes()))
	m.notef("patched %s", patch.Bytes())
}

func (m *mirror) Changed() {
	m.changes++
	m.check()
}

func (m *mirror) check() {
	m.t.Helper()
	if want, got := plain(decode(m.t, m.doc.View().Canonical())), plain(m.state); got != want {
		m.t.Fatalf("the mirror has %s, the view is %s", got, want)
	}
}

func (m *mirror) Committed(at record.Position, rec *record.Record) {
	if rec == nil {
		m.notef("read up to r%d, folded", at.Revision)
		return
	}
	m.notef("read r%d with %d mutations", at.Revision, len(rec.Mutations))
}

func (m *mirror) Settled(tag uint64, outcome replica.Outcome) {
	if before, twice := m.settled[tag]; twice {
		m.t.Fatalf("mutation %d is settled twice: %+v, %+v", tag, before, outcome)
	}
	m.settled[tag] = outcome
	if outcome.Err != nil {
		m.notef("edit %d settled: %v", tag, outcome.Err)
	} else {
		m.notef("edit %d settled at r%d", tag, outcome.Revision)
	}
}

func (m *mirror) Peer(client record.ClientID, state []byte) {
	m.notef("peer %s %s", name(client), state)
	if len(state) == 0 {
		delete(m.peers, client)
	} else {
		m.peers[client] = string(state)
	}
}

func (m *mirror) Failed(code wire.Code, detail string) {
	m.failed = code
	m.notef("failed %s: %s", code, detail)
}

// mutate runs a transaction; the mirror follows it, now and when it runs again.
func (m *mirror) mutate(tag uint64, fn func(*doc.Tx) error) (doc.Change, error) {
	author := func(view *doc.Doc) (doc.Change, error) { return view.Update(fn) }
	again := func(view *doc.Doc) (doc.Change, error) {
		change, err := author(view)
		switch {
		case err != nil:
			m.notef("edit %d runs again: %v", tag, err)
		default:
			m.notef("edit %d runs again: %s", tag, change.Delta.Bytes())
			m.state = mergePatch(m.state, decode(m.t, change.Delta.Bytes()))
		}
		return change, err
	}
	change, err := m.doc.Mutate(tag, author, again)
	if err == nil {
		m.state = mergePatch(m.state, decode(m.t, change.Delta.Bytes()))
	}
	return change, err
}

// mutateOnce is mutate for a transaction that cannot run again.
func (m *mirror) mutateOnce(tag uint64, fn func(*doc.Tx) error) (doc.Change, error) {
	change, err := m.doc.Mutate(tag, func(view *doc.Doc) (doc.Change, error) { return view.Update(fn) }, nil)
	if err == nil {
		m.state = mergePatch(m.state, decode(m.t, change.Delta.Bytes()))
	}
	return change, err
}

// frames takes everything that the engine has to say.
func frames(t testing.TB, e *replica.Engine) []wire.Frame {
	t.Helper()
	var all []wire.Frame
	for message := e.TakeOutput(); message != nil; message = e.TakeOutput() {
		for len(message) > 0 {
			f, rest, err := wire.Decode(message)
			if err != nil {
				t.Fatal(err)
			}
			all, message = append(all, f), rest
		}
	}
	return all
}

// counter returns nonces that are easy to read: 1, 2, 3, ...
func counter() func() uint64 {
	var n uint64
	return func() uint64 { n++; return n }
}

func welcome() *wire.Welcome {
	return &wire.Welcome{Protocol: wire.Protocol, Client: me, Heartbeat: 15000, MaxMessage: wire.MaxMessage, MaxDelta: wire.MaxDelta}
}

func name(c record.ClientID) string {
	switch c {
	case me:
		return "me"
	case other:
		return "other"
	}
	return c.String()[12:20]
}

// id is the text of an id; one that the server has made has a stroke.
func id(m record.MutationID) string {
	if m.Nonce > math.MaxInt64 {
		return id(m.Rewritten()) + "'"
	}
	return fmt.Sprintf("%d#%d", m.Number, m.Nonce)
}

// asPush is what a named mutation has in common with others.
func asPush(f *wire.Invoke) *wire.Push {
	return &wire.Push{Doc: f.Doc, ID: f.ID, Follows: f.Follows, Base: f.Base, Reads: f.Reads, Delta: f.Delta}
}

func readsText(reads []delta.Read) string {
	var text []string
	for _, r := range reads {
		text = append(text, string(rune(r.Kind))+string(r.Path))
	}
	slices.Sort(text)
	return fmt.Sprint(text)
}

func wantProtocolError(t testing.TB, err error) {
	t.Helper()
	var p *replica.ProtocolError
	if !errors.As(err, &p) {
		t.Fatalf("the error is %T %v, want a *replica.ProtocolError", err, err)
	}
}

func wantRejected(t testing.TB, outcome replica.Outcome, code wire.Code) {
	t.Helper()
	var r *replica.RejectedError
	if !errors.As(outcome.Err, &r) || r.Code != code {
		t.Fatalf("the outcome is %v, want %s", outcome.Err, code)
	}
}
