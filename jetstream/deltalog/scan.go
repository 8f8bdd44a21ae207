package deltalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Message is a message of the log in its place: a record that may be valid or void, or
// something that cannot be read.
type Message struct {
	Key      record.Key
	Sequence uint64
	Record   record.Record
	// Data is the record's bytes, which the deltas of Record are slices of.
	Data []byte
	// Err is a [*DamagedError]; Record is not set then.
	Err error
}

// Scanned is a part of a shard.
type Scanned struct {
	Messages []Message
	// To is up to where there are no other messages. It is after the last message that was
	// looked at, so of a space it may be far behind the last of Messages.
	To uint64
	// More is set unless the shard ends there.
	More bool
}

// Scanner reads a shard in the order in which it was stored, all documents of it or those
// of a space, and hears when there is more. It is for one goroutine, but for Wake.
type Scanner struct {
	log    *Log
	stream *stream
	shard  byte
	space  string

	news  *nats.Subscription
	told  atomic.Uint64 // the sequence of the last news
	heard atomic.Uint64 // the highest sequence that is known
	wake  chan struct{}

	trail trail

	// messages is where reading goes on after at, while much is left.
	messages jetstream.MessagesContext
	at       uint64
	last     []byte // of the message at the end of a page, while that is read
	// misses counts how often the leader had nothing where there was news.
	misses int
}

// Sizes of a scan.
const (
	// muchLeft messages are worth a consumer, which takes three requests and then is twice
	// as fast.
	muchLeft = 2_000
	// maxAhead messages are under way from a consumer, of about maxAheadBytes together.
	maxAhead, maxAheadBytes = 5_000, 8 << 20
	// staleRetry is how long a replica that lacks what there was news of is given.
	staleRetry = 10 * time.Millisecond
)

// Scanner returns a reader of a shard, from 0 to Shards - 1; with a space, which has to be
// of that shard, it passes over the documents of others. Close it when done.
//
// All of the stream is read in any case: to have the server select is ten times slower.
func (l *Log) Scanner(shard byte, space string) (*Scanner, error) {
	s := &Scanner{log: l, stream: &l.streams[shard], shard: shard, space: space, wake: make(chan struct{}, 1)}
	s.trail.reconnects = l.reconnects()
	filter := shardFilter(shard)
	if space != "" {
		probe := record.Key{Space: space, ID: "x"}
		if err := checkKey(probe); err != nil {
			return nil, err
		}
		filter = spaceFilter(probe)
	}
	var err error
	if s.news, err = l.cfg.Conn.Subscribe(newsSubject(filter), s.hear); err != nil {
		return nil, fmt.Errorf("deltalog: scan %s: %w", s.stream.name, err)
	}
	return s, nil
}

// ShardOf returns the shard of a space.
func ShardOf(space string) byte { return shardOf(record.Key{Space: space}) }

// Close ends the scan.
func (s *Scanner) Close() {
	_ = s.news.Unsubscribe() // errs when the connection is closed, which ends it too
	s.stop()
}

// Wake delivers something when there may be more than the last Read has returned. It is
// a hint that may be lost: ask Last now and then.
func (s *Scanner) Wake() <-chan struct{} { return s.wake }

// hear notes that something was stored.
func (s *Scanner) hear(msg *nats.Msg) {
	if msg.Header.Get(jetstream.StreamHeader) != s.stream.name {
		return
	}
	sequence := number(msg, jetstream.SequenceHeader)
	if s.told.Swap(sequence) >= sequence { // as after a loss, or late
		s.trail.doubt()
		s.nudge()
		return
	}
	s.Note(sequence)
}

// Note has Wake deliver something if the log has gone on to a sequence that is not known.
func (s *Scanner) Note(sequence uint64) {
	for {
		old := s.heard.Load()
		if sequence <= old {
			return
		}
		if s.heard.CompareAndSwap(old, sequence) {
			break
		}
	}
	s.nudge()
}

func (s *Scanner) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Epoch returns the epoch of the shard.
func (s *Scanner) Epoch() record.Epoch { return s.stream.epoch }

// Read returns what was stored after a sequence, of at most limit messages that are
// looked at, and none after those that have so many bytes together; 4 MiB are the most, and what
// 0 stands for. Where the log has forgotten messages the next ones that it has follow. The
// error is an [*EpochError] or a [*CutError] as of Ends, if there was reason to look.
func (s *Scanner) Read(ctx context.Context, after uint64, limit, bytes int) (Scanned, error) {
	if s.trail.doubted(s.log.reconnects()) {
		if _, _, err := s.Ends(ctx); err != nil {
			return Scanned{}, err
		}
	} else if err := s.log.verifyAfterReconnect(ctx, s.stream); err != nil {
		return Scanned{}, err
	}
	if s.messages != nil && s.at != after {
		s.stop()
	}
	var (
		page Scanned
		left uint64
		err  error
	)
	if s.messages != nil {
		page, left, err = s.readOn(ctx, limit, pageBytes(bytes))
	} else {
		page, left, err = s.readDirect(ctx, after, getRequest{Batch: limit, MaxBytes: pageBytes(bytes)})
	}
	if err != nil {
		s.stop()
		s.trail.doubt()
		return Scanned{}, fmt.Errorf("deltalog: scan %s: %w", s.stream.name, err)
	}
	s.trail.saw(page.To, s.last)
	s.last = nil
	s.at = page.To
	page.More = left > 0
	switch {
	case left > muchLeft && s.messages == nil:
		err = s.open(ctx)
	case left == 0:
		s.stop()
		if heard := s.heard.Load(); page.To < heard {
			page.More = true
			if page.To == after {
				page.To, err = s.askLeader(ctx, after, heard)
			}
		}
	}
	return page, err
}

// pageBytes is what a page has at most if somebody wants so much of it.
func pageBytes(wanted int) int {
	if wanted <= 0 {
		return batchBytes
	}
	return min(wanted, batchBytes)
}

// askLeader is called when a replica has nothing after a sequence although there was news. It
// returns where to go on: a replica may be behind, and messages may have been deleted.
func (s *Scanner) askLeader(ctx context.Context, after, heard uint64) (uint64, error) {
	_, err := s.log.leaderGet(ctx, s.stream, getRequest{Seq: after + 1, NextFor: shardFilter(s.shard)})
	switch {
	case err != nil && !errors.Is(err, errNoMessage):
		return after, err
	case err == nil:
		s.misses = 0
		return after, sleep(ctx, staleRetry)
	case s.misses < maxMisses: // it may have been deposed
		s.misses++
		return after, sleep(ctx, time.Duration(s.misses)*staleRetry)
	}
	s.misses = 0
	return heard, nil
}

// open begins to read by a consumer, after at.
func (s *Scanner) open(ctx context.Context) error {
	consumer, err := s.log.cfg.JetStream.OrderedConsumer(ctx, s.stream.name, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: s.at + 1,
	})
	if err == nil {
		s.messages, err = consumer.Messages(jetstream.PullMaxMessagesWithBytesLimit(maxAhead, maxAheadBytes))
	}
	if err != nil {
		return fmt.Errorf("deltalog: scan %s: %w", s.stream.name, err)
	}
	return nil
}

func (s *Scanner) stop() {
	if s.messages != nil {
		s.messages.Stop()
		s.messages = nil
	}
}

// readOn takes what the consumer has.
func (s *Scanner) readOn(ctx context.Context, limit, bytes int) (page Scanned, left uint64, err error) {
	bounded, cancel := context.WithTimeout(ctx, s.log.cfg.AttemptWithin)
	defer cancel()
	page.To = s.at
	for size := 0; limit > 0 && size < bytes; limit-- {
		m, err := s.messages.Next(jetstream.NextContext(bounded))
		if err != nil {
			return page, 0, err
		}
		meta, err := m.Metadata()
		if err != nil {
			return page, 0, err
		}
		if meta.Sequence.Stream <= page.To {
			return page, 0, errors.New("a message out of order")
		}
		if err := s.take(&page, m.Subject(), meta.Sequence.Stream, m.Data()); err != nil {
			return page, 0, err
		}
		size += len(m.Data())
		if left = meta.NumPending; left == 0 {
			break
		}
	}
	return page, left, nil
}

// readDirect asks a replica for a batch.
func (s *Scanner) readDirect(ctx context.Context, after uint64, req getRequest) (page Scanned, left uint64, err error) {
	err = s.log.attempt(ctx, func(ctx context.Context) (err error) {
		page, left, err = s.request(ctx, after, req)
		return err
	})
	return page, left, err
}

func (s *Scanner) request(ctx context.Context, after uint64, req getRequest) (page Scanned, left uint64, err error) {
	page.To = after
	req.Seq, req.NextFor = after+1, shardFilter(s.shard)
	body, err := json.Marshal(req)
	if err != nil {
		return page, 0, err
	}
	conn := s.log.cfg.Conn
	inbox, replies := conn.NewInbox(), make(chan *nats.Msg, req.Batch+1)
	sub, err := conn.ChanSubscribe(inbox, replies)
	if err != nil {
		return page, 0, err
	}
	defer sub.Unsubscribe() //nolint:errcheck // fails when the connection is closed, which ends it too
	if err := conn.PublishRequest(s.log.api+"DIRECT.GET."+s.stream.name, inbox, body); err != nil {
		return page, 0, err
	}
	var last uint64
	for {
		var msg *nats.Msg
		select {
		case msg = <-replies:
		case <-ctx.Done():
			return page, 0, ctx.Err()
		}
		switch status := msg.Header.Get(headerStatus); status {
		case "":
			sequence := number(msg, jetstream.SequenceHeader)
			if sequence <= page.To || number(msg, headerLastSequence) != last {
				return page, 0, errors.New("direct get: a message was lost")
			}
			if err := s.take(&page, msg.Header.Get(jetstream.SubjectHeader), sequence, msg.Data); err != nil {
				return page, 0, err
			}
			last = sequence
		case statusNotFound:
			return page, 0, nil
		case statusEndOfBatch:
			if number(msg, headerLastSequence) != last {
				return page, 0, errors.New("the end of a direct get was lost")
			}
			return page, number(msg, headerNumPending), nil
		default:
			return page, 0, fmt.Errorf("direct get: %s %s", status, msg.Header.Get("Description"))
		}
	}
}

// take adds a message to a page, if it is a document's of the space.
func (s *Scanner) take(page *Scanned, subject string, sequence uint64, data []byte) error {
	page.To, s.last = sequence, data
	key, err := ParseSubject(subject)
	if err != nil || s.space != "" && key.Space != s.space {
		return nil // a checkpoint, or somebody else's
	}
	page.Messages = append(page.Messages, newMessage(key, sequence, data))
	return nil
}

func newMessage(key record.Key, sequence uint64, data []byte) Message {
	m := Message{Key: key, Sequence: sequence, Data: data}
	var err error
	if m.Record, err = record.Decode(data); err != nil {
		m.Err = &DamagedError{Key: key, Sequence: sequence, Err: err}
	}
	return m
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Heard returns the highest sequence that there was news of; 0 before the first.
func (s *Scanner) Heard() uint64 { return s.heard.Load() }
