package host_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/payload"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// nodeAt is a node of its own on an external NATS.
func nodeAt(t testing.TB, url string, replicas int, change ...func(*host.Config)) *world {
	t.Helper()
	return worldWith(t, external(t, url), func(c *deltalog.Config) { c.Replicas = replicas }, change...)
}

// external connects to an external NATS.
func external(t testing.TB, url string) *natsd.Node {
	t.Helper()
	node, err := natsd.Start(testContext(t), natsd.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	return node
}

// others has the clients that join be others than those of the first node.
func (w *world) others() *world {
	w.clients = 50
	return w
}

// pairs starts two nodes on one NATS, in each of the ways that there are. They do not
// compare their tails with the log: all that they hear is news.
var pairs = []struct {
	name  string
	start func(t testing.TB) (a, b *world)
}{
	{"embedded", func(t testing.TB) (a, b *world) {
		a = newWorld(t, never)
		return a, worldOn(t, a.node, never).others()
	}},
	{"external", func(t testing.TB) (a, b *world) {
		url := natstest.Start(t, t.TempDir(), server.RANDOM_PORT).ClientURL()
		return nodeAt(t, url, 1, never), nodeAt(t, url, 1, never).others()
	}},
	{"cluster", func(t testing.TB) (a, b *world) {
		servers := natstest.Cluster(t)
		return nodeAt(t, servers[0].ClientURL(), 3, never), nodeAt(t, servers[1].ClientURL(), 3, never).others()
	}},
}

// cutPair is two nodes, the second of which is behind a proxy.
func cutPair(t testing.TB, change ...func(*host.Config)) (a, b *world, p *natstest.Proxy) {
	t.Helper()
	url := natstest.Start(t, t.TempDir(), server.RANDOM_PORT).ClientURL()
	p = natstest.NewProxy(t, url)
	return nodeAt(t, url, 1, change...), nodeAt(t, p.URL(), 1, change...).others(), p
}

// isNews reports whether a frame is news on its way to a node.
func isNews(f natstest.Frame) bool {
	return strings.HasSuffix(f.Op(), "MSG") && strings.HasPrefix(f.Fields()[1], "rvn.")
}

// heard is a subscriber that notes when it was sent which revision.
type heard struct {
	*recorder

	mu sync.Mutex
	at map[record.Revision]time.Time
}

func newHeard(r *recorder) *heard {
	return &heard{recorder: r, at: make(map[record.Revision]time.Time)}
}

func (h *heard) Send(frames []byte) {
	now := time.Now()
	for rest := frames; len(rest) > 0; {
		f, left, err := wire.Decode(rest)
		if err != nil {
			break // the recorder says so
		}
		if c, ok := f.(*wire.Commit); ok {
			h.mu.Lock()
			h.at[c.Revision] = now
			h.mu.Unlock()
		}
		rest = left
	}
	h.recorder.Send(frames)
}

// delays returns how long after a each revision came to b, in order.
func delays(a, b *heard) []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []time.Duration
	for rev, at := range b.at {
		if from, ok := a.at[rev]; ok {
			all = append(all, at.Sub(from))
		}
	}
	slices.Sort(all)
	return all
}

// quantile returns a quantile of sorted durations.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[int(q*float64(len(sorted)-1))]
}

// joinHeard opens a document with a subscriber that notes the time.
func (w *world) joinHeard(key record.Key) (*member, *heard) {
	w.t.Helper()
	w.clients++
	h := newHeard(w.client(w.clients))
	handle, err := w.registry.Open(testContext(w.t), 1, key, h, record.Position{})
	if err != nil {
		w.t.Fatal(err)
	}
	m := &member{recorder: h.recorder, t: w.t, handle: handle}
	m.opened()
	return m, h
}

// hears waits until the node has heard of all that is in the log: a client that it
// has not heard of would not know what it has done elsewhere.
func (w *world) hears(key record.Key) {
	w.t.Helper()
	if all := w.read(key).records; len(all) > 0 {
		m := w.joinAs(w.client(250), key, record.Position{})
		m.opened()
		m.until(all[len(all)-1].Position.Revision)
		m.handle.Close()
	}
}

// until reads on to a revision and returns the document that it leads to.
func (m *member) until(rev record.Revision) string {
	m.t.Helper()
	for m.at.Revision < rev {
		m.next()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return string(m.copies[m.handle.Number()].doc.Canonical())
}

// Answer implements [host.Subscriber].
func (h *heard) Answer(a *payload.Answer) { h.Send(a.Bytes()) }
