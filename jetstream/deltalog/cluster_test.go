package deltalog_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// TestL3_ClusterStepDown has two writers append to one document on three
// replicas while the stream's leader steps down again and again.
func TestL3_ClusterStepDown(t *testing.T) {
	t.Parallel()
	n := startNode(t, natsd.Config{URL: natstest.URLs(natstest.Cluster(t))})
	var stalled atomic.Int64
	count := func(c *deltalog.Config) {
		c.Replicas = 3
		c.OnStall = func(record.Key, error) { stalled.Add(1) }
	}
	const each = 150
	progress := make(chan struct{}, 2*each)
	var wg sync.WaitGroup
	for w := range 2 {
		l := openLog(t, n, count)
		wg.Go(func() {
			write(t, l, board, fmt.Sprintf("w%d", w), each, progress)
		})
	}
	writers := make(chan struct{})
	defer func() { <-writers }()
	go func() { wg.Wait(); close(writers) }()
	stepDowns := 0
	for done := 0; done < 2*each; {
		select {
		case <-progress:
			if done++; done%75 == 50 {
				if !natstest.StepDown(n.Conn(), deltalog.Stream(board)) {
					t.Error("the leader does not step down")
				}
				stepDowns++
			}
		case <-writers:
			done = 2 * each
		}
	}
	if t.Failed() {
		return
	}
	deltas, _ := read(t, openLog(t, n, count), board)
	checkOnce(t, deltas, each, "w0", "w1")
	t.Logf("%d step-downs, %d stalled attempts", stepDowns, stalled.Load())
}
