package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/feed"
	"github.com/rivulet-sync/rivulet/jetstream/order"
)

// ErrSubscribed says that a subscription of that name runs on this server already.
var ErrSubscribed = errors.New("a subscription of this name runs on this server already")

// FeedEvent is a committed revision of a document, or its deletion, or the document whole
// where what led to it is forgotten.
type FeedEvent = feed.Event

// FeedHandler takes events: see [feed.Handler].
type FeedHandler = feed.Handler

// FeedOptions describe a subscription: see [feed.Options].
type FeedOptions = feed.Options

// Status is what a subscription is doing: see [feed.Status].
type Status = feed.Status

// Subscription is a durable subscription to the feed that runs on this server.
type Subscription struct {
	name  string
	feed  *feed.Subscription
	stop  context.CancelCauseFunc
	ended chan struct{}
	err   error
}

// Subscribe has the feed delivered to a handler, beside what the server does for its clients,
// until the subscription or the server is closed. It goes on where the subscription of that name
// was: on this server before it was restarted, or on another one that is gone. What was not
// delivered is delivered again; see the package comment of jetstream/feed for what that means.
//
// One of that name that runs on another server is waited for. On this one there is one of a name:
// the error is [ErrSubscribed] while it runs, and [ErrClosed] when the server is being closed.
func (s *Server) Subscribe(o FeedOptions, handler FeedHandler) (*Subscription, error) {
	sub, err := s.feed.Subscribe(o, handler)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancelCause(s.beside)
	out := &Subscription{name: o.Name, feed: sub, stop: stop, ended: make(chan struct{})}
	if err := s.subscriptions.add(out, &s.wg); err != nil {
		stop(nil)
		return nil, err
	}
	go func() {
		defer s.wg.Done()
		defer close(out.ended)
		defer s.subscriptions.remove(out)
		done := s.reportCatchingUp(ctx, out)
		out.err = sub.Run(ctx)
		stop(nil)
		<-done
		if out.err != nil && !errors.Is(out.err, context.Canceled) && !errors.Is(out.err, ErrClosed) {
			s.logger.Error("a subscription to the feed has ended", "subscription", o.Name, "error", out.err)
		}
	}()
	return out, nil
}

// Status returns the present numbers.
func (s *Subscription) Status() Status { return s.feed.Status() }

// Suspended returns documents that cannot go on, at most limit.
func (s *Subscription) Suspended(limit int) []order.Suspended { return s.feed.Suspended(limit) }

// Close ends the subscription and waits for the delivery that is under way, which has its
// context ended. What is delivered is saved. It is not for the handler to call.
func (s *Subscription) Close() {
	s.stop(ErrClosed)
	<-s.ended
}

// Ended is closed when the subscription has ended, by Close or by itself: Err says why.
func (s *Subscription) Ended() <-chan struct{} { return s.ended }

// Err returns why an ended subscription has: nil or [ErrClosed] when it or the server was
// closed, [feed.ErrTaken] when another server has taken it over.
func (s *Subscription) Err() error {
	select {
	case <-s.ended:
		return s.err
	default:
		return nil
	}
}

// FollowOptions say what Follow reads: see [feed.FollowOptions].
type FollowOptions = feed.FollowOptions

// Follow passes the events of a space to fn: see [feed.Feed.Follow]. It ends with [ErrClosed]
// when the server is closed.
func (s *Server) Follow(ctx context.Context, o FollowOptions, fn func(FeedEvent) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.beside, func() { cancel(ErrClosed) })()
	return s.feed.Follow(ctx, o, fn)
}

// feeds is the feed for HTTP, where a server that is closed is no failure.
type feeds struct{ server *Server }

func (f feeds) Follow(ctx context.Context, o FollowOptions, fn func(FeedEvent) error) error {
	err := f.server.Follow(ctx, o, fn)
	if errors.Is(err, ErrClosed) {
		return context.Canceled
	}
	return err
}

// Subscriptions returns those that run on this server.
func (s *Server) Subscriptions() []*Subscription { return s.subscriptions.all() }

// reportCatchingUp logs a line a second until a subscription has caught up, or the context
// ends; then the returned channel is closed. What takes less than a second is not told.
func (s *Server) reportCatchingUp(ctx context.Context, sub *Subscription) <-chan struct{} {
	done := make(chan struct{})
	s.wg.Go(func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for told := false; ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			st := sub.Status()
			switch {
			case st.Waiting: // it may be for ever
			case !st.CaughtUp:
				told = true
				s.logger.Info("the feed is catching up", "subscription", st.Name, "discovered", st.Discovered, "delivered", st.Delivered,
					"left", st.Lag, "held", st.Held, "suspended", st.Gaps+st.Failed+st.NoRoom)
			case told:
				s.logger.Info("the feed has caught up", "subscription", st.Name, "delivered", st.Delivered, "suspended", st.Gaps+st.Failed+st.NoRoom)
				return
			default:
				return
			}
		}
	})
	return done
}

// subscriptions are those that run.
type subscriptions struct {
	mu     sync.Mutex
	list   []*Subscription
	closed bool
}

// add enters one that is about to run, and adds it to what is waited for when the server is
// closed.
func (s *subscriptions) add(sub *Subscription, all *sync.WaitGroup) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	for _, other := range s.list {
		if other.name == sub.name {
			return fmt.Errorf("%w: %s", ErrSubscribed, sub.name)
		}
	}
	all.Add(1)
	s.list = append(s.list, sub)
	return nil
}

// close has no others added.
func (s *subscriptions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

func (s *subscriptions) remove(sub *Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.list {
		if other == sub {
			s.list = append(s.list[:i:i], s.list[i+1:]...)
			return
		}
	}
}

func (s *subscriptions) all() []*Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Subscription(nil), s.list...)
}
