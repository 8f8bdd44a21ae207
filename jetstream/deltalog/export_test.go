package deltalog

import (
	"context"
	"time"
)

// NewPause returns what waits between two attempts, as one that has failed already
// does, but for d each time.
func (l *Log) NewPause(ctx context.Context, d time.Duration) func() error {
	b := l.newBackoff()
	return func() error { return b.sleep(ctx, d) }
}
