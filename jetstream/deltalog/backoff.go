package deltalog

import (
	"context"
	"time"
)

const (
	// attemptWithin bounds one request. It outlasts an election of a stream's
	// leader in most cases; when it does not, the next attempt will.
	attemptWithin = 2 * time.Second

	firstPause = 2 * time.Millisecond
	maxPause   = 500 * time.Millisecond
)

// backoff paces retries: pauses double from firstPause to maxPause, each cut by
// a random part of up to a half.
type backoff struct {
	rand  func() uint64
	pause time.Duration
}

// wait pauses, or returns early with the context's error.
func (b *backoff) wait(ctx context.Context) error {
	b.pause = min(max(2*b.pause, firstPause), maxPause)
	cut := time.Duration(b.rand() % uint64(b.pause/2))
	timer := time.NewTimer(b.pause - cut)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Log) newBackoff() backoff { return backoff{rand: l.cfg.Rand} }
