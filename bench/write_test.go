package bench_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/e2e"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// BenchmarkAcknowledged counts edits of one document that are acknowledged, each
// a small change of a field of the client's own. One in flight: the next edit
// waits for the last one. Many: up to 64 of a client are under way.
func BenchmarkAcknowledged(b *testing.B) {
	for _, sync := range []string{"always", "interval:1s"} {
		for _, clients := range []int{1, 8} {
			for _, inFlight := range []int{1, 64} {
				name := fmt.Sprintf("sync=%s/clients=%d/inflight=%d", sync, clients, inFlight)
				b.Run(name, func(b *testing.B) { acknowledged(b, sync, clients, inFlight) })
			}
		}
	}
}

func acknowledged(b *testing.B, policy string, clients, inFlight int) {
	srv := e2e.StartServer(b, e2e.Options{Sync: policy})
	ctx := context.Background()
	docs := make([]*client.Doc, clients)
	for i := range docs {
		c, err := client.Connect(ctx, client.Config{URL: srv.URL()})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		if docs[i], err = c.Open(ctx, record.Key{Space: "bench", ID: "write"}); err != nil {
			b.Fatal(err)
		}
	}
	const window = 100 * time.Millisecond
	var mu sync.Mutex
	total := 0
	var elapsed time.Duration
	for b.Loop() {
		began := time.Now()
		until := began.Add(window)
		var wg sync.WaitGroup
		for i, d := range docs {
			for w := range inFlight {
				wg.Go(func() {
					n := 0
					for ; time.Now().Before(until); n++ {
						patch := delta.Trusted(fmt.Appendf(nil, `{"c%d":{"w%d":%d}}`, i, w, n))
						if _, err := d.Patch(ctx, patch); err != nil {
							b.Error(err)
							return
						}
					}
					mu.Lock()
					total += n
					mu.Unlock()
				})
			}
		}
		wg.Wait()
		elapsed += time.Since(began)
	}
	perSecond := float64(total) / elapsed.Seconds()
	b.ReportMetric(perSecond, "edits/s")
	results.add(fmt.Sprintf("acknowledged edits/s, sync %s, %d client(s) with %d in flight", policy, clients, inFlight),
		fmt.Sprintf("%.0f", perSecond), "")
}

// BenchmarkOpenLanguages is the time from dialling to the whole document of
// 7,910 records, in a Go client.
func BenchmarkOpenLanguages(b *testing.B) {
	srv := e2e.StartServer(b, e2e.Options{})
	srv.Run("put", "demo/languages", e2e.Data(b, "languages.json.gz"))
	var all []time.Duration
	for b.Loop() {
		start := time.Now()
		c, err := client.Connect(context.Background(), client.Config{URL: srv.URL()})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.Open(context.Background(), record.Key{Space: "demo", ID: "languages"}); err != nil {
			b.Fatal(err)
		}
		all = append(all, time.Since(start))
		c.Close()
	}
	results.add("open the languages document, Go client, p50", ms(percentile(all, 50)), "")
}
