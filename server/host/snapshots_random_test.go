package host_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// TestL4_SnapshotAndTailEqualReplay: random histories of a document, evicted and
// restarted at random points, with another server writing at times. What is loaded
// by snapshot and tail is what a replay of all yields: position, number of records,
// client table, checksum and bytes. So was every single snapshot.
func TestL4_SnapshotAndTailEqualReplay(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(4, seed))
			every := func(c *host.Config) {
				c.SnapshotEvery, c.SnapshotBytes, c.SnapshotIdle = 1+random.IntN(20), 200+random.IntN(2000), 1+random.IntN(8)
				c.KeepRecords = 1 + random.IntN(30)
				c.AtticBytes = int(seed%2) - 1 // with every second seed they come back from there
			}
			plain := newWorld(t)
			k := keepingOn(t, plain, every)
			var put []put
			used := 0
			for range 12 {
				writer := k.world
				if random.IntN(4) == 0 {
					writer = plain // knows nothing of snapshots
				}
				scribble(writer, random, random.IntN(25))
				if random.IntN(3) == 0 {
					k.registry.Close()
					put = append(put, k.shelf.puts()...)
					k = keepingOn(t, plain, every)
				} else if random.IntN(2) == 0 {
					k.evict()
				}
				s, replayed := k.loaded(board)
				if s.Records > uint64(replayed) {
					used++
				}
				if errs := k.warnings.take(); len(errs) > 0 {
					t.Fatal(errs)
				}
			}
			k.registry.Close()
			put = append(put, k.shelf.puts()...)
			if used == 0 || len(put) == 0 {
				t.Errorf("%d loads used one of %d snapshots", used, len(put))
			}
			k.compare(put)
		})
	}
}

// scribble has a few clients write at random.
func scribble(w *world, random *rand.Rand, records int) {
	w.t.Helper()
	w.hears(board)
	var clients []*member
	for n := range 1 + random.IntN(3) {
		m := w.joinAs(w.client(byte(10+random.IntN(5)*5+n)), board, record.Position{})
		o := m.opened()
		m.at, m.last = o.At, o.Last
		clients = append(clients, m)
	}
	for range records {
		m := clients[random.IntN(len(clients))]
		m.edit(string(patch(random, 0)))
		for _, reader := range clients {
			reader.deltas()
		}
	}
	for _, m := range clients {
		m.handle.Close()
	}
}

// patch returns a random merge patch of an object.
func patch(random *rand.Rand, depth int) []byte {
	members := make(map[string]json.RawMessage)
	for range 1 + random.IntN(3) {
		name := string(rune('a' + random.IntN(4)))
		switch n := random.IntN(8); {
		case n == 0:
			members[name] = json.RawMessage("null")
		case n == 1:
			members[name] = json.RawMessage(`[1.50,{"x":null},"é\n"]`)
		case n < 5 && depth < 3:
			members[name] = patch(random, depth+1)
		default:
			members[name] = fmt.Appendf(nil, "%d.0e1", random.IntN(1000))
		}
	}
	data, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return data
}

// compare replays the log and compares every snapshot with what it leads to at its
// position.
func (k *keeping) compare(puts []put) {
	k.t.Helper()
	at := make(map[record.Position][]put)
	for _, p := range puts {
		at[p.snap.At] = append(at[p.snap.At], p)
	}
	state, clients, found := doc.New(), make(map[record.ClientID]snapshot.Client), 0
	for n, e := range k.read(board).records {
		for _, m := range e.Record.Mutations {
			state.Apply(delta.Trusted(m.Delta))
			clients[m.Client] = snapshot.Client{Last: m.ID, Seen: e.Record.Time}
		}
		for _, p := range at[e.Position] {
			found++
			canonical := state.Canonical()
			if p.key != board || p.snap.Records != uint64(n+1) || !maps.Equal(p.snap.Clients, clients) ||
				string(p.snap.Document) != string(canonical) || p.snap.Checksum != doc.Open(canonical).Checksum() {
				k.t.Fatalf("the snapshot at record %d is %+v %s, want %v %s", n+1, p.snap, p.snap.Document, clients, canonical)
			}
		}
	}
	equal(k.t, "snapshots at positions of the log", found, len(puts))
}

// TestL3_L4_TwoHostsPutAtOnce: two servers write one document as fast as they can
// and put a snapshot after each record. Every one of them is right, as is what is
// loaded from the last.
func TestL3_L4_TwoHostsPutAtOnce(t *testing.T) {
	const clients, increments = 2, 40
	every := func(c *host.Config) { c.SnapshotEvery = 1 }
	first := newKeeping(t, every)
	both := []*keeping{first, keepingOn(t, first.world, every)}
	var wg sync.WaitGroup
	for i := range clients * len(both) {
		in := both[i%len(both)].world
		c := &counting{member: in.joinAs(in.client(byte(10+i)), board, record.Position{})}
		wg.Go(func() {
			c.run(increments)
			c.handle.Close()
		})
	}
	wg.Wait()
	var puts []put
	for _, k := range both {
		k.evict()
		k.registry.Close()
		puts = append(puts, k.shelf.puts()...)
	}
	first.compare(puts)
	for _, k := range both {
		s, _ := k.loaded(board)
		equal(t, "document", string(s.Document), fmt.Sprintf(`{"n":%d}`, clients*len(both)*increments))
		equal(t, "reported", fmt.Sprint(k.warnings.take()), "[]")
	}
	equal(t, "mutations", len(first.read(board).mutations), clients*len(both)*increments)
}
