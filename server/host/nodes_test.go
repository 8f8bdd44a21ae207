package host_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

var stepDowns = flag.Duration("host.stepdowns", 3*time.Second, "how long the leader of a stream steps down every 500 ms")

// TestL2_L5_NewsReachesTheOtherNode: every record that one node appends reaches the
// subscribers of another in order, once, in the bytes of the log, though nobody
// writes there.
func TestL2_L5_NewsReachesTheOtherNode(t *testing.T) {
	t.Parallel()
	const records = 300
	for _, pair := range pairs {
		t.Run(pair.name, func(t *testing.T) {
			t.Parallel()
			a, b := pair.start(t)
			author, said := a.joinHeard(board)
			reader, heard := b.joinHeard(board)
			var last record.Revision
			for n := range records {
				author.edit(fmt.Sprintf(`{"n":%d}`, n))
				author.deltas()
				last = author.at.Revision
			}
			stored := a.read(board)
			equal(t, "records", len(stored.records), records)
			for _, e := range stored.records {
				c := expect[*wire.Commit](reader)
				if c.Revision != e.Position.Revision || !bytes.Equal(c.Record, e.Data) {
					t.Fatalf("got %d bytes at %d, stored are %d at %s", len(c.Record), c.Revision, len(e.Data), e.Position)
				}
			}
			equal(t, "document", reader.until(last), stored.state)
			all := delays(said, heard)
			t.Logf("after the author by p50 %s, p99 %s", quantile(all, 0.5), quantile(all, 0.99))
		})
	}
}

// TestL6_NewsIsEnough: a node that keeps up with the news of another one does not ask
// the log for anything, nor to settle a race that it has lost.
func TestL6_NewsIsEnough(t *testing.T) {
	a := newWorld(t, never)
	b := worldOn(t, a.node, never).others()
	author, reader := a.join(board), b.join(board)
	before := b.log.replays.Load()
	for n := range 20 {
		author.edit(fmt.Sprintf(`{"n":%d}`, n))
		author.deltas()
		equal(t, "record", reader.deltas(), fmt.Sprintf(`{"n":%d}`, n))
	}
	held := b.log.hold(t, board)
	reader.edit(`{"late":1}`)
	held.wait(t)
	author.edit(`{"first":1}`)
	author.deltas()
	b.log.release(board)
	equal(t, "the winner's record", reader.deltas(), `{"first":1}`)
	equal(t, "its own", reader.deltas(), `{"late":1}`)
	equal(t, "reads of the log", b.log.replays.Load()-before, 0)
}

// rush has clients of both nodes write one document as fast as they can, for as many
// edits each: on every node some increment one counter, the others write fields of
// their own. Afterwards nothing is lost, nothing there twice, and all subscribers
// of both nodes are equal.
func rush(t *testing.T, nodes []*world, edits func(done int) bool) {
	t.Helper()
	const each = 3 // clients of a kind on a node
	var observers []*member
	for _, n := range nodes {
		observers = append(observers, n.join(board), n.join(board))
	}
	var wg sync.WaitGroup
	var counted, written atomic.Int64
	fields := make([]int, each*len(nodes))
	for i := range each * len(nodes) {
		in := nodes[i%len(nodes)]
		c := &counting{member: in.joinAs(in.client(byte(100+i)), board, record.Position{})}
		wg.Go(func() {
			done := 0
			for c.open() && edits(done) && c.increment() {
				done++
			}
			counted.Add(int64(done))
		})
		m := in.joinAs(in.client(byte(200+i)), board, record.Position{})
		wg.Go(func() {
			fields[i] = own(m, i, edits)
			written.Add(int64(fields[i]))
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	l := nodes[0].read(board)
	equal(t, "mutations", int64(len(l.mutations)), counted.Load()+written.Load())
	want := fmt.Sprintf(`{"n":%d`, counted.Load())
	for i, n := range fields {
		want += fmt.Sprintf(`,"w%d":%d`, i, n)
	}
	equal(t, "state", l.state, want+"}")
	for _, o := range observers {
		equal(t, "an observer's document", o.until(l.records[len(l.records)-1].Position.Revision), l.state)
	}
	t.Logf("%d increments and %d other edits in %d records", counted.Load(), written.Load(), len(l.records))
}

// open reads the answer to Open, once.
func (c *counting) open() bool {
	if c.at != (record.Position{}) {
		return true
	}
	o, ok := c.wait().(*wire.Opened)
	if !ok {
		c.t.Error("not opened")
		return false
	}
	c.at = o.At
	var state struct{ N int } // 0 when it is not there yet
	if len(o.Snapshot) > 0 {
		if err := json.Unmarshal(o.Snapshot, &state); err != nil {
			c.t.Error(err)
			return false
		}
	}
	c.n = state.N
	return true
}

// own writes a field of its own, again if it had to wait for so long that its base is
// not known any more, and returns how often.
func own(m *member, field int, edits func(done int) bool) int {
	o, ok := m.wait().(*wire.Opened)
	if !ok {
		m.t.Error("not opened")
		return 0
	}
	m.at, m.last = o.At, o.Last
	done, nonce := 0, uint64(100)
	for edits(done) {
		last := m.last
		for found := false; !found; {
			m.last = last
			s := m.mutation(fmt.Sprintf(`{"w%d":%d}`, field, done+1))
			s.ID.Nonce, nonce = nonce, nonce+1
			m.last = s.ID
			if err := m.handle.Submit(testContext(m.t), s); err != nil {
				m.t.Error(err)
				return done
			}
			var ok bool
			if found, ok = m.outcome(s.ID); !ok {
				return done
			}
		}
		done++
	}
	return done
}

// outcome reads on until a mutation is in the log, or conflicts.
func (m *member) outcome(id record.MutationID) (found, ok bool) {
	for {
		switch f := m.wait().(type) {
		case *wire.Commit:
			rec, err := record.Decode(f.Record)
			if err != nil {
				m.t.Error(err)
				return false, false
			}
			m.at.Revision = f.Revision
			for _, mutation := range rec.Mutations {
				found = found || mutation.Client == m.id && mutation.ID == id
			}
			if found {
				return true, true
			}
		case *wire.Conflict:
			if f.ID == id {
				return false, true
			}
		default:
			m.t.Errorf("%T %+v came", f, f)
			return false, false
		}
	}
}

// TestL3_L4_TwoNodesWriteOneDocument as fast as they can.
func TestL3_L4_TwoNodesWriteOneDocument(t *testing.T) {
	t.Parallel()
	for _, pair := range pairs {
		t.Run(pair.name, func(t *testing.T) {
			t.Parallel()
			a, b := pair.start(t)
			rush(t, []*world{a, b}, func(done int) bool { return done < 50 })
		})
	}
}

// TestL10_NeitherNodeStarves: both nodes append as fast as they can for a while. None
// of them is kept from it by the other.
func TestL10_NeitherNodeStarves(t *testing.T) {
	for _, pair := range pairs {
		t.Run(pair.name, func(t *testing.T) {
			a, b := pair.start(t)
			end := time.Now().Add(500 * time.Millisecond)
			var done [2]atomic.Int64
			var wg sync.WaitGroup
			for i := range 6 {
				in := []*world{a, b}[i%2]
				m := in.joinAs(in.client(byte(100+i)), board, record.Position{})
				wg.Go(func() {
					done[i%2].Add(int64(own(m, i, func(int) bool { return time.Now().Before(end) })))
				})
			}
			wg.Wait()
			x, y := done[0].Load(), done[1].Load()
			t.Logf("%d and %d edits", x, y)
			if min(x, y) < max(x, y)/20 {
				t.Errorf("%d and %d edits", x, y)
			}
		})
	}
}

// TestL3_L4_TwoNodesWhileLeadersStepDown: the same on three replicas, while the
// leader of the stream steps down every 500 ms.
func TestL3_L4_TwoNodesWhileLeadersStepDown(t *testing.T) {
	t.Parallel()
	servers := natstest.Cluster(t)
	a, b := nodeAt(t, servers[0].ClientURL(), 3), nodeAt(t, servers[1].ClientURL(), 3).others()
	over := make(chan struct{})
	var stepped int
	var down sync.WaitGroup
	down.Go(func() {
		defer close(over)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(*stepDowns); time.Now().Before(end); {
			<-tick.C
			if natstest.StepDown(a.node.Conn(), deltalog.Stream(board)) {
				stepped++
			}
		}
	})
	rush(t, []*world{a, b}, func(int) bool {
		select {
		case <-over:
			return false
		default:
			return true
		}
	})
	down.Wait()
	if stepped == 0 {
		t.Error("no leader stepped down")
	}
	t.Logf("%d step-downs in %s", stepped, *stepDowns)
}

// TestL2_LostNewsIsFilledIn: news that follows lost news tells that something is
// missing, and the log what.
func TestL2_LostNewsIsFilledIn(t *testing.T) {
	a, b, proxy := cutPair(t, never)
	author, reader := a.join(board), b.join(board)
	var lost atomic.Int64
	proxy.Inspect(nil, natstest.Times(2, isNews, func(*natstest.Pipe, natstest.Frame) natstest.Action {
		lost.Add(1)
		return natstest.Drop
	}))
	for n := range 3 {
		author.edit(fmt.Sprintf(`{"n":%d}`, n))
		author.deltas()
	}
	for n := range 3 {
		equal(t, "record", reader.deltas(), fmt.Sprintf(`{"n":%d}`, n))
	}
	equal(t, "lost", lost.Load(), 2)
}

// never has tails compared so rarely that no test sees it.
func never(c *host.Config) { c.CheckEvery = time.Hour }

// TestL2_LostLastNewsIsFound: nothing follows the news that was lost; the host finds
// by itself that its log goes on.
func TestL2_LostLastNewsIsFound(t *testing.T) {
	a, b, proxy := cutPair(t, func(c *host.Config) { c.CheckEvery = 100 * time.Millisecond })
	author, reader := a.join(board), b.join(board)
	var lost atomic.Int64
	proxy.Inspect(nil, func(_ *natstest.Pipe, f natstest.Frame) natstest.Action {
		if isNews(f) {
			lost.Add(1)
			return natstest.Drop
		}
		return natstest.Pass
	})
	for n := range 3 {
		author.edit(fmt.Sprintf(`{"n":%d}`, n))
		equal(t, "record", reader.deltas(), fmt.Sprintf(`{"n":%d}`, n))
	}
	equal(t, "lost", lost.Load(), 3)
}

// TestL2_SeveredNodeCatchesUp: after a reconnect the documents that are open are
// compared much sooner than otherwise.
func TestL2_SeveredNodeCatchesUp(t *testing.T) {
	const every = within // the next comparison would be after half of it
	a, b, proxy := cutPair(t, func(c *host.Config) { c.CheckEvery = every })
	author, reader := a.join(board), b.join(board)
	// The first time it may be the comparison soon after the document was loaded that
	// finds it.
	for n := range 2 {
		proxy.Sever()
		author.edit(fmt.Sprintf(`{"cut":%d}`, n))
		author.deltas()
		proxy.Mend()
		mended := time.Now()
		equal(t, "record", reader.deltas(), fmt.Sprintf(`{"cut":%d}`, n))
		if took := time.Since(mended); took > every/4 {
			t.Errorf("it took %s", took)
		}
		author.edit(fmt.Sprintf(`{"n":%d}`, n)) // the subscription is there again
		equal(t, "record", reader.deltas(), fmt.Sprintf(`{"n":%d}`, n))
	}
}

// TestL2_IdleDocumentIsCompared: the last news is lost while nobody is subscribed to
// the document. Who reads it has the host look, and finds it when reading again.
func TestL2_IdleDocumentIsCompared(t *testing.T) {
	a, b, proxy := cutPair(t, func(c *host.Config) { c.CheckEvery = 20 * time.Millisecond })
	author := a.join(board)
	handle, err := b.registry.Attach(board, b.client(1))
	if err != nil {
		t.Fatal(err)
	}
	read := func() (at record.Position) {
		t.Helper()
		if err := handle.Read(testContext(t), func(v host.View) { at = v.At }); err != nil {
			t.Fatal(err)
		}
		return at
	}
	read()
	proxy.Inspect(nil, func(_ *natstest.Pipe, f natstest.Frame) natstest.Action {
		if isNews(f) {
			return natstest.Drop
		}
		return natstest.Pass
	})
	author.edit(`{"n":1}`)
	author.deltas()
	for deadline := time.Now().Add(within); read() != author.at; {
		if time.Now().After(deadline) {
			t.Fatal("the edit is not found")
		}
	}
}

// TestL1_ClientThatKnowsMoreThanTheNode: a client moves to a node which has not heard
// of what the client was told is durable. It is not taken back.
func TestL1_ClientThatKnowsMoreThanTheNode(t *testing.T) {
	a, b, proxy := cutPair(t, never)
	moving, there := a.join(board), b.join(board)
	proxy.Inspect(nil, func(_ *natstest.Pipe, f natstest.Frame) natstest.Action {
		if isNews(f) {
			return natstest.Drop
		}
		return natstest.Pass
	})
	edit := moving.edit(`{"n":1}`)
	moving.deltas()
	back := b.joinAs(b.client(1), board, moving.at)
	opened := back.opened()
	equal(t, "position", opened.At, moving.at)
	equal(t, "its last", opened.Last, edit.ID)
	equal(t, "record", there.deltas(), `{"n":1}`)

	// A position that the log has not is answered by a snapshot, as ever.
	beyond := moving.at
	beyond.Revision += 100
	wrong := b.joinAs(b.client(2), board, beyond)
	equal(t, "snapshot", string(wrong.opened().Snapshot), `{"n":1}`)
}

// TestL9_NewsWhileAnAppendIsHeld: one node cannot append while the other writes more
// than there is room for. Then its subscribers get it all, in order, once, and its
// own edit.
func TestL9_NewsWhileAnAppendIsHeld(t *testing.T) {
	a := newWorld(t, never)
	b := worldOn(t, a.node, never).others()
	author, writer := a.join(board), b.join(board)
	held := b.log.hold(t, board)
	writer.edit(`{"held":true}`)
	held.wait(t)
	const records = 200
	for n := range records {
		author.edit(fmt.Sprintf(`{"n":%d}`, n))
		author.deltas()
	}
	b.log.release(board)
	for n := range records {
		equal(t, "record", writer.deltas(), fmt.Sprintf(`{"n":%d}`, n))
	}
	equal(t, "own record", writer.deltas(), `{"held":true}`)
	equal(t, "at the author's", author.deltas(), `{"held":true}`)
	equal(t, "records", len(a.read(board).records), records+1)
}

// TestL1_WipedLogUnderOpenDocuments: the streams are replaced while two nodes have a
// document open. The one that writes hears of it by its append, the other one by
// itself; neither goes on as if the new log were the old one, and a node that
// comes now starts anew.
func TestL1_WipedLogUnderOpenDocuments(t *testing.T) {
	url := natstest.Start(t, t.TempDir(), server.RANDOM_PORT).ClientURL()
	often := func(c *host.Config) { c.CheckEvery = 100 * time.Millisecond }
	a, b := nodeAt(t, url, 1, never), nodeAt(t, url, 1, often).others()
	author, reader := a.join(board), b.join(board)
	author.edit(`{"n":1}`)
	author.deltas()
	equal(t, "record", reader.deltas(), `{"n":1}`)

	wipe(t, a)
	fresh := nodeAt(t, url, 1)
	equal(t, "its fault", expect[*wire.Fault](reader).Code, wire.CodeUnavailable)
	author.edit(`{"n":2}`)
	equal(t, "the author's", expect[*wire.Fault](author).Code, wire.CodeUnavailable)
	newcomer := fresh.join(board)
	equal(t, "revision", newcomer.at.Revision, 0)
	newcomer.edit(`{"new":1}`)
	newcomer.deltas()
	for _, w := range []*world{a, b} {
		again := w.joinAs(w.client(90), board, record.Position{})
		equal(t, "opened again", expect[*wire.Fault](again).Code, wire.CodeUnavailable)
	}
	equal(t, "state", fresh.read(board).state, `{"new":1}`)
}

// wipe deletes all streams of the log.
func wipe(t *testing.T, w *world) {
	t.Helper()
	names := w.node.JetStream().StreamNames(testContext(t))
	for name := range names.Name() {
		if err := w.node.JetStream().DeleteStream(testContext(t), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := names.Err(); err != nil {
		t.Fatal(err)
	}
}
