package snapshot_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
)

// TestL11_Cluster: three servers, of which any may answer a get and may be behind.
// What they return is a snapshot that was put, whole, or a named error, and sooner or
// later the last one.
func TestL11_Cluster(t *testing.T) {
	t.Parallel()
	servers := natstest.Cluster(t)
	replicated := func(c *snapshot.Config) { c.Replicas = len(servers) }
	var stores []*snapshot.Store
	for _, s := range servers {
		n, err := natsd.Start(testContext(t), natsd.Config{URL: s.ClientURL()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		})
		stores = append(stores, openStore(t, n, replicated))
	}
	all := make(map[int]snapshot.Snapshot)
	stale, refused := 0, 0
	for round := range 30 {
		size := []int{1000, large}[round%2]
		s := sample(uint64(round), size)
		all[int(s.At.Revision)] = s
		put(t, stores[round%3], board, s)
		for ready := 0; ready < len(stores); {
			ready = 0
			for _, store := range stores {
				got, err := store.Get(testContext(t), board)
				switch {
				case errors.Is(err, snapshot.ErrNone) && round == 0, errors.As(err, new(*snapshot.DamagedError)),
					errors.Is(err, nats.ErrNoResponders):
					refused++
				case err != nil:
					t.Fatal(err)
				case !reflect.DeepEqual(got, all[int(got.At.Revision)]):
					t.Fatalf("the snapshot at %s is none of those that were put", got.At)
				case got.At != s.At:
					stale++
				default:
					ready++
				}
			}
		}
	}
	t.Logf("%d gets found an older one, %d none", stale, refused)
}
