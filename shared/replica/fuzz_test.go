package replica_test

import (
	"bytes"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// situation is what a replica may be doing when bytes arrive.
type situation struct {
	name string
	play func(*stage)
}

var situations = []situation{
	{"no connection", func(s *stage) {}},
	{"greeting", func(s *stage) { s.engine.Connected() }},
	{"opening", func(s *stage) { s.connectQuietly() }},
	{"catching up", func(s *stage) { s.connectQuietly(); s.openedQuietly(s.at.Revision + 10) }},
	{"live", func(s *stage) { s.connectQuietly(); s.openedQuietly(s.at.Revision) }},
	{"live with edits", func(s *stage) { s.connectQuietly(); s.openedQuietly(s.at.Revision); s.someEdits() }},
	{"live with named edits", func(s *stage) {
		s.connectQuietly()
		s.openedQuietly(s.at.Revision)
		for _, steps := range [][]string{{"/n+"}, {"!/c", "/c=1"}} {
			s.tag++
			if _, err := s.call(s.tag, steps...); err != nil {
				s.mirror.t.Fatal(err)
			}
			s.someEdits()
		}
	}},
	{"catching up with edits", func(s *stage) {
		s.connectQuietly()
		s.openedQuietly(s.at.Revision)
		s.someEdits()
		s.engine.Disconnected()
		s.connectQuietly()
		s.mustReceive(&wire.Opened{Request: s.asked, Doc: s.number, At: s.at, Head: s.at.Revision + 10})
	}},
	{"failed", func(s *stage) {
		s.connectQuietly()
		s.openedQuietly(s.at.Revision)
		s.someEdits()
		s.mustReceive(&wire.Fault{Key: board.String(), Code: wire.CodeUnavailable})
	}},
	{"left", func(s *stage) { s.connectQuietly(); s.doc.Leave() }},
}

func newFuzzed(t testing.TB) *stage {
	s := &stage{mirror: newMirror(t), at: record.Position{Epoch: 0xe, Revision: 10, Chain: 0xc}, number: 5}
	s.engine = replica.New(replica.Config{
		Random: counter(), OnStorage: func(bool, string) {}, OnDrain: func(uint32) {},
		OnLogPage: func(uint32, *wire.LogPage, *wire.Fault) {},
	})
	s.doc = s.engine.Open(board, s.mirror)
	s.mirror.doc = s.doc
	return s
}

func (s *stage) mustReceive(f wire.Frame) {
	if err := s.engine.Receive(wire.Encode(f)); err != nil {
		s.mirror.t.Fatal(err)
	}
}

func (s *stage) connectQuietly() {
	s.engine.Connected()
	s.mustReceive(welcome())
	s.noteAsked(frames(s.mirror.t, s.engine))
}

// noteAsked returns how many frames ask for the document.
func (s *stage) noteAsked(frames []wire.Frame) (opens int) {
	for _, f := range frames {
		if o, ok := f.(*wire.Open); ok {
			opens++
			s.asked = o.Request
		}
	}
	return opens
}

func (s *stage) openedQuietly(head record.Revision) {
	s.mustReceive(&wire.Opened{Request: s.asked, Doc: s.number, At: s.at, Head: head, Snapshot: []byte(`{"a":{"x":1},"n":0}`)})
}

func (s *stage) someEdits() {
	for _, fn := range []func(*doc.Tx) error{transaction("/n+"), transaction("/a/x="), transaction("/b={}")} {
		s.tag++
		if _, err := s.mutate(s.tag, fn); err != nil {
			s.mirror.t.Fatal(err)
		}
	}
}

// FuzzReceive gives arbitrary messages to a replica in every situation. It never
// panics, its observer stays in step, and a new connection mends everything.
func FuzzReceive(f *testing.F) {
	base := newFuzzed(f)
	rec := record.Record{Epoch: base.at.Epoch, Prev: base.at.Revision, PrevChain: base.at.Chain, Mutations: []record.Mutation{
		theirs(`{"a":null,"n":4}`), by(me, record.MutationID{Number: 1, Nonce: 1}, `{"n":1}`),
	}}
	data, err := rec.Encode()
	if err != nil {
		f.Fatal(err)
	}
	first := record.MutationID{Number: 1, Nonce: 1}
	rec.Mutations[1].ID = first.Rewritten()
	rewritten, err := rec.Encode()
	if err != nil {
		f.Fatal(err)
	}
	for _, frame := range []wire.Frame{
		welcome(),
		&wire.Opened{Request: 1, Doc: 5, At: base.at, Head: 20},
		&wire.Opened{Request: 1, Doc: 5, At: base.at, Head: 10, Snapshot: []byte(`{"c":3}`), Last: first},
		&wire.Commit{Doc: 5, Revision: 20, Record: data},
		&wire.Commit{Doc: 5, Revision: 20, Record: rewritten},
		&wire.Opened{Request: 1, Doc: 5, At: base.at, Head: 10, Snapshot: []byte(`{"c":3}`), Last: first.Rewritten()},
		&wire.Opened{Request: 1, Doc: 5, At: record.Position{Epoch: 0xe, Revision: 20}, Head: 20, Snapshot: []byte("{\"a\":null}\n{\"a\":{\"y\":1},\"n\":4}"), Last: first, Folded: true},
		&wire.Opened{Request: 2, Doc: 5, At: record.Position{Epoch: 0xe, Revision: 20}, Head: 20, Snapshot: []byte("{}\n{\"n\":4}"), Folded: true},
		&wire.Reject{Doc: 5, ID: first, Code: wire.CodeMutator},
		&wire.Conflict{Doc: 5, ID: first, Head: 10},
		&wire.Reject{Doc: 5, ID: first, Code: wire.CodeTooLarge},
		&wire.Reject{Doc: 5, ID: first, Code: wire.CodeUnknownMutation},
		&wire.Peer{Doc: 5, Client: other, State: []byte(`{}`)},
		&wire.LogPage{Request: 1, Entries: []wire.LogEntry{{Revision: 20, Record: data}}},
		&wire.Checksum{Doc: 5, Revision: 10, Hi: 1, Lo: 2},
		checksum(f, 5, 10, `{"a":{"x":1},"n":0}`),
		&wire.Storage{}, &wire.Drain{Within: 5}, &wire.Pong{},
		&wire.Fault{Key: board.String(), Code: wire.CodeDamaged},
		&wire.Fault{Code: wire.CodeSlow},
	} {
		f.Add(wire.Encode(frame))
		f.Add(append(wire.Encode(frame), wire.Encode(&wire.Commit{Doc: 5, Revision: 20, Record: data})...))
	}
	f.Add([]byte{0x92})
	f.Fuzz(func(t *testing.T, message []byte) {
		for _, in := range situations {
			s := newFuzzed(t)
			in.play(s)
			s.engine.Receive(message) //nolint:errcheck // what it takes or refuses is for other tests
			s.check()
			text := s.doc.View().Canonical()
			if parsed, err := doc.Parse(text); err != nil || !bytes.Equal(parsed.Canonical(), text) {
				t.Fatalf("%s: the view is %s: %v", in.name, text, err)
			}
			s.tag++
			s.mutate(s.tag, transaction("/after=true")) //nolint:errcheck // may be refused, must not panic
			s.check()
			for s.engine.TakeOutput() != nil {
			}
			s.mend(t, in.name)
		}
	})
}

// mend connects anew. Unless the document was left or refused for good, the
// replica is then at the server's state and has pushed every pending edit.
func (s *stage) mend(t *testing.T, name string) {
	s.engine.Disconnected()
	s.engine.Connected()
	w := welcome()
	if c := s.engine.Client(); !c.IsZero() {
		w.Client = c // whatever the bytes made of it
	}
	s.mustReceive(w)
	opens := s.noteAsked(frames(t, s.engine))
	over := name == "left" || s.failed != 0 && s.failed.Retry() == wire.RetryNever
	if opens == 0 && over {
		return
	}
	if opens != 1 || over {
		t.Fatalf("%s: asked for the document %d times, over %t", name, opens, over)
	}
	s.mustReceive(&wire.Opened{Request: s.asked, Doc: 77, At: s.at, Head: s.at.Revision, Snapshot: []byte(`{"n":7}`)})
	s.mustReceive(checksum(t, 77, s.at.Revision, `{"n":7}`))
	s.check()
	pushes := 0
	for _, f := range frames(t, s.engine) {
		switch f.(type) {
		case *wire.Push, *wire.Invoke:
			pushes++
		}
	}
	if !s.doc.Live() || pushes != s.doc.Pending() {
		t.Fatalf("%s: live %t, %d pending, %d pushed", name, s.doc.Live(), s.doc.Pending(), pushes)
	}
}
