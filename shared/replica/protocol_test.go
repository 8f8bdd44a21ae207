package replica_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestL11_FramesBeforeWelcome: the server has to say who it is first.
func TestL11_FramesBeforeWelcome(t *testing.T) {
	for _, f := range []wire.Frame{
		&wire.Opened{Request: 1, Doc: 1, Snapshot: []byte(`{"a":1}`)},
		&wire.Commit{Doc: 1}, &wire.Conflict{Doc: 1}, &wire.Reject{Doc: 1}, &wire.Peer{Doc: 1},
		&wire.Pong{}, &wire.LogPage{}, &wire.Storage{}, &wire.Ping{},
	} {
		e := replica.New(replica.Config{Random: counter()})
		d := e.Open(board, newMirror(t))
		e.Connected()
		wantProtocolError(t, e.Receive(wire.Encode(f)))
		if d.Known() || e.Online() {
			t.Errorf("%s took effect", describe(f))
		}
	}
}

// TestL11_Welcomes that make no sense.
func TestL11_Welcomes(t *testing.T) {
	change := func(fn func(*wire.Welcome)) *wire.Welcome {
		w := welcome()
		fn(w)
		return w
	}
	s := newLive(t, `{"a":1}`)
	s.refuse(welcome()) // a second one
	for _, w := range []*wire.Welcome{
		change(func(w *wire.Welcome) { w.Protocol++ }),
		change(func(w *wire.Welcome) { w.Client = other }), // we were somebody before
		change(func(w *wire.Welcome) { w.Client = record.ClientID{} }),
		change(func(w *wire.Welcome) { w.MaxMessage = 0 }),
		change(func(w *wire.Welcome) { w.MaxDelta = 0 }),
	} {
		s.disconnect()
		s.engine.Connected()
		s.after()
		s.refuse(w)
		if s.engine.Online() {
			t.Errorf("%+v was taken", w)
		}
	}
	if s.engine.Client() != me {
		t.Errorf("the client is %s now", s.engine.Client())
	}
}

// TestL11_RecordsThatDoNotChain leave the replica where it is.
func TestL11_RecordsThatDoNotChain(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	s.edit("/b=1")
	held := s.doc.Position()
	good := record.Record{Epoch: held.Epoch, Prev: held.Revision, PrevChain: held.Chain, Mutations: []record.Mutation{theirs(`{"a":2}`)}}
	bad := map[string]func(*record.Record){
		"epoch":           func(r *record.Record) { r.Epoch++ },
		"predecessor":     func(r *record.Record) { r.Prev-- },
		"chain":           func(r *record.Record) { r.PrevChain++ },
		"an array":        func(r *record.Record) { r.Mutations = []record.Mutation{theirs(`{"c":1}`), theirs(`[]`)} },
		"not JSON":        func(r *record.Record) { r.Mutations = []record.Mutation{theirs(`{"c":1}`), theirs(`{`)} },
		"duplicate names": func(r *record.Record) { r.Mutations = []record.Mutation{theirs(`{"c":1,"c":2}`)} },
	}
	refused := func(name string, data []byte) {
		t.Helper()
		wantProtocolError(t, s.engine.Receive(wire.EncodeCommit(s.number, 20, data)))
		s.wantView(`{"a":1,"b":1}`)
		if s.doc.Position() != held || s.doc.Pending() != 1 {
			t.Errorf("%s: at %s with %d pending", name, s.doc.Position(), s.doc.Pending())
		}
	}
	for name, change := range bad {
		rec := good
		change(&rec)
		data, err := rec.Encode()
		if err != nil {
			t.Fatal(err)
		}
		refused(name, data)
	}
	data, err := good.Encode()
	if err != nil {
		t.Fatal(err)
	}
	refused("cut short", data[:len(data)-1])
	refused("longer", append(data[:len(data):len(data)], 0))
	refused("empty", nil)
	data[1] = record.Version + 1
	refused("a later version", data)
	s.commit(theirs(`{"a":3}`)) // the replica is as good as before
	s.wantView(`{"a":3,"b":1}`)
}

// TestL11_Openeds that make no sense leave the document as it was.
func TestL11_Openeds(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	edit := s.edit("/b=1")
	held := s.at
	opened := func(f wire.Opened) *wire.Opened {
		f.Doc = s.number
		return &f
	}
	s.say(opened(wire.Opened{Request: 99, At: held, Snapshot: []byte(`{"bad":1}`)})) // nobody asked
	s.say(opened(wire.Opened{At: held, Snapshot: []byte(`{"bad":1}`)}))              // not even that
	s.wantView(`{"a":1,"b":1}`)
	elsewhere := held
	elsewhere.Chain++
	for _, f := range []*wire.Opened{
		opened(wire.Opened{At: elsewhere}),
		opened(wire.Opened{}),
		opened(wire.Opened{At: held, Snapshot: []byte(`[]`)}),
		opened(wire.Opened{At: held, Snapshot: []byte(`{"a":`)}),
		opened(wire.Opened{At: held, Snapshot: []byte(`{"a":null}`)}),
		opened(wire.Opened{At: held, Snapshot: []byte("{\"a\":\"\xff\"}")}),
	} {
		s.disconnect()
		s.connect()
		f.Request = s.asked
		s.refuse(f)
		if s.doc.Position() != held {
			t.Errorf("at %s", s.doc.Position())
		}
	}
	s.wantOpen(edit)
	s.disconnect()
	s.connect()
	s.opened("", held, held.Revision, record.MutationID{})
	s.wantPushed(1)
}

// TestL11_ContinuingNothing: a server that lets a replica continue which holds
// nothing has not understood it.
func TestL11_ContinuingNothing(t *testing.T) {
	s := newStage(t)
	s.connect()
	s.refuse(&wire.Opened{Request: s.asked, Doc: 1})
	if s.doc.Known() || s.doc.Live() {
		t.Error("the document is known")
	}
}

// TestL11_Garbage: bytes that are no frames, frames of clients, messages with
// something good before something bad.
func TestL11_Garbage(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	for _, f := range []wire.Frame{
		&wire.Hello{}, &wire.Open{}, &wire.Leave{}, &wire.Push{}, &wire.SetPresence{}, &wire.Ping{}, &wire.ReadLog{},
	} {
		s.refuse(f)
	}
	s.refuse(&wire.Fault{Key: "no key", Code: wire.CodeBadKey})
	for _, message := range []string{"\x00", "garbage", "\x92", "\x92\x63\x90", "\x92\x22\xc1", "\x93\x22\x93"} {
		var frame *wire.FrameError
		if err := s.engine.Receive([]byte(message)); !errors.As(err, &frame) {
			t.Errorf("%q: %v", message, err)
		}
	}
	// The good part of a message takes effect, and the observer hears so.
	rev, data := s.record(theirs(`{"a":2}`))
	message := wire.EncodeCommit(s.number, rev, data)
	if err := s.engine.Receive(append(message, 0x92)); err == nil {
		t.Error("a message with half a frame at its end was taken")
	}
	s.wantView(`{"a":2}`)
	s.check()

	s.line("", "and without a connection")
	s.disconnect()
	wantProtocolError(t, s.engine.Receive(wire.Encode(welcome())))
	if err := s.engine.Receive(nil); err == nil {
		t.Error("an empty message without a connection was taken")
	}
}

// TestServerEndsTheConnection: a fault about nothing in particular.
func TestServerEndsTheConnection(t *testing.T) {
	s := newLive(t, `{}`)
	err := s.engine.Receive(wire.Encode(&wire.Fault{Code: wire.CodeDraining, Detail: "bye"}))
	var closed *replica.ClosedError
	if !errors.As(err, &closed) || closed.Code != wire.CodeDraining || closed.Detail != "bye" {
		t.Errorf("the error is %v", err)
	}
}

// TestSilence: after some ticks without a message the connection is dead; any
// message brings it back to life.
func TestSilence(t *testing.T) {
	s := newLive(t, `{}`)
	for range 3 {
		if !s.engine.Tick() {
			t.Fatal("given up too early")
		}
	}
	s.say(&wire.Pong{Number: 3})
	ticks := 0
	for s.engine.Tick() {
		if ticks++; ticks > 10 {
			t.Fatal("silence is not noticed")
		}
	}
	if ticks != 3 {
		t.Errorf("given up after %d ticks", ticks)
	}
	s.engine.Disconnected()
	if !s.engine.Tick() {
		t.Error("silent without a connection")
	}
}

// TestNewsOfTheServer: storage and drain are passed on. A drain may come before
// the welcome; what a lost connection said of the storage is forgotten.
func TestNewsOfTheServer(t *testing.T) {
	var heard []string
	e := replica.New(replica.Config{
		Random:    counter(),
		OnStorage: func(available bool, detail string) { heard = append(heard, fmt.Sprint("storage ", available, detail)) },
		OnDrain:   func(within uint32) { heard = append(heard, fmt.Sprint("drain ", within)) },
	})
	say := func(f wire.Frame) {
		t.Helper()
		if err := e.Receive(wire.Encode(f)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(news ...string) {
		t.Helper()
		if !slices.Equal(heard, news) {
			t.Errorf("heard %q, want %q", heard, news)
		}
		heard = nil
	}
	e.Connected()
	say(&wire.Drain{Within: 7})
	want("drain 7")
	say(welcome())
	want()
	say(&wire.Storage{Detail: " full"})
	want("storage false full")
	e.Connected()
	say(welcome())
	want("storage true")
	e.Connected()
	say(welcome())
	want()
	say(&wire.Storage{Detail: " full"})
	e.Connected()
	say(welcome())
	say(&wire.Storage{Detail: " still"}) // the next server, or the same
	want("storage false full", "storage true", "storage false still")
}

// TestHeartbeat is the server's, and known for as long as no other is.
func TestHeartbeat(t *testing.T) {
	e := replica.New(replica.Config{Random: counter()})
	want := func(heartbeat uint32) {
		t.Helper()
		if got := e.Heartbeat(); got != heartbeat {
			t.Errorf("the heartbeat is %d, want %d", got, heartbeat)
		}
	}
	e.Connected()
	want(0)
	if err := e.Receive(wire.Encode(welcome())); err != nil {
		t.Fatal(err)
	}
	want(15000)
	e.Disconnected()
	want(15000)
}
