package move

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// pipe stores messages one after the other; several are on their way. Each expects the one
// before, so that nothing is left out, and nobody else writes in between.
type pipe struct {
	to      jetstream.JetStream
	stream  string
	last    uint64 // sequence of the last message that was handed over
	pending []jetstream.PubAckFuture
	begun   bool
}

// The first message may find nobody yet who takes it: a stream that was just made has its leader
// first, and is known on all servers of the cluster then.
const (
	firstAttempts = 40
	firstWait     = 250 * time.Millisecond
)

func (p *pipe) put(ctx context.Context, msg *nats.Msg) error {
	if !p.begun {
		_, err := p.to.PublishMsg(ctx, msg, jetstream.WithExpectLastSequence(p.last), jetstream.WithExpectStream(p.stream),
			jetstream.WithRetryAttempts(firstAttempts), jetstream.WithRetryWait(firstWait))
		if err != nil {
			return err
		}
		p.begun = true
		p.last++
		return nil
	}
	future, err := p.to.PublishMsgAsync(msg, jetstream.WithExpectLastSequence(p.last), jetstream.WithExpectStream(p.stream))
	if err != nil {
		return err
	}
	p.last++
	p.pending = append(p.pending, future)
	return p.settle(ctx, window)
}

// settle waits until at most so many are on their way.
func (p *pipe) settle(ctx context.Context, keep int) error {
	for len(p.pending) > keep {
		select {
		case <-p.pending[0].Ok():
		case err := <-p.pending[0].Err():
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
		p.pending = p.pending[1:]
	}
	return nil
}

// copyExactly copies what the target lacks to the same sequences.
func (c *copier) copyExactly(ctx context.Context, source jetstream.StreamState) error {
	target := c.to.CachedInfo().State
	if !c.plan.log && target.FirstSeq < source.FirstSeq { // events were settled since
		if err := c.to.Purge(ctx, jetstream.WithPurgeSequence(source.FirstSeq)); err != nil {
			return err
		}
		target.LastSeq = max(target.LastSeq, source.FirstSeq-1)
	}
	p := &pipe{to: c.cfg.To, stream: c.plan.name, last: max(target.LastSeq, source.FirstSeq-1)}
	// fill leaves a gap up to a sequence.
	fill := func(to uint64) error {
		for p.last+1 < to {
			if err := p.put(ctx, &nats.Msg{Subject: c.plan.gap}); err != nil {
				return err
			}
		}
		return nil
	}
	for m, err := range messages(ctx, c.from, p.last+1, source.LastSeq) {
		if err != nil {
			return err
		}
		if err := fill(m.at); err != nil {
			return err
		}
		if err := p.put(ctx, &nats.Msg{Subject: m.subject, Header: own(m.header), Data: m.data}); err != nil {
			return err
		}
		if p.last%sayEvery == 0 {
			c.cfg.Progress(Progress{Stream: c.plan.name, Done: p.last + 1 - source.FirstSeq, Total: source.LastSeq + 1 - source.FirstSeq})
		}
	}
	if err := fill(source.LastSeq + 1); err != nil {
		return err
	}
	if err := p.settle(ctx, 0); err != nil {
		return err
	}
	// Those of a copy that was interrupted, too.
	return c.to.Purge(ctx, jetstream.WithPurgeSubject(c.plan.gap))
}

// originHeader has the sequence that a message which is copied by value has at the source. Who
// writes at the target later does not set it.
const originHeader = "Rivulet-Sequence"

// errNoOrigin says that a message was not copied.
var errNoOrigin = errors.New("a message of it was not copied")

func origin(h nats.Header) (uint64, error) {
	at, err := strconv.ParseUint(h.Get(originHeader), 10, 64)
	if err != nil || at == 0 {
		return 0, errNoOrigin
	}
	return at, nil
}

// copyValues copies what the target lacks, in the order of the source.
func (c *copier) copyValues(ctx context.Context, source jetstream.StreamState) error {
	copied, err := c.refresh(ctx, source)
	if errors.Is(err, errNoOrigin) {
		return c.refuse("it is in use already at the target")
	}
	if err != nil {
		return err
	}
	p := &pipe{to: c.cfg.To, stream: c.plan.name, last: c.to.CachedInfo().State.LastSeq}
	n := uint64(0)
	for m, err := range messages(ctx, c.from, copied+1, source.LastSeq) {
		if err != nil {
			return err
		}
		header := own(m.header)
		header.Set(originHeader, strconv.FormatUint(m.at, 10))
		if err := p.put(ctx, &nats.Msg{Subject: m.subject, Header: header, Data: m.data}); err != nil {
			return err
		}
		if n++; n%sayEvery == 0 {
			c.cfg.Progress(Progress{Stream: c.plan.name, Done: n, Total: source.Msgs})
		}
	}
	return p.settle(ctx, 0)
}

// refresh deletes at the target what was replaced or deleted at the source since it was copied,
// and returns the sequence at the source up to which the target has everything.
func (c *copier) refresh(ctx context.Context, source jetstream.StreamState) (copied uint64, err error) {
	there, stop := iter.Pull2(messages(ctx, c.from, 1, source.LastSeq))
	defer stop()
	var stale []uint64
	left := uint64(0) // the last one of the source that was looked at
	for m, err := range messages(ctx, c.to, 1, c.to.CachedInfo().State.LastSeq) {
		if err != nil {
			return 0, err
		}
		at, err := origin(m.header)
		if err != nil {
			return 0, err
		}
		for left < at {
			next, err, more := there()
			if err != nil {
				return 0, err
			}
			if left = next.at; !more {
				left = source.LastSeq + 1
			}
		}
		if left != at {
			stale = append(stale, m.at)
		}
		copied = at
	}
	for _, at := range stale {
		if err := c.to.DeleteMsg(ctx, at); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return 0, fmt.Errorf("delete what was replaced: %w", err)
		}
	}
	return copied, nil
}

// own returns the headers of a message without those that a server acts on.
func own(h nats.Header) nats.Header {
	kept := nats.Header{}
	for name, values := range h {
		if !strings.HasPrefix(name, "Nats-") {
			kept[name] = values
		}
	}
	return kept
}
