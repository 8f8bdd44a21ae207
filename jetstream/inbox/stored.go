package inbox

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// errOutdated says that somebody else has written a message of the ledger.
var errOutdated = errors.New("inbox: somebody else has written the ledger")

// get returns the message of a subject of the ledger, and its sequence, 0 if there is none.
func (b *Inbox) get(ctx context.Context, subject string) ([]byte, uint64, error) {
	m, err := b.ledger.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("inbox: %s: %w", subject, err)
	}
	return m.Data, m.Sequence, nil
}

// put writes a message in place of the one with a sequence, and returns its own. The error is
// errOutdated if that is not the last one.
func (b *Inbox) put(ctx context.Context, subject string, data []byte, last uint64) (uint64, error) {
	msg := &nats.Msg{Subject: subject, Data: data, Header: nats.Header{
		jetstream.ExpectedLastSubjSeqHeader: {strconv.FormatUint(last, 10)},
	}}
	ack, err := b.cfg.JetStream.PublishMsg(ctx, msg)
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return 0, errOutdated
	}
	if err != nil {
		return 0, fmt.Errorf("inbox: %s: %w", subject, err)
	}
	return ack.Sequence, nil
}
