package inbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/order"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// store is the inbox as package order sees it.
type store struct {
	inbox *Inbox
	owner *owner
	stop  context.CancelCauseFunc
	zip   *zstd.Encoder
	kept  [Partitions]keeping

	mu    sync.Mutex
	books map[string]*shelved
	bytes int // of the books, roughly
}

// shelved is a book that is remembered.
type shelved struct {
	*book
	bytes int
	busy  bool // somebody delivers
}

func newStore(b *Inbox, o *owner, stop context.CancelCauseFunc) (*store, error) {
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	return &store{inbox: b, owner: o, stop: stop, zip: zip, books: map[string]*shelved{}}, err
}

// begin returns from where each partition is read. A stream that was replaced is read from its
// beginning.
func (s *store) begin(ctx context.Context) ([]order.Mark, error) {
	b := s.inbox
	info, err := b.parked.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("inbox: %s: %w", ParkedStream, err)
	}
	b.mu.Lock()
	b.parks = info.State.Msgs
	b.mu.Unlock()
	marks, err := s.owner.loadMarks(ctx)
	if err != nil {
		return nil, err
	}
	kept := marks[:0]
	for p := range Partitions {
		if err := b.look(ctx, p); err != nil {
			return nil, err
		}
	}
	for _, m := range marks {
		if m.Position <= b.lastOf(m.Partition) {
			kept = append(kept, m)
		}
	}
	return kept, nil
}

// Read implements [order.Store].
func (s *store) Read(ctx context.Context, partition int, after uint64, limit order.Limit) (page, error) {
	return s.inbox.read(ctx, partition, fmt.Sprintf("%s.%02X.>", eventRoot, partition), after, limit)
}

// History implements [order.Store].
func (s *store) History(ctx context.Context, document string, after uint64, limit order.Limit) (page, error) {
	key, err := record.ParseKey(document)
	if err != nil {
		return page{}, err
	}
	return s.inbox.history(ctx, key, after, limit)
}

// State implements [order.Store].
func (s *store) State(ctx context.Context, document string, first *ordered) (order.State[string, *Event], error) {
	k, err := s.book(ctx, document, first.Payload.Key)
	if err != nil {
		return nil, err
	}
	return &state{book: k, ahead: map[hash]struct{}{}}, nil
}

// book returns the ledger of a document.
func (s *store) book(ctx context.Context, document string, key record.Key) (*book, error) {
	s.mu.Lock()
	known := s.books[document]
	s.mu.Unlock()
	if known != nil {
		return known.book, nil
	}
	k, err := s.inbox.loadBook(ctx, key)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.books[document]; known != nil {
		return known.book, nil
	}
	s.books[document] = &shelved{book: k}
	s.weigh(document)
	return k, nil
}

// weigh notes what a book takes, and forgets others if that is too much. The lock is held.
func (s *store) weigh(document string) {
	b := s.books[document]
	s.bytes -= b.bytes
	b.bytes = b.size()
	s.bytes += b.bytes
	for other, o := range s.books { // any; it is loaded again
		if s.bytes <= s.inbox.cfg.remember {
			return
		}
		if !o.busy && other != document {
			s.forget(other)
		}
	}
}

// forget forgets a book. The lock is held.
func (s *store) forget(document string) {
	b := s.books[document]
	s.bytes -= b.bytes
	b.lineages = nil // who puts in order may have the rest
	delete(s.books, document)
}

// Deliver implements [order.Store].
func (s *store) Deliver(ctx context.Context, events []ordered, _ int) error {
	document := events[0].Document
	if _, err := s.book(ctx, document, events[0].Payload.Key); err != nil {
		return err
	}
	s.mu.Lock()
	b := s.books[document]
	if b != nil {
		b.busy = true
	}
	s.mu.Unlock()
	if b == nil {
		return errCrowded
	}
	err := s.inbox.deliver(ctx, b.book, events)
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.busy = false; err != nil { // what the ledger has is not known any more
		s.forget(document)
	} else {
		s.weigh(document)
	}
	return err
}

// errCrowded says that a book was forgotten between two steps.
var errCrowded = errors.New("inbox: too much is remembered at once; it is tried again")

const (
	// dropAfter settled events are worth a request.
	dropAfter = 256
	// dropWithin is how long that may take, and moveWithin how long it may take to move what
	// waits.
	dropWithin = 5 * time.Second
	moveWithin = time.Minute
)

// keeping is what is known of the beginning of a partition.
type keeping struct {
	first uint64 // sequence of what was not dropped
	bytes uint64 // of the stream when what waits was last moved
}

// Save implements [order.Store]. What is settled leaves the stream then.
func (s *store) Save(ctx context.Context, marks []order.Mark) error {
	for _, m := range marks {
		if err := s.inbox.cfg.step("mark"); err != nil {
			return err
		}
		err := s.owner.saveMark(ctx, s.zip, m)
		if errors.Is(err, ErrTaken) {
			s.stop(err)
		}
		if err != nil {
			return err
		}
		if err := s.drop(ctx, &m); err != nil && ctx.Err() == nil {
			s.inbox.cfg.Logger.Warn("inbox: what is settled could not be dropped; it is tried again", "partition", m.Partition, "error", err)
		}
	}
	return nil
}

// drop drops what is before a mark and before what waits; if that has come to keep much more
// than itself, it is moved to the end of the stream.
func (s *store) drop(ctx context.Context, m *order.Mark) error {
	k := &s.kept[m.Partition]
	keep := m.Position + 1
	for _, e := range m.Suspended {
		keep = min(keep, e.From)
	}
	stream := s.inbox.streams[m.Partition]
	if keep+dropAfter < m.Position {
		bounded, cancel := context.WithTimeout(ctx, moveWithin)
		defer cancel()
		info, err := stream.Info(bounded)
		if err != nil {
			return err
		}
		if info.State.Bytes >= max(s.inbox.cfg.MaxBytes/4, 2*k.bytes) {
			if err := s.move(bounded, m); err != nil {
				return err
			}
			keep, k.first = m.Position+1, 0
			defer func() {
				if info, err := stream.Info(bounded); err == nil {
					k.bytes = info.State.Bytes
				}
			}()
		}
	}
	if keep < k.first+dropAfter {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, dropWithin)
	defer cancel()
	if err := stream.Purge(bounded, jetstream.WithPurgeSequence(keep)); err != nil {
		return err
	}
	k.first = keep
	return nil
}

// move stores again what waits before a mark. It is the same events, so nothing comes of it
// if some of them are there twice.
func (s *store) move(ctx context.Context, m *order.Mark) error {
	for _, e := range m.Suspended {
		key, err := record.ParseKey(e.Document)
		if err != nil {
			return err
		}
		k, err := s.book(ctx, e.Document, key)
		if err != nil {
			return err
		}
		var last *Event
		for after, more := e.From-1, true; more && after < m.Position; {
			p, err := s.inbox.history(ctx, key, after, most(movePage))
			if err != nil {
				return err
			}
			for i := range p.Events {
				moved := &p.Events[i]
				if moved.Position > m.Position {
					last = nil
					break
				}
				if last = moved.Payload; k.has(moved.Payload.id) {
					continue
				}
				if err := s.again(ctx, last); err != nil {
					return err
				}
				last = nil
			}
			after, more = p.To, p.More
		}
		// Whoever reads the history finds an end that is not before what was read already.
		if last != nil {
			if err := s.again(ctx, last); err != nil {
				return err
			}
		}
	}
	s.inbox.hint(m.Partition)
	return nil
}

const movePage = 250

// again stores an event that is stored.
func (s *store) again(ctx context.Context, e *Event) error {
	_, err := s.inbox.cfg.JetStream.PublishMsg(ctx, e.message())
	return err
}

// state is what was settled of a document, and what is about to be.
type state struct {
	book  *book
	ahead map[hash]struct{}
}

// maxAhead is how many events a state has before those are taken off that the ledger has.
const maxAhead = 4_096

func (s *state) has(id hash) bool {
	_, is := s.ahead[id]
	return is || s.book.has(id)
}

// Judge implements [order.State].
func (s *state) Judge(e *ordered) order.Verdict {
	switch {
	case s.has(e.Payload.id):
		return order.Done
	case e.Prev == "", s.has(e.Payload.prev):
		return order.Next
	}
	return order.Wait
}

// Advance implements [order.State].
func (s *state) Advance(e *ordered) {
	if len(s.ahead) >= maxAhead {
		for id := range s.ahead {
			if s.book.has(id) {
				delete(s.ahead, id)
			}
		}
	}
	s.ahead[e.Payload.id] = struct{}{}
}
