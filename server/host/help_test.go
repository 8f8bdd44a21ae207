package host_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	board = record.Key{Space: "demo", ID: "board"}
	notes = record.Key{Space: "demo", ID: "notes"}
)

// ages are longer than the clients of these tests have lived: they were born in 1970.
const ages = 100 * 365 * 24 * time.Hour

// within is how long a test waits for something that must happen.
const within = 20 * time.Second

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	t.Cleanup(cancel)
	return ctx
}

// world is a registry on a real log.
type world struct {
	t        testing.TB
	node     *natsd.Node
	log      *gate
	registry *host.Registry
	clients  byte
}

func newWorld(t testing.TB, change ...func(*host.Config)) *world {
	t.Helper()
	node, err := natsd.Start(testContext(t), natsd.Config{Dir: t.TempDir(), Sync: natsd.Sync{Interval: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	return worldOn(t, node, change...)
}

// worldOn is another registry on the same log.
func worldOn(t testing.TB, node *natsd.Node, change ...func(*host.Config)) *world {
	t.Helper()
	return worldWith(t, node, func(*deltalog.Config) {}, change...)
}

func worldWith(t testing.TB, node *natsd.Node, logs func(*deltalog.Config), change ...func(*host.Config)) *world {
	t.Helper()
	logCfg := deltalog.Config{Conn: node.Conn(), JetStream: node.JetStream()}
	logs(&logCfg)
	log, err := deltalog.Open(testContext(t), logCfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, node: node, log: &gate{Log: log, held: make(map[record.Key]*hold)}}
	cfg := host.Config{Log: w.log, Horizon: ages}
	for _, c := range change {
		c(&cfg)
	}
	w.registry = host.NewRegistry(cfg)
	t.Cleanup(w.registry.Close)
	return w
}

// member is a client that has one document open. It keeps count of itself: what
// it submits is based on the last record that it has read and follows its own
// last.
type member struct {
	*recorder
	t      testing.TB
	handle *host.Handle
	last   record.MutationID
	at     record.Position
}

// join opens a document as a new client and reads its snapshot.
func (w *world) join(key record.Key) *member {
	w.t.Helper()
	w.clients++
	m := w.joinAs(w.client(w.clients), key, record.Position{})
	m.opened()
	return m
}

// joinAs opens a document without reading what comes.
func (w *world) joinAs(r *recorder, key record.Key, at record.Position) *member {
	w.t.Helper()
	h, err := w.registry.Open(testContext(w.t), 1, key, r, at)
	if err != nil {
		w.t.Fatal(err)
	}
	return &member{recorder: r, t: w.t, handle: h, at: at}
}

// next returns the next frame.
func (m *member) next() wire.Frame {
	m.t.Helper()
	f := m.wait()
	if f == nil {
		m.t.Fatal("no frame came")
	}
	if c, ok := f.(*wire.Commit); ok {
		if _, err := m.read(c); err != nil {
			m.t.Fatal(err)
		}
	}
	return f
}

// read follows a record and checks that it chains.
func (m *member) read(c *wire.Commit) (record.Record, error) {
	rec, err := record.Decode(c.Record)
	if err != nil {
		return rec, err
	}
	if !rec.Continues(m.at) {
		return rec, fmt.Errorf("the record at %d does not continue %s", c.Revision, m.at)
	}
	m.at = record.Position{Epoch: rec.Epoch, Revision: c.Revision, Chain: record.ChainOf(c.Record)}
	return rec, nil
}

// expect returns the next frame, which is of type F.
func expect[F wire.Frame](m *member) F {
	m.t.Helper()
	f := m.next()
	want, ok := f.(F)
	if !ok {
		m.t.Fatalf("%T %+v came, want %T", f, f, want)
	}
	return want
}

// opened reads the answer to Open.
func (m *member) opened() *wire.Opened {
	m.t.Helper()
	o := expect[*wire.Opened](m)
	m.at, m.last = o.At, o.Last
	return o
}

// deltas reads the next record, past presence, and returns its deltas.
func (m *member) deltas() string {
	m.t.Helper()
	for {
		f := m.next()
		switch f := f.(type) {
		case *wire.Commit:
			return deltasOf(m.t, f.Record)
		case *wire.Peer:
		default:
			m.t.Fatalf("%T %+v came, want a commit", f, f)
		}
	}
}

func deltasOf(t testing.TB, data []byte) string {
	t.Helper()
	rec, err := record.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	for _, m := range rec.Mutations {
		text += string(m.Delta)
	}
	return text
}

// mutation returns a submission that follows the last one.
func (m *member) mutation(patch string, reads ...delta.Read) host.Submission {
	m.t.Helper()
	parsed, err := delta.Parse([]byte(patch))
	if err != nil {
		m.t.Fatal(err)
	}
	s := host.Submission{
		ID: record.MutationID{Number: m.last.Number + 1, Nonce: 7}, Follows: m.last,
		Base: m.at.Revision, Reads: reads, Delta: parsed,
	}
	m.last = s.ID
	return s
}

func (m *member) submit(s host.Submission) {
	m.t.Helper()
	if err := m.handle.Submit(testContext(m.t), s); err != nil {
		m.t.Fatal(err)
	}
}

// edit submits a mutation.
func (m *member) edit(patch string, reads ...delta.Read) host.Submission {
	m.t.Helper()
	s := m.mutation(patch, reads...)
	m.submit(s)
	return s
}

// present tells the others something.
func (m *member) present(state string) {
	m.t.Helper()
	if err := m.handle.SetPresence(testContext(m.t), []byte(state)); err != nil {
		m.t.Fatal(err)
	}
}

// nothing checks that the host has sent nothing but presence: what it sends
// because of what another member does now comes next.
func (m *member) nothing(other *member) {
	m.t.Helper()
	probe := fmt.Sprintf(`{"probe":%d}`, probes.Add(1))
	other.present(probe)
	for {
		if p := expect[*wire.Peer](m); string(p.State) == probe {
			return
		}
	}
}

var probes atomic.Int64

func value(path string) delta.Read {
	return delta.Read{Kind: delta.ReadValue, Path: delta.Pointer(path)}
}
func exists(path string) delta.Read {
	return delta.Read{Kind: delta.ReadExists, Path: delta.Pointer(path)}
}
func members(path string) delta.Read {
	return delta.Read{Kind: delta.ReadMembers, Path: delta.Pointer(path)}
}

// logged is what the log has of a document.
type logged struct {
	records   []deltalog.Entry
	mutations []record.Mutation
	state     string
}

// read replays the log and checks that no mutation is in it twice.
func (w *world) read(key record.Key) logged {
	w.t.Helper()
	var l logged
	state := doc.New()
	type author struct {
		client record.ClientID
		number uint64
	}
	seen := make(map[author]bool)
	_, err := w.log.Replay(testContext(w.t), key, deltalog.Tail{}, func(e deltalog.Entry) error {
		l.records = append(l.records, e)
		for _, m := range e.Record.Mutations {
			by := author{m.Client, m.ID.Number}
			if seen[by] {
				w.t.Errorf("mutation %d of %s is in the log twice", by.number, by.client)
			}
			seen[by] = true
			l.mutations = append(l.mutations, m)
			state.Apply(delta.Trusted(m.Delta))
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	l.state = string(state.Canonical())
	return l
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// appendDirectly stores a record behind the registry's back.
func (w *world) appendDirectly(key record.Key, rec *record.Record) {
	w.t.Helper()
	data, err := rec.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	tail, err := w.log.Replay(testContext(w.t), key, deltalog.Tail{}, func(deltalog.Entry) error { return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.log.Log.Append(testContext(w.t), key, tail, data); err != nil {
		w.t.Fatal(err)
	}
}
