//go:build !js

package client

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

type logAnswer struct {
	entries []wire.LogEntry
	more    bool
	err     error
}

// errRetry says that the connection was lost before the answer came, or that the
// server cannot read its log now, or not so much of it at once.
var errRetry = errors.New("no answer")

// logRetry is how long to wait before asking again.
const logRetry = 250 * time.Millisecond

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// logAnswered is called with the client locked.
func (c *Client) logAnswered(request uint32, page *wire.LogPage, fault *wire.Fault) {
	answer, ok := c.pages[request]
	if !ok {
		return
	}
	delete(c.pages, request)
	if fault != nil {
		// Too many wait: of ours, who make no more than one request each.
		if fault.Code.Retry() == wire.RetryLater || fault.Code == wire.CodeTooMany {
			answer <- logAnswer{err: errRetry}
			return
		}
		key, _ := record.ParseKey(fault.Key) // our own, as we sent it
		answer <- logAnswer{err: &DocError{Key: key, Code: fault.Code, Detail: fault.Detail}}
		return
	}
	entries := slices.Clone(page.Entries)
	for i := range entries {
		entries[i].Record = slices.Clone(entries[i].Record)
	}
	answer <- logAnswer{entries: entries, more: page.More}
}

// Log iterates over the mutations in the log of a document after a revision (0:
// from the first), oldest first, up to the head at the time of the call.
func (c *Client) Log(ctx context.Context, key record.Key, after record.Revision) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for more := true; more; {
			page, err := c.logPage(ctx, key, after)
			if err != nil {
				yield(Event{}, err)
				return
			}
			for _, entry := range page.entries {
				rec, err := record.Decode(entry.Record)
				if err != nil {
					yield(Event{}, err)
					return
				}
				after = entry.Revision
				at := record.Position{Epoch: rec.Epoch, Revision: entry.Revision, Chain: record.ChainOf(entry.Record)}
				for _, e := range eventsOf(at, &rec) {
					if !yield(e, nil) {
						return
					}
				}
			}
			more = page.more
		}
	}
}

// logPage asks for one page until there is an answer.
func (c *Client) logPage(ctx context.Context, key record.Key, after record.Revision) (logAnswer, error) {
	for {
		if err := c.awaitOnline(ctx); err != nil {
			return logAnswer{}, err
		}
		answered := make(chan logAnswer, 1)
		var request uint32
		c.do(func() {
			if request = c.link.Engine().ReadLog(key, after, 0); request != 0 {
				c.pages[request] = answered
			}
		})
		if request == 0 {
			continue // lost the connection in between
		}
		select {
		case answer := <-answered:
			if !errors.Is(answer.err, errRetry) {
				return answer, answer.err
			}
			if err := pause(ctx, logRetry); err != nil {
				return logAnswer{}, err
			}
		case <-ctx.Done():
			return logAnswer{}, ctx.Err()
		}
	}
}
