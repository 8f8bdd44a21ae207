package order

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Orderer delivers the events of a Store. See the package comment.
type Orderer[I comparable, P any] struct {
	store  Store[I, P]
	cfg    Config
	count  counters
	caught sync.Once

	mu   sync.Mutex
	pass *pass[I, P]
}

// pass is a run from marks to where there is nothing left to do. There is a second one
// only when documents could not be entered in the ledger, and others have left it since:
// beginning anew from the marks is what a restart does, too, so it needs nothing of its
// own.
type pass[I comparable, P any] struct {
	*Orderer[I, P]
	ledger *ledger
	feeder *feeder[I, P]
	writer *writer[I, P]
	flight *flight
	// workers by number; a partition's is its number modulo theirs.
	workers []*worker[I, P]
	// batches are slices for the writer's input, to be used again.
	batches sync.Pool
	// work counts what is to be done before all is delivered or waits.
	work tally
}

// New returns an Orderer, which does nothing before Run.
func New[I comparable, P any](store Store[I, P], cfg Config) *Orderer[I, P] {
	o := &Orderer[I, P]{store: store, cfg: cfg.withDefaults()}
	o.begin(cfg.Marks)
	return o
}

func (o *Orderer[I, P]) begin(marks []Mark) *pass[I, P] {
	p := &pass[I, P]{Orderer: o}
	p.ledger = newLedger(&o.cfg, marks, &p.work)
	p.flight = newFlight(&o.cfg)
	p.feeder = newFeeder(p)
	p.writer = newWriter(p)
	for i := range o.cfg.Workers {
		p.workers = append(p.workers, newWorker(p, i))
	}
	p.ledger.each(func(e *entry) { p.workerOf(e.partition).adopt(e) }, func(*progress) {})
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pass = p
	return p
}

func (o *Orderer[I, P]) current() *pass[I, P] {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pass
}

// Run delivers until the context ends, and then returns its cause within what the store
// takes to notice; without Config.Live it returns nil when there is nothing left to
// do. It is called once.
func (o *Orderer[I, P]) Run(ctx context.Context) error {
	for p := o.current(); ; p = o.begin(p.ledger.all()) {
		p.run(ctx)
		saved := p.writer.saveLast(ctx)
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if saved != nil || !p.ledger.again() {
			return saved
		}
	}
}

// run returns when the context ends, or when there is nothing left to do and nothing is
// expected, or some of it is to be done again.
func (p *pass[I, P]) run(ctx context.Context) {
	running, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	all.Go(func() { p.feeder.run(running) })
	for _, w := range p.workers {
		all.Go(func() { w.run(running) })
	}
	all.Go(func() { p.writer.run(running) })
	defer all.Wait()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.work.zero:
		}
		p.caught.Do(p.cfg.OnCaughtUp)
		if p.cfg.Live == nil || p.ledger.again() {
			return
		}
	}
}

func (p *pass[I, P]) workerOf(partition int) *worker[I, P] {
	return p.workers[partition%len(p.workers)]
}

// spare returns an empty slice for batches.
func (p *pass[I, P]) spare() []batch[I, P] {
	if used, _ := p.batches.Get().(*[]batch[I, P]); used != nil {
		return (*used)[:0]
	}
	return nil
}

// attempt calls the store until it succeeds, with pauses. The error is that of the context.
func (o *Orderer[I, P]) attempt(ctx context.Context, what string, call func() error) error {
	for failures := 1; ; failures++ {
		err := o.guard(call)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		o.count.failures.Add(1)
		o.cfg.Logger.Warn("ordering: "+what+" failed; it is tried again", "error", err, "failures", failures)
		if err := wait(ctx, o.cfg.pause(failures)); err != nil {
			return err
		}
	}
}

// guard makes an error of a panic.
func (o *Orderer[I, P]) guard(call func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
			if cause, is := r.(error); is {
				err = fmt.Errorf("panic: %w", cause)
			}
			o.cfg.Logger.Error("ordering: panic", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	return call()
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tally counts up and down, and tells when it has come to zero.
type tally struct {
	n    atomic.Int64
	zero chan struct{} // has room for one
}

func (t *tally) add(n int) {
	if t.n.Add(int64(n)) == 0 {
		select {
		case t.zero <- struct{}{}:
		default:
		}
	}
}
