package host

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
)

// news is how a host hears of what other servers append to its document. It is
// used by the goroutine of the host only.
//
// The tail moves in three ways: by an own append that was acknowledged, by reading
// on in the log, and by news that continues it. News is only looked at while no
// append is in flight. So what is in flight was judged on the very tail that it
// expects, and its own news comes when the tail covers it already.
type news struct {
	watch *deltalog.Watch
	// timer fires when the tail is due to be compared with the log, if armed.
	timer *time.Timer
	due   time.Time
	armed bool
	// touched: somebody has asked for the document.
	touched  bool
	checking bool
	checked  chan checked
	ahead    []ahead
	turn     turn
}

// ahead is a subscription by somebody who knows more of the log than the host, from
// another server: it waits until the log was looked at.
type ahead struct {
	subscribe
	since time.Time
}

// turn is whose turn it is to append, when several servers want to. Who has lost a
// race asks for it, and who has appended the head lets the others go first then, for
// a while: until somebody has, or the time is over.
type turn struct {
	mine  bool // the head is an own record
	asked bool
	until time.Time     // zero when nobody is being waited for
	over  *time.Timer   // fires then
	took  time.Duration // by the last append
}

// Bounds of how long another server is let go first: a few times what an append
// takes.
const (
	minTurn     = 2 * time.Millisecond
	maxTurn     = 100 * time.Millisecond
	turnAppends = 4
)

// yields reports whether it is another server's turn to append.
func (t *turn) yields() bool {
	if !t.asked || !t.mine {
		t.end()
		return false
	}
	now := time.Now()
	switch {
	case t.until.IsZero():
		wait := min(max(turnAppends*t.took, minTurn), maxTurn)
		t.until = now.Add(wait)
		t.over.Reset(wait)
	case !now.Before(t.until):
		t.end()
		return false
	}
	return true
}

func (t *turn) end() {
	t.asked, t.until = false, time.Time{}
	t.over.Stop()
}

// landed notes an own append.
func (t *turn) landed(began time.Time) { t.mine, t.took = true, time.Since(began) }

// checked is what the log's leader says where the document ends.
type checked struct {
	tail  deltalog.Tail // of the host when it asked
	asked time.Time
	last  uint64
	err   error
}

// listen subscribes to the news. What comes while the document is being loaded
// waits.
func (h *Host) listen() error {
	watch, err := h.cfg.Log.Watch(h.key)
	if err != nil {
		return err
	}
	h.news = news{watch: watch, timer: stoppedTimer(), checked: make(chan checked, 1), turn: turn{over: stoppedTimer()}}
	// Soon: in a cluster the subscription may not be known everywhere when the document
	// is loaded.
	h.news.checkWithin(h.cfg.CheckEvery / 10)
	return nil
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// close waits for a comparison that is under way, which ends with the host's
// context.
func (n *news) close() {
	n.watch.Close()
	n.timer.Stop()
	n.turn.over.Stop()
	if n.checking {
		<-n.checked
	}
}

// checkWithin has the tail compared after half of a time to all of it, so that
// many documents are not compared at once.
func (n *news) checkWithin(d time.Duration) {
	n.due = time.Now().Add(d/2 + rand.N(d/2+1))
	n.armed = false
}

// incoming returns what may be looked at now.
func (h *Host) incoming() (<-chan *nats.Msg, <-chan checked) {
	if h.inFlight != nil {
		return nil, nil
	}
	return h.news.watch.News(), h.news.checked
}

// hearAll takes the news that has come. It takes no more than there was room for.
func (h *Host) hearAll(ctx context.Context) error {
	come, compared := h.incoming()
	for range cap(come) + cap(compared) {
		var err error
		select {
		case m := <-come:
			err = h.hear(ctx, m)
		case c := <-compared:
			err = h.compare(ctx, c)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hear takes news. What does not continue the tail, or is not understood, has the
// host read on.
func (h *Host) hear(ctx context.Context, m *nats.Msg) error {
	if turn, foreign := h.news.watch.IsTurn(m); turn {
		h.news.turn.asked = h.news.turn.asked || foreign
		return nil
	}
	tail, err := h.news.watch.Take(h.tail, m, func(e deltalog.Entry) error {
		return h.apply(e.Position, &e.Record, e.Data)
	})
	if err != nil {
		return h.readOn(ctx)
	}
	h.tail = tail
	return nil
}

// settle takes what another writer has appended, up to last, after an append has
// lost to it. The news of it has come before the refusal, as a rule.
func (h *Host) settle(ctx context.Context, last uint64) error {
	h.news.watch.AskTurn()
	lost := last > h.tail.Last
	if err := h.hearAll(ctx); err != nil {
		return err
	}
	if lost && h.tail.Last >= last {
		return nil
	}
	return h.readOn(ctx)
}

// check asks the log's leader where the document ends, when that is due: that the
// last news was lost would not show otherwise. A document that nobody has open is
// asked about when somebody asks for it.
func (h *Host) check(ctx context.Context) {
	n := &h.news
	wanted := n.touched || h.subs.len() > 0 || len(n.ahead) > 0
	n.touched = false
	if n.checking || n.armed || !wanted {
		return
	}
	now := time.Now()
	if wait := n.due.Sub(now); wait > 0 {
		n.timer.Reset(wait)
		n.armed = true
		return
	}
	n.checking = true
	go func(tail deltalog.Tail) {
		last, err := n.watch.Last(ctx, tail)
		n.checked <- checked{tail: tail, asked: now, last: last, err: err}
	}(h.tail)
}

// compare takes the leader's answer. If the log has more, or less than it had, the
// host reads on, which decides what that means.
func (h *Host) compare(ctx context.Context, c checked) error {
	h.news.checking = false
	if !h.news.due.After(c.asked) { // else there is a reason since to ask again
		h.news.checkWithin(h.cfg.CheckEvery)
	}
	switch {
	case errors.As(c.err, new(*deltalog.EpochError)), errors.As(c.err, new(*deltalog.PositionError)):
		return c.err
	case c.err != nil: // asked again when it is due
	case c.last > h.tail.Last, c.last < c.tail.Last:
		if err := h.readOn(ctx); err != nil {
			return err
		}
	}
	h.catchUpWith(c.asked)
	return nil
}

// aheadOfUs reports whether a subscriber is at a later revision than the host, which
// has heard less than the server that the subscriber comes from. An answer now would
// take back what it was told is durable; it gets one when the log was looked at.
func (h *Host) aheadOfUs(s subscribe) bool {
	if s.at.Epoch != h.tail.Head.Epoch || s.at.Revision <= h.tail.Head.Revision {
		return false
	}
	now := time.Now()
	h.news.ahead = append(h.news.ahead, ahead{s, now})
	h.news.due, h.news.armed = now, false
	return true
}

// catchUpWith answers those who were ahead before the log was asked.
func (h *Host) catchUpWith(asked time.Time) {
	waiting := h.news.ahead
	h.news.ahead = nil
	for _, s := range waiting {
		switch {
		case s.handle.gone:
		case s.since.After(asked):
			h.news.ahead = append(h.news.ahead, s)
		default:
			h.subscribe(s.handle, s.request, s.at)
		}
	}
}
