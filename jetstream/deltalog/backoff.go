package deltalog

import (
	"context"
	"time"
)

const (
	firstPause = 2 * time.Millisecond
	maxPause   = 500 * time.Millisecond
)

// backoff paces retries: pauses double from firstPause to maxPause, each cut by
// a random part of up to a half. A connection that is there again ends one, and
// they begin anew.
type backoff struct {
	rand     func() uint64
	link     *link
	restored <-chan struct{} // since the last pause, or the beginning
	pause    time.Duration
}

// wait pauses, or returns early with the context's error.
func (b *backoff) wait(ctx context.Context) error {
	b.pause = min(max(2*b.pause, firstPause), maxPause)
	cut := time.Duration(b.rand() % uint64(b.pause/2))
	return b.sleep(ctx, b.pause-cut)
}

func (b *backoff) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.restored:
		b.restored, b.pause = b.link.restoration(), 0
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

func (l *Log) newBackoff() backoff {
	return backoff{rand: l.cfg.Rand, link: l.link, restored: l.link.restoration()}
}
