package feed

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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

	mu       sync.Mutex
	orderer  *order.Orderer[uint64, *message]
	scanners []*deltalog.Scanner
	read     []uint64 // by partition: what had been read when this run began
	last     []uint64 // by partition: where the shard ended when that was last looked at
	// from is where what was not delivered begins, of documents that were suspended when this
	// run began.
	from   map[record.Key]uint64
	caught bool
	header header
	until  time.Time // nobody else delivers before

	redelivered atomic.Uint64
}

// lookEvery is how often the ends of the shards are looked at, in case that news got lost.
const lookEvery = 5 * time.Second

// Subscribe returns a subscription, which does nothing before Run.
func (f *Feed) Subscribe(o Options, handler Handler) (*Subscription, error) {
	if !validName.MatchString(o.Name) {
		return nil, fmt.Errorf("feed: the name %.80q of a subscription has to be 1 to 64 letters, digits, hyphens and underscores", o.Name)
	}
	s := &Subscription{feed: f, options: o, handler: handler}
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
// process that runs the same subscription to end. The error is ErrTaken if that thinks the
// same of this one, or if the subscription was removed. It is called once.
func (s *Subscription) Run(ctx context.Context) error {
	s.ledger = &ledger{js: s.feed.cfg.JetStream, name: s.options.Name, owner: newOwner(), last: map[string]uint64{}}
	if err := s.own(ctx); err != nil {
		return err
	}
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	live := make(chan int)
	var beside sync.WaitGroup
	beside.Go(func() { stop(s.beat(running)) })
	marks, err := s.open(running)
	defer s.closeScanners()
	if err != nil {
		stop(err)
		beside.Wait()
		if err = context.Cause(running); errors.Is(err, ErrTaken) {
			return err
		}
		return errors.Join(err, s.disown(ctx))
	}
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
	s.mu.Lock()
	s.orderer = order.New(newSource(s, stop), cfg)
	s.mu.Unlock()
	for partition := range s.shards {
		beside.Go(func() { s.watch(running, partition, live) })
	}
	err = s.orderer.Run(running)
	stop(err)
	beside.Wait()
	if errors.Is(err, ErrTaken) {
		return err
	}
	return errors.Join(err, s.disown(ctx))
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
		s.options.OnCaughtUp()
	}
}

// holds notes that a sign of life which was begun then is stored: nobody takes the
// subscription over for as long as the lease from then on.
func (s *Subscription) holds(began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = began.Add(s.feed.cfg.Lease)
}

// open begins to read the shards, and returns from where.
func (s *Subscription) open(ctx context.Context) ([]order.Mark, error) {
	n := len(s.shards)
	s.read, s.last = make([]uint64, n), make([]uint64, n)
	marks, scanners, errs := make([]order.Mark, n), make([]*deltalog.Scanner, n), make([]error, n)
	var all sync.WaitGroup
	for partition, shard := range s.shards {
		all.Go(func() {
			var err error
			if scanners[partition], err = s.feed.cfg.Log.Scanner(shard, s.options.Space); err != nil {
				errs[partition] = err
				return
			}
			for {
				marks[partition], err = s.openShard(ctx, partition, scanners[partition])
				if err == nil {
					return
				}
				if errs[partition] = s.later(ctx, err); errs[partition] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scanners = scanners
	s.from = map[record.Key]uint64{}
	for _, m := range marks {
		for _, d := range m.Suspended {
			if key, err := record.ParseKey(d.Document); err == nil { // else it is tried again, in vain
				s.from[key] = d.From
			}
		}
	}
	return marks, errors.Join(errs...)
}

// openShard returns from where a shard is to be read.
func (s *Subscription) openShard(ctx context.Context, partition int, scanner *deltalog.Scanner) (order.Mark, error) {
	token := shardToken(s.shards[partition])
	var m mark
	known, err := s.ledger.load(ctx, s.feed.stream, token, &m)
	if err != nil {
		return order.Mark{}, err
	}
	if known && m.ID != s.header.ID { // of a subscription that was removed while it ran
		known, m = false, mark{}
	}
	first, last, err := scanner.Ends(ctx)
	if err != nil {
		return order.Mark{}, err
	}
	log := s.feed.cfg.Logger.With("subscription", s.options.Name, "shard", token)
	s.last[partition] = last
	switch {
	case !known && s.options.FromNow:
		m = mark{Format: 1, ID: s.header.ID, Owner: s.ledger.owner, Epoch: epochText(scanner.Epoch()), Position: last}
		if err := s.ledger.save(ctx, token, m); err != nil {
			return order.Mark{}, err // or it would begin later, should it be stopped
		}
	case m.Position > 0 && m.Epoch != epochText(scanner.Epoch()):
		log.Warn("feed: the log was replaced; the subscription begins anew with it")
		m = mark{}
	}
	if m.Position > last {
		// A power cut has taken what was not synced yet. What comes in its place is new.
		log.Warn("feed: the log ends before what the subscription has read; it goes on at the end", "read", m.Position, "end", last)
		m.Position = last
	}
	if m.Position+1 < first {
		// What is in between is forgotten. Documents that were suspended are read anew, too.
		if m.Position > 0 {
			log.Warn("feed: the log has forgotten what the subscription has not read; it gets the documents whole")
		}
		return order.Mark{Partition: partition, Position: first - 1}, nil
	}
	s.read[partition] = m.Position
	return order.Mark{Partition: partition, Position: m.Position, Suspended: m.Suspended}, nil
}

func epochText(e record.Epoch) string { return strconv.FormatUint(uint64(e), 16) }

func (s *Subscription) closeScanners() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, scanner := range s.scanners {
		if scanner != nil { // it could not be opened
			scanner.Close()
		}
	}
}

// watch tells when a shard may have grown.
func (s *Subscription) watch(ctx context.Context, partition int, live chan<- int) {
	scanner := s.scanners[partition]
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-scanner.Wake():
			select {
			case live <- partition:
			case <-ctx.Done():
				return
			}
		case <-tick.C:
			_, last, err := scanner.Ends(ctx)
			if err != nil {
				continue // it is tried again, and reading fails too
			}
			s.mu.Lock()
			s.last[partition] = last
			s.mu.Unlock()
			scanner.Note(last)
		case <-ctx.Done():
			return
		}
	}
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
	st := Status{Name: s.options.Name, Space: s.options.Space, CaughtUp: s.caught, Waiting: s.until.IsZero()}
	if s.orderer == nil {
		return st
	}
	st.Stats, st.Redelivered = s.orderer.Stats(), s.redelivered.Load()
	for partition, position := range s.orderer.Positions() {
		if last := max(s.last[partition], s.scanners[partition].Heard()); last > position {
			st.Lag += last - position
		}
	}
	return st
}

// Suspended returns documents that cannot go on, at most limit.
func (s *Subscription) Suspended(limit int) []order.Suspended {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.orderer == nil {
		return nil
	}
	return s.orderer.Suspended(limit)
}
