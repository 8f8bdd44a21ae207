package feed

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// own waits until nobody else runs the subscription, and takes it.
func (s *Subscription) own(ctx context.Context) error {
	var seen header
	since := s.feed.cfg.Now()
	for {
		var h header
		known, err := s.ledger.load(ctx, s.feed.stream, headerToken, &h)
		if err != nil {
			if err := s.later(ctx, err); err != nil {
				return err
			}
			continue
		}
		switch {
		case !known && seen != (header{}):
			return fmt.Errorf("%w: %s was removed", ErrTaken, s.options.Name)
		case !known:
			h = header{Format: 1, ID: newOwner(), Space: s.options.Space, Created: s.feed.cfg.Now().UTC()}
		case h.Format != 1:
			return fmt.Errorf("feed: %s was stored by a later version of Rivulet (format %d)", s.options.Name, h.Format)
		case h.Space != s.options.Space:
			return fmt.Errorf("feed: %s is a subscription to %s, not to %s: choose another name, or remove it first", s.options.Name, named(h.Space), named(s.options.Space))
		}
		if h.Owner != seen.Owner || h.Beat != seen.Beat {
			seen, since = h, s.feed.cfg.Now()
		}
		if h.Owner == "" || h.Owner == s.ledger.owner || s.feed.cfg.Exclusive || s.feed.cfg.Now().Sub(since) >= s.feed.cfg.Lease {
			h.Owner, h.Beat = s.ledger.owner, h.Beat+1
			began := s.feed.cfg.Now()
			err := s.ledger.save(ctx, headerToken, h)
			if err == nil {
				s.header = h
				s.holds(began)
				return nil
			}
			if errors.Is(err, ErrTaken) {
				continue // somebody was faster
			}
			if err := s.later(ctx, err); err != nil {
				return err
			}
			continue
		}
		if err := pause(ctx, s.feed.cfg.Lease/20); err != nil {
			return err
		}
	}
}

// beat gives signs of life.
func (s *Subscription) beat(ctx context.Context) error {
	every := s.feed.cfg.Lease / 5
	for {
		if err := pause(ctx, every); err != nil {
			return err
		}
		s.header.Beat++
		began := s.feed.cfg.Now()
		bounded, cancel := context.WithTimeout(ctx, every)
		err := s.ledger.save(bounded, headerToken, s.header)
		cancel()
		if err == nil {
			s.holds(began)
		}
		if errors.Is(err, ErrTaken) {
			return err
		}
	}
}

// sure waits while somebody else may have taken the subscription over without this process
// having heard of it, being cut off from NATS or having stood still.
func (s *Subscription) sure(ctx context.Context) error {
	for {
		s.mu.Lock()
		until := s.until
		s.mu.Unlock()
		if s.feed.cfg.Exclusive || s.feed.cfg.Now().Before(until) {
			return nil
		}
		if err := pause(ctx, s.feed.cfg.Lease/20); err != nil {
			return err
		}
	}
}

// disown lets others take the subscription at once.
func (s *Subscription) disown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 500*time.Millisecond)
	defer cancel()
	s.header.Owner = ""
	if err := s.ledger.save(ctx, headerToken, s.header); err != nil {
		s.feed.cfg.Logger.Warn("feed: a subscription could not be given back; another server waits before it takes over", "subscription", s.options.Name, "error", err)
	}
	return nil
}

// later waits before what has failed is tried again, or returns the error if that is of no
// use: JetStream may not be there for a while.
func (s *Subscription) later(ctx context.Context, err error) error {
	if errors.Is(err, ErrTaken) || errors.Is(err, errUnreadable) || replaced(err) {
		return err
	}
	if ctx.Err() == nil {
		s.feed.cfg.Logger.Warn("feed: a subscription cannot begin yet; it is tried again", "subscription", s.options.Name, "error", err)
	}
	return pause(ctx, s.feed.cfg.Lease/20)
}

func named(space string) string {
	if space == "" {
		return "all spaces"
	}
	return "the space " + space
}
