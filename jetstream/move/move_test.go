package move_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/move"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/shared/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func node(t testing.TB, cfg natsd.Config) *natsd.Node {
	t.Helper()
	n, err := natsd.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func embedded(t testing.TB) *natsd.Node {
	return node(t, natsd.Config{Dir: t.TempDir(), Sync: natsd.Sync{Interval: time.Minute}})
}

func open(t testing.TB, n *natsd.Node, replicas int) *deltalog.Log {
	t.Helper()
	log, err := deltalog.Open(t.Context(), deltalog.Config{Conn: n.Conn(), JetStream: n.JetStream(), Replicas: replicas})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func key(i int) record.Key { return record.Key{Space: fmt.Sprint("s", i%20), ID: fmt.Sprint("d", i)} }

// fill appends records to many documents, erases some, and compacts one time, so that the
// streams begin late and have gaps, also at their ends.
func fill(t testing.TB, log *deltalog.Log) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	tails := make(map[record.Key]deltalog.Tail)
	write := func(n int) {
		for range n {
			k := key(random.IntN(60))
			tail, ok := tails[k]
			if !ok {
				tail.Head.Epoch = log.Epoch(k)
			}
			rec := record.Record{Epoch: tail.Head.Epoch, Prev: tail.Head.Revision, PrevChain: tail.Head.Chain, Time: 1}
			rec.Mutations = []record.Mutation{{ID: record.MutationID{Number: 1}, Delta: fmt.Appendf(nil, `{"n":%d}`, random.Int())}}
			data, err := rec.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if tails[k], err = log.Append(t.Context(), k, tail, data); err != nil {
				t.Fatal(err)
			}
		}
	}
	state := func(ctx context.Context, k record.Key) error {
		tail, err := log.AppendBase(ctx, k, tails[k], deltalog.Base{Content: []byte("state")})
		tails[k] = tail
		return err
	}
	write(600)
	for i := range 60 {
		if _, there := tails[key(i)]; there && i%2 == 0 {
			if err := state(t.Context(), key(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 60 {
		if i%4 == 0 {
			if _, err := log.Erase(t.Context(), key(i)); err != nil && !errors.Is(err, deltalog.ErrNotFound) {
				t.Fatal(err)
			}
		}
	}
	write(300)
}

// same compares what readers of both logs get.
func same(t testing.TB, a, b *deltalog.Log) {
	t.Helper()
	for i := range 60 {
		if a.Epoch(key(i)) != b.Epoch(key(i)) {
			t.Fatalf("the epochs of %s differ", key(i))
		}
		var got [2][]record.Position
		var tails [2]deltalog.Tail
		for n, log := range []*deltalog.Log{a, b} {
			var err error
			tails[n], err = log.Replay(t.Context(), key(i), deltalog.Tail{}, func(e deltalog.Entry) error {
				got[n] = append(got[n], e.Position)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if tails[0] != tails[1] || fmt.Sprint(got[0]) != fmt.Sprint(got[1]) {
			t.Fatalf("%s: %+v %v\nand its copy %+v %v", key(i), tails[0], got[0], tails[1], got[1])
		}
	}
}

// TestL2_Move: the copy is the same log, to the last sequence, on a server or a cluster, with
// what is beside it; appends go on with it.
func TestL2_Move(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T) (*natsd.Node, int){
		"server": func(t *testing.T) (*natsd.Node, int) { return embedded(t), 1 },
		"cluster": func(t *testing.T) (*natsd.Node, int) {
			return node(t, natsd.Config{URL: natstest.Cluster(t)[0].ClientURL()}), 3
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := embedded(t)
			log := open(t, from, 1)
			fill(t, log)
			createBeside(t, from)
			writeBeside(t, from, rand.New(rand.NewPCG(3, 4)))
			to, replicas := start(t)
			cfg := move.Config{From: from.JetStream(), To: to.JetStream(), Replicas: replicas}
			n, err := move.All(t.Context(), cfg)
			if err != nil || n.Records < 700 {
				t.Fatal(n, err)
			}
			copied := open(t, to, replicas)
			same(t, log, copied)
			sameBeside(t, from, to)
			if again, err := move.All(t.Context(), cfg); err != nil || again != n {
				t.Errorf("again: %+v %v", again, err)
			}
			k := key(3)
			tail, err := copied.Replay(t.Context(), k, deltalog.Tail{}, func(deltalog.Entry) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			rec := record.Record{Epoch: tail.Head.Epoch, Prev: tail.Head.Revision, PrevChain: tail.Head.Chain}
			rec.Mutations = []record.Mutation{{ID: record.MutationID{Number: 9}, Delta: []byte(`{}`)}}
			data, err := rec.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := copied.Append(t.Context(), k, tail, data); err != nil {
				t.Fatal(err)
			}
			if _, err := move.All(t.Context(), cfg); !errors.As(err, new(*move.StreamError)) {
				t.Errorf("over a log that is in use: %v", err)
			}
		})
	}
}

// TestInterrupted: a copy that ends anywhere is gone on with.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	from, to := embedded(t), embedded(t)
	log := open(t, from, 1)
	fill(t, log)
	for streams := 1; ; streams++ {
		ctx, cancel := context.WithCancel(t.Context())
		seen := 0
		_, err := move.All(ctx, move.Config{From: from.JetStream(), To: to.JetStream(), Progress: func(move.Progress) {
			if seen++; seen == streams {
				cancel()
			}
		}})
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	same(t, log, open(t, to, 1))
}

// TestAnotherLog: a log that is there already is left as it is.
func TestAnotherLog(t *testing.T) {
	t.Parallel()
	from, to := embedded(t), embedded(t)
	fill(t, open(t, from, 1))
	open(t, to, 1)
	if _, err := move.All(t.Context(), move.Config{From: from.JetStream(), To: to.JetStream()}); !errors.As(err, new(*move.StreamError)) {
		t.Errorf("over another log: %v", err)
	}
}
