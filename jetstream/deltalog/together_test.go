package deltalog_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// additions appends the same delta to each document at its tail.
func additions(t testing.TB, tails map[record.Key]deltalog.Tail, keys []record.Key, delta string) []deltalog.Addition {
	t.Helper()
	var all []deltalog.Addition
	for _, key := range keys {
		all = append(all, deltalog.Addition{Key: key, Tail: tails[key], Data: encode(t, tails[key].Head, delta)})
	}
	return all
}

func tailsOf(l *deltalog.Log, keys []record.Key) map[record.Key]deltalog.Tail {
	tails := make(map[record.Key]deltalog.Tail)
	for _, key := range keys {
		tails[key] = emptyTail(l, key)
	}
	return tails
}

// TestL3_AppendTogether: all documents get their record, or, if one of them has got
// another one meanwhile, none.
func TestL3_AppendTogether(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t testing.TB) (*deltalog.Log, *natsd.Node){
		"embedded": func(t testing.TB) (*deltalog.Log, *natsd.Node) { return newLog(t) },
		"synced": func(t testing.TB) (*deltalog.Log, *natsd.Node) {
			n := startNode(t, natsd.Config{Dir: t.TempDir()})
			return openLog(t, n), n
		},
		"cluster": func(t testing.TB) (*deltalog.Log, *natsd.Node) {
			n := startNode(t, natsd.Config{URL: natstest.Cluster(t)[0].ClientURL()})
			return openLog(t, n, func(c *deltalog.Config) { c.Replicas = 3 }), n
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := start(t)
			keys := documentsOf(5)
			tails := tailsOf(l, keys)
			for i := range 3 {
				got := must[[]deltalog.Tail](t)(l.AppendTogether(testContext(t), additions(t, tails, keys, fmt.Sprintf(`{"n":%d}`, i))))
				for j, key := range keys {
					deltas, end := read(t, l, key)
					equal(t, "records", len(deltas), i+1)
					equal(t, "tail", got[j], end)
					tails[key] = end
				}
			}
			stale := additions(t, tails, keys, `{"stale":1}`)
			tails[keys[3]] = add(t, l, keys[3], tails[keys[3]], `{"other":1}`)
			_, err := l.AppendTogether(testContext(t), stale)
			equal(t, "in the way", wantError[*deltalog.ConflictError](t, err).Key, keys[3])
			for _, key := range keys {
				_, end := read(t, l, key)
				equal(t, "tail of "+key.ID, end, tails[key])
			}
			// The same again, as after a lost acknowledgement, is found and not stored twice.
			again := additions(t, tails, keys, `{"again":1}`)
			first := must[[]deltalog.Tail](t)(l.AppendTogether(testContext(t), again))
			second := must[[]deltalog.Tail](t)(l.AppendTogether(testContext(t), again))
			for i := range first {
				equal(t, "tail", second[i], first[i])
			}
		})
	}
}

func TestL9_AppendTogetherIsBounded(t *testing.T) {
	l, _ := newLog(t)
	keys := documentsOf(65)
	if _, err := l.AppendTogether(testContext(t), additions(t, tailsOf(l, keys), keys, `{}`)); err == nil {
		t.Error("65 documents were taken")
	}
	if _, err := l.AppendTogether(testContext(t), nil); err == nil {
		t.Error("no documents were taken")
	}
	twice := []record.Key{keys[0], keys[0]}
	_, err := l.AppendTogether(testContext(t), additions(t, tailsOf(l, twice), twice, `{}`))
	wantError[*deltalog.RefusedError](t, err)
	apart := []record.Key{keys[0], {Space: "another", ID: "d"}}
	_, err = l.AppendTogether(testContext(t), additions(t, tailsOf(l, apart), apart, `{}`))
	wantError[*deltalog.RefusedError](t, err)
}

// TestL8_TransactionsBesideWriters: writers move a unit from one account to another, in
// transactions, while others write single accounts. The sum is what it was, in whatever
// is seen.
func TestL8_TransactionsBesideWriters(t *testing.T) {
	t.Parallel()
	l, _ := newLog(t)
	keys := documentsOf(4)
	const movers, moves = 3, 30
	// refresh reads what an account has.
	refresh := func(key record.Key) (deltalog.Tail, int) {
		sum := 0
		tail, err := l.Replay(testContext(t), key, deltalog.Tail{}, func(e deltalog.Entry) error {
			var n int
			if _, err := fmt.Sscanf(string(e.Record.Mutations[0].Delta), `{"add":%d}`, &n); err == nil {
				sum += n
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		return tail, sum
	}
	var wg sync.WaitGroup
	for m := range movers {
		random := rand.New(rand.NewPCG(1, uint64(m)))
		wg.Go(func() {
			for done := 0; done < moves; {
				i := random.IntN(len(keys))
				j := (i + 1 + random.IntN(len(keys)-1)) % len(keys)
				a, _ := refresh(keys[i])
				b, _ := refresh(keys[j])
				_, err := l.AppendTogether(testContext(t), []deltalog.Addition{
					{Key: keys[i], Tail: a, Data: encode(t, a.Head, fmt.Sprintf(`{"add":-1,"by":"%d.%d"}`, m, done))},
					{Key: keys[j], Tail: b, Data: encode(t, b.Head, fmt.Sprintf(`{"add":1,"by":"%d.%d"}`, m, done))},
				})
				var conflict *deltalog.ConflictError
				switch {
				case err == nil:
					done++
				case !errors.As(err, &conflict):
					t.Error(err)
					return
				}
				tail, _ := refresh(keys[i])
				if _, err := l.Append(testContext(t), keys[i], tail, encode(t, tail.Head, fmt.Sprintf(`{"x":"%d.%d"}`, m, done))); err != nil && !errors.As(err, &conflict) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, key := range keys {
		_, n := refresh(key)
		sum += n
	}
	equal(t, "sum", sum, 0)
}
