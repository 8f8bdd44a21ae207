package feed

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/order"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// source is a subscription as package order sees it: where events come from and go to.
type source struct {
	*reading
	// seen are the documents of each partition that have come in this run, with the last
	// message of each.
	seen []map[record.Key]uint64
}

const (
	// maxSeen is how many documents are remembered in seen. Then all are forgotten, which
	// costs a request for each.
	maxSeen = 200_000
	// lookers ask the log about the documents of a page at once.
	lookers = 16
)

func newSource(r *reading) *source {
	st := &source{reading: r}
	for range r.s.shards {
		st.seen = append(st.seen, map[record.Key]uint64{})
	}
	return st
}

func (st *source) Read(ctx context.Context, partition int, after uint64, limit order.Limit) (order.Page[uint64, *message], error) {
	scanned, err := st.scanners[partition].Read(ctx, after, limit.Events, limit.Bytes)
	if st.check(err) != nil {
		return order.Page[uint64, *message]{}, err
	}
	page := st.page(scanned)
	if err := st.lookAhead(ctx, partition, page.Events); err != nil {
		clear(st.seen[partition]) // the page is read again
		return order.Page[uint64, *message]{}, err
	}
	return page, nil
}

// lookAhead finds out what is before the documents that come in this run for the first time,
// many at once: one after the other a page of as many documents would take long. The same
// goes for those of which the log has forgotten what follows what was read.
func (st *source) lookAhead(ctx context.Context, partition int, events []ordered) error {
	seen := st.seen[partition]
	if len(seen) > maxSeen {
		clear(seen)
	}
	var all sync.WaitGroup
	free := make(chan struct{}, lookers)
	errs := make([]error, len(events))
	for i := range events {
		m := events[i].Payload
		last, is := seen[m.Key]
		seen[m.Key] = m.Sequence
		if is && !lacks(&m.Message, st.scanners[partition].Epoch(), last) {
			continue
		}
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			errs[i] = st.look(ctx, partition, m)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// look asks the log what is before a message. That it cannot be told because of damage, which
// another attempt would not mend, is said of the message.
func (st *source) look(ctx context.Context, partition int, m *message) (err error) {
	delivered := reach{read: st.read[partition], from: st.from[m.Key]}
	voids := &st.voids[partition]
	delivered.judged, delivered.void = voids.of(m.Key)
	m.anew, err = newState(ctx, st.log, st.scanners[partition].Epoch(), delivered, &m.Message, func() { voids.add(m.Key) })
	if damaged := new(deltalog.DamagedError); errors.As(err, &damaged) {
		m.anew, m.Err = nil, err
		return nil
	}
	return st.check(err)
}

func (st *source) State(ctx context.Context, _ string, first *ordered) (order.State[uint64, *message], error) {
	m := first.Payload
	partition := st.partition(m.Key)
	if _, void := st.voids[partition].of(m.Key); void || m.anew == nil { // it may have been found to be since
		if err := st.look(ctx, partition, m); err != nil {
			return nil, err
		}
	}
	s := m.anew
	if m.anew = nil; s == nil {
		return nil, m.Err
	}
	return s, nil
}

func (st *source) partition(key record.Key) int {
	if len(st.s.shards) == 1 {
		return 0
	}
	return int(deltalog.ShardOf(key.Space))
}

func (st *source) History(ctx context.Context, document string, after uint64, limit order.Limit) (order.Page[uint64, *message], error) {
	key, err := record.ParseKey(document)
	if err != nil {
		return order.Page[uint64, *message]{}, err
	}
	scanned, err := st.log.History(ctx, key, after, limit.Bytes)
	if st.check(err) != nil {
		return order.Page[uint64, *message]{}, err
	}
	page := st.page(scanned)
	partition, last := st.partition(key), after
	for i := range page.Events {
		m := page.Events[i].Payload
		if lacks(&m.Message, st.scanners[partition].Epoch(), last) {
			if err := st.look(ctx, partition, m); err != nil {
				return order.Page[uint64, *message]{}, err
			}
		}
		last = m.Sequence
	}
	return page, nil
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

// maxError is how much of the error of a delivery is stored, in bytes: all of a shard go into
// one message.
const maxError = 128

func (st *source) Deliver(ctx context.Context, list []ordered, attempt int) error {
	if err := st.s.sure(ctx); err != nil {
		return err
	}
	if attempt > 1 {
		st.s.redelivered.Add(uint64(len(list)))
	}
	events := make([]Event, 0, len(list))
	for i := range list {
		m := list[i].Payload
		e, err := event(st.s.feed.codec, st.log.Epoch(m.Key), m)
		if err != nil {
			return err
		}
		events = append(events, e)
	}
	return st.s.handler(ctx, events, attempt)
}

func (st *source) Save(ctx context.Context, marks []order.Mark) error {
	for _, m := range marks {
		for i := range m.Suspended { // the marks are ours
			if e := &m.Suspended[i].Err; len(*e) > maxError {
				*e = strings.ToValidUTF8((*e)[:maxError], "") + "..."
			}
		}
		shard := st.s.shards[m.Partition]
		saved := mark{
			Format: 1, ID: st.s.header.ID, Owner: st.s.ledger.owner, Epoch: epochText(st.scanners[m.Partition].Epoch()),
			Position: m.Position, Suspended: m.Suspended, Trail: st.scanners[m.Partition].Trail(),
		}
		saved.Judged, saved.Voids = st.voids[m.Partition].all()
		err := st.s.ledger.save(ctx, shardToken(shard), saved)
		if errors.Is(err, ErrTaken) {
			st.stop(err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
