package server

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/order"
	"github.com/rivulet-sync/rivulet/server/httpapi"
	"github.com/rivulet-sync/rivulet/server/webhook"
)

// Webhook has the feed sent to a URL: see package server/webhook.
type Webhook = webhook.Config

// webhooks are those of a server.
type webhooks struct {
	server *Server
	dead   *webhook.DeadLetters
	list   []*runningHook
}

// runningHook is a webhook with its subscription of the moment.
type runningHook struct {
	*webhook.Hook
	mu  sync.Mutex
	sub *Subscription
}

const (
	// hookAgainAfter is how long a webhook waits whose subscription has ended by itself.
	hookAgainAfter = 5 * time.Second
	// maxFailingTold is how many documents that wait a status has at most.
	maxFailingTold = 100
)

// startWebhooks starts what the configuration, which is checked, says. Without webhooks it returns nil.
func (s *Server) startWebhooks(ctx context.Context, cfg Config) (httpapi.Webhooks, error) {
	if len(cfg.Webhooks) == 0 {
		return nil, nil
	}
	dead, err := webhook.OpenDead(ctx, s.nats.JetStream(), cfg.Replicas)
	if err != nil {
		return nil, err
	}
	w := &webhooks{server: s, dead: dead}
	for _, c := range cfg.Webhooks {
		h, err := webhook.New(c, webhook.Options{Dead: dead, Agent: "Rivulet/" + cfg.Version, Logger: s.logger})
		if err != nil {
			return nil, err
		}
		w.list = append(w.list, &runningHook{Hook: h})
	}
	for _, h := range w.list {
		s.wg.Go(func() { s.runWebhook(h) })
	}
	return w, nil
}

// runWebhook sends until the server is closed or the receiver is gone.
func (s *Server) runWebhook(h *runningHook) {
	defer h.Close()
	for {
		sub, err := s.Subscribe(h.Feed(), h.Deliver)
		if errors.Is(err, ErrClosed) {
			return
		}
		if err != nil { // a program has subscribed under its name
			s.logger.Error("a webhook cannot be started", "webhook", h.Name(), "error", err)
			return
		}
		h.mu.Lock()
		h.sub = sub
		h.mu.Unlock()
		select {
		case <-h.Gone():
			sub.Close()
			return
		case <-sub.Ended(): // which is logged
		}
		again := time.NewTimer(hookAgainAfter)
		select {
		case <-again.C:
		case <-s.beside.Done():
			again.Stop()
			return
		}
	}
}

// Status returns what the webhooks are doing, in the order of the configuration.
func (w *webhooks) Status(ctx context.Context) ([]httpapi.WebhookStatus, error) {
	list := make([]httpapi.WebhookStatus, 0, len(w.list))
	for _, h := range w.list {
		dead, err := w.dead.Count(ctx, h.Name())
		if err != nil {
			return nil, err
		}
		counts := h.Counts()
		st := httpapi.WebhookStatus{
			Name: h.Name(), Space: h.Space(), URL: h.URL(), State: httpapi.WebhookWaiting, Dead: dead,
			Delivered: counts.Delivered, Failures: counts.Failures, GivenUp: counts.GivenUp,
		}
		h.mu.Lock()
		sub := h.sub
		h.mu.Unlock()
		if sub != nil {
			about(&st, sub)
		}
		select {
		case <-h.Gone():
			st.State = httpapi.WebhookGone
		default:
		}
		list = append(list, st)
	}
	return list, nil
}

// about adds what a subscription says.
func about(st *httpapi.WebhookStatus, sub *Subscription) {
	feed := sub.Status()
	st.Lag = feed.Lag
	switch {
	case feed.CaughtUp:
		st.State = httpapi.WebhookLive
	case feed.Discovered > 0:
		st.State = httpapi.WebhookCatchingUp
	}
	st.FailingCount = feed.Failed
	for _, d := range sub.Suspended(feed.Failed + feed.Gaps + feed.NoRoom) {
		if d.Cause == order.Failed && len(st.Failing) < maxFailingTold {
			st.Failing = append(st.Failing, httpapi.WebhookFailing{
				Doc: d.Document, Reason: d.Err, Attempts: d.Attempts, Since: d.Since, Next: d.Until,
			})
		}
	}
}

// named returns the webhook of a name, or with an empty one all.
func (w *webhooks) named(name string) ([]*runningHook, error) {
	if name == "" {
		return w.list, nil
	}
	for _, h := range w.list {
		if h.Name() == name {
			return []*runningHook{h}, nil
		}
	}
	return nil, httpapi.ErrNoWebhook
}

// Dead returns dead letters, those of webhooks that are configured no more, too, if no name is given.
func (w *webhooks) Dead(ctx context.Context, name string) (iter.Seq2[httpapi.DeadLetter, error], error) {
	if _, err := w.named(name); err != nil {
		return nil, err
	}
	return func(yield func(httpapi.DeadLetter, error) bool) {
		for l, err := range w.dead.All(ctx, name) {
			if !yield(told(&l), err) || err != nil {
				return
			}
		}
	}, nil
}

func told(l *webhook.Letter) httpapi.DeadLetter {
	return httpapi.DeadLetter{
		Webhook: l.Webhook, ID: l.ID, Doc: l.Doc, Event: l.Event, Revision: l.Revision, Cursor: l.Cursor, Time: l.Time,
		Attempts: l.Attempts, Reason: l.Reason, Body: l.Body,
	}
}

// RetryDead sends dead letters again, those of each webhook beside those of the others.
func (w *webhooks) RetryDead(ctx context.Context, name string) ([]httpapi.DeadRetried, error) {
	hooks, err := w.named(name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(w.server.beside, func() { cancel(ErrClosed) })()
	list, errs := make([]httpapi.DeadRetried, len(hooks)), make([]error, len(hooks))
	var all sync.WaitGroup
	for i, h := range hooks {
		all.Go(func() {
			done, err := h.Retry(ctx)
			list[i], errs[i] = httpapi.DeadRetried{Webhook: h.Name(), Delivered: done.Delivered, Left: done.Left}, err
			for _, l := range done.Failed {
				list[i].Failed = append(list[i].Failed, told(&l))
			}
		})
	}
	all.Wait()
	return list, errors.Join(errs...)
}

// DropDead removes dead letters.
func (w *webhooks) DropDead(ctx context.Context, name string) (int, error) {
	if _, err := w.named(name); err != nil {
		return 0, err
	}
	return w.dead.Drop(ctx, name)
}
