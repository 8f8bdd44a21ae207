package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/order"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// ordered is an event for package order.
type ordered = order.Event[string, *Event]

type page = order.Page[string, *Event]

const (
	// batchBytes bounds a batch, in bytes: a server that reads one holds up who writes.
	batchBytes = 4 << 20
	// readWithin is how long a server may take to begin with its answer, or to go on.
	readWithin = 5 * time.Second
	// eventSize is what an event takes beside its bytes, roughly.
	eventSize = 400
)

// most is a limit of so many events, as many bytes as a batch may have.
func most(events int) order.Limit { return order.Limit{Events: events, Bytes: batchBytes} }

// read returns events of a partition after a position, up to a limit: those on a subject, of
// the whole partition all.
func (b *Inbox) read(ctx context.Context, partition int, subject string, after uint64, limit order.Limit) (page, error) {
	p := page{To: after}
	body, err := json.Marshal(map[string]any{
		"seq": after + 1, "next_by_subj": subject, "batch": limit.Events, "max_bytes": min(limit.Bytes, batchBytes),
	})
	if err != nil {
		return p, err
	}
	conn := b.cfg.Conn
	replies, inbox := make(chan *nats.Msg, limit.Events+1), conn.NewInbox()
	sub, err := conn.ChanSubscribe(inbox, replies)
	if err != nil {
		return p, err
	}
	defer sub.Unsubscribe() //nolint:errcheck // fails when the connection is closed, which ends it too
	if err := conn.PublishRequest(b.api+"DIRECT.GET."+EventStream(partition), inbox, body); err != nil {
		return p, err
	}
	late := time.NewTimer(readWithin)
	defer late.Stop()
	var last uint64
	for {
		var m *nats.Msg
		select {
		case m = <-replies:
		case <-late.C:
			return p, fmt.Errorf("inbox: reading %s: no answer", EventStream(partition))
		case <-ctx.Done():
			return p, ctx.Err()
		}
		switch status := m.Header.Get("Status"); status {
		case "":
			sequence := number(m, jetstream.SequenceHeader)
			if sequence <= p.To || number(m, jetstream.LastSequenceHeader) != last {
				return p, errors.New("inbox: a message of a batch was lost")
			}
			p.To, last = sequence, sequence
			b.take(&p, sequence, m)
			late.Reset(readWithin)
		case "404":
			return p, nil
		case "204":
			if number(m, jetstream.LastSequenceHeader) != last {
				return p, errors.New("inbox: the end of a batch was lost")
			}
			p.More = number(m, "Nats-Num-Pending") > 0
			return p, nil
		default:
			return p, fmt.Errorf("inbox: reading %s: %s %s", EventStream(partition), status, m.Header.Get("Description"))
		}
	}
}

// take adds an event to a page. Put has looked at everything that is stored; what somebody else
// has is passed over.
func (b *Inbox) take(p *page, sequence uint64, m *nats.Msg) {
	e, err := Parse(m.Data)
	if err != nil {
		b.cfg.Logger.Error("inbox: a message that is no event is passed over", "sequence", sequence, "error", err)
		return
	}
	e.by, e.id, e.prev = m.Header.Get(importHeader), hashOf(e.ID), hashOf(e.Prev)
	p.Events = append(p.Events, ordered{
		Document: e.Key.String(), Position: sequence, ID: e.ID, Prev: e.Prev, Payload: &e, Size: len(m.Data) + eventSize,
	})
}

// history returns events of a document after a position.
func (b *Inbox) history(ctx context.Context, key record.Key, after uint64, limit order.Limit) (page, error) {
	subject := eventSubject(key)
	return b.read(ctx, partitionOf(subject), subject, after, limit)
}

func eventSubject(key record.Key) string { return eventRoot + "." + tokens(key) }

// partitionOf returns the partition of a document, which its subject begins with.
func partitionOf(subject string) int {
	n, err := strconv.ParseUint(subject[len(eventRoot)+1:][:2], 16, 8)
	if err != nil {
		panic("inbox: a subject without its partition")
	}
	return int(n)
}

// number reads a header; a malformed one is 0, which is no sequence.
func number(m *nats.Msg, header string) uint64 {
	n, err := strconv.ParseUint(m.Header.Get(header), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
