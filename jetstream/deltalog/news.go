package deltalog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// newsBuffer bounds the news of one document that wait to be taken. What comes
// to a full buffer is dropped, which [Watch.Take] notices.
const newsBuffer = 64

// headerTurn has the name of the watch that asks for a turn.
const headerTurn = "Rivulet-Turn"

// ErrGap reports news that does not follow the tail, or that something may be
// missing beside it: [Log.Replay] from the tail finds out.
var ErrGap = errors.New("deltalog: the news does not follow the tail")

// Watch is a subscription to the news of one document: what its stream stores,
// the stream publishes again, at once and to everybody who watches.
//
// News may be lost, come twice or late, and none of that is an error: what is
// lost before other news shows as [ErrGap]; that the last of it was lost shows
// only when [Watch.Last] is asked. Who reads a document by its news therefore
// watches it first, replays it then, takes what comes from there, and asks now
// and then, and after every reconnect ([Watch.Restored]).
//
// A Watch has no goroutine. Its methods are for one goroutine at a time, but for
// Last, which any may call.
type Watch struct {
	log      *Log
	stream   *stream
	key      record.Key
	subject  string // of the records
	sub      *nats.Subscription
	news     chan *nats.Msg
	restored chan nats.Status
	dropped  int    // news known to be dropped
	name     string // by which it asks for a turn
}

// Watch subscribes to the news of a document. Close it when done.
func (l *Log) Watch(key record.Key) (*Watch, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	w := &Watch{
		log: l, stream: l.stream(key), key: key, subject: Subject(key),
		news: make(chan *nats.Msg, newsBuffer),
		name: strconv.FormatUint(l.cfg.Rand(), 16),
	}
	var err error
	if w.sub, err = l.cfg.Conn.ChanSubscribe(newsSubject(w.subject), w.news); err != nil {
		return nil, fmt.Errorf("deltalog: watch %s: %w", key, err)
	}
	w.restored = l.cfg.Conn.StatusChanged(nats.CONNECTED)
	return w, nil
}

// News delivers what comes, to be given to [Watch.Take]. It is never closed.
func (w *Watch) News() <-chan *nats.Msg { return w.news }

// Restored delivers something each time that the connection was lost and is
// there again: what was published in between is missing. It is closed by Close.
func (w *Watch) Restored() <-chan nats.Status { return w.restored }

// AskTurn asks who else watches the document to let this one append next. Two that
// append as fast as they can expect what the other has outdated already, and the
// one whose way to the leader is longer never gets through. It is a wish: it may be
// lost, and nobody has to wait for long.
func (w *Watch) AskTurn() {
	msg := nats.NewMsg(newsSubject(w.subject))
	msg.Header.Set(headerTurn, w.name)
	_ = w.log.cfg.Conn.PublishMsg(msg) // it errs when there is no connection, nor then a turn
}

// IsTurn reports whether a message of [Watch.News] is no news, but asks for a turn,
// and whether somebody else does.
func (w *Watch) IsTurn(msg *nats.Msg) (turn, foreign bool) {
	name := msg.Header.Get(headerTurn)
	return name != "" && msg.Header.Get(jetstream.StreamHeader) == "", name != w.name
}

// Close ends the subscription.
func (w *Watch) Close() {
	// It errs when the connection is closed, which ends the subscription too.
	_ = w.sub.Unsubscribe()
	w.log.cfg.Conn.RemoveStatusListener(w.restored)
}

// Take passes the record of a message of [Watch.News] to fn, if it is the valid
// next one after tail, and returns the tail after it, as [Log.Replay] does. What
// the tail covers already is passed over.
//
// News is as good as the acknowledgement of an append: a server publishes it
// after it has stored the record (in a cluster: after a majority has), and just
// before it acknowledges it. Nobody has to ask the leader to believe it. What
// does not fit is not judged here: the error is ErrGap then, or that of fn.
func (w *Watch) Take(tail Tail, msg *nats.Msg, fn func(Entry) error) (Tail, error) {
	if w.lossy() || w.stream.reconnects.Load() != w.log.reconnects() {
		return tail, ErrGap
	}
	sequence, before, ok := w.place(msg)
	switch {
	case !ok:
		return tail, ErrGap
	case sequence <= tail.Last:
		return tail, nil
	case before != tail.Last:
		return tail, ErrGap
	}
	rec, err := record.Decode(msg.Data)
	if err != nil || rec.Epoch != w.stream.epoch {
		return tail, ErrGap // the log has the last word on what is damaged or replaced
	}
	if rec.Kind == record.KindBase && rec.Prev == 0 {
		return tail, ErrGap // there may be other parts
	}
	w.stream.raise(sequence)
	return w.log.step(w.stream, w.key, tail, message{sequence, msg.Data, rec}, fn)
}

// lossy reports whether news was dropped since the last call.
func (w *Watch) lossy() bool {
	dropped, err := w.sub.Dropped()
	lost := err != nil || dropped != w.dropped
	w.dropped = dropped
	return lost
}

// place reads where a message was stored, and where the one before it on the
// subject was; 0: there was none.
func (w *Watch) place(msg *nats.Msg) (sequence, before uint64, ok bool) {
	sequence = number(msg, jetstream.SequenceHeader)
	before, err := strconv.ParseUint(msg.Header.Get(headerLastSequence), 10, 64)
	ok = err == nil && before < sequence &&
		msg.Header.Get(jetstream.StreamHeader) == w.stream.name &&
		msg.Header.Get(jetstream.SubjectHeader) == w.subject
	return sequence, before, ok
}

// Last returns the sequence of the last message on the document's subject, 0 if
// there is none, as the stream's leader has it. It fails when JetStream is not
// available; with a [*PositionError] when that message is the head of tail by its
// sequence, but not the record that the reader has taken; with an [*EpochError]
// when the stream was found to be replaced.
func (w *Watch) Last(ctx context.Context, tail Tail) (uint64, error) {
	if err := w.log.verifyAfterReconnect(ctx, w.stream); err != nil {
		return 0, err
	}
	m, err := w.log.leaderGet(ctx, w.stream, getRequest{LastFor: w.subject})
	switch {
	case errors.Is(err, errNoMessage):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("deltalog: last of %s: %w", w.key, err)
	case m.Sequence == uint64(tail.Head.Revision) && record.ChainOf(m.Data) != tail.Head.Chain:
		// Rather another stream than another record.
		if _, err := w.log.verify(ctx, w.stream); err != nil {
			return 0, err
		}
		return 0, &PositionError{Key: w.key, Position: tail.Head, Reason: "the log has another record there"}
	}
	return m.Sequence, nil
}

// newsSubject is where what is stored on a subject is published again.
func newsSubject(subject string) string { return newsRoot + strings.TrimPrefix(subject, root) }

// republish has a shard's stream publish its news: all that it stores, whole.
func republish(shard byte) *jetstream.RePublish {
	all := string(appendHex([]byte(root+"."), shard)) + ".>"
	return &jetstream.RePublish{Source: all, Destination: newsSubject(all)}
}
