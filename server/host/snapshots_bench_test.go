package host_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// BenchmarkColdOpen opens a document with 100,000 records behind it that is not in
// memory, up to the frame that a client is sent: by its snapshot and the 900 records
// that have come since, and by a replay of all.
func BenchmarkColdOpen(b *testing.B) {
	const behind, since, fields, clients = 100_000, 900, 1000, 200
	w := newWorld(b)
	store, err := snapshot.Open(b.Context(), snapshot.Config{JetStream: w.node.JetStream()})
	if err != nil {
		b.Fatal(err)
	}
	var tail deltalog.Tail
	for n := range behind {
		if n == behind-since {
			s, err := host.Load(b.Context(), host.Config{Log: w.log}, board)
			if err == nil {
				err = store.Put(b.Context(), board, s)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		tail.Head.Epoch = w.log.Epoch(board)
		rec := record.Record{
			Epoch: tail.Head.Epoch, Prev: tail.Head.Revision, PrevChain: tail.Head.Chain, Time: int64(n),
			Mutations: []record.Mutation{{
				Client: record.ClientID{5: 1, 6: byte(n % clients)}, ID: record.MutationID{Number: uint64(n/clients + 1), Nonce: 1},
				Delta: fmt.Appendf(nil, `{"cards":{"c%d":{"title":"number %d","at":%d}}}`, n%fields, n, n*7%fields),
			}},
		}
		data, err := rec.Encode()
		if err != nil {
			b.Fatal(err)
		}
		if tail, err = w.log.Append(b.Context(), board, tail, data); err != nil {
			b.Fatal(err)
		}
	}
	for name, snapshots := range map[string]host.Snapshots{"snapshot+900": store, "replay": nil} {
		b.Run(name, func(b *testing.B) {
			w := worldOn(b, w.node, func(c *host.Config) {
				c.Snapshots, c.SnapshotEvery, c.SnapshotIdle = snapshots, 10*behind, 10*behind
				c.IdleAfter, c.AtticBytes = time.Hour, -1
			})
			b.ReportAllocs()
			for b.Loop() {
				m := w.joinAs(w.client(1), board, record.Position{})
				o := m.opened()
				b.StopTimer()
				equal(b, "position", o.At, tail.Head)
				m.handle.Close()
				w.emptied()
				b.StartTimer()
			}
		})
	}
}

// emptied waits until no document is in memory.
func (w *world) emptied() {
	for w.registry.Live() > 0 {
		w.registry.EvictIdle()
	}
}

// BenchmarkEviction plays a game of 802 decisions on a document of 10 KB: all in
// memory, and with the document evicted after every one, to come back from the attic and
// from what is stored. An operation is a game.
func BenchmarkEviction(b *testing.B) {
	for _, sync := range []natsd.Sync{{Always: true}, {Interval: time.Minute}} {
		for _, from := range []string{"memory", "attic", "stored"} {
			b.Run(fmt.Sprintf("sync=%s/from=%s", sync, from), func(b *testing.B) {
				node, err := natsd.Start(b.Context(), natsd.Config{Dir: b.TempDir(), Sync: sync})
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { node.Close() }) //nolint:errcheck // the benchmark is over
				store, err := snapshot.Open(b.Context(), snapshot.Config{JetStream: node.JetStream()})
				if err != nil {
					b.Fatal(err)
				}
				w := worldOn(b, node, func(c *host.Config) {
					c.Snapshots, c.IdleAfter = store, time.Hour
					if from == "stored" {
						c.AtticBytes = -1
					}
				})
				for n := 0; b.Loop(); n++ {
					play(w, record.Key{Space: "cards", ID: fmt.Sprint(n)}, from != "memory")
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/decisions, "µs/decision")
			})
		}
	}
}

const decisions = 802

// play makes all decisions of a game by one client.
func play(w *world, key record.Key, evict bool) {
	w.t.Helper()
	m := w.joinAs(w.client(1), key, record.Position{})
	m.opened()
	for n, patch := range game() {
		m.edit(patch)
		equal(w.t, "record", m.deltas(), patch)
		if !evict || n == decisions-1 {
			continue
		}
		last := m.last
		m.handle.Close()
		w.emptied()
		m = w.joinAs(m.recorder, key, m.at)
		o, ok := m.wait().(*wire.Opened)
		if !ok || o.Last != last || len(o.Snapshot) > 0 {
			w.t.Fatalf("after %d decisions: opened with %+v", n+1, o)
		}
		m.last = last
	}
	m.handle.Close()
	w.emptied()
}

// game returns the decisions as patches: shuffle, deal all cards to four players,
// play them one by one, and again.
func game() (patches []string) {
	random := rand.New(rand.NewPCG(52, 52))
	patch := `{"cards":{`
	for c := range 52 {
		patch += fmt.Sprintf(`"c%02d":{"suit":%q,"rank":%d,"face":"/assets/cards/%02d.svg","back":"/assets/cards/back.svg","place":"deck","order":%d,"seen":{"p0":false,"p1":false,"p2":false,"p3":false}},`,
			c, []string{"clubs", "diamonds", "hearts", "spades"}[c%4], c/4+1, c, c)
	}
	patches = append(patches, patch[:len(patch)-1]+`},"turn":0,"score":{"p0":0,"p1":0,"p2":0,"p3":0}}`)
	for len(patches) < decisions {
		order := random.Perm(52)
		patch := `{"cards":{`
		for place, c := range order {
			patch += fmt.Sprintf(`"c%02d":{"order":%d,"place":"deck"},`, c, place)
		}
		patches = append(patches, patch[:len(patch)-1]+`},"turn":0}`)
		for turn, c := range order {
			patches = append(patches, fmt.Sprintf(`{"cards":{"c%02d":{"place":"hand%d","seen":{"p%d":true}}},"turn":%d}`, c, turn%4, turn%4, turn))
		}
		for turn, c := range order {
			patches = append(patches, fmt.Sprintf(`{"cards":{"c%02d":{"place":"table","seen":{"p0":true,"p1":true,"p2":true,"p3":true}}},"turn":%d,"score":{"p%d":%d}}`,
				c, turn, turn%4, turn+len(patches)))
		}
	}
	return patches[:decisions]
}
