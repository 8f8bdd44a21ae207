package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/order"
)

// ErrTaken ends a subscription that another process has taken over, or removed.
var ErrTaken = errors.New("feed: the subscription was taken over")

// errUnreadable reports a message of this package that is not as it should be.
var errUnreadable = errors.New("feed: what is stored of a subscription cannot be read")

// ledger stores how far a subscription has come: one message for the subscription, and one
// for each shard, written by compare-and-set. Whoever writes with an old expectation is not
// the owner any more.
type ledger struct {
	js    jetstream.JetStream
	name  string
	owner string

	mu   sync.Mutex
	last map[string]uint64 // sequence of the last message on a subject
}

// header is the message of a subscription.
type header struct {
	Format  int       `json:"format"`
	ID      string    `json:"id,omitempty"` // of all marks that are its own
	Owner   string    `json:"owner"`        // empty: nobody
	Space   string    `json:"space,omitempty"`
	Created time.Time `json:"created"`
	// Beat counts the signs of life.
	Beat uint64 `json:"beat"`
}

// mark is the message of a shard.
type mark struct {
	Format    int               `json:"format"`
	ID        string            `json:"id,omitempty"` // of the header
	Owner     string            `json:"owner"`
	Epoch     string            `json:"epoch"`
	Position  uint64            `json:"position"`
	Suspended []order.Suspended `json:"suspended,omitempty"`
	// Trail is of what was read, which may be more than Position says.
	Trail []deltalog.Witness `json:"trail,omitempty"`
	// Judged is the sequence after which records were judged, and Voids are the documents of
	// which some were found to be void.
	Judged uint64   `json:"judged,omitempty"`
	Voids  []string `json:"voids,omitempty"`
}

// cut takes back what a mark says after a sequence, if the log has lost that.
func (m *mark) cut(kept uint64, cut bool) {
	switch {
	case !cut:
		return
	case kept == 0:
		*m = mark{}
	}
	m.Position = min(m.Position, kept)
	m.Trail = slices.DeleteFunc(m.Trail, func(w deltalog.Witness) bool { return w.Sequence > kept })
}

func (l *ledger) subject(token string) string { return root + "." + l.name + "." + token }

const headerToken = "subscription"

func shardToken(shard byte) string { return fmt.Sprintf("%02X", shard) }

// load reads a message, and remembers what the next write expects. It reports false if there
// is none.
func (l *ledger) load(ctx context.Context, stream jetstream.Stream, token string, v any) (bool, error) {
	m, err := stream.GetLastMsgForSubject(ctx, l.subject(token))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		l.expect(token, 0)
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("feed: %s: %w", l.name, err)
	}
	l.expect(token, m.Sequence)
	if err := json.Unmarshal(m.Data, v); err != nil {
		return false, fmt.Errorf("%w: %s: %w", errUnreadable, l.name, err)
	}
	return true, nil
}

func (l *ledger) expect(token string, sequence uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last[token] = sequence
}

func (l *ledger) expected(token string) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last[token]
}

// save writes a message. The error is ErrTaken if somebody else has.
func (l *ledger) save(ctx context.Context, token string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	msg := &nats.Msg{Subject: l.subject(token), Data: data, Header: nats.Header{
		jetstream.ExpectedLastSubjSeqHeader: {strconv.FormatUint(l.expected(token), 10)},
	}}
	ack, err := l.js.PublishMsg(ctx, msg)
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return l.mine(ctx, token)
	}
	if err != nil {
		return fmt.Errorf("feed: %s: %w", l.name, err)
	}
	l.expect(token, ack.Sequence)
	return nil
}

// mine is called when somebody has written a message. That may be ourselves, by an attempt of
// which the acknowledgement was lost, or the owner before us, who did not know yet; the next
// attempt writes then.
func (l *ledger) mine(ctx context.Context, token string) error {
	stream, err := l.js.Stream(ctx, Stream)
	if err != nil {
		return err
	}
	var h header
	if _, err := l.load(ctx, stream, headerToken, &h); err != nil {
		return err
	}
	if h.Owner != l.owner {
		return fmt.Errorf("%w: %s", ErrTaken, l.name)
	}
	if token != headerToken {
		if _, err := l.load(ctx, stream, token, &mark{}); err != nil {
			return err
		}
	}
	return errors.New("feed: somebody else has saved; it is tried again")
}
