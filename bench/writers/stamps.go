package main

import (
	"context"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// stamps are the times at which somebody was told of revisions, the first time of each.
type stamps struct {
	mu      sync.Mutex
	at      map[record.Revision]time.Time // for others when the follower has ended
	last    record.Revision
	any     bool
	err     error
	changed chan struct{} // closed and replaced when something was noted
}

func newStamps() *stamps {
	return &stamps{at: make(map[record.Revision]time.Time), changed: make(chan struct{})}
}

func (s *stamps) note(rev record.Revision) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.at[rev]; !known {
		s.at[rev] = now
	}
	s.last, s.any = max(s.last, rev), true
	s.wake()
}

// end notes why nothing more will be noted.
func (s *stamps) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	s.wake()
}

func (s *stamps) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// await waits until something has been noted, and a revision or a later one.
func (s *stamps) await(ctx context.Context, rev record.Revision) error {
	for {
		s.mu.Lock()
		done, err, changed := s.any && s.last >= rev, s.err, s.changed
		s.mu.Unlock()
		switch {
		case done:
			return nil
		case err != nil:
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
