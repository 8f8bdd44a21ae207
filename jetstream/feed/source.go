package feed

import (
	"context"
	"errors"
	"sync"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/order"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// source is a subscription as package order sees it: where events come from and go to.
type source struct {
	s    *Subscription
	stop context.CancelCauseFunc
	// seen are the documents of each partition that have come in this run, and ahead the
	// states of those that have come first in the last pages.
	seen  []map[record.Key]struct{}
	ahead sync.Map // of record.Key to *state
}

const (
	// maxSeen is how many documents are remembered in seen. Then all are forgotten, which
	// costs a request for each.
	maxSeen = 200_000
	// lookers ask the log about the documents of a page at once.
	lookers = 16
)

func newSource(s *Subscription, stop context.CancelCauseFunc) *source {
	st := &source{s: s, stop: stop}
	for range s.shards {
		st.seen = append(st.seen, map[record.Key]struct{}{})
	}
	return st
}

func (st *source) Read(ctx context.Context, partition int, after uint64, limit int) (order.Page[uint64, *message], error) {
	page, err := st.s.scanners[partition].Read(ctx, after, limit)
	if err == nil {
		st.lookAhead(ctx, partition, page.Messages)
	}
	return st.page(page), err
}

// lookAhead finds out what is before the documents that come in this run for the first time,
// many at once: one after the other a page of as many documents would take long.
func (st *source) lookAhead(ctx context.Context, partition int, messages []deltalog.Message) {
	seen := st.seen[partition]
	if len(seen) > maxSeen {
		clear(seen)
		st.ahead.Clear()
	}
	var all sync.WaitGroup
	free := make(chan struct{}, lookers)
	for i := range messages {
		m := &messages[i]
		if _, is := seen[m.Key]; is {
			continue
		}
		seen[m.Key] = struct{}{}
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			if s, err := st.look(ctx, partition, m); err == nil { // else State says so
				st.ahead.Store(m.Key, s)
			}
		})
	}
	all.Wait()
}

func (st *source) look(ctx context.Context, partition int, m *deltalog.Message) (*state, error) {
	return newState(ctx, st.s.feed.cfg.Log, st.s.scanners[partition].Epoch(), st.s.read[partition], m)
}

func (st *source) State(ctx context.Context, _ string, first *ordered) (order.State[uint64, *message], error) {
	m := &first.Payload.Message
	if s, is := st.ahead.LoadAndDelete(m.Key); is && s.(*state).first == m.Sequence {
		return s.(*state), nil
	}
	partition := 0
	if len(st.s.shards) > 1 {
		partition = int(deltalog.ShardOf(m.Key.Space))
	}
	s, err := st.look(ctx, partition, m)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (st *source) History(ctx context.Context, document string, after uint64, _ int) (order.Page[uint64, *message], error) {
	key, err := record.ParseKey(document)
	if err != nil {
		return order.Page[uint64, *message]{}, err
	}
	page, err := st.s.feed.cfg.Log.History(ctx, key, after)
	return st.page(page), err
}

func (st *source) page(p deltalog.Scanned) order.Page[uint64, *message] {
	page := order.Page[uint64, *message]{To: p.To, More: p.More, Events: make([]ordered, len(p.Messages))}
	messages := make([]message, len(p.Messages))
	for i := range p.Messages {
		m := &messages[i]
		m.Message = p.Messages[i]
		page.Events[i] = ordered{
			Document: m.Key.String(), Position: m.Sequence, ID: m.Sequence, Prev: uint64(m.Record.Prev),
			Payload: m, Size: len(m.Data) + messageSize,
		}
	}
	return page
}

// messageSize is what a message takes beside its bytes, roughly.
const messageSize = 400

func (st *source) Deliver(ctx context.Context, list []ordered, attempt int) error {
	if attempt > 1 {
		st.s.redelivered.Add(uint64(len(list)))
	}
	events := make([]Event, 0, len(list))
	for i := range list {
		m := list[i].Payload
		e, err := event(st.s.feed.codec, st.s.feed.cfg.Log.Epoch(m.Key), m)
		if err != nil {
			return err
		}
		events = append(events, e)
	}
	return st.s.handler(ctx, events, attempt)
}

func (st *source) Save(ctx context.Context, marks []order.Mark) error {
	for _, m := range marks {
		shard := st.s.shards[m.Partition]
		err := st.s.ledger.save(ctx, shardToken(shard), mark{
			Format: 1, Owner: st.s.ledger.owner, Epoch: epochText(st.s.scanners[m.Partition].Epoch()),
			Position: m.Position, Suspended: m.Suspended,
		})
		if errors.Is(err, ErrTaken) {
			st.stop(err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
