package inbox

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/rivulet-sync/rivulet/jetstream/order"
)

// Defaults of Config.Order that differ from those of package order.
const (
	lanes        = 16
	maxDocuments = 10_000
	// maxSuspended are all in the marks, which have to go into messages.
	maxSuspended = 4_000
)

// Run puts events in order and commits them until the context ends, and then returns its cause.
// Before, it waits for another process that does so to end. The error is ErrTaken if another one
// thinks that this one is gone. It is called once, or again after it has returned.
func (b *Inbox) Run(ctx context.Context) error {
	if err := b.await(ctx); err != nil {
		return err
	}
	o := &owner{inbox: b, name: newOwner()}
	if err := o.own(ctx); err != nil {
		return err
	}
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err := b.run(running, stop, o)
	if cause := context.Cause(running); cause != nil {
		err = cause
	}
	if !errors.Is(err, ErrTaken) {
		o.disown(ctx)
	}
	return err
}

// await waits until there are streams: until something is put, here or elsewhere.
func (b *Inbox) await(ctx context.Context) error {
	for {
		if is, err := b.open(ctx, false); is || err != nil {
			return err
		}
		late := time.NewTimer(lookEvery)
		select {
		case <-b.opened:
		case <-late.C:
		case <-ctx.Done():
		}
		late.Stop()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

func (b *Inbox) run(ctx context.Context, stop context.CancelCauseFunc, o *owner) error {
	s, err := newStore(b, o, stop)
	if err != nil {
		return err
	}
	defer s.zip.Close() //nolint:errcheck // it writes nowhere
	marks, err := s.begin(ctx)
	if err != nil {
		return err
	}
	live := make(chan int)
	cfg := b.cfg.Order
	cfg.Partitions, cfg.Marks, cfg.Live, cfg.PerDocument = Partitions, marks, live, true
	setDefault(&cfg.Lanes, lanes)
	setDefault(&cfg.Documents, maxDocuments)
	setDefault(&cfg.Suspended, maxSuspended)
	cfg.OnCaughtUp, cfg.OnProgress, cfg.Now = b.caughtUp, b.progress, b.cfg.Now
	if cfg.Logger == nil {
		cfg.Logger = b.cfg.Logger.With("part", "inbox")
	}
	orderer := order.New(s, cfg)
	hints, err := b.cfg.Conn.Subscribe(hintRoot+".*", func(m *nats.Msg) {
		p, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, hintRoot+"."), 16, 8)
		if err != nil || p >= Partitions {
			return
		}
		select {
		case live <- int(p):
		case <-ctx.Done():
		}
	})
	if err != nil {
		return err
	}
	defer hints.Unsubscribe() //nolint:errcheck // fails when the connection is closed, which ends it too
	b.mu.Lock()
	b.orderer, b.running, b.caught = orderer, true, false
	b.mu.Unlock()
	b.progress()
	with, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	beside.Go(func() { b.watch(with, live) })
	beside.Go(func() {
		if err := o.beat(with); errors.Is(err, ErrTaken) {
			stop(err)
		}
	})
	err = orderer.Run(ctx)
	cancel()
	beside.Wait()
	b.mu.Lock()
	b.running = false
	b.mu.Unlock()
	return err
}

func setDefault(v *int, value int) {
	if *v <= 0 {
		*v = value
	}
}

func (b *Inbox) caughtUp() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.caught = true
}

// watch tells when a partition has grown, in case that a hint got lost.
func (b *Inbox) watch(ctx context.Context, live chan<- int) {
	for pause(ctx, lookEvery) == nil {
		for p := range Partitions {
			before := b.lastOf(p)
			if b.look(ctx, p) != nil {
				continue // it is tried again, and reading fails too
			}
			if b.lastOf(p) == before {
				continue
			}
			select {
			case live <- p:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (b *Inbox) lastOf(partition int) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last[partition]
}

// look notes where a partition ends.
func (b *Inbox) look(ctx context.Context, partition int) error {
	info, err := b.streams[partition].Info(ctx)
	if err != nil {
		return fmt.Errorf("inbox: %s: %w", EventStream(partition), err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last[partition] = info.State.LastSeq
	return nil
}
