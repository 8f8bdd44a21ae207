package server

import (
	"log/slog"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

const (
	// healthEvery is how often the log's health is looked at.
	healthEvery = 500 * time.Millisecond
	// stallAfter is how long an append may be tried again before clients are told
	// that nothing can be stored.
	stallAfter = time.Second
)

// storage knows whether the log takes appends.
type storage struct {
	probe  func() error
	logger *slog.Logger
	stop   chan struct{}

	mu     sync.Mutex
	stalls map[record.Key]stall
	err    error // what health returns
}

// stall is an append that failed and is being tried again.
type stall struct {
	since time.Time
	err   error
}

func newStorage(probe func() error, logger *slog.Logger) *storage {
	return &storage{probe: probe, logger: logger, stop: make(chan struct{}), stalls: make(map[record.Key]stall)}
}

// stalled is told when an append fails and is tried again, and with nil when it
// went through.
func (s *storage) stalled(key record.Key, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		delete(s.stalls, key)
	} else if known, ok := s.stalls[key]; ok {
		s.stalls[key] = stall{since: known.since, err: err}
	} else {
		s.stalls[key] = stall{since: time.Now(), err: err}
	}
}

// watch looks at the log until close and tells clients of changes, without the
// reason: that is the operator's.
func (s *storage) watch(tell func(available bool, detail string)) {
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		now := s.look()
		s.mu.Lock()
		before := s.err
		s.err = now
		s.mu.Unlock()
		switch {
		case now != nil && (before == nil || before.Error() != now.Error()):
			s.logger.Error("edits cannot be stored", "error", now)
			tell(false, "the server's storage takes no edits at present")
		case now == nil && before != nil:
			s.logger.Info("edits can be stored again")
			tell(true, "")
		}
	}
}

func (s *storage) look() error {
	if err := s.probe(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stall := range s.stalls {
		if time.Since(stall.since) > stallAfter {
			return stall.err
		}
	}
	return nil
}

func (s *storage) health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *storage) close() { close(s.stop) }
