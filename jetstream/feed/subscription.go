package feed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/order"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Options describe a subscription.
type Options struct {
	// Name identifies it: 1 to 64 letters, digits, hyphens and underscores.
	Name string
	// Space restricts it to the documents of one; empty: all. It cannot be changed later.
	Space string
	// FromNow has a new subscription begin with what is committed from now on, not with
	// everything that there is.
	FromNow bool
	// Order bounds memory, deliveries and pauses; the fields that are about the store, Live and
	// OnCaughtUp are set by this package.
	Order order.Config
	// OnCaughtUp is called once, when everything was delivered that there was when Run
	// began, but for what failed. It must not block.
	OnCaughtUp func()
}

// Handler takes events, as many as there are up to Order.BatchSize. The ones of each document
// are in order; a document is in one call at a time. If it returns an error, the same events
// come again, those of each document on their own; attempt counts how often the first of
// them was tried.
type Handler func(ctx context.Context, events []Event, attempt int) error

// Subscription delivers the feed to a handler.
type Subscription struct {
	feed    *Feed
	options Options
	handler Handler
	ledger  *ledger
	shards  []byte // by partition

	mu     sync.Mutex
	now    *reading // nil before there is one
	caught bool
	header header
	until  time.Time // nobody else delivers before
	// replaced and cut count how often the log was found to be another one, and to have lost an
	// end. Cuts are up to where those shards
	// are what they were, until that is stored.
	replaced, cut uint64
	cuts          map[byte]uint64

	tellCaughtUp sync.Once
	redelivered  atomic.Uint64
}

// lookEvery is how often the ends of the shards are looked at, in case that news got lost.
const lookEvery = 5 * time.Second

// Subscribe returns a subscription, which does nothing before Run.
func (f *Feed) Subscribe(o Options, handler Handler) (*Subscription, error) {
	if !validName.MatchString(o.Name) {
		return nil, fmt.Errorf("feed: the name %.80q of a subscription has to be 1 to 64 letters, digits, hyphens and underscores", o.Name)
	}
	s := &Subscription{feed: f, options: o, handler: handler, cuts: map[byte]uint64{}}
	if o.Space != "" {
		if _, err := record.ParseKey(o.Space + "/x"); err != nil {
			return nil, fmt.Errorf("feed: space %.80q: %w", o.Space, err)
		}
		s.shards = []byte{deltalog.ShardOf(o.Space)}
	} else {
		for shard := range deltalog.Shards {
			s.shards = append(s.shards, byte(shard))
		}
	}
	return s, nil
}

// Run delivers until the context ends, and then returns its cause. Before, it waits for another
// process that runs the same subscription to end. If the log is replaced, or loses its end, it goes
// on as it would after a restart. The error is ErrTaken if another process thinks that this one is
// gone, or if the subscription was removed. It is called once.
func (s *Subscription) Run(ctx context.Context) error {
	s.ledger = &ledger{js: s.feed.cfg.JetStream, name: s.options.Name, owner: newOwner(), last: map[string]uint64{}}
	if err := s.own(ctx); err != nil {
		return err
	}
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var beside sync.WaitGroup
	beside.Go(func() { stop(s.beat(running)) })
	err := s.read(running)
	stop(err)
	beside.Wait()
	if cause := context.Cause(running); errors.Is(cause, ErrTaken) {
		return cause
	}
	return errors.Join(err, s.disown(ctx))
}

// read reads the log, and each one that takes its place.
func (s *Subscription) read(ctx context.Context) error {
	for {
		log := s.feed.log.Load()
		err := s.readLog(ctx, log)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		cut := new(deltalog.CutError)
		switch {
		case errors.As(err, &cut):
			s.feed.cfg.Logger.Error("feed: the log has lost its end; the subscription goes on with what takes its place", "subscription", s.options.Name, "error", err)
			s.noteCut(cut)
		case replaced(err):
			s.feed.cfg.Logger.Error("feed: the log was replaced; the subscription begins anew with it", "subscription", s.options.Name, "error", err)
			s.noteReplaced()
			for err := s.feed.renew(ctx, log); err != nil; err = s.feed.renew(ctx, log) {
				if err := s.later(ctx, err); err != nil {
					return err
				}
			}
		default:
			return err
		}
	}
}

func (s *Subscription) noteReplaced() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replaced++
	s.caught = false
}

func (s *Subscription) noteCut(e *deltalog.CutError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut++
	s.caught = false
	s.cuts[e.Shard] = e.Kept
}

// readLog delivers a log until the context ends or the log is another one, and returns why.
func (s *Subscription) readLog(ctx context.Context, log *deltalog.Log) error {
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r := &reading{s: s, log: log, stop: stop}
	marks, err := r.open(running)
	defer r.close()
	if err != nil {
		return err
	}
	live := make(chan int)
	cfg := s.options.Order
	cfg.Partitions, cfg.Marks, cfg.Live = len(s.shards), marks, live
	cfg.OnCaughtUp = s.caughtUp
	if cfg.Logger == nil {
		cfg.Logger = s.feed.cfg.Logger.With("subscription", s.options.Name)
	}
	if cfg.SaveEvery == 0 {
		cfg.SaveEvery = saveEvery
	}
	if cfg.Suspended == 0 {
		cfg.Suspended = maxSuspended
	}
	cfg.Now = s.feed.cfg.Now
	r.orderer = order.New(newSource(r), cfg)
	s.mu.Lock()
	s.now = r
	s.mu.Unlock()
	var beside sync.WaitGroup
	for partition := range s.shards {
		beside.Go(func() { r.watch(running, partition, live) })
	}
	err = r.orderer.Run(running)
	stop(err)
	beside.Wait()
	return err
}

// saveEvery is the default of Order.SaveEvery: what was delivered since comes again after a
// crash, and a server that crashes again and again has to get on.
const saveEvery = 250 * time.Millisecond

// maxSuspended is the default of Order.Suspended: all are in the marks, which have to go into
// messages.
const maxSuspended = 2_000

func (s *Subscription) caughtUp() {
	s.mu.Lock()
	s.caught = true
	s.mu.Unlock()
	if s.options.OnCaughtUp != nil {
		s.tellCaughtUp.Do(s.options.OnCaughtUp)
	}
}

// holds notes that a sign of life which was begun then is stored: nobody takes the
// subscription over for as long as the lease from then on.
func (s *Subscription) holds(began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = began.Add(s.feed.cfg.Lease)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Status is what a subscription is doing.
type Status struct {
	Name, Space string
	// Waiting is set until this process has the subscription: another one runs it, or JetStream
	// is not there.
	Waiting bool
	// CaughtUp is set once everything was delivered that there was in the beginning.
	CaughtUp bool
	// Replaced is how often the log was found to be another one while this ran, and Cut how often
	// a shard of it had lost its end. Each time it goes on as after a restart, and Stats begin
	// anew.
	Replaced, Cut uint64
	order.Stats
	// Redelivered events were handed over again after a failure of this run.
	Redelivered uint64
	// Lag is how many messages of the log come after the marks; of a space, those of
	// others in its shard are counted too.
	Lag uint64
}

// Status returns the present numbers. It may be called at any time.
func (s *Subscription) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{
		Name: s.options.Name, Space: s.options.Space, CaughtUp: s.caught, Waiting: s.until.IsZero(),
		Replaced: s.replaced, Cut: s.cut,
	}
	if s.now == nil {
		return st
	}
	st.Stats, st.Redelivered = s.now.orderer.Stats(), s.redelivered.Load()
	st.Lag = s.now.lag()
	return st
}

// Suspended returns documents that cannot go on, at most limit.
func (s *Subscription) Suspended(limit int) []order.Suspended {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		return nil
	}
	return s.now.orderer.Suspended(limit)
}
