package snapshot_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// TestRoundTrip of snapshots in one message and in several, each in place of the
// one before.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	store, n := newStore(t)
	wantNone(t, store, board)
	for i, size := range []int{0, 10, 10_000, 5 << 20, 100, 2 << 20, snapshot.PartSize, 3 << 20} {
		s := sample(uint64(i), size)
		put(t, store, board, s)
		wantSame(t, store, board, s)
		wantSame(t, openStore(t, n), board, s) // as another process sees it
		wantNone(t, store, notes)
	}
	s := sample(4, 2<<20)
	put(t, store, notes, s)
	wantSame(t, store, notes, s)
	wantSame(t, store, board, sample(7, 3<<20))
}

// TestManyClients: the table is stored whole, and divided if need be.
func TestManyClients(t *testing.T) {
	t.Parallel()
	store, n := newStore(t)
	s := sample(0, 100)
	for i := range 60_000 {
		s.Clients[record.ClientID{byte(i), byte(i >> 8), 7}] = snapshot.Client{Last: record.MutationID{Number: uint64(i), Nonce: 1}}
	}
	put(t, store, board, s)
	wantSame(t, store, board, s)
	if parts := len(stored(t, n)); parts < 3 {
		t.Errorf("%d messages hold 60,000 clients", parts)
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := startNode(t, dir)
	small, large := sample(1, 100), sample(2, 2<<20)
	store := openStore(t, n)
	put(t, store, board, small)
	put(t, store, notes, large)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Get(testContext(t), board); err == nil || errors.Is(err, snapshot.ErrNone) {
		t.Errorf("without a server: %v", err)
	}
	if store.Put(testContext(t), board, small) == nil || store.Put(testContext(t), board, large) == nil || store.Delete(testContext(t), board) == nil {
		t.Error("something was done without a server")
	}
	store = openStore(t, startNode(t, dir))
	wantSame(t, store, board, small)
	wantSame(t, store, notes, large)
}

// TestDelete removes what there is of a document, and nothing of another one whose
// name begins alike.
func TestDelete(t *testing.T) {
	t.Parallel()
	store, n := newStore(t)
	other := record.Key{Space: board.Space, ID: board.ID + "2"}
	for i, key := range []record.Key{board, notes, other} {
		put(t, store, key, sample(uint64(i), 2<<20))
	}
	for _, key := range []record.Key{board, notes, board} { // again is no error
		if err := store.Delete(testContext(t), key); err != nil {
			t.Fatal(err)
		}
		wantNone(t, store, key)
	}
	wantSame(t, store, other, sample(2, 2<<20))
	for subject := range stored(t, n) {
		if !strings.HasPrefix(subject, snapshot.Subject(other)) {
			t.Errorf("%s is left", subject)
		}
	}
	put(t, store, board, sample(9, 2<<20))
	wantSame(t, store, board, sample(9, 2<<20))
}

// TestL2_DeletedStream: whoever deletes the stream has no snapshots, and no other
// trouble; it comes back when it is opened again.
func TestL2_DeletedStream(t *testing.T) {
	store, n := newStore(t)
	put(t, store, board, sample(1, 100))
	if err := n.JetStream().DeleteStream(testContext(t), streamName); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Get(testContext(t), board); err == nil {
		t.Error("there is a snapshot")
	}
	if err := store.Put(testContext(t), board, sample(1, 100)); err == nil {
		t.Error("a snapshot was stored")
	}
	openStore(t, n)
	wantNone(t, store, board)
	put(t, store, board, sample(2, 100))
	wantSame(t, store, board, sample(2, 100))
}

// TestL11_TwoAtOnce: of snapshots that are put at once, in one message or in parts,
// one is there afterwards, whole, and readers never see anything else meanwhile.
func TestL11_TwoAtOnce(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]func(int) int{
		"small": func(int) int { return 1000 },
		"large": func(int) int { return large },
		"both":  func(i int) int { return []int{1000, large}[i%2] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const writers, rounds = 4, 5
			_, n := newStore(t)
			all := make(map[record.Revision]snapshot.Snapshot)
			for i := range writers * rounds {
				s := sample(uint64(i), size(i))
				all[s.At.Revision] = s
			}
			check := func(store *snapshot.Store) {
				s, err := store.Get(testContext(t), board)
				if err != nil {
					t.Error(err)
				} else if !reflect.DeepEqual(s, all[s.At.Revision]) {
					t.Errorf("the snapshot at %s is none of those that were put", s.At)
				}
			}
			put(t, openStore(t, n), board, all[100])
			var writing, reading sync.WaitGroup
			done := make(chan struct{})
			for w := range writers {
				store := openStore(t, n)
				writing.Go(func() {
					for round := range rounds {
						if err := store.Put(testContext(t), board, all[record.Revision(100+w*rounds+round)]); err != nil {
							t.Error(err)
						}
					}
				})
			}
			reader := openStore(t, n)
			reading.Go(func() {
				for {
					check(reader)
					select {
					case <-done:
						return
					default:
					}
				}
			})
			writing.Wait()
			close(done)
			reading.Wait()
			check(reader)

			// What the losers have left behind goes with the next one.
			last := sample(1000, 2<<20)
			put(t, reader, board, last)
			wantSame(t, reader, board, last)
			equal(t, "messages", len(stored(t, n)), 1+3)
		})
	}
}

// TestOlderReplacesNewer: puts are not ordered.
func TestOlderReplacesNewer(t *testing.T) {
	store, _ := newStore(t)
	put(t, store, board, sample(2, 100))
	put(t, store, board, sample(1, 100))
	wantSame(t, store, board, sample(1, 100))
}

func TestOpenAtOnce(t *testing.T) {
	n := startNode(t, t.TempDir())
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			store, err := snapshot.Open(testContext(t), snapshot.Config{JetStream: n.JetStream()})
			if err == nil {
				err = store.Put(testContext(t), record.Key{Space: "a", ID: fmt.Sprint(i)}, sample(1, 100))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	equal(t, "snapshots", len(stored(t, n)), 4)
}

func TestOpenRefusesOtherStreams(t *testing.T) {
	store, n := newStore(t)
	put(t, store, board, sample(1, 100))
	js := n.JetStream()
	good := must[jetstream.Stream](t)(js.Stream(testContext(t), streamName)).CachedInfo().Config
	for want, change := range map[string]func(*jetstream.StreamConfig){
		"not made by Rivulet":   func(c *jetstream.StreamConfig) { c.Metadata = nil },
		`format version is "2"`: func(c *jetstream.StreamConfig) { c.Metadata = map[string]string{"rivulet-format": "2"} },
		"subjects are":          func(c *jetstream.StreamConfig) { c.Subjects = []string{"rvs.*"} },
		"not stored in files":   func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"retention":             func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy },
		"2 messages":            func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 2 },
		"not acknowledge":       func(c *jetstream.StreamConfig) { c.NoAck = true },
		"cannot be purged":      func(c *jetstream.StreamConfig) { c.DenyPurge = true },
		"direct gets":           func(c *jetstream.StreamConfig) { c.AllowDirect = false },
		"up to 5 bytes":         func(c *jetstream.StreamConfig) { c.MaxMsgSize = 5 },
		"is a mirror": func(c *jetstream.StreamConfig) {
			c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: ">", Destination: "x.>"}
		},
		"3 are asked for": func(*jetstream.StreamConfig) {},
	} {
		c := good
		change(&c)
		if err := js.DeleteStream(testContext(t), streamName); err != nil {
			t.Fatal(err)
		}
		natstest.CreateStream(t, js, c)
		replicas := 1
		if want == "3 are asked for" {
			replicas = 3
		}
		_, err := snapshot.Open(testContext(t), snapshot.Config{JetStream: js, Replicas: replicas})
		if refused := wantError[*snapshot.StreamError](t, err); !strings.Contains(err.Error(), want) || refused.Stream != streamName {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	n := startNode(t, t.TempDir())
	for _, cfg := range []snapshot.Config{{}, {JetStream: n.JetStream(), Replicas: 6}, {JetStream: n.JetStream(), Replicas: -1}, {JetStream: n.JetStream(), MaxSize: -1}} {
		if _, err := snapshot.Open(testContext(t), cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}
