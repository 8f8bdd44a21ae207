package host_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/payload"
	"github.com/rivulet-sync/rivulet/server/presence"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// present is a node whose clients are seen at the others on the same NATS.
type present struct {
	*world
	network *presence.Network
}

// presentOn uses a connection. The clients that join are numbered from first + 1 on.
func presentOn(t testing.TB, node *natsd.Node, replicas int, first byte, expiry time.Duration) present {
	t.Helper()
	p := present{network: presence.NewNetwork(presence.Config{Conn: node.Conn(), Expiry: expiry})}
	p.world = worldWith(t, node, func(c *deltalog.Config) { c.Replicas = replicas }, never, func(c *host.Config) { c.Presence = p.network })
	p.clients = first
	return p
}

// long is an expiry that no test sees.
const long = time.Minute

func presentAt(t testing.TB, url string, first byte) present {
	t.Helper()
	return presentOn(t, external(t, url), 1, first, long)
}

// threes starts three nodes on one NATS, in each of the ways that there are.
var threes = []struct {
	name  string
	start func(t testing.TB) [3]present
}{
	{"one connection", func(t testing.TB) [3]present {
		node := newWorld(t).node
		return [3]present{presentOn(t, node, 1, 0, long), presentOn(t, node, 1, 50, long), presentOn(t, node, 1, 100, long)}
	}},
	{"external", func(t testing.TB) [3]present {
		url := natstest.Start(t, t.TempDir(), server.RANDOM_PORT).ClientURL()
		return [3]present{presentAt(t, url, 0), presentAt(t, url, 50), presentAt(t, url, 100)}
	}},
	{"cluster", func(t testing.TB) (all [3]present) {
		for i, s := range natstest.Cluster(t) {
			all[i] = presentOn(t, external(t, s.ClientURL()), 3, byte(50*i), long)
		}
		return all
	}},
}

// hearsAll reads presence until a member has heard as much, in whatever order.
func (m *member) hearsAll(want ...string) {
	m.t.Helper()
	var got []string
	for range want {
		got = append(got, m.peer())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		m.t.Fatalf("heard %q, want %q", got, want)
	}
}

// TestPresenceAcrossServers: what a client says, takes back, and that it has gone, is told
// once to the clients of all servers, and to those who come later, there or on a server
// that opens the document only then.
func TestPresenceAcrossServers(t *testing.T) {
	t.Parallel()
	for _, three := range threes {
		t.Run(three.name, func(t *testing.T) {
			t.Parallel()
			nodes := three.start(t)
			a1, b51 := nodes[0].join(board), nodes[1].join(board)
			a1.present(`{"x":1}`)
			equal(t, "b51 hears", b51.peer(), `1 {"x":1}`)
			a2 := nodes[0].join(board)
			equal(t, "a2 hears", a2.peer(), `1 {"x":1}`)
			b51.present(`{"y":1}`)
			equal(t, "a1 hears", a1.peer(), `51 {"y":1}`)
			equal(t, "a2 hears", a2.peer(), `51 {"y":1}`)

			c101 := nodes[2].join(board)
			c101.hearsAll(`1 {"x":1}`, `51 {"y":1}`)
			c102 := nodes[2].join(board)
			c102.hearsAll(`1 {"x":1}`, `51 {"y":1}`)
			c101.present(`{"z":1}`)
			for _, m := range []*member{a1, a2, b51, c102} {
				equal(t, "they hear", m.peer(), `101 {"z":1}`)
			}
			a1.present("")
			for _, m := range []*member{a2, b51, c101, c102} {
				equal(t, "they hear", m.peer(), `1 `)
			}
			c101.handle.Close()
			for _, m := range []*member{a1, a2, b51, c102} {
				equal(t, "they hear", m.peer(), `101 `)
			}
			b51.handle.Close() // the last of its server
			for _, m := range []*member{a1, a2, c102} {
				equal(t, "they hear", m.peer(), `51 `)
			}
			back := nodes[1].joinAs(b51.recorder, board, record.Position{})
			back.opened()
			back.present(`{"y":2}`)
			for _, m := range []*member{a1, a2, c102} {
				equal(t, "they hear", m.peer(), `51 {"y":2}`)
			}
			nodes[1].registry.Close()
			for _, m := range []*member{a1, a2, c102} {
				equal(t, "they hear", m.peer(), `51 `)
			}
			equal(t, "in the log", len(nodes[0].read(board).records), 0)
		})
	}
}

// TestPresenceOfAClientThatMoves: a client is at another server before its old connection
// is known to be dead. That this ends does not erase it there, at the old server, or at
// a third one.
func TestPresenceOfAClientThatMoves(t *testing.T) {
	t.Parallel()
	for _, three := range threes[:2] { // a cluster adds nothing here
		t.Run(three.name, func(t *testing.T) {
			t.Parallel()
			nodes := three.start(t)
			old, a, b, c := nodes[0].join(board), nodes[0].join(board), nodes[1].join(board), nodes[2].join(board)
			old.present(`{"x":1}`)
			for _, m := range []*member{a, b, c} {
				equal(t, "they hear", m.peer(), `1 {"x":1}`)
			}
			back := nodes[1].joinAs(nodes[1].client(1), board, record.Position{})
			back.opened()
			back.present(`{"x":2}`)
			for _, m := range []*member{a, b, c} {
				equal(t, "they hear", m.peer(), `1 {"x":2}`)
			}
			old.handle.Close()
			a.present(`{"a":1}`) // comes after that
			for _, m := range []*member{back, b, c} {
				equal(t, "they hear", m.peer(), `2 {"a":1}`)
			}
			late := nodes[0].join(board)
			late.hearsAll(`1 {"x":2}`, `2 {"a":1}`)
			back.handle.Close()
			for _, m := range []*member{a, b, c} {
				equal(t, "they hear", m.peer(), `1 `)
			}
		})
	}
}

// TestPresenceOfAServerThatIsCutOff: its clients are gone within the expiry, for the
// others and the others for them, and there again when it is.
func TestPresenceOfAServerThatIsCutOff(t *testing.T) {
	t.Parallel()
	const expiry = 500 * time.Millisecond
	url := natstest.Start(t, t.TempDir(), server.RANDOM_PORT).ClientURL()
	proxy := natstest.NewProxy(t, url)
	a, b := presentOn(t, external(t, url), 1, 0, expiry), presentOn(t, external(t, proxy.URL()), 1, 50, expiry)
	a1, b51, b52 := a.join(board), b.join(board), b.join(board)
	a1.present(`{"x":1}`)
	equal(t, "b51 hears", b51.peer(), `1 {"x":1}`)
	equal(t, "b52 hears", b52.peer(), `1 {"x":1}`)
	b51.present(`{"y":1}`)
	equal(t, "a1 hears", a1.peer(), `51 {"y":1}`)
	equal(t, "b52 hears", b52.peer(), `51 {"y":1}`)

	proxy.Sever()
	severed := time.Now()
	equal(t, "a1 hears", a1.peer(), `51 `)
	t.Logf("gone after %s", time.Since(severed))
	equal(t, "b51 hears", b51.peer(), `1 `)
	equal(t, "b52 hears", b52.peer(), `1 `)
	b51.present(`{"y":2}`)
	equal(t, "b52 hears", b52.peer(), `51 {"y":2}`)
	a1.present(`{"x":2}`)

	proxy.Mend()
	equal(t, "a1 hears", a1.peer(), `51 {"y":2}`)
	equal(t, "b51 hears", b51.peer(), `1 {"x":2}`)
	equal(t, "b52 hears", b52.peer(), `1 {"x":2}`)
}

// TestPresenceOverAShortCut: what was said while the connection was away for less than the
// expiry comes, and nobody has gone.
func TestPresenceOverAShortCut(t *testing.T) {
	t.Parallel()
	url := natstest.Start(t, t.TempDir(), server.RANDOM_PORT).ClientURL()
	proxy := natstest.NewProxy(t, url)
	a, b := presentAt(t, url, 0), presentOn(t, external(t, proxy.URL()), 1, 50, long)
	a1, a2, b51 := a.join(board), a.join(board), b.join(board)
	a1.present(`{"x":1}`)
	a2.peer()
	equal(t, "b51 hears", b51.peer(), `1 {"x":1}`)
	b51.present(`{"y":1}`)
	equal(t, "a1 hears", a1.peer(), `51 {"y":1}`)
	equal(t, "a2 hears", a2.peer(), `51 {"y":1}`)
	proxy.Sever()
	a1.present(`{"x":2}`)
	a2.peer()
	a1.handle.Close()
	a2.peer()
	b51.present(`{"y":2}`)
	proxy.Mend()
	equal(t, "a2 hears", a2.peer(), `51 {"y":2}`)
	// a's first word to b after the cut may be the state of before, or that it has gone.
	for heard := b51.peer(); heard != `1 `; heard = b51.peer() {
		equal(t, "b51 hears", heard, `1 {"x":2}`)
	}
}

// tap counts what is said of a document on the network.
type tap struct {
	t    *testing.T
	conn *nats.Conn
	come chan *nats.Msg
}

func newTap(t *testing.T, url string) *tap {
	t.Helper()
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	w := &tap{t: t, conn: conn, come: make(chan *nats.Msg, 10_000)}
	if _, err := conn.ChanSubscribe("rvp.>", w.come); err != nil {
		t.Fatal(err)
	}
	w.flush()
	return w
}

func (w *tap) flush() {
	w.t.Helper()
	if err := w.conn.Flush(); err != nil {
		w.t.Fatal(err)
	}
}

// with returns how many messages have come that have a text.
func (w *tap) with(text string) (n int) {
	w.t.Helper()
	w.flush() // what was published before that is there
	for {
		select {
		case m := <-w.come:
			if bytes.Contains(m.Data, []byte(text)) {
				n++
			}
		default:
			return n
		}
	}
}

// TestL9_PresenceStaysWhereItIsWanted: what clients say does not leave a server while no
// other one has the document open, and comes to those that have it open only.
func TestL9_PresenceStaysWhereItIsWanted(t *testing.T) {
	t.Parallel()
	url := natstest.Start(t, t.TempDir(), server.RANDOM_PORT).ClientURL()
	a, b := presentAt(t, url, 0), presentAt(t, url, 50)
	wire := newTap(t, url)
	a1, a2 := a.join(board), a.join(board)
	b.join(notes)
	for n := range 20 {
		a1.present(fmt.Sprintf(`{"private":%d}`, n))
		equal(t, "a2 hears", a2.peer(), fmt.Sprintf(`1 {"private":%d}`, n))
	}
	flush(t, a.world)
	equal(t, "states on the wire", wire.with("private"), 0)
	b52 := b.join(board)
	equal(t, "b52 hears", b52.peer(), `1 {"private":19}`)
	equal(t, "states on the wire", wire.with("private"), 1)
	b52.handle.Close()
	a1.present(`{"private":20}`)
	equal(t, "a2 hears", a2.peer(), `1 {"private":20}`)
}

// flush waits until what a node has published is at the server.
func flush(t *testing.T, w *world) {
	t.Helper()
	if err := w.node.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
}

// TestPresenceIsSubscribedWhileOpen: a server listens to a document while a client has it
// open there, not while a program reads it, and not at all when there is no network.
func TestPresenceIsSubscribedWhileOpen(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t, t.TempDir(), server.RANDOM_PORT)
	url := srv.ClientURL()
	listeners := func(w *world) int {
		t.Helper()
		flush(t, w)
		all, err := srv.Subsz(&server.SubszOptions{Subscriptions: true, Test: presence.Subject(board)})
		if err != nil {
			t.Fatal(err)
		}
		return len(all.Subs)
	}
	alone := nodeAt(t, url, 1, never)
	alone.join(board)
	equal(t, "without a network", listeners(alone), 0)

	a := presentAt(t, url, 50)
	program, err := a.registry.Attach(board, a.client(99))
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Read(testContext(t), func(host.View) {}); err != nil {
		t.Fatal(err)
	}
	equal(t, "while a program reads", listeners(a.world), 0)
	first, second := a.join(board), a.join(board)
	equal(t, "while two have it open", listeners(a.world), 1)
	first.handle.Close()
	second.present(`{}`)
	second.handle.Close()
	if err := program.Read(testContext(t), func(host.View) {}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(within); listeners(a.world) > 0; {
		if time.Now().After(deadline) {
			t.Fatal("it listens to what nobody has open")
		}
	}
}

// TestL9_PresenceIsCoalesced: a client that says something all the time is heard 20 times a
// second at another server, and what it says last.
func TestL9_PresenceIsCoalesced(t *testing.T) {
	t.Parallel()
	url := natstest.Start(t, t.TempDir(), server.RANDOM_PORT).ClientURL()
	a, b := presentAt(t, url, 0), presentAt(t, url, 50)
	wire := newTap(t, url)
	a1, b51 := a.join(board), b.join(board)
	a1.present(`{"state":0}`)
	equal(t, "b51 hears", b51.peer(), `1 {"state":0}`)
	wire.with("")
	began := time.Now()
	last := 0
	for time.Since(began) < 400*time.Millisecond {
		last++
		a1.present(fmt.Sprintf(`{"state":%d}`, last))
	}
	for want := fmt.Sprintf(`1 {"state":%d}`, last); b51.peer() != want; {
	}
	// One at once, and one for each interval that has begun.
	most := 2 + int(time.Since(began)/(50*time.Millisecond))
	n := wire.with("state")
	t.Logf("%d states in %d messages", last, n)
	if n > most || n < 2 || last < 10*n {
		t.Errorf("%d states in %d messages, at most %d may be", last, n, most)
	}
}

// TestL5_PresenceIsPassedOn: what a client says reaches the clients of another server in its
// own bytes, in one frame that they share.
func TestL5_PresenceIsPassedOn(t *testing.T) {
	t.Parallel()
	url := natstest.Start(t, t.TempDir(), server.RANDOM_PORT).ClientURL()
	a, b := presentAt(t, url, 0), presentAt(t, url, 50)
	a1 := a.join(board)
	var shared []chan []byte
	for n := range byte(3) {
		s := &frames{id: record.ClientID{5: 1, 6: 60 + n}, sent: make(chan []byte, 16)}
		if _, err := b.registry.Open(testContext(t), 1, board, s, record.Position{}); err != nil {
			t.Fatal(err)
		}
		<-s.sent // opened
		shared = append(shared, s.sent)
	}
	const state = ` { "b" : 1.0e2, "a":"\u00e9" } `
	a1.present(state)
	var first []byte
	for i, sent := range shared {
		frame := <-sent
		f, _, err := wire.Decode(frame)
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := f.(*wire.Peer); !ok || string(p.State) != state || p.Client != a1.id {
			t.Fatalf("%T %+v came", f, f)
		}
		if i == 0 {
			first = frame
		} else if &frame[0] != &first[0] {
			t.Error("it was encoded again")
		}
	}
}

// frames is a subscriber that hands on what it is sent.
type frames struct {
	id   record.ClientID
	sent chan []byte
}

func (f *frames) Client() record.ClientID { return f.id }
func (f *frames) Send(frame []byte)       { f.sent <- frame }

// Answer implements [host.Subscriber].
func (f *frames) Answer(a *payload.Answer) { f.Send(a.Bytes()) }

// TestL11_NoMessagesOfPresence: bytes that are no message have no effect but to be counted.
func TestL11_NoMessagesOfPresence(t *testing.T) {
	t.Parallel()
	url := natstest.Start(t, t.TempDir(), server.RANDOM_PORT).ClientURL()
	a := presentAt(t, url, 0)
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	a1, a2 := a.join(board), a.join(board)
	a1.present(`{"x":1}`)
	equal(t, "a2 hears", a2.peer(), `1 {"x":1}`)
	flush(t, a.world)
	bad := [][]byte{
		nil, []byte("garbage"), bytes.Repeat([]byte{0x98}, 100_000), {0x98, 1, 7, 2},
		{0x98, 9, 7, 0, 0, 0, 0xcd, 0x3a, 0x98, 0, 0x90},             // a later version
		{0x98, 1, 7, 0, 0, 0, 1, 0, 0x90},                            // silent for a millisecond
		{0x98, 1, 7, 2, 1, 0, 0xcd, 0x3a, 0x98, 0, 0xdc, 0xff, 0xff}, // 65,535 clients
		{0x98, 1, 7, 2, 1, 0, 0xcd, 0x3a, 0x98, 0, 0x90},             // a change of nothing
		{0x98, 1, 7, 0, 0, 0, 0xcd, 0x3a, 0x98, 0, 0x90, 0xc0},       // followed by something
		{0x98, 1, 0, 0, 0, 0, 0xcd, 0x3a, 0x98, 0, 0x90},             // of nobody
		{0x98, 1, 7, 5, 1, 1, 0xcd, 0x3a, 0x98, 0, 0x90},             // of no kind
		said(7, 1, `[1]`), said(7, 1, `{"x":`), said(7, 1, `{"x":null`), // no object
		said(7, 1, fmt.Sprintf(`{"x":%q}`, bytes.Repeat([]byte("y"), 5000))),
	}
	for _, data := range bad {
		if err := conn.Publish(presence.Subject(board), data); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Publish(presence.Subject(board), said(7, 1, `{"good":1}`)); err != nil {
		t.Fatal(err)
	}
	equal(t, "a1 hears", a1.peer(), `9 {"good":1}`)
	equal(t, "a2 hears", a2.peer(), `9 {"good":1}`)
	equal(t, "ignored", a.network.Ignored(), uint64(len(bad)))
	a1.edit(`{"a":1}`)
	equal(t, "a2 reads", a2.deltas(), `{"a":1}`)
}

// said is a change of client 9 in the bytes of docs/formats.md.
func said(origin, count byte, state string) []byte {
	data := []byte{0x98, 1, origin, 2, count, 0, 0xcd, 0x3a, 0x98, 0, 0x91, 0x93, 0xc4, 16}
	data = append(data, make([]byte, 16)...)
	data[len(data)-10] = 9
	data = append(data, 5, 0xc5, byte(len(state)>>8), byte(len(state)))
	return append(data, state...)
}
