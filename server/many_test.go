package server_test

import (
	"flag"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/record"
)

var manyDocuments = flag.Int("server.documents", 4000, "how many documents exist in the test of many")

// TestL9_ManyDocuments: of many documents that exist those are in memory that somebody has
// open, and few others. All of them are what they were, and are listed.
func TestL9_ManyDocuments(t *testing.T) {
	const opened, live, spaces = 1000, 1500, 16
	srv := start(t, server.Config{Documents: host.Config{MaxLive: live, IdleAfter: 100 * time.Millisecond}})
	key := func(i int) record.Key {
		return record.Key{Space: fmt.Sprint("s", i%spaces), ID: fmt.Sprint("d", i)}
	}
	began := time.Now()
	var next atomic.Int64
	var most atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for i := int(next.Add(1)); i <= *manyDocuments && !t.Failed(); i = int(next.Add(1)) {
				if _, err := srv.Doc(key(i)).Patch(t.Context(), fmt.Appendf(nil, `{"n":%d}`, i)); err != nil {
					t.Error(err)
				}
				most.Store(max(most.Load(), int64(srv.Live())))
			}
		})
	}
	wg.Wait()
	t.Logf("%d documents made in %s, at most %d in memory", *manyDocuments, time.Since(began).Round(time.Millisecond), most.Load())
	if most.Load() > live {
		t.Errorf("%d documents were in memory, %d may be", most.Load(), live)
	}
	c := connect(t, srv.URL())
	step := *manyDocuments / opened
	began = time.Now()
	for n := range opened {
		wg.Go(func() {
			i := 1 + n*step
			d, err := c.Open(t.Context(), key(i))
			if err != nil {
				t.Error(err)
			} else if got := string(d.Get()); got != fmt.Sprintf(`{"n":%d}`, i) {
				t.Errorf("%s is %s", key(i), got)
			}
		})
	}
	wg.Wait()
	t.Logf("%d of them opened in %s", opened, time.Since(began).Round(time.Millisecond))
	eventually(t, "those that nobody has open leave", func() bool { return srv.Live() == opened })
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%d MB on the heap, client, server and NATS together", m.HeapAlloc>>20)
	c.Close()
	eventually(t, "all leave", func() bool { return srv.Live() == 0 })
	listed := 0
	for space := range spaces {
		for _, err := range srv.List(t.Context(), fmt.Sprint("s", space)) {
			if err != nil {
				t.Fatal(err)
			}
			listed++
		}
	}
	if listed != *manyDocuments {
		t.Errorf("%d documents are listed", listed)
	}
}
