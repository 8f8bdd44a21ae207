package deltalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Bounds of one direct-get batch. While a server reads one it holds up the
// writers of the stream.
const (
	batchMessages = 256
	batchBytes    = 4 << 20
)

// Headers and statuses of direct-get replies.
const (
	headerStatus       = "Status"
	headerLastSequence = "Nats-Last-Sequence" // of the previous message in the batch
	headerNumPending   = "Nats-Num-Pending"   // what remains after this message

	statusEndOfBatch = "204"
	statusNotFound   = "404"
)

// direct reads one subject by direct-get batches, which any replica may answer:
// what it returns is committed, but not necessarily all that is.
type direct struct {
	log     *Log
	stream  *stream
	subject string

	replies chan *nats.Msg
}

func (l *Log) newDirect(s *stream, subject string) *direct {
	return &direct{
		log: l, stream: s, subject: subject,
		// A batch and its end. If it overflows nevertheless, the loss is noticed.
		replies: make(chan *nats.Msg, batchMessages+1),
	}
}

// batch passes the next messages from the sequence of a request on to fn, in order and
// without a gap, and reports whether there may be more. An error of fn ends it and is
// returned; others mean that the batch was cut short.
func (d *direct) batch(ctx context.Context, req getRequest, fn func(sequence uint64, data []byte) error) (more bool, err error) {
	err = d.log.attempt(ctx, func(ctx context.Context) error {
		more, err = d.request(ctx, req, fn)
		return err
	})
	return more, err
}

func (d *direct) request(ctx context.Context, req getRequest, fn func(sequence uint64, data []byte) error) (more bool, err error) {
	req.NextFor = d.subject
	if req.Batch == 0 {
		req.Batch = batchMessages
	}
	req.MaxBytes = pageBytes(req.MaxBytes)
	body, err := json.Marshal(req)
	if err != nil {
		return false, err
	}
	// An inbox for each batch: one with a wildcard for all of them would have the server
	// go through its whole cache of subjects, twice.
	inbox := d.log.cfg.Conn.NewInbox()
	sub, err := d.log.cfg.Conn.ChanSubscribe(inbox, d.replies)
	if err != nil {
		return false, err
	}
	defer sub.Unsubscribe() //nolint:errcheck // fails when the connection is closed, which ends it too
	if err := d.log.cfg.Conn.PublishRequest(d.log.api+"DIRECT.GET."+d.stream.name, inbox, body); err != nil {
		return false, err
	}
	var last uint64
	for {
		var msg *nats.Msg
		select {
		case msg = <-d.replies:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		if msg.Subject != inbox {
			continue // of a batch that was cut short
		}
		switch status := msg.Header.Get(headerStatus); status {
		case "":
			sequence, err := d.place(msg, req.Seq, last)
			if err != nil {
				return false, err
			}
			if err := fn(sequence, msg.Data); err != nil {
				return false, err
			}
			last = sequence
		case statusNotFound:
			return false, nil
		case statusEndOfBatch:
			if number(msg, headerLastSequence) != last {
				return false, errors.New("the end of a direct get was lost")
			}
			return number(msg, headerNumPending) > 0, nil
		default:
			return false, fmt.Errorf("direct get: %s %s", status, msg.Header.Get("Description"))
		}
	}
}

// place checks that a message is the next of the batch and returns its
// sequence. A message that got lost on its way must not go unnoticed: without
// it all that follow would look void.
func (d *direct) place(msg *nats.Msg, from, last uint64) (uint64, error) {
	sequence := number(msg, jetstream.SequenceHeader)
	switch {
	case msg.Header.Get(jetstream.SubjectHeader) != d.subject:
		return 0, errors.New("direct get: a message of another subject")
	case sequence < from || sequence <= last:
		return 0, errors.New("direct get: a message out of order")
	case number(msg, headerLastSequence) != last:
		return 0, errors.New("direct get: a message was lost")
	}
	return sequence, nil
}

// number reads a header; a malformed one is 0, which is no sequence.
func number(msg *nats.Msg, header string) uint64 {
	n, err := strconv.ParseUint(msg.Header.Get(header), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
