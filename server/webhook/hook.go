package webhook

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/feed"
	"github.com/rivulet-sync/rivulet/jetstream/order"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// Options are what a Hook works with. Dead is required.
type Options struct {
	Dead *DeadLetters
	// Agent is told to receivers as who asks (User-Agent); empty stands for Rivulet.
	Agent string
	// Logger is told of what is given up; nil discards that.
	Logger *slog.Logger
	// Now is the clock; nil stands for time.Now.
	Now func() time.Time
}

// The bounds of a webhook's subscription.
const (
	lanes   = 32       // requests at once, each of another document
	batch   = 128      // events of a document that are handed over at once; each has a request
	outbox  = 4_096    // events that wait to be sent
	backlog = 1_000    // events that were read
	held    = 16 << 20 // bytes that wait for their predecessors
)

// Hook sends the events of a subscription.
type Hook struct {
	cfg    Config
	keys   [][]byte
	client *http.Client
	dead   *DeadLetters
	agent  string
	logger *slog.Logger
	now    func() time.Time

	progress                   progress
	delivered, failures, given atomic.Uint64

	gone     chan struct{}
	goneOnce sync.Once
	retrying sync.Mutex
}

// New returns a webhook. The error is a [*ConfigError].
func New(cfg Config, o Options) (*Hook, error) {
	checked, err := Check([]Config{cfg})
	if err != nil {
		return nil, err
	}
	h := &Hook{
		cfg: checked[0], client: client(), dead: o.Dead, agent: o.Agent,
		logger: o.Logger, now: o.Now, gone: make(chan struct{}), progress: progress{docs: map[record.Key]*place{}},
	}
	if h.keys, err = keysOf(h.cfg.Secret); err != nil {
		return nil, err
	}
	if h.agent == "" {
		h.agent = "Rivulet"
	}
	if h.logger == nil {
		h.logger = slog.New(slog.DiscardHandler)
	}
	h.logger = h.logger.With("webhook", h.cfg.Name)
	if h.now == nil {
		h.now = time.Now
	}
	return h, nil
}

// Name returns the name.
func (h *Hook) Name() string { return h.cfg.Name }

// Space returns the space, or nothing for all of them.
func (h *Hook) Space() string { return h.cfg.Space }

// URL returns where it sends to, without a user, a password and a query, which may be secret.
func (h *Hook) URL() string {
	at, err := url.Parse(h.cfg.URL)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: at.Scheme, Host: at.Host, Path: at.Path}).String()
}

// Feed returns the subscription that Deliver is to be the handler of.
func (h *Hook) Feed() feed.Options {
	return feed.Options{Name: h.cfg.Name, Space: h.cfg.Space, FromNow: h.cfg.FromNow, Order: order.Config{
		Lanes: lanes, PerDocument: true, BatchSize: batch, Outbox: outbox, Backlog: backlog, HeldBytes: held,
		RetryAfter: h.cfg.RetryAfter, RetryAtMost: h.cfg.RetryAtMost,
	}}
}

// Gone is closed when the receiver has answered 410: the subscription is to be ended.
func (h *Hook) Gone() <-chan struct{} { return h.gone }

// Close closes connections that are not in use. Nothing may be under way.
func (h *Hook) Close() { h.client.CloseIdleConnections() }

// Counts are what a webhook has done since it was made.
type Counts struct {
	// Delivered events were taken, Failures attempts were not, and GivenUp events became
	// dead letters.
	Delivered, Failures, GivenUp uint64
}

// Counts returns the present numbers. It may be called at any time.
func (h *Hook) Counts() Counts {
	return Counts{Delivered: h.delivered.Load(), Failures: h.failures.Load(), GivenUp: h.given.Load()}
}

// Deliver is a [feed.Handler]. It returns an error for what is to come again.
func (h *Hook) Deliver(ctx context.Context, events []feed.Event, attempt int) error {
	for i := range events {
		e := &events[i]
		at, known := h.progress.of(e.Key)
		if at.covers(e) {
			continue
		}
		if !known && i == 0 {
			at.failing, at.failures = e.Cursor, attempt-1 // before a restart
		}
		if err := h.deliver(ctx, e, at); err != nil {
			return err
		}
		at.finished(e)
	}
	return nil
}

// deliver returns nil when an event was taken or given up.
func (h *Hook) deliver(ctx context.Context, e *feed.Event, at *place) error {
	if at.failing != e.Cursor {
		at.failures, at.next = 0, time.Time{}
	}
	if h.now().Before(at.next) {
		return at.err
	}
	select {
	case <-h.gone:
		return ErrGone
	default:
	}
	m, err := newMessage(h.cfg.Name, e)
	if err == nil {
		err = h.post(ctx, m)
	}
	switch {
	case err == nil:
		h.delivered.Add(1)
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	h.failures.Add(1)
	if errors.Is(err, ErrGone) {
		h.goneOnce.Do(func() {
			h.logger.Error("a webhook is stopped: " + ErrGone.Error())
			close(h.gone)
		})
		return err
	}
	at.failed(e, err, h.now().Add(h.pause(at.failures+1)))
	if at.failures < h.cfg.Attempts {
		return h.hold(ctx, err)
	}
	letter := Letter{
		Webhook: h.cfg.Name, ID: m.id, Doc: e.Key, Event: e.Kind.String(), Revision: e.Revision, Cursor: e.Cursor.String(),
		Time: h.now().UTC(), Attempts: at.failures, Reason: err.Error(), Body: m.body,
	}
	if err := h.dead.Put(ctx, letter); err != nil {
		return err
	}
	h.given.Add(1)
	h.logger.Error("an event is given up; it is a dead letter now", "document", e.Key.String(), "revision", e.Revision, "attempts", at.failures, "reason", err)
	return nil
}

// pause returns how long to wait after so many failures.
func (h *Hook) pause(failures int) time.Duration {
	d := h.cfg.RetryAfter
	for ; failures > 1 && d < h.cfg.RetryAtMost; failures-- {
		d *= 2
	}
	return min(d, h.cfg.RetryAtMost)
}

// hold returns the error when the receiver's Retry-After has passed.
func (h *Hook) hold(ctx context.Context, err error) error {
	var status *StatusError
	if !errors.As(err, &status) || status.hold == 0 {
		return err
	}
	timer := time.NewTimer(status.hold)
	defer timer.Stop()
	select {
	case <-timer.C:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
