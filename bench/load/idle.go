package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Idle opens connections that do nothing, Subscribers to each of the Documents, and says by
// how much the server's resident memory has grown.
func Idle(ctx context.Context, cfg Config) (*Report, error) {
	cfg = cfg.withDefaults()
	n := cfg.Documents * cfg.Subscribers
	key := func(i int) record.Key { return record.Key{Space: "bench", ID: fmt.Sprint("idle", i/cfg.Subscribers)} }
	// The documents, and what a server needs for its first connections, are not counted.
	first, err := gather(ctx, cfg.Server, max(cfg.Documents, 100), func(i int) record.Key { return key(i % cfg.Documents * cfg.Subscribers) }, func(string, int, int) {})
	if err != nil {
		return nil, err
	}
	defer first.close()
	before, collected, err := settle(ctx, cfg)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	crowd, err := gather(ctx, cfg.Server, n, key, cfg.Progress)
	if err != nil {
		return nil, err
	}
	took := time.Since(began)
	defer crowd.close()
	connected, err := usageOf(ctx, cfg.Server)
	if err != nil {
		return nil, err
	}
	alive, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { crowd.keepAlive(alive) })
	wg.Go(func() { first.keepAlive(alive) })
	defer wg.Wait()
	defer cancel()
	after, _, err := settle(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &Report{
		Load: "idle", Documents: cfg.Documents, Connections: n,
		IdleBytes: (after.rss - before.rss) / float64(n), ServerRSS: after.rss, WithoutGC: !collected,
		ConnectSeconds: took.Seconds(), CPUPerConnectUS: (connected.cpu - before.cpu) * 1e6 / float64(n),
	}, nil
}

const (
	settleEvery  = time.Second
	settleWithin = 30 * time.Second
	// settled is by how much memory may differ from one look to the next, when nothing
	// changes any more.
	settled = 0.002
)

// settle waits until the server's memory does not change any more, with its garbage
// collected if the server lets that be done.
func settle(ctx context.Context, cfg Config) (usage, bool, error) {
	last, end := usage{rss: math.Inf(1)}, time.Now().Add(settleWithin)
	for steps := 0; ; steps++ {
		collected := collect(ctx, cfg.Server)
		if err := pause(ctx, nil, settleEvery); err != nil {
			return last, false, err
		}
		now, err := usageOf(ctx, cfg.Server)
		if err != nil {
			return now, false, err
		}
		if steps > 2 && math.Abs(now.rss-last.rss) < settled*now.rss {
			return now, collected, nil
		}
		if time.Now().After(end) {
			return now, false, errors.New("the server's memory does not come to rest: is somebody else using it?")
		}
		last = now
		cfg.Progress("settling", int(settleWithin.Seconds())-int(time.Until(end).Seconds()), int(settleWithin.Seconds()))
	}
}
